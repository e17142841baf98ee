"""Whatever damages last night's edition, tonight never publishes other ids without a person's word.

Two nights are run once. Each case damages a copy of their store and runs the third night.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench.nights import run_night
from schemas.manifest import EditionRef
from schemas.night import Night, Published
from segmentation.errors import DamagedFile, Refused
from segmentation.store.audit import audit_store
from segmentation.store.layout import SEGMENTS, SUMS, edition_folder, published_path
from segmentation.store.ledger import read_rows
from segmentation.store.locking import LOCK
from segmentation.store.objects import AnyPath, ObjectPath
from segmentation.store.pointer import read_live
from segmentation.store.published import published_dates
from tests.nights import Town, create_town, day, draw_customers, files, ids, manifest, read

SIZES = {"a": 60, "b": 50, "c": 45, "d": 40}
FOUR_IDS = {"S01", "S02", "S03", "S04"}


class Sound(NamedTuple):
    """Two nights without damage, the second's edition, and the third night that follows from them."""

    town: Town
    second: EditionRef
    third: Published
    expected: dict[str, bytes]

    @property
    def folder(self) -> Path:
        """The second edition's folder."""
        return edition_folder(self.town.home, *self.second)

    @property
    def table(self) -> Path:
        """The second date's published table."""
        return published_path(self.town.home, self.second.as_of)

    def copy_to(self, folder: Path) -> "Sound":
        """The two nights in another folder, with tables that are two files."""
        return self._replace(town=self.town.copy_to(folder))

    def run_third(self, **changes: Any) -> Published:
        """Run the third night."""
        return self.town.run(3, self.town.folder / "night-3.csv", **changes)


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    """The nights, with the third one run in a copy."""
    town = create_town(tmp_path_factory.mktemp("nights"), k={"min": 4, "max": 4})
    town.night(1, draw_customers(SIZES))
    second = town.night(2, draw_customers({**SIZES, "a": 62}))
    draw_customers({**SIZES, "b": 52}).to_csv(town.folder / "night-3.csv", index=False)
    sound = Sound(town, EditionRef(day(2), second.edition), second, {})
    copy = sound.copy_to(tmp_path_factory.mktemp("third"))
    third = copy.run_third()
    assert (manifest(third)["how"], set(ids(third))) == ("scored", FOUR_IDS)
    return sound._replace(third=third, expected=files(third))


@pytest.fixture
def store(two_nights: Sound, tmp_path: Path) -> Sound:
    """A copy of the two nights, to be damaged."""
    return two_nights.copy_to(tmp_path / "copy")


def flip(path: Path, offset: int = 60) -> None:
    """Flip one bit of a file; a negative offset counts from its end."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def cut(path: Path, octets: int = 5) -> None:
    """Cut a file by some bytes."""
    path.write_bytes(path.read_bytes()[:-octets])


def flip_text(path: Path, text: str) -> None:
    """Flip one bit of the first character of a text in a file."""
    flip(path, path.read_bytes().index(text.encode()))


def link_tables(store: Sound) -> None:
    """Make both tables one file, as they are in the store that published them."""
    store.table.unlink()
    os.link(store.folder / SEGMENTS, store.table)


def lose(*paths: Path) -> None:
    """Remove folders."""
    for path in paths:
        shutil.rmtree(path)


Damage = Callable[[Sound], object]

IRRELEVANT: dict[str, Damage] = {
    "a stray file in the edition": lambda store: (store.folder / "notes.txt").write_text("?"),
    "a stray folder in the edition": lambda store: (store.folder / "old").mkdir(),
    "a stray file among the editions": lambda store: (store.folder.parent / "notes.txt").write_text("?"),
    "a stray published folder": lambda store: (store.table.parent.parent / "as_of=2026-01-02b").mkdir(),
    "a bit of the report": lambda store: flip(store.folder / "report.html"),
    "no quarantine": lambda store: (store.folder / "quarantine.parquet").unlink(),
    "a cut contested.parquet without combine": lambda store: cut(store.folder / "contested.parquet"),
    "the report's digest": lambda store: flip_text(store.folder / SUMS, "  report.html"),
    "no live.json": lambda store: (store.town.home / "live.json").unlink(),
}
REPAIRED: dict[str, Damage] = {
    "a published table cut by five bytes": lambda store: cut(store.table),
    "an empty published table": lambda store: store.table.write_bytes(b""),
    "a published table that is a CSV": lambda store: store.table.write_text("customer_id\n"),
    "no published table": lambda store: store.table.unlink(),
    "no published folder": lambda store: lose(store.table.parent),
    "no published folders at all": lambda store: lose(store.table.parent.parent),
    "the published table of another date": lambda store: shutil.copyfile(
        published_path(store.town.home, day(1)), store.table
    ),
    "the edition that the published table names": lambda store: flip_text(store.table, store.second.edition),
    "a page of the edition's table": lambda store: flip(store.folder / SEGMENTS),
    "a cut table of the edition": lambda store: cut(store.folder / SEGMENTS),
    "no table of the edition": lambda store: (store.folder / SEGMENTS).unlink(),
}
REFUSED: dict[str, Damage] = {
    "a bit of the model": lambda store: flip(store.folder / "model.json"),
    "no model": lambda store: (store.folder / "model.json").unlink(),
    "an empty model": lambda store: (store.folder / "model.json").write_bytes(b""),
    "a model that cannot be read": lambda store: turn_into_folder(store.folder / "model.json"),
    "a cut manifest": lambda store: cut(store.folder / "manifest.json"),
    "no manifest": lambda store: (store.folder / "manifest.json").unlink(),
    "no SHA256SUMS": lambda store: (store.folder / SUMS).unlink(),
    "the table's digest": lambda store: flip_text(store.folder / SUMS, f"  {SEGMENTS}"),
    "no edition folder": lambda store: lose(store.folder),
    "an edition that was moved": lambda store: store.folder.rename(store.folder.with_name("old")),
    "edition and published table lost": lambda store: lose(store.folder.parent, store.table.parent),
    "all editions lost": lambda store: lose(store.town.home / "editions"),
    "all but the ledger lost": lambda store: lose_all(store),
    "a page of both tables": lambda store: (link_tables(store), flip(store.table)),
    "both tables cut": lambda store: (link_tables(store), cut(store.table)),
    "both tables gone": lambda store: (store.table.unlink(), (store.folder / SEGMENTS).unlink()),
    "a page of one table, the end of the other": lambda store: (
        flip(store.folder / SEGMENTS),
        cut(store.table),
    ),
}


def turn_into_folder(path: Path) -> None:
    """A folder in a file's place: reading it is an error, and not that of a missing file."""
    path.unlink()
    path.mkdir()


def lose_all(store: Sound) -> None:
    """Only the ledger is left."""
    home = store.town.home
    for name in ("editions", "published"):
        lose(home / name)
    for name in ("live.json", "ids.json"):
        (home / name).unlink()


def test_what_identity_does_not_read_does_not_matter(store: Sound) -> None:
    """With all of this damage at once the third night has the same bytes, and no warning."""
    for damage in IRRELEVANT.values():
        damage(store)
    third = store.run_third()
    assert (third.outcome, third.warnings) == ("published", ())
    assert files(third) == store.expected


@pytest.mark.parametrize("damage", REPAIRED.values(), ids=REPAIRED)
def test_a_table_is_restored_from_its_other_copy(store: Sound, damage: Damage) -> None:
    """The third night has the same bytes; a warning and the ledger say what was restored."""
    damage(store)
    third = store.run_third()
    assert files(third) == store.expected
    assert [warning for warning in third.warnings if "restored from" in warning] == list(third.warnings)
    repairs = [row for row in read_rows(store.town.home) if row["outcome"] == "repaired"]
    assert [row["reasons"] for row in repairs] == [list(third.warnings)]
    assert repairs[0]["edition"] == store.second.edition
    assert store.table.read_bytes() == (store.folder / SEGMENTS).read_bytes()
    paths = {damage.path for damage in audit_store(store.town.home).damage}
    assert not any(str(store.second.as_of) in path for path in paths)
    assert not list((store.town.home / ".staging").iterdir())


@pytest.mark.parametrize("damage", REFUSED.values(), ids=REFUSED)
def test_without_what_identity_needs_the_night_is_refused(store: Sound, damage: Damage) -> None:
    """The message says what to do, and nothing is published."""
    damage(store)
    with pytest.raises(Refused, match="accept") as refusal:
        store.run_third()
    assert refusal.value.code in ("damaged-previous", "damaged-store")
    assert "2026-01-02" in refusal.value.message
    assert day(3) not in published_dates(store.town.home)
    assert not edition_folder(store.town.home, day(3), store.third.edition).exists()


def test_with_a_backup_put_back_the_night_has_the_same_bytes(store: Sound, tmp_path: Path) -> None:
    """After any damage the store is as it was, whatever was refused in the meantime."""
    shutil.copytree(store.town.store, tmp_path / "backup")
    lose(store.folder)
    with pytest.raises(DamagedFile, match="its folder is missing"):
        store.run_third()
    shutil.rmtree(store.town.store)
    shutil.copytree(tmp_path / "backup", store.town.store)
    assert files(store.run_third()) == store.expected


def test_making_the_damaged_date_again_repairs_it(store: Sound) -> None:
    """The date itself run with --force, then tonight: the ids are those of before."""
    link_tables(store)
    flip(store.table)
    (store.folder / "model.json").unlink()
    with pytest.raises(DamagedFile, match="--start 2026-01-02 --end 2026-01-02 --mode rebuild"):
        store.run_third()
    again = store.town.run(2, store.town.folder / "night-2.csv", force=True)
    assert again.edition == store.second.edition
    assert files(store.run_third()) == store.expected


def test_a_person_may_accept_new_ids(store: Sound) -> None:
    """It is in manifest and name. Running the date again needs no second word and gives the same bytes."""
    (store.folder / "model.json").unlink()
    third = store.run_third(accept_new_ids=True)
    assert set(ids(third)) == {"S05", "S06", "S07", "S08"}
    facts = manifest(third)
    assert (facts["accept_new_ids"], facts["previous"], facts["churn"]) == (True, None, None)
    assert any("new ids were accepted" in warning for warning in third.warnings)
    assert third.edition != store.third.edition
    expected = files(third)
    again = store.run_third()
    assert (again.outcome, again.edition) == ("already-published", third.edition)
    assert files(store.run_third(force=True)) == expected
    fourth = store.town.run(4, store.town.folder / "night-3.csv")
    assert manifest(fourth)["previous"] == third.edition
    assert set(ids(fourth)) == set(ids(third))


def test_accepted_new_ids_have_the_same_bytes_after_any_damage(two_nights: Sound, tmp_path: Path) -> None:
    """Nothing of the damaged edition is in them, so neither is the kind of damage."""
    nights = []
    for name in ("a bit of the model", "a page of both tables", "edition and published table lost"):
        store = two_nights.copy_to(tmp_path / name)
        REFUSED[name](store)
        nights.append(files(store.run_third(accept_new_ids=True)))
    assert nights[0] == nights[1] == nights[2]


def test_after_a_repair_accepted_new_ids_are_taken_back(store: Sound) -> None:
    """Tonight run again builds on the repaired edition, with its ids, and needs neither word nor force."""
    model = store.folder / "model.json"
    content = model.read_bytes()
    cut(model)
    store.run_third(accept_new_ids=True)
    model.write_bytes(content)
    third = store.run_third()
    assert third.outcome == "published"
    assert files(third) == store.expected


def test_a_word_that_is_not_needed_changes_nothing(store: Sound) -> None:
    """With a sound edition before, or with none, --accept-new-ids gives the bytes of a plain run."""
    assert files(store.run_third(accept_new_ids=True)) == store.expected
    shutil.rmtree(store.town.store)
    first = [
        store.town.run(1, store.town.folder / "night-1.csv", accept_new_ids=accepts, force=True)
        for accepts in (False, True)
    ]
    assert first[0].edition == first[1].edition
    assert "accept_new_ids" not in manifest(first[1])


def test_a_published_night_does_not_ask_for_the_one_before(store: Sound) -> None:
    """Run again, it is published already; run with --force, it needs the edition before."""
    third = store.run_third()
    lose(store.folder)
    assert store.run_third().outcome == "already-published"
    with pytest.raises(DamagedFile, match="its folder is missing"):
        store.run_third(force=True)
    assert files(third) == store.expected


def test_a_lost_history_costs_no_ids(store: Sound) -> None:
    """The night says so and begins a new history, under another name; with the file back, it is as before."""
    history = store.folder / "history.parquet"
    content = history.read_bytes()
    cut(history)
    third = store.run_third()
    assert any("lost its history" in warning for warning in third.warnings)
    assert ids(third).equals(ids(store.third))
    assert set(read(third, "history.parquet")["as_of"]) == {"2026-01-03"}
    assert store.run_third().outcome == "already-published"
    history.write_bytes(content)
    assert files(store.run_third()) == store.expected


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


BUCKET_DAMAGE: dict[str, tuple[Callable[[ObjectPath, ObjectPath], None], bool]] = {
    "a cut published table": (lambda folder, table: table.put(table.read_bytes()[:-5]), True),
    "no table of the edition": (lambda folder, table: remove(folder / SEGMENTS), True),
    "no model": (lambda folder, table: remove(folder / "model.json"), False),
    "no edition": (lambda folder, table: remove(*folder.iterdir()), False),
}


def remove(*paths: AnyPath) -> None:
    """Remove objects."""
    import obstore

    for path in paths:
        assert isinstance(path, ObjectPath)
        obstore.delete(path._bucket, path.key)


@pytest.fixture
def bucket_store(two_nights: Sound, bucket: ObjectPath) -> Iterator[ObjectPath]:
    """The segmentation's folder in a bucket, with the two nights."""
    for path in two_nights.town.store.rglob("*"):
        if path.is_file() and path.name != LOCK:
            (bucket / str(path.relative_to(two_nights.town.store))).put(path)
    yield bucket / two_nights.town.definition.name


@pytest.mark.parametrize(("damage", "continues"), BUCKET_DAMAGE.values(), ids=BUCKET_DAMAGE)
def test_damage_in_a_bucket_costs_no_ids_either(
    two_nights: Sound,
    bucket_store: ObjectPath,
    tmp_path: Path,
    damage: Callable[[ObjectPath, ObjectPath], None],
    continues: bool,
) -> None:
    """Tables are restored by conditional puts; what cannot be restored is refused."""
    folder, table = edition_folder(bucket_store, *two_nights.second), published_path(bucket_store, day(2))
    damage(folder, table)
    night = Night(
        run_id="third",
        definition=two_nights.town.definition,
        as_of=day(3),
        source=str(two_nights.town.folder / "night-3.csv"),
        store=tmp_path / "work",
        objects=str(bucket_store.parent),
        force=False,
    )
    if not continues:
        with pytest.raises(DamagedFile, match="accept_new_ids"):
            run_night(night)
        assert read_live(bucket_store) == two_nights.second
        return
    third = run_night(night)
    third_folder = edition_folder(bucket_store, day(3), third.edition)
    assert {path.name: path.read_bytes() for path in third_folder.iterdir()} == two_nights.expected
    assert table.read_bytes() == (folder / SEGMENTS).read_bytes()
