"""The flow `backfill` on a real Prefect server: what runs, in which order, what it leaves in the store."""

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
from schemas.backfills import Backfilled
from segmentation.backfilling import BackfillFailed
from segmentation.errors import StageFileGone
from segmentation.store.audit import audit_store
from segmentation.store.layout import published_dates
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import read_live
from tests.dated_days import Days, day, found_days, outcomes
from tests.test_flow import digests

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Five days of customers."""
    return found_days(tmp_path, 5, monkeypatch)


def run(days: Days, first: int, last: int, **parameters: Any) -> Backfilled:
    """Backfill these days."""
    where = {"store": str(days.folder / "store"), **parameters}
    found = backfill("demo", day(first), day(last), **where)
    assert isinstance(found, Backfilled)
    return found


def children(run_id: str) -> list[FlowRun]:
    """The runs inside a run, by their names."""
    inside = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[UUID(run_id)]))
    with get_client(sync_client=True) as client:
        found = client.read_flow_runs(flow_run_filter=inside)
    return sorted(found, key=lambda one: one.name)


def parents(days: Days) -> list[str]:
    """The ids of the backfills in the ledger."""
    return list(dict.fromkeys(row["parent_run_id"] for row in read_rows(days.home) if row["parent_run_id"]))


def page() -> str:
    """The newest version of the backfill's page."""
    return str(artifact("demo-backfill").data)


def artifact(key: str) -> Artifact:
    """The newest version of what a run shows under this key."""
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]))
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.UPDATED_DESC, limit=1)[0]


def test_a_backfill_makes_the_bytes_of_the_nights(days: Days) -> None:
    """Five nights forward, the store deleted, backfilled: every published file and edition byte-equal."""
    forward = days.forward(range(1, 6))
    live = read_live(days.home)
    shutil.rmtree(days.home)
    found = run(days, 1, 5)
    assert outcomes(found) == ["published"] * 5
    assert digests(days.home) == forward != {}
    assert read_live(days.home) == live
    assert audit_store(days.home)[1] == []
    assert list((days.home / ".staging").iterdir()) == []


def test_each_date_is_a_run_of_its_own_inside(days: Days) -> None:
    """Seen under the backfill, named after its date, with its own state and artifacts; a page tells all."""
    run(days, 1, 2)
    (parent,) = parents(days)
    inside = children(parent)
    assert [one.name for one in inside] == [f"demo {day(1)}", f"demo {day(2)}"]
    assert {one.state_name for one in inside} == {"Completed"}
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(UUID(parent)).name == f"demo {day(1)} to {day(2)} fill"
    assert f"| {day(2)} | published | 3 | 150 |" in page()
    assert "2 of 2 dates done" in page()
    assert artifact("demo-edition").flow_run_id == inside[-1].id


def test_fill_runs_the_gaps_and_rebuild_runs_all(days: Days) -> None:
    """A published date is left alone in mode fill, its file untouched; rebuild publishes every date again."""
    days.forward(range(1, 6))
    shutil.rmtree(days.home / "published" / f"as_of={day(3)}")
    tables = {path: path.stat().st_ino for path in days.home.glob("published/*/*")}
    before = digests(days.home)
    found = run(days, 1, 5)
    assert outcomes(found) == ["skipped", "skipped", "published", "skipped", "skipped"]
    assert tables == {path: path.stat().st_ino for path in tables}
    after = digests(days.home)
    assert before.items() < after.items()
    assert outcomes(run(days, 1, 5, mode="rebuild")) == ["published"] * 5
    assert digests(days.home) == after
    assert all(path.stat().st_ino != inode for path, inode in tables.items())


def test_the_live_edition_never_moves_back(days: Days) -> None:
    """A backfill of earlier dates leaves live.json as it was."""
    days.night(5)
    live = read_live(days.home)
    run(days, 1, 4)
    assert read_live(days.home) == live
    assert published_dates(days.home) == [day(number) for number in range(1, 6)]


def test_a_dry_run_tells_what_would_run_and_changes_nothing(days: Days) -> None:
    """Its result and its page have the dates, and the store is as it was."""
    days.forward([2])
    before = {path: path.stat().st_mtime_ns for path in days.home.rglob("*")}
    found = run(days, 1, 3, dry_run=True)
    assert outcomes(found) == ["to-run", "skipped", "to-run"]
    assert "2 of 3 dates would run" in page()
    assert before == {path: path.stat().st_mtime_ns for path in days.home.rglob("*")}


def test_it_stops_at_a_date_that_fails(days: Days) -> None:
    """The message names date and reason; the dates before it are published, those after it did not run."""
    days.break_file(3)
    with pytest.raises(BackfillFailed, match=f"{day(3)} failed: no-rows: .*press Retry") as failed:
        run(days, 1, 5)
    assert failed.value.exit_status == 2
    assert failed.value.found is not None
    assert outcomes(failed.value.found) == ["published", "published", "failed", "to-run", "to-run"]
    assert published_dates(days.home) == [day(1), day(2)]


def test_it_goes_on_after_a_date_that_fails_if_asked_to(days: Days) -> None:
    """The others are published, each on the newest before it, and the backfill still ends as failed."""
    days.break_file(3)
    with pytest.raises(BackfillFailed) as failed:
        run(days, 1, 5, on_error="continue")
    assert failed.value.found is not None
    assert outcomes(failed.value.found) == ["published", "published", "failed", "published", "published"]
    fourth = next((days.home / "editions" / str(day(4))).glob("*/manifest.json"))
    assert json.loads(fourth.read_bytes())["previous_as_of"] == str(day(2))


def test_started_again_it_goes_on_where_it_was(days: Days) -> None:
    """A new backfill of the same range does what is missing, and the end is the same as without a failure."""
    forward = days.forward(range(1, 6))
    shutil.rmtree(days.home)
    days.break_file(3)
    with pytest.raises(BackfillFailed):
        run(days, 1, 5)
    days.write(3)
    assert outcomes(run(days, 1, 5)) == ["skipped", "skipped", "published", "published", "published"]
    assert digests(days.home) == forward


def test_a_night_that_publishes_meanwhile_is_left_alone(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """A nightly run in the middle publishes its own date at once; the backfill then passes that date over."""
    real, nights = tasks.fit.refine, list[str]()

    def interrupt(*arguments: Any) -> Any:
        if not nights:
            nights.append("begun")
            nights.append(days.night(5).edition)
        return real(*arguments)

    monkeypatch.setattr(tasks.fit, "refine", interrupt)
    found = run(days, 1, 5)
    assert outcomes(found) == ["published"] * 4 + ["skipped"]
    assert found.dates[-1].edition == nights[1]
    assert read_live(days.home) == (day(5), nights[1])
    assert audit_store(days.home)[1] == []


def test_a_gap_filled_later_is_told(days: Days) -> None:
    """What was built without the dates that are filled now stays; the last words name the first of it."""
    days.forward([1, 3, 4])
    told = backfill("demo", day(2), day(2), return_state=True)
    assert f"The edition of {day(3)} was built without what is before it now" in str(told.message)
    told = backfill("demo", day(3), day(4), mode="rebuild", return_state=True)
    assert str(told.message) == "2 dates: 2 published"


def test_a_held_date_does_not_stop_it(days: Days) -> None:
    """A night that a check holds is told as held, and the next one builds on the newest published."""
    whole = days.file(2).read_text().splitlines()
    days.file(2).write_text("\n".join(whole[:60]) + "\n")
    found = run(days, 1, 3)
    assert outcomes(found) == ["published", "held", "published"]
    assert "row" in found.dates[1].message
    assert published_dates(days.home) == [day(1), day(3)]


def test_a_defect_is_told_by_its_kind_alone(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is not ours may quote data: only its type is shown, and the log of the run has it."""
    monkeypatch.setattr(tasks.fit, "refine", lambda *_: (_ for _ in ()).throw(StageFileGone("planted")))
    with pytest.raises(BackfillFailed, match="failed: planted"):
        run(days, 1, 1)
