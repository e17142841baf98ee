"""Erasing customers: nothing of them is left, the store stays whole, and they do not come back."""

import shutil
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from schemas.manifest import EditionRef
from segmentation.erasing.erasure import plan_erasure
from segmentation.erasing.requests import make_request
from segmentation.errors import DamagedFile, Refused
from segmentation.rebuilding import compare_rebuilt
from segmentation.store.catalogue.editions import resolve_edition
from segmentation.store.catalogue.pruned import record_pruned
from segmentation.store.catalogue.published import is_intact, published_edition
from segmentation.store.layout import SEGMENTS
from segmentation.store.ledger import read_rows
from segmentation.store.repair.audit import audit_store
from segmentation.store.tombstones import TOMBSTONES_FILE, read_tombstones
from tests.erasing import (
    VICTIM,
    draw_line,
    erase,
    five_nights,
    has_value,
    read_manifest_rows,
    search,
    without,
    write_refused,
)
from tests.nights import Town, create_town, day, draw_customers, files, manifest, read

HOLDING = {  # night by night, the files that hold the victim
    1: {"segments.parquet"},
    2: {"segments.parquet", "contested.parquet"},
    3: {"changes.parquet"},
    4: {"segments.parquet", "changes.parquet", "quarantine.parquet"},
    5: {"segments.parquet"},
}

__all__ = ["five_nights"]  # a fixture
slow = pytest.mark.slow


@pytest.fixture
def town(five_nights: Town, tmp_path: Path) -> Town:
    """A copy of the five nights."""
    return five_nights.copy_to(tmp_path)


def list_holding(home: Path) -> dict[int, set[str]]:
    """The files of each night's edition that hold the victim."""
    holding: dict[int, set[str]] = {number: set() for number in HOLDING}
    for path in search(home / "editions", VICTIM):
        night, _, name = Path(path).parts
        holding[int(night[-2:])].add(name)
    return holding


def list_files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, without locks."""
    paths = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_nothing_of_the_customer_is_left(town: Town) -> None:
    """Each file that held the customer holds the other rows in the same order; other files are the same."""
    assert list_holding(town.home) == HOLDING
    contents = list_files(town.home)
    tables = {
        name: pd.read_parquet(town.home / name) for name in contents if name.endswith("segments.parquet")
    }
    stale = town.home / ".staging" / "dead-run"
    stale.mkdir(parents=True)
    (stale / "rows.parquet").write_bytes(VICTIM.encode())
    summary = erase(town, VICTIM)
    assert search(town.home, VICTIM) == set()
    assert {entry.as_of.day: set(entry.rows) for entry in summary.editions} == HOLDING
    assert (summary.rows, summary.ids, summary.ids_found, summary.stage_folders) == (9, 1, 1, 1)
    rewritten_contents = list_files(town.home)
    rewritten = {name for night, names in HOLDING.items() for name in names}
    for name in contents.keys() - {TOMBSTONES_FILE}:
        if Path(name).name not in {*rewritten, "SHA256SUMS"}:
            assert rewritten_contents[name] == contents[name]
    for name, table in tables.items():
        expected = table[table["customer_id"] != VICTIM].reset_index(drop=True)
        pd.testing.assert_frame_equal(pd.read_parquet(town.home / name), expected)
        # The footer still leads to the manifest, and the columns are still described.
        metadata = pq.read_metadata(town.home / name).metadata
        assert metadata and b"resegment.manifest_sha256" in metadata
        assert pq.read_schema(town.home / name).field("customer_id").metadata


def test_an_erased_store_is_whole(town: Town) -> None:
    """Audit accepts the new digests and no others; editions are intact; the ledger has no id."""
    erase(town, VICTIM)
    assert audit_store(town.home).damage == []
    edition = published_edition(town.home, day(4))
    assert edition and is_intact(town.home, day(4), edition)
    rows = [row for row in read_rows(town.home) if row["outcome"] == "erased"]
    assert [row.get("edition") is not None for row in rows] == [True] * 5 + [False]
    assert all((row["who"], row["reasons"]) == ("ana", ["by ana: request 4711"]) for row in rows)
    table = town.home / "editions" / str(day(4)) / edition / SEGMENTS
    content = bytearray(table.read_bytes())
    content[len(content) // 2] ^= 1
    table.write_bytes(bytes(content))
    assert [Path(damage.path).name for damage in audit_store(town.home).damage][:1] == [SEGMENTS]


def test_the_customer_stays_away(town: Town) -> None:
    """The source still has the customer: the next night leaves every row out, and nobody left or joined."""
    erase(town, VICTIM)
    rows = read_manifest_rows(town, 4, str(published_edition(town.home, day(4))))
    write_refused(town.folder / "night-6.csv")
    published = town.run(6, town.folder / "night-6.csv")
    assert published.outcome == "published" and published.rows is not None
    assert (published.rows.erased, published.rows.quarantined) == (3, 1)
    assert published.rows.read == rows["read"] == published.rows.used + 4
    assert search(town.home, VICTIM) == set()
    content = manifest(published)
    assert (content["churn"]["joined"], content["churn"]["left"]) == (0, 0)
    assert content["rows"]["erased"] == 3 and len(content["tombstones"]) == 16
    assert "3 erased" in (Path(published.report_path)).read_text()
    assert audit_store(town.home).damage == []


@slow
def test_tombstones_that_remove_nothing_change_nothing(town: Town, five_nights: Town, tmp_path: Path) -> None:
    """A night without rows of an erased customer has the name and bytes that it has in any other store."""
    reference = five_nights.copy_to(tmp_path / "other")
    erase(town, "nobody-we-know")
    nights = [store.night(6, draw_line()) for store in (town, reference)]
    assert nights[0].edition == nights[1].edition
    assert files(nights[0]) == files(nights[1])
    assert "erased" not in manifest(nights[0])["rows"]


def test_an_old_date_leaves_the_customer_out(town: Town) -> None:
    """A date that is run again after an erasure makes another edition, without the customer."""
    erased = published_edition(town.home, day(4))
    erase(town, VICTIM)
    published = town.run(4, town.folder / "night-4.csv")
    assert published.outcome == "published" and published.edition != erased
    assert published.rows is not None and published.rows.erased == 3
    assert VICTIM not in set(read(published)["customer_id"])
    assert town.run(4, town.folder / "night-4.csv").outcome == "already-published"


def test_an_erasure_during_a_rebuild_is_no_difference(town: Town, tmp_path: Path) -> None:
    """A rebuild that ends after the erasure says why the bytes differ, instead of blaming the edition."""
    edition = resolve_edition(town.home, day(2), None)
    rebuilt = tmp_path / "rebuilt" / town.home.name
    shutil.copytree(town.home, rebuilt)
    assert compare_rebuilt(town.home, edition, rebuilt, edition.edition).differences == []
    erase(town, VICTIM)
    with pytest.raises(Refused, match="customers were erased from the edition of 2026-01-02"):
        compare_rebuilt(town.home, edition, rebuilt, edition.edition)
    record_pruned(town.home, EditionRef(day(2), edition.edition), edition.manifest, {})
    shutil.rmtree(town.home / "editions" / str(day(2)))
    with pytest.raises(Refused, match="was pruned at this moment"):
        compare_rebuilt(town.home, edition, rebuilt, edition.edition)


def test_a_dry_run_changes_nothing(town: Town) -> None:
    """It counts the same rows as the erasure, and the store keeps every byte."""
    contents = list_files(town.home)
    request = make_request(town.home, [VICTIM], "ana", "", town.home)
    plan = plan_erasure(town.home, request, lambda line: None)
    assert list_files(town.home) == contents
    summary = erase(town, VICTIM)
    assert (plan.editions, plan.tables) == (summary.editions, summary.tables)


def test_a_damaged_edition_is_not_hidden(town: Town) -> None:
    """An edition that is damaged is refused before anything changes: new digests would hide the damage."""
    edition = str(published_edition(town.home, day(2)))
    path = town.home / "editions" / str(day(2)) / edition / "contested.parquet"
    path.write_bytes(path.read_bytes()[:-5])
    contents = list_files(town.home)
    with pytest.raises(DamagedFile, match=r"contested.parquet is cut or not a Parquet file"):
        erase(town, VICTIM)
    assert list_files(town.home) == contents


def test_an_edition_from_a_backup_is_erased_again(town: Town, five_nights: Town) -> None:
    """Audit names the rows that are back, and the command without ids removes them."""
    erase(town, VICTIM)
    edition = Path("editions", str(day(2)), str(published_edition(town.home, day(2))))
    shutil.rmtree(town.home / edition)
    shutil.copytree(five_nights.home / edition, town.home / edition)
    shutil.copyfile(town.home / edition / SEGMENTS, town.home / "published" / f"as_of={day(2)}" / SEGMENTS)
    problems = {damage.problem for damage in audit_store(town.home).damage}
    assert any("holds rows that were erased, as if from a backup" in problem for problem in problems)
    assert {entry.as_of for entry in erase(town).editions} == {day(2)}
    assert search(town.home, VICTIM) == set()
    assert audit_store(town.home).damage == []


def test_several_erasures_of_one_edition(town: Town) -> None:
    """Each is a row of the ledger, and the last one says what the files must be."""
    for customer_id in (VICTIM, "p00001", "q00007"):
        erase(town, customer_id)
        assert not any(has_value(path, customer_id) for path in town.home.rglob("*.parquet"))
        assert audit_store(town.home).damage == []
    tombstones = read_tombstones(town.home)
    assert tombstones is not None and len(tombstones.tombstones) == len(tombstones.erasures) == 3


@slow
def test_rows_without_an_id_cannot_be_erased(tmp_path: Path) -> None:
    """Customers are numbered rows then, and a number means another customer in each edition."""
    rows = {"id": None, "columns": {"spend": {"type": "float"}, "visits": {"type": "float"}}}
    town = create_town(tmp_path, rows=rows)
    town.night(1, draw_customers({"a": 40, "b": 40}).drop(columns="id"))
    with pytest.raises(Refused, match=r"^no-id-column: planted has no rows.id"):
        erase(town, "000000000001")
    assert read_tombstones(town.home) is None


def test_the_reason_holds_no_id(town: Town) -> None:
    """The ledger keeps the reason, so an id in it is refused."""
    with pytest.raises(Refused, match=r"^reason: reason holds one of the ids"):
        make_request(town.home, [VICTIM], "ana", f"request of {VICTIM}", town.home)


def test_an_id_is_read_as_the_source_writes_it(tmp_path: Path) -> None:
    """A suffix that the definition removes, and a formula of a spreadsheet, lead to the same customer."""
    rows = {
        "id": "id",
        "id_suffix": ".0",
        "columns": {"spend": {"type": "float"}, "visits": {"type": "float"}},
    }
    town = create_town(tmp_path, rows=rows)
    customers = draw_customers({"a": 40, "b": 40})
    town.night(1, customers.assign(id=customers["id"] + ".0"))
    for text in ("a00003.0", '="a00004"'):
        assert erase(town, text).rows == 1
    published = town.night(2, customers)
    assert published.rows is not None and published.rows.erased == 2
    assert len(without(customers, "a00003")) - 1 == published.customers
