"""After downtime: which scheduled run runs, which is skipped, which dates are caught up."""

import asyncio
import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect import State
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterParentFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule
from prefect.flow_engine import run_flow_sync
from prefect.server.schemas.schedules import CronSchedule as ServerSchedule
from prefect.states import Scheduled

from config.settings import read_settings
from flows.catch_up import TAG, describe_delay
from flows.resegment import resegment
from segmentation.backfill_plan import MAX_DATES, list_missed_dates
from segmentation.store.dates import published_dates
from tasks.runtime.parameters import resolve_as_of
from tests.dated_days import Days, create_days, day
from tests.test_flow import digests

ZONES = ("America/New_York", "Asia/Kolkata", "Europe/London")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", ["02:30", "00:00", "23:59", "00:30", "01:30"])
def test_each_date_has_one_night(zone: str, clock: str) -> None:
    """Scheduled at this local time over a year with both clock changes, each date runs exactly once."""
    hour, minute = map(int, clock.split(":"))
    schedule = ServerSchedule(cron=f"{minute} {hour} * * *", timezone=zone)
    start = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    times = asyncio.run(schedule.get_dates(366, start=start))
    nights = [resolve_as_of(None, zone, time.astimezone(UTC), time.astimezone(UTC)) for time in times]
    assert nights == [nights[0] + timedelta(days=i) for i in range(366)]
    assert nights[0] == date(2026, 1, 1)


def test_a_late_run_keeps_its_scheduled_day() -> None:
    """Scheduled at 23:59 in Kolkata and started an hour later, it still speaks for that day."""
    scheduled = datetime(2026, 3, 1, 18, 29, tzinfo=UTC)
    late = scheduled + timedelta(hours=1)
    assert resolve_as_of(None, "Asia/Kolkata", scheduled, late) == date(2026, 3, 1)
    assert resolve_as_of(None, "UTC", scheduled, late) == date(2026, 3, 1)


def test_none_skips_missed_nights() -> None:
    """A run may be six hours late, because workers can be busy."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert describe_delay(noon - timedelta(hours=6), noon) is None
    assert "scheduled 30 hours ago" in str(describe_delay(noon - timedelta(hours=30), noon))


def test_missed_dates_follow_the_newest_published_one(tmp_path: Path) -> None:
    """An empty store has none; after downtime all days since; never more than a backfill allows."""
    assert list_missed_dates(tmp_path, day(9)) == []
    table = tmp_path / "published" / f"as_of={day(2)}" / "segments.parquet"
    table.parent.mkdir(parents=True)
    table.touch()
    assert list_missed_dates(tmp_path, day(5)) == [day(3), day(4)]
    assert list_missed_dates(tmp_path, day(3)) == []
    assert list_missed_dates(tmp_path, day(2)) == []
    ledger = tmp_path / "ledger" / "one.json"
    ledger.parent.mkdir()
    ledger.write_text(json.dumps({"run_id": "one", "as_of": str(day(3)), "outcome": "held"}))
    assert list_missed_dates(tmp_path, day(5)) == [day(4)], "a held date waits for a person"
    later = {"run_id": "two", "as_of": str(day(3)), "outcome": "compared", "began": "2199-01-01T00:00:00Z"}
    ledger.with_name("two.json").write_text(json.dumps(later))
    assert list_missed_dates(tmp_path, day(5)) == [day(4)], "a comparison is not a night"
    far = list_missed_dates(tmp_path, day(5000))
    assert (len(far), far[-1]) == (MAX_DATES, day(4999))


@pytest.mark.usefixtures("prefect_server")
class TestOnAServer:
    """Scheduled runs that a worker starts late."""

    @pytest.fixture
    def days(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
        """Five days of customers."""
        return create_days(tmp_path, 5, monkeypatch)

    @pytest.mark.slow
    def test_all_catches_up_the_missed_dates_first(self, days: Days) -> None:
        """Of four late runs the newest first runs the missed dates, each as a run inside it, then its own.

        The bytes equal those of nights without downtime; the inner runs have the automations' tag.
        """
        late = make_late_runs(days)
        due = list_due_dates(late)
        for missed in due:
            resegment("demo", as_of=missed)
        forward = digests(days.home)
        shutil.rmtree(days.home)
        resegment("demo", as_of=due[0])
        assert run_late(late[-1], catch_up="all").name == "Completed"
        assert digests(days.home) == forward
        with get_client(sync_client=True) as client:
            parent = FlowRunFilterParentFlowRunId(any_=[late[-1].id])
            inside = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=parent))
        assert sorted(run.name for run in inside) == [f"demo {missed}" for missed in due[1:-1]]
        assert {run.state_name for run in inside} == {"Completed"}
        assert {tag for run in inside for tag in run.tags} == {TAG}

    @pytest.mark.slow
    def test_a_missed_date_that_fails_does_not_stop_the_night(self, days: Days) -> None:
        """The night itself is published; the missed date's run shows why that date was not."""
        late = make_late_runs(days)
        due = list_due_dates(late)
        resegment("demo", as_of=due[0])
        days.file(1).with_name(f"{due[1]}.csv").write_text("id,spend,orders\na001,much,1\n")
        assert run_late(late[-1], catch_up="all").name == "Completed"
        assert published_dates(days.home) == [due[0], *due[2:]]

    def test_an_explicit_date_catches_up_nothing(self, days: Days) -> None:
        """Whatever catch_up says, a person who names a date gets that date only."""
        days.night(1)
        assert days.night(4, catch_up="all").outcome == "published"
        assert published_dates(days.home) == [day(1), day(4)]

    def test_of_late_runs_only_the_newest_runs(self, days: Days) -> None:
        """Four nights of downtime: three runs end as Skipped at once, the newest publishes its date."""
        late = make_late_runs(days)
        states = [run_late(run) for run in late]
        assert [state.name for state in states] == ["Skipped"] * 3 + ["Completed"]
        assert "is due too and replaces it" in str(states[0].message)
        zone_days = list_due_dates(late)
        assert published_dates(days.home) == [zone_days[-1]]
        second_try = run_late(late[0], retried=True)
        assert second_try.name == "Completed", "a run that a person retries is not skipped"
        assert published_dates(days.home) == [zone_days[0], zone_days[-1]]


def list_due_dates(late: list[FlowRun]) -> list[date]:
    """The dates of the scheduled runs, in order."""
    return [run.expected_start_time.date() for run in late if run.expected_start_time]


def make_late_runs(days: Days) -> list[FlowRun]:
    """A nightly deployment, and the runs of the last days that no worker has started."""
    noon = datetime.now(UTC)
    due = noon - timedelta(minutes=5)
    for number in range(1, 6):
        moved = days.file(number).with_name(f"{due.date() - timedelta(days=5 - number)}.csv")
        days.file(number).rename(moved)
    schedule = DeploymentScheduleCreate(schedule=CronSchedule(cron=f"{due.minute} {due.hour} * * *"))
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow(resegment), f"late-{noon:%H%M%S}", schedules=[schedule]
        )
        since = {"start_time": str(noon - timedelta(days=4)), "end_time": str(noon), "min_runs": 4}
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=since)
        of_deployment = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
        runs = client.read_flow_runs(flow_run_filter=of_deployment)
    late = [run for run in runs if run.expected_start_time and run.expected_start_time <= noon]
    assert len(late) == 4
    return sorted(late, key=lambda run: str(run.expected_start_time))


def run_late(run: FlowRun, retried: bool = False, catch_up: str = "latest") -> State[Any]:
    """Start a scheduled run, as a worker does."""
    store = str(Path(read_settings().store))
    with get_client(sync_client=True) as client:
        if retried:
            client.set_flow_run_state(run.id, Scheduled(), force=True)
        run = client.read_flow_run(run.id)
    parameters = {"definition": "demo", "store": store, "catch_up": catch_up}
    states = run_flow_sync(resegment, flow_run=run, parameters=parameters, return_type="state")
    assert isinstance(states, State)
    return states
