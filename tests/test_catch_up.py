"""After downtime: which scheduled run runs, which gives way, which dates are made up."""

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
from flows.catch_up import TAG, tell_late
from flows.resegment import resegment
from segmentation.backfilling import MOST_DATES, find_missed
from segmentation.store.layout import published_dates
from tasks.runtime.parameters import settle_as_of
from tests.dated_days import Days, day, found_days
from tests.test_flow import digests

ZONES = ("America/New_York", "Asia/Kolkata", "Europe/London")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", ["02:30", "00:00", "23:59", "00:30", "01:30"])
def test_each_date_has_one_night(zone: str, clock: str) -> None:
    """Scheduled at that local time through a year with both clock changes, each date runs exactly once."""
    hour, minute = map(int, clock.split(":"))
    schedule = ServerSchedule(cron=f"{minute} {hour} * * *", timezone=zone)
    start = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    times = asyncio.run(schedule.get_dates(366, start=start))
    nights = [settle_as_of(None, zone, time.astimezone(UTC), time.astimezone(UTC)) for time in times]
    assert nights == [nights[0] + timedelta(days=i) for i in range(366)]
    assert nights[0] == date(2026, 1, 1)


def test_a_run_that_starts_late_speaks_for_its_own_day() -> None:
    """Scheduled at 23:59 in Kolkata and started an hour later, it is still that day's."""
    scheduled = datetime(2026, 3, 1, 18, 29, tzinfo=UTC)
    late = scheduled + timedelta(hours=1)
    assert settle_as_of(None, "Asia/Kolkata", scheduled, late) == date(2026, 3, 1)
    assert settle_as_of(None, "UTC", scheduled, late) == date(2026, 3, 1)


def test_none_makes_up_no_missed_night() -> None:
    """Six hours are allowed for a busy worker."""
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert tell_late(now - timedelta(hours=6), now) is None
    assert "scheduled 30 hours ago" in str(tell_late(now - timedelta(hours=30), now))


def test_missed_dates_follow_the_newest_published_one(tmp_path: Path) -> None:
    """None in an empty store; after downtime all days since; never more than a backfill takes."""
    assert find_missed(tmp_path, day(9)) == []
    table = tmp_path / "published" / f"as_of={day(2)}" / "segments.parquet"
    table.parent.mkdir(parents=True)
    table.touch()
    assert find_missed(tmp_path, day(5)) == [day(3), day(4)]
    assert find_missed(tmp_path, day(3)) == []
    assert find_missed(tmp_path, day(2)) == []
    ledger = tmp_path / "ledger" / "one.json"
    ledger.parent.mkdir()
    ledger.write_text(json.dumps({"run_id": "one", "as_of": str(day(3)), "outcome": "held"}))
    assert find_missed(tmp_path, day(5)) == [day(4)], "a held date is a person's to promote"
    later = {"run_id": "two", "as_of": str(day(3)), "outcome": "compared", "began": "2199-01-01T00:00:00Z"}
    ledger.with_name("two.json").write_text(json.dumps(later))
    assert find_missed(tmp_path, day(5)) == [day(4)], "a comparison of the date is no night of it"
    far = find_missed(tmp_path, day(5000))
    assert (len(far), far[-1]) == (MOST_DATES, day(4999))


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
class TestOnAServer:
    """Runs that a schedule made, taken up late."""

    @pytest.fixture
    def days(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
        """Five days of customers."""
        return found_days(tmp_path, 5, monkeypatch)

    def test_all_makes_up_the_missed_dates_first(self, days: Days) -> None:
        """Of four late runs the newest runs the dates that were missed, each inside it, then its own.

        The bytes are those of nights without downtime; the runs inside have the tag of the automations.
        """
        late = make_late_runs(days)
        due = find_due(late)
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
        assert sorted(one.name for one in inside) == [f"demo {missed}" for missed in due[1:-1]]
        assert {one.state_name for one in inside} == {"Completed"}
        assert {tag for one in inside for tag in one.tags} == {TAG}

    def test_a_missed_date_that_fails_does_not_stop_the_night(self, days: Days) -> None:
        """The night itself is published; the missed date's run shows why it was not."""
        late = make_late_runs(days)
        due = find_due(late)
        resegment("demo", as_of=due[0])
        days.file(1).with_name(f"{due[1]}.csv").write_text("id,spend,orders\na001,much,1\n")
        assert run_late(late[-1], catch_up="all").name == "Completed"
        assert published_dates(days.home) == [due[0], *due[2:]]

    def test_a_date_that_was_asked_for_makes_up_nothing(self, days: Days) -> None:
        """Whatever the deployment says of late runs: a person asked for that date alone."""
        days.night(1)
        assert days.night(4, catch_up="all").outcome == "published"
        assert published_dates(days.home) == [day(1), day(4)]

    def test_of_late_runs_only_the_newest_runs(self, days: Days) -> None:
        """Four nights of downtime: three runs end as Skipped at once, the newest publishes its date."""
        late = make_late_runs(days)
        ended = [run_late(one) for one in late]
        assert [state.name for state in ended] == ["Skipped"] * 3 + ["Completed"]
        assert "is due too and takes its place" in str(ended[0].message)
        zone_days = find_due(late)
        assert published_dates(days.home) == [zone_days[-1]]
        again = run_late(late[0], retried=True)
        assert again.name == "Completed", "a run that a person retries does not give way"
        assert published_dates(days.home) == [zone_days[0], zone_days[-1]]


def find_due(late: list[FlowRun]) -> list[date]:
    """The dates for which runs were scheduled, in order."""
    return [one.expected_start_time.date() for one in late if one.expected_start_time]


def make_late_runs(days: Days) -> list[FlowRun]:
    """A nightly deployment, and the runs that its schedule made for the last days: nobody took them up."""
    now = datetime.now(UTC)
    due = now - timedelta(minutes=5)
    for number in range(1, 6):
        moved = days.file(number).with_name(f"{due.date() - timedelta(days=5 - number)}.csv")
        days.file(number).rename(moved)
    schedule = DeploymentScheduleCreate(schedule=CronSchedule(cron=f"{due.minute} {due.hour} * * *"))
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow(resegment), f"late-{now:%H%M%S}", schedules=[schedule]
        )
        since = {"start_time": str(now - timedelta(days=4)), "end_time": str(now), "min_runs": 4}
        client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment}, json=since)
        mine = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
        runs = client.read_flow_runs(flow_run_filter=mine)
    late = [one for one in runs if one.expected_start_time and one.expected_start_time <= now]
    assert len(late) == 4
    return sorted(late, key=lambda one: str(one.expected_start_time))


def run_late(run: FlowRun, retried: bool = False, catch_up: str = "latest") -> State[Any]:
    """Take a scheduled run up, as a worker does."""
    store = str(Path(read_settings().store))
    with get_client(sync_client=True) as client:
        if retried:
            client.set_flow_run_state(run.id, Scheduled(), force=True)
        run = client.read_flow_run(run.id)
    parameters = {"definition": "demo", "store": store, "catch_up": catch_up}
    ended = run_flow_sync(resegment, flow_run=run, parameters=parameters, return_type="state")
    assert isinstance(ended, State)
    return ended
