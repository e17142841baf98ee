"""Pruning: what the retention does not keep goes, what is needed stays, and a kill leaves nothing torn."""

import json
from pathlib import Path
from typing import Any

import pytest

from config.clauses import Retention
from config.definition import Definition
from schemas.backfills import BackfillRequest
from schemas.pruning import PruneSummary
from segmentation.backfill_plan import get_first_outdated, list_date_results, plan_backfill
from segmentation.errors import Refused
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.pruning.pruning import PruneRequest, plan_pruning, prune_editions, rehearse_pruning
from segmentation.rebuilding import plan_rebuild
from segmentation.report.index.index_entries import collect_editions
from segmentation.report.index.index_pages import summarise_index
from segmentation.store.catalogue.editions import list_editions, resolve_date_or_id
from segmentation.store.catalogue.preceding import previous_edition
from segmentation.store.catalogue.published import published_edition, published_editions
from segmentation.store.dates import published_dates
from segmentation.store.earlier_ids import collect_issued_ids
from segmentation.store.issued_ids import IDS_FILE, read_issued_ids
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import read_live
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.repairing import RepairRequest, repair_store
from tests.nights import PLAN, Town, create_town, day, draw_customers, files, manifest

KEEP = Retention(all_days=1)
SIZES = {"a": 60, "b": 60}
# Two dates of each month; the first of each goes. The second date of January has a replaced edition as well.
NUMBERS = (1, 2, 32, 33, 61, 62)
PRUNED_DAYS = [day(1), day(32)]


@pytest.fixture(scope="module")
def half_year(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Nights of three months."""
    town = create_town(tmp_path_factory.mktemp("town"))
    for number in NUMBERS:
        if number == 2:
            town.night(number, draw_customers({"a": 61, "b": 60}))
        assert town.night(number, draw_customers(SIZES)).outcome == "published"
    return town


@pytest.fixture
def town(half_year: Town, tmp_path: Path) -> Town:
    """A copy of the nights."""
    return half_year.copy_to(tmp_path)


def make_request(town: Town, retention: Retention = KEEP) -> PruneRequest:
    """Ana's request."""
    return PruneRequest(retention, "ana", town.home)


def prune(town: Town, retention: Retention = KEEP) -> PruneSummary:
    """Prune it."""
    return prune_editions(town.home, make_request(town, retention), lambda _: None)


def measure(town: Town) -> int:
    """The bytes of everything that pruning may remove, each file on disk once."""
    paths = [path for name in ("editions", "published", "inputs") for path in (town.home / name).rglob("*")]
    return sum({path.stat().st_ino: path.stat().st_size for path in paths if path.is_file()}.values())


def snapshot(town: Town) -> dict[str, bytes | None]:
    """Everything but the ledger and locks, byte by byte, folders included."""
    return {
        str(path.relative_to(town.home)): path.read_bytes() if path.is_file() else None
        for path in town.home.rglob("*")
        if "ledger" not in path.parts and path.suffix != ".lock"
    }


def test_what_the_retention_does_not_keep_goes(town: Town) -> None:
    """Old dates and replaced editions go, month ends stay; the store is intact and the bytes are counted."""
    size = measure(town)
    rehearsed = rehearse_pruning(town.home, make_request(town))
    assert (measure(town), rehearsed.outcome) == (size, "dry-run")
    summary = prune(town)
    assert summary.dates == rehearsed.dates
    assert [entry.as_of for entry in summary.dates if entry.whole_date] == PRUNED_DAYS
    assert [entry.as_of for entry in summary.dates if not entry.whole_date] == [day(2)]
    assert published_dates(town.home) == [day(number) for number in NUMBERS if day(number) not in PRUNED_DAYS]
    assert [entry.state for entry in list_editions(town.home)] == ["published"] * 4
    assert size - measure(town) == summary.bytes
    assert audit_store(town.home).damage == []
    assert repair_store(town.home, RepairRequest("ana")) == ([], [])
    assert not any((town.home / "editions" / str(as_of)).exists() for as_of in PRUNED_DAYS)
    assert prune(town).outcome == "nothing"


def test_ids_stay_given(town: Town) -> None:
    """ids.json can still be rebuilt, from the rows of the pruned editions too."""
    issued = read_issued_ids(town.home)
    prune(town)
    assert read_issued_ids(town.home) == issued
    (town.home / IDS_FILE).unlink()
    assert collect_issued_ids(town.home) == issued
    rows = [row for row in read_rows(town.home) if row["outcome"] == "pruned"]
    assert len(rows) == 3
    assert {row["who"] for row in rows} == {"ana"}
    assert all(row["sizes"] and row["reasons"] for row in rows)


def test_the_next_night_is_the_same(half_year: Town, town: Town, tmp_path: Path) -> None:
    """The next night has the same bytes as it would have had without pruning."""
    untouched = half_year.copy_to(tmp_path / "other")
    prune(town)
    nights = [place.night(63, draw_customers({"a": 60, "b": 62})) for place in (town, untouched)]
    assert files(nights[0]) == files(nights[1])


def test_running_a_kept_date_again_changes_nothing(town: Town) -> None:
    """A date whose previous edition was pruned is still published; forced, it builds on the one before."""
    published = dict(published_editions(town.home))
    prune(town)
    source = town.folder / "night-33.csv"
    rerun = town.run(33, source)
    assert (rerun.outcome, rerun.edition) == ("already-published", published[day(33)])
    forced = town.run(33, source, force=True)
    assert (forced.outcome, manifest(forced)["previous"]) == ("published", published[day(2)])
    assert audit_store(town.home).damage == []


def test_a_backfill_leaves_pruned_dates(town: Town) -> None:
    """Mode fill says that a date was pruned and skips it, rebuild makes it; nothing counts as outdated."""
    prune(town)
    definition = Definition.model_validate(PLAN)
    request = BackfillRequest(
        run_id="b", name=definition.name, store=str(town.store), start=day(1), end=day(3), mode="fill"
    )
    results = list_date_results(plan_backfill(request, definition))
    assert [result.outcome for result in results] == ["skipped", "skipped", "to-run"]
    assert "pruned" in results[0].message
    rebuild = plan_backfill(request.model_copy(update={"mode": "rebuild"}), definition)
    assert [result.outcome for result in list_date_results(rebuild)] == ["to-run"] * 3
    assert get_first_outdated(town.home, day(1)) is None
    assert previous_edition(town.home, day(33)) == (day(2), published_edition(town.home, day(2)))
    assert town.run(1, town.folder / "night-1.csv").outcome == "published"
    assert audit_store(town.home).damage == []
    assert [entry.as_of for entry in prune(town).dates] == [day(1)]


def test_a_pruned_edition_is_called_so(town: Town) -> None:
    """The index counts pruned editions; looking one up, and rebuilding on one, say that it was pruned."""
    published = {entry.as_of: entry for entry in list_editions(town.home) if entry.state == "published"}
    prune(town)
    assert "3 editions were pruned" in summarise_index(collect_editions(town.home))
    assert "3 editions were pruned" in (town.home / "index.html").read_text()
    for word in (str(day(1)), published[day(1)].edition):
        with pytest.raises(Refused, match="was pruned"):
            resolve_date_or_id(town.home, word)
    with pytest.raises(Refused, match=f"{day(32)} .*was pruned"):
        plan_rebuild(town.home, published[day(33)], str(town.folder / "night-33.csv"))


class _Killed(BaseException):
    pass


@pytest.mark.slow
def test_a_kill_at_any_step_leaves_nothing_torn(half_year: Town, tmp_path: Path) -> None:
    """Killed before any of its steps, the store is intact, and pruning again ends as if nothing had been."""
    golden = half_year.copy_to(tmp_path / "golden")
    prune(golden)
    kills = 0
    for step in range(1, 100):
        town = half_year.copy_to(tmp_path / str(step))
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, step)
            try:
                prune(town)
            except _Killed:
                kills += 1
            else:
                break
        assert audit_store(town.home).damage == []
        assert read_live(town.home) == read_live(golden.home)
        prune(town)
        assert snapshot(town) == snapshot(golden)
        assert audit_store(town.home).damage == []
    assert kills >= 8


def kill_at(patch: pytest.MonkeyPatch, step: int) -> None:
    """Kill the process, as it were, before the step-th row or rename."""
    calls = iter(range(1, 1000))

    def wrap(function: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            if next(calls) >= step:  # and no cleaning up takes place after it either
                raise _Killed
            return function(*arguments, **options)

        return call

    record_pruned = prune_editions.__globals__["record_pruned"]
    patch.setattr("segmentation.pruning.pruning.record_pruned", wrap(record_pruned))
    patch.setattr("segmentation.pruning.removal.sync_folder", wrap(lambda folder: None))
    patch.setattr(Path, "rename", wrap(Path.rename))


def test_dates_after_the_live_one_stay(town: Town) -> None:
    """After a person went back to an old date, later ones stay, so that this can be taken back."""
    promote_edition(town.home, PromotionRequest(day(33), None, "ana", ""))
    plan = plan_pruning(town.home, make_request(town))
    assert plan.kept[day(33)] == "live"
    assert {day(61), day(62)} <= plan.kept.keys()
    promote_edition(town.home, PromotionRequest(day(1), None, "ana", ""))
    assert [removal.as_of for removal in plan_pruning(town.home, make_request(town)).removals] == [day(2)]


def test_what_runs_and_people_wait_for_stays(town: Town) -> None:
    """A date that a run builds on stays, and so does a held edition whose date is not published."""
    held = town.night(3, draw_customers(SIZES).iloc[::4])
    assert held.outcome == "held"
    staged = town.home / ".staging" / "run-1"
    staged.mkdir(parents=True)
    run = {"as_of": str(day(32)), "published": published_edition(town.home, day(32))}
    (staged / "night.json").write_text(json.dumps(run))
    summary = prune(town)
    assert [entry.as_of for entry in summary.dates] == [day(2)]
    assert [entry.state for entry in list_editions(town.home, day(3))] == ["held"]
    assert any(str(day(3)) in note for note in summary.notes)


def test_a_promotion_in_between_wins(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A date that is promoted after the plan was made is not removed."""
    plan = plan_pruning(town.home, make_request(town))
    promote_edition(town.home, PromotionRequest(day(1), None, "ana", ""))
    monkeypatch.setattr("segmentation.pruning.pruning.plan_pruning", lambda home, request: plan)
    assert [entry.as_of for entry in prune(town).dates] == [day(2)]
    assert read_live(town.home).as_of == day(1)  # type: ignore[union-attr]
    assert audit_store(town.home).damage == []


def test_a_damaged_store_is_refused(town: Town) -> None:
    """Without live.json, or with a table that cannot be read, nothing is removed."""
    (town.home / "live.json").write_text("{")
    content = snapshot(town)
    with pytest.raises(Refused, match=r"live\.json"):
        prune(town)
    assert snapshot(town) == content
