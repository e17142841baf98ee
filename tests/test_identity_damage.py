"""Whatever damages last night's edition, tonight never publishes other ids without a person's word.

Each case damages a copy of a store of two nights and runs the third night. The word is in
test_accepted_ids.py, buckets are in test_damaged_bucket.py.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from segmentation.errors import DamagedFile, Refused
from segmentation.identity.continuing import read_continued
from segmentation.identity.join import read_published
from segmentation.store.dates import published_dates
from segmentation.store.layout import SEGMENTS, SUMS, edition_folder, published_path
from segmentation.store.ledger import read_rows
from segmentation.store.repair.audit import audit_store
from tests.damaged_nights import FOUR_IDS, SIZES, TwoNights, cut, flip, flip_text, link_tables, lose
from tests.nights import create_town, day, draw_customers, files, ids, read

Damage = Callable[[TwoNights], object]

IRRELEVANT: dict[str, Damage] = {
    "a stray file in the edition": lambda nights: (nights.folder / "notes.txt").write_text("?"),
    "a stray folder in the edition": lambda nights: (nights.folder / "old").mkdir(),
    "a stray file among the editions": lambda nights: (nights.folder.parent / "notes.txt").write_text("?"),
    "a stray published folder": lambda nights: (nights.table.parent.parent / "as_of=2026-01-02b").mkdir(),
    "a bit of the report": lambda nights: flip(nights.folder / "report.html"),
    "no quarantine": lambda nights: (nights.folder / "quarantine.parquet").unlink(),
    "a cut contested.parquet without combine": lambda nights: cut(nights.folder / "contested.parquet"),
    "the report's digest": lambda nights: flip_text(nights.folder / SUMS, "  report.html"),
    "a page of the published table": lambda nights: flip(nights.table),
    "no live.json": lambda nights: (nights.town.home / "live.json").unlink(),
}
REPAIRED: dict[str, Damage] = {
    "a published table cut by five bytes": lambda nights: cut(nights.table),
    "an empty published table": lambda nights: nights.table.write_bytes(b""),
    "a published table that is a CSV": lambda nights: nights.table.write_text("customer_id\n"),
    "no published table": lambda nights: nights.table.unlink(),
    "no published folder": lambda nights: lose(nights.table.parent),
    "no published folders at all": lambda nights: lose(nights.table.parent.parent),
    "the published table of another date": lambda nights: shutil.copyfile(
        published_path(nights.town.home, day(1)), nights.table
    ),
    "the edition that the published table names": lambda nights: flip_text(
        nights.table, nights.second.edition
    ),
    "a page of the edition's table": lambda nights: flip(nights.folder / SEGMENTS),
    "a cut table of the edition": lambda nights: cut(nights.folder / SEGMENTS),
    "no table of the edition": lambda nights: (nights.folder / SEGMENTS).unlink(),
}
REFUSED: dict[str, Damage] = {
    "a bit of the model": lambda nights: flip(nights.folder / "model.json"),
    "no model": lambda nights: (nights.folder / "model.json").unlink(),
    "an empty model": lambda nights: (nights.folder / "model.json").write_bytes(b""),
    "a model that cannot be read": lambda nights: turn_into_folder(nights.folder / "model.json"),
    "a cut manifest": lambda nights: cut(nights.folder / "manifest.json"),
    "no manifest": lambda nights: (nights.folder / "manifest.json").unlink(),
    "no SHA256SUMS": lambda nights: (nights.folder / SUMS).unlink(),
    "the table's digest": lambda nights: flip_text(nights.folder / SUMS, f"  {SEGMENTS}"),
    "no edition folder": lambda nights: lose(nights.folder),
    "an edition that was moved": lambda nights: nights.folder.rename(nights.folder.with_name("old")),
    "edition and published table lost": lambda nights: lose(nights.folder.parent, nights.table.parent),
    "all editions lost": lambda nights: lose(nights.town.home / "editions"),
    "all but the ledger lost": lambda nights: lose_all(nights),
    "a folder in the place of the published table": lambda nights: turn_into_folder(nights.table),
    "a page of both tables": lambda nights: flip(link_tables(nights)),
    "both tables cut": lambda nights: cut(link_tables(nights)),
    "both tables emptied": lambda nights: link_tables(nights).write_bytes(b""),
    "a page of one table, the end of the other": lambda nights: harm_each_table(nights),
}


def turn_into_folder(path: Path) -> None:
    """A folder in a file's place: reading it is an error, and not that of a missing file."""
    path.unlink()
    path.mkdir()


def harm_each_table(nights: TwoNights) -> None:
    """Neither copy is whole, and neither is like the other."""
    flip(nights.folder / SEGMENTS)
    cut(nights.table)


def lose_all(nights: TwoNights) -> None:
    """Only the ledger is left."""
    home = nights.town.home
    for name in ("editions", "published"):
        lose(home / name)
    for name in ("live.json", "ids.json"):
        (home / name).unlink()


def test_what_identity_does_not_read_does_not_matter(nights: TwoNights) -> None:
    """With all of this damage at once the third night has the same bytes, and no warning."""
    for damage in IRRELEVANT.values():
        damage(nights)
    third = nights.run_third()
    assert (third.outcome, third.warnings) == ("published", ())
    assert files(third) == nights.expected


@pytest.mark.parametrize("damage", REPAIRED.values(), ids=REPAIRED)
def test_a_table_is_restored_from_its_other_copy(nights: TwoNights, damage: Damage) -> None:
    """The third night has the same bytes; a warning and the ledger say what was restored."""
    damage(nights)
    third = nights.run_third()
    assert files(third) == nights.expected
    assert [warning for warning in third.warnings if "restored from" in warning] == list(third.warnings)
    repairs = [row for row in read_rows(nights.town.home) if row["outcome"] == "repaired"]
    assert [row["reasons"] for row in repairs] == [list(third.warnings)]
    assert repairs[0]["edition"] == nights.second.edition
    assert nights.table.read_bytes() == (nights.folder / SEGMENTS).read_bytes()
    paths = {damage.path for damage in audit_store(nights.town.home).damage}
    assert not any(str(nights.second.as_of) in path for path in paths)
    assert not list((nights.town.home / ".staging").iterdir())


@pytest.mark.parametrize("damage", REFUSED.values(), ids=REFUSED)
def test_without_what_identity_needs_the_night_is_refused(nights: TwoNights, damage: Damage) -> None:
    """The message says what to do, and nothing is published."""
    damage(nights)
    with pytest.raises(Refused, match="accept") as refusal:
        nights.run_third()
    assert refusal.value.code in ("damaged-previous", "damaged-store")
    assert "2026-01-02" in refusal.value.message
    assert day(3) not in published_dates(nights.town.home)
    assert not edition_folder(nights.town.home, day(3), nights.third.edition).exists()


def test_with_a_backup_put_back_the_night_has_the_same_bytes(nights: TwoNights, tmp_path: Path) -> None:
    """After any damage the store is as it was, whatever was refused in the meantime."""
    shutil.copytree(nights.town.store, tmp_path / "backup")
    lose(nights.folder)
    with pytest.raises(DamagedFile, match="its folder is missing"):
        nights.run_third()
    shutil.rmtree(nights.town.store)
    shutil.copytree(tmp_path / "backup", nights.town.store)
    assert files(nights.run_third()) == nights.expected


def test_making_the_damaged_date_again_repairs_it(nights: TwoNights) -> None:
    """The date itself run with --force, then tonight: the ids are those of before."""
    link_tables(nights)
    flip(nights.table)
    (nights.folder / "model.json").unlink()
    with pytest.raises(DamagedFile, match="--start 2026-01-02 --end 2026-01-02 --mode rebuild"):
        nights.run_third()
    again = nights.town.run(2, nights.town.folder / "night-2.csv", force=True)
    assert again.edition == nights.second.edition
    assert files(nights.run_third()) == nights.expected


def test_a_published_night_does_not_ask_for_the_one_before(nights: TwoNights) -> None:
    """Run again, it is published already; run with --force, it needs the edition before."""
    third = nights.run_third()
    lose(nights.folder)
    assert nights.run_third().outcome == "already-published"
    with pytest.raises(DamagedFile, match="its folder is missing"):
        nights.run_third(force=True)
    assert files(third) == nights.expected


def test_damage_during_the_night_is_noticed(nights: TwoNights) -> None:
    """Later stages check the pages of the table as they read them, and the model's files once more."""
    table, night = nights.folder / SEGMENTS, nights.make_third()
    assert sum(batch.num_rows for batch in read_published(table, ["segment_id"])) == 197
    column = pq.read_metadata(table).row_group(0).column(0)
    flip(table, column.data_page_offset + column.total_compressed_size // 2)
    with pytest.raises(DamagedFile, match="checked when this run began"):
        list(read_published(table, ["segment_id"]))
    assert read_continued(night, nights.second).manifest.as_of == day(2)
    cut(nights.folder / "model.json")
    with pytest.raises(DamagedFile, match="damaged-previous"):
        read_continued(night, nights.second)


def test_a_lost_history_costs_no_ids(nights: TwoNights) -> None:
    """The night says so and begins a new history, under another name; with the file back, it is as before."""
    history = nights.folder / "history.parquet"
    content = history.read_bytes()
    cut(history)
    third = nights.run_third()
    assert any("lost its history" in warning for warning in third.warnings)
    assert ids(third).equals(ids(nights.third))
    assert set(read(third, "history.parquet")["as_of"]) == {"2026-01-03"}
    assert nights.run_third().outcome == "already-published"
    history.write_bytes(content)
    assert files(nights.run_third()) == nights.expected


def test_contested_customers_are_needed_in_mode_combine(tmp_path: Path) -> None:
    """They carry the count of nights from edition to edition, so a damaged file is refused."""
    town = create_town(tmp_path, k={"min": 4, "max": 4}, refit={"mode": "combine"})
    first = town.night(1, draw_customers(SIZES))
    cut(Path(first.report_path).parent / "contested.parquet")
    with pytest.raises(DamagedFile, match=r"contested\.parquet is damaged"):
        town.night(2, draw_customers(SIZES))


def test_rows_without_an_id_need_no_table(tmp_path: Path) -> None:
    """Their segments are matched by centres: the damaged table is not read, the damaged model is missed."""
    columns = {"spend": {"type": "float"}, "visits": {"type": "float"}}
    town = create_town(tmp_path, k={"min": 4, "max": 4}, rows={"id": None, "columns": columns})
    folder = Path(town.night(1, draw_customers(SIZES)).report_path).parent
    flip(folder / SEGMENTS)  # of both tables, which are one file
    second = town.night(2, draw_customers({**SIZES, "a": 62}))
    assert set(read(second)["segment_id"]) == FOUR_IDS
    cut(Path(second.report_path).parent / "model.json")
    with pytest.raises(DamagedFile, match=r"model\.json is damaged"):
        town.night(3, draw_customers(SIZES))
