"""An unreadable file is not a missing one: nights refuse it before any work, and repair rebuilds it.

Damage of every kind, and audit's advice, are in test_damaged_stores.py.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.manifest import EditionRef
from segmentation import promoting
from segmentation.errors import DamagedFile, Refused, StoreGone
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.files.buckets import open_bucket
from segmentation.store.files.objects import ObjectPath
from segmentation.store.issued_ids import read_issued_ids, reserve_ids
from segmentation.store.ledger import add_row, read_rows
from segmentation.store.pointer import read_live, read_pointer
from segmentation.store.repair import repairing
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.repairing import RepairRequest, repair_store
from segmentation.store.typed_inputs import read_typed_inputs, typed_inputs_path
from tests.damaged_store import cut, edition, ledger_row, table, zero
from tests.nights import Town, day, draw_customers

BY_ANA = RepairRequest("ana")


@pytest.fixture
def town(pristine: Town, tmp_path: Path) -> Town:
    """A copy of it."""
    return pristine.copy_to(tmp_path)


def become_folder(path: Path) -> None:
    """Reading it fails with an error of the operating system."""
    path.unlink()
    path.mkdir()


def become_link(path: Path) -> None:
    """A link to a file on a volume that is not mounted."""
    path.unlink()
    path.symlink_to(path.parent / "volume" / path.name)


def list_files(town: Town) -> set[Path]:
    """All files but the ledger's, pages and locks."""
    paths = {path for path in town.home.rglob("*") if path.is_file() and path.name != ".lock"}
    return {path for path in paths if path.parent.name != "ledger" and path.stem != "index"}


@pytest.mark.parametrize("name", ["live.json", "ids.json"])
@pytest.mark.parametrize("harm", [cut, zero, become_folder, become_link])
def test_a_night_refuses_a_damaged_file_before_any_work(
    town: Town, name: str, harm: Callable[[Path], None]
) -> None:
    """One message says which file and what to do; the ledger has it, and nothing else is written."""
    harm(town.home / name)
    files = list_files(town)
    with pytest.raises(DamagedFile, match=rf"{name} .* run 'resegment repair planted'"):
        town.night(5, draw_customers({"a": 60, "b": 60}))
    assert list_files(town) == files
    row = read_rows(town.home)[-1]
    assert row["outcome"] == "refused" and name in row["reasons"][0]


def test_a_lost_pointer_brings_no_withdrawn_edition_back(town: Town) -> None:
    """Without live.json the ledger says what is superseded; the next night is live and builds on the last."""
    pointer = read_pointer(town.home)
    (town.home / "live.json").unlink()
    assert read_pointer(town.home) == (None, pointer.superseded)
    assert town.run(2, town.folder / "night-2.csv").outcome == "already-published"
    assert read_pointer(town.home) == pointer


def test_a_lost_pointer_with_a_damaged_promotion_is_refused(town: Town) -> None:
    """If a row of the ledger cannot be read, it may be a promotion: nobody guesses what is superseded."""
    (town.home / "live.json").unlink()
    cut(ledger_row(town, "promoted", 1))
    with pytest.raises(DamagedFile, match="rows of the ledger cannot be read"):
        read_pointer(town.home)
    left = repair_store(town.home, BY_ANA).left
    assert [entry.path.split("/")[1] for entry in left] == ["live.json", "ledger"]
    assert "--live DATE" in left[0].advice
    with pytest.raises(Refused, match="2026-01-03 is not published"):
        repair_store(town.home, RepairRequest("ana", day(3)))
    assert repair_store(town.home, RepairRequest("ana", day(4))).actions
    assert read_live(town.home) == (day(4), edition(town, 4).name)


def test_repairing_is_recorded_and_done_once(town: Town) -> None:
    """Each action has a row with who did it; a second repair finds nothing to do."""
    zero(town.home / "live.json")
    (town.home / "ids.json").unlink()
    result = repair_store(town.home, BY_ANA)
    assert [action.split(" ")[0] for action in result.actions] == ["live.json", "ids.json"]
    assert result.left == []
    rows = [row for row in read_rows(town.home) if row["outcome"] == "repaired"]
    assert [row["reasons"][0] for row in rows] == [f"by ana: {action}" for action in result.actions]
    assert repair_store(town.home, BY_ANA) == ([], [])


def test_a_killed_repair_is_completed(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repair that ends after its first file is completed by the next one."""
    pointer, ids = read_pointer(town.home), read_issued_ids(town.home)
    for name in ("live.json", "ids.json"):
        zero(town.home / name)
    with monkeypatch.context() as patch:
        patch.setattr(repairing, "_repair_ids", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            repair_store(town.home, BY_ANA)
    assert read_pointer(town.home) == pointer
    assert [action.split(" ")[0] for action in repair_store(town.home, BY_ANA).actions] == ["ids.json"]
    assert (read_issued_ids(town.home), audit_store(town.home).damage) == (ids, [])


def test_the_ids_of_a_removed_edition_stay_given(town: Town) -> None:
    """With an edition's folder and ids.json gone, the ledger still knows its ids."""
    ids = read_issued_ids(town.home)
    assert ids is not None
    (town.home / "ids.json").unlink()
    for path in edition(town, 4).iterdir():
        path.unlink()
    edition(town, 4).rmdir()
    assert reserve_ids(town.home, "f" * 16, 1) == ids.total


def test_a_list_of_input_files_is_repaired_from_the_ledger(town: Town) -> None:
    """A damaged list of Parquet files is refused, and written again as the run recorded it."""
    ref, digest = EditionRef(day(4), edition(town, 4).name), "0" * 64
    inputs = [{"name": "a.parquet", "size": 1, "sha256": digest, "numbered": True}]
    add_row(town.home, day(4), "published", {"edition": ref.edition, "inputs": inputs})
    path = typed_inputs_path(town.home, ref)
    path.parent.mkdir(parents=True)
    path.write_text('{"a.parquet": 5}')
    with pytest.raises(DamagedFile, match="holds something else"):
        read_typed_inputs(town.home, ref)
    assert len(repair_store(town.home, BY_ANA).actions) == 1
    assert read_typed_inputs(town.home, ref) == {"a.parquet": digest}


@pytest.mark.slow
def test_among_objects_damage_is_refused_and_repaired(bucket: ObjectPath, pristine: Town) -> None:
    """In a bucket the same files are refused, and repaired by conditional puts."""
    home = bucket / "planted"
    for path in pristine.home.rglob("*"):
        if path.is_file() and path.name != ".lock":
            (home / str(path.relative_to(pristine.home))).put(path.read_bytes())
    pointer, ids = read_pointer(home), read_issued_ids(home)
    assert pointer.live is not None
    (home / "live.json").put(b"{")
    (home / "ids.json").put(b"\0")
    table = home / "published" / f"as_of={day(4)}" / "segments.parquet"
    table.put(table.read_bytes()[:-5])
    with pytest.raises(DamagedFile, match=r"live\.json is not JSON"):
        read_pointer(home)
    assert len(repair_store(home, BY_ANA).actions) == 3
    assert (read_pointer(home), read_issued_ids(home), audit_store(home).damage) == (pointer, ids, [])


def test_a_bucket_that_fails_is_not_empty(bucket: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot be reached raises StoreGone, which a retry asks again."""
    (bucket / "demo" / "live.json").put(json.dumps({"as_of": "2026-01-01", "edition": "e1"}).encode())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    open_bucket.cache_clear()
    for parse in (read_pointer, read_issued_ids):
        with pytest.raises(StoreGone):
            parse(bucket / "demo")


def test_an_older_ids_file_gives_no_id_twice(town: Town) -> None:
    """With ids.json from an old backup, a new edition gets a new id, and an old one its own."""
    ids = read_issued_ids(town.home)
    assert ids is not None
    (town.home / "ids.json").write_text('{"given": 3, "editions": {}}')
    assert reserve_ids(town.home, "f" * 16, 1) == ids.total
    assert reserve_ids(town.home, edition(town, 4).name, 1) == ids.editions[edition(town, 4).name].offset


def test_publishing_over_a_damaged_table_is_possible_and_told(town: Town) -> None:
    """A run of a date whose published table is cut replaces it, and says so."""
    content = table(town, 4).read_bytes()
    cut(table(town, 4))
    published = town.run(4, town.folder / "night-4.csv")
    assert published.outcome == "published"
    assert f"the published table of {day(4)} was damaged; this run has replaced it" in published.warnings
    assert table(town, 4).read_bytes() == content


@pytest.mark.parametrize(("error", "outcome"), [(KeyboardInterrupt, "promoted"), (OSError, "failed")])
def test_a_promotion_that_stops_before_live_json_is_in_the_ledger(
    town: Town, monkeypatch: pytest.MonkeyPatch, error: type[BaseException], outcome: str
) -> None:
    """Killed, it is completed by a repair; after an error its row says that it failed."""
    pointer = read_pointer(town.home)

    def stop(path: Path, content: bytes) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(promoting, "write_durably", stop)
        with pytest.raises(error):
            promote_edition(town.home, PromotionRequest(day(1), None, "ana", "night 4 was wrong"))
    row = next(row for row in read_rows(town.home) if row["reasons"] == ["by ana: night 4 was wrong"])
    assert (row["outcome"], read_pointer(town.home)) == (outcome, pointer)
    repair_store(town.home, BY_ANA)
    live = (day(1), edition(town, 1).name) if outcome == "promoted" else pointer.live
    assert (read_live(town.home), audit_store(town.home).damage) == (live, [])
