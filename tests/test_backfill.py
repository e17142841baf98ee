"""The flow `backfill` on a real Prefect server: what runs, in which order, and what the store holds then."""

import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.client.schemas.sorting import ArtifactSort

import tasks.fit
from flows.backfill import backfill
from schemas.backfills import BackfillResult
from segmentation.backfill_plan import BackfillFailed
from segmentation.errors import StageFileGone
from segmentation.store.dates import published_dates
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import read_live
from segmentation.store.repair.audit import audit_store
from tests.dated_days import Days, create_days, day, outcomes
from tests.test_flow import digests

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Five days of customers."""
    return create_days(tmp_path, 5, monkeypatch)


def run(days: Days, first: int, last: int, **parameters: Any) -> BackfillResult:
    """Backfill these days."""
    options = {"store": str(days.folder / "store"), **parameters}
    result = backfill("demo", day(first), day(last), **options)
    assert isinstance(result, BackfillResult)
    return result


def children(run_id: str) -> list[FlowRun]:
    """The runs inside a run, by their names."""
    inside = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[UUID(run_id)]))
    with get_client(sync_client=True) as client:
        result = client.read_flow_runs(flow_run_filter=inside)
    return sorted(result, key=lambda child: child.name)


def parents(days: Days) -> list[str]:
    """The ids of the backfills in the ledger."""
    return list(dict.fromkeys(row["parent_run_id"] for row in read_rows(days.home) if row["parent_run_id"]))


def page() -> str:
    """The newest version of the backfill's page."""
    return str(artifact("demo-backfill").data)


def artifact(key: str) -> Artifact:
    """The newest version of the artifact with this key."""
    key_filter = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=key_filter, sort=ArtifactSort.UPDATED_DESC, limit=1)[0]


def test_a_backfill_gives_the_bytes_of_the_nights(days: Days) -> None:
    """Three nights forward, the store deleted, backfilled: every published file and edition byte-equal."""
    forward = days.forward(range(1, 4))
    live = read_live(days.home)
    shutil.rmtree(days.home)
    result = run(days, 1, 3)
    assert outcomes(result) == ["published"] * 3
    assert digests(days.home) == forward != {}
    assert read_live(days.home) == live
    assert audit_store(days.home).damage == []
    assert list((days.home / ".staging").iterdir()) == []


@pytest.mark.slow
def test_each_date_is_a_run_of_its_own_inside(days: Days) -> None:
    """It appears under the backfill with its date as name, its own state and artifacts, and on the page."""
    run(days, 1, 2)
    (parent,) = parents(days)
    inside = children(parent)
    assert [child.name for child in inside] == [f"demo {day(1)}", f"demo {day(2)}"]
    assert {child.state_name for child in inside} == {"Completed"}
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(UUID(parent)).name == f"demo {day(1)} to {day(2)} fill"
    assert f"| {day(2)} | published | 3 | 150 |" in page()
    assert "2 of 2 dates done" in page()
    assert artifact("demo-edition").flow_run_id == inside[-1].id


@pytest.mark.slow
def test_fill_runs_the_gaps_and_rebuild_runs_all(days: Days) -> None:
    """Fill leaves a published date alone; rebuild runs every date, but leaves the same bytes alone."""
    days.forward(range(1, 6))
    shutil.rmtree(days.home / "published" / f"as_of={day(3)}")
    tables = {path: path.stat().st_ino for path in days.home.glob("published/*/*")}
    digests_before = digests(days.home)
    result = run(days, 1, 5)
    assert outcomes(result) == ["skipped", "skipped", "published", "skipped", "skipped"]
    assert tables == {path: path.stat().st_ino for path in tables}
    digests_after = digests(days.home)
    assert digests_before.items() < digests_after.items()
    assert outcomes(run(days, 1, 5, mode="rebuild")) == ["published"] * 5
    assert digests(days.home) == digests_after
    assert tables == {path: path.stat().st_ino for path in tables}


@pytest.mark.slow
def test_the_live_edition_never_moves_back(days: Days) -> None:
    """A backfill of earlier dates leaves live.json as it was."""
    days.night(5)
    live = read_live(days.home)
    run(days, 1, 4)
    assert read_live(days.home) == live
    assert published_dates(days.home) == [day(number) for number in range(1, 6)]


def test_a_dry_run_lists_what_would_run_and_changes_nothing(days: Days) -> None:
    """Its result and its page list the dates, and the store does not change."""
    days.forward([2])
    digests_before = {path: path.stat().st_mtime_ns for path in days.home.rglob("*")}
    result = run(days, 1, 3, dry_run=True)
    assert outcomes(result) == ["to-run", "skipped", "to-run"]
    assert "2 of 3 dates would run" in page()
    assert digests_before == {path: path.stat().st_mtime_ns for path in days.home.rglob("*")}


def test_it_stops_at_a_date_that_fails(days: Days) -> None:
    """The message names date and reason; earlier dates are published, later ones did not run."""
    days.break_file(2)
    with pytest.raises(BackfillFailed, match=f"{day(2)} failed: no-rows: .*press Retry") as failed:
        run(days, 1, 3)
    assert failed.value.exit_status == 2
    assert failed.value.result is not None
    assert outcomes(failed.value.result) == ["published", "failed", "to-run"]
    assert published_dates(days.home) == [day(1)]


@pytest.mark.slow
def test_it_continues_after_a_date_that_fails_with_on_error_continue(days: Days) -> None:
    """The other dates are published, each on the newest earlier one, and the backfill ends as failed."""
    days.break_file(3)
    with pytest.raises(BackfillFailed) as failed:
        run(days, 1, 5, on_error="continue")
    assert failed.value.result is not None
    assert outcomes(failed.value.result) == ["published", "published", "failed", "published", "published"]
    fourth = next((days.home / "editions" / str(day(4))).glob("*/manifest.json"))
    assert json.loads(fourth.read_bytes())["previous_as_of"] == str(day(2))


@pytest.mark.slow
def test_a_second_backfill_resumes(days: Days) -> None:
    """A new backfill of the same range runs what is missing, with the same result as without a failure."""
    forward = days.forward(range(1, 6))
    shutil.rmtree(days.home)
    days.break_file(3)
    with pytest.raises(BackfillFailed):
        run(days, 1, 5)
    days.write(3)
    assert outcomes(run(days, 1, 5)) == ["skipped", "skipped", "published", "published", "published"]
    assert digests(days.home) == forward


@pytest.mark.slow
def test_a_date_published_in_the_meantime_is_skipped(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nightly run in the middle publishes its own date; the backfill then skips that date."""
    real, nights = tasks.fit.refine, list[str]()

    def interrupt(*arguments: Any, **options: Any) -> Any:
        if not nights:
            nights.append("started")
            nights.append(days.night(5).edition)
        return real(*arguments, **options)

    monkeypatch.setattr(tasks.fit, "refine", interrupt)
    result = run(days, 1, 5)
    assert outcomes(result) == ["published"] * 4 + ["skipped"]
    assert result.dates[-1].edition == nights[1]
    assert read_live(days.home) == (day(5), nights[1])
    assert audit_store(days.home).damage == []


@pytest.mark.slow
def test_an_outdated_edition_after_a_filled_gap_is_named(days: Days) -> None:
    """Editions built before the gap was filled stay, and the final message names the first of them."""
    days.forward([1, 3, 4])
    state = backfill("demo", day(2), day(2), return_state=True)
    assert f"The edition of {day(3)} was built before these dates were filled" in str(state.message)
    state = backfill("demo", day(3), day(4), mode="rebuild", return_state=True)
    assert str(state.message) == "2 dates: 2 published"


@pytest.mark.slow
def test_a_held_date_does_not_stop_it(days: Days) -> None:
    """A held night is reported as held, and the next one builds on the newest published edition."""
    whole = days.file(2).read_text().splitlines()
    days.file(2).write_text("\n".join(whole[:60]) + "\n")
    result = run(days, 1, 3)
    assert outcomes(result) == ["published", "held", "published"]
    assert "row" in result.dates[1].message
    assert published_dates(days.home) == [day(1), day(3)]


def test_a_defect_is_reported_by_its_type_only(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages of other libraries may quote data, so only the type is shown; the run's log has the rest."""
    monkeypatch.setattr(tasks.fit, "refine", lambda *_, **__: (_ for _ in ()).throw(StageFileGone("planted")))
    with pytest.raises(BackfillFailed, match="failed: planted"):
        run(days, 1, 1)


@pytest.mark.slow
def test_changed_redoes_what_a_late_file_belongs_to(days: Days) -> None:
    """Mode changed needs no dates: it redoes a date and those that build on it, once."""
    days.forward(range(1, 5))
    shutil.copyfile(days.file(5), days.file(2))
    days.file(5).unlink()
    options: dict[str, Any] = {"mode": "changed", "store": str(days.folder / "store")}
    planned = backfill("demo", dry_run=True, **options)
    assert [(result.as_of, result.message) for result in planned.dates] == [
        (day(2), "1 file has changed (2026-01-02.csv)"),
        (day(3), "builds on the edition of 2026-01-02"),
        (day(4), "builds on the edition of 2026-01-03"),
    ]
    assert outcomes(backfill("demo", **options)) == ["published"] * 3
    second = backfill("demo", **options)
    assert (second.dates, second.describe()) == ((), "0 dates: nothing to do")
    assert (second.start, second.end) == (day(1), day(4))
    redone = digests(days.home)
    shutil.rmtree(days.home)
    assert days.forward(range(1, 5)).items() <= redone.items()
