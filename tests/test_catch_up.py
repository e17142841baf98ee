"""After downtime: which scheduled run runs, which gives way, which dates are made up."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schemas.records import Published, Unpublished
from segmentation.backfilling import MOST_DATES, find_missed
from segmentation.store import published_dates
from tasks.catch_up import tell_late
from tasks.night import settle_as_of
from tests.dated_days import Days, day, found_days

ZONES = ("America/New_York", "Asia/Kolkata", "Europe/London")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("clock", ["02:30", "00:00", "23:59", "00:30", "01:30"])
def test_each_date_has_one_night(zone: str, clock: str) -> None:
    """Scheduled at that local time through a year with both clock changes, each date runs exactly once."""
    from prefect._internal.schemas.validators import is_valid_timezone
    from prefect.server.schemas.schedules import CronSchedule

    assert is_valid_timezone(zone)
    hour, minute = map(int, clock.split(":"))
    schedule = CronSchedule(cron=f"{minute} {hour} * * *", timezone=zone)
    times = list_times(schedule, datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)), 366)
    nights = [settle_as_of(None, zone, time.astimezone(UTC), time.astimezone(UTC)) for time in times]
    assert nights == [nights[0] + timedelta(days=i) for i in range(366)]
    assert nights[0] == date(2026, 1, 1)


def list_times(schedule: object, start: datetime, count: int) -> list[datetime]:
    """The instants at which the server would make runs."""
    import asyncio

    get_dates: Callable[..., object] = schedule.get_dates  # type: ignore[attr-defined]
    return list(asyncio.run(get_dates(count, start=start)))  # type: ignore[call-overload,arg-type]


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
    """Nothing is missed in an empty store; after downtime all days since; never more than a backfill takes."""
    assert find_missed(tmp_path, day(9)) == []
    table = tmp_path / "published" / f"as_of={day(2)}" / "segments.parquet"
    table.parent.mkdir(parents=True)
    table.touch()
    assert find_missed(tmp_path, day(5)) == [day(3), day(4)]
    assert find_missed(tmp_path, day(3)) == []
    assert find_missed(tmp_path, day(2)) == []
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
        """In order, each a run of its own inside the night; the bytes are those of nights without downtime."""
        import shutil

        from tests.test_flow import digests

        forward = days.forward(range(1, 5))
        shutil.rmtree(days.home)
        days.night(1)
        assert days.night(4, catch_up="all").outcome == "published"
        assert published_dates(days.home) == [day(number) for number in range(1, 5)]
        assert digests(days.home) == forward

    def test_a_missed_date_that_fails_does_not_stop_the_night(self, days: Days) -> None:
        """The night itself is published; the missed date's run shows why it was not."""
        days.night(1)
        days.break_file(2)
        assert days.night(3, catch_up="all").outcome == "published"
        assert published_dates(days.home) == [day(1), day(3)]

    @pytest.mark.slow
    @pytest.mark.timeout(400)
    def test_of_late_runs_only_the_newest_runs(self, days: Days) -> None:
        """Five nights of downtime: four runs end as Skipped at once, the fifth publishes its date."""
        late = make_late_runs(days, 5)
        ended = [run_late(one) for one in late]
        assert [type(one) for one in ended] == [Unpublished] * 4 + [Published]
        assert "is due too and takes its place" in ended[0].message  # type: ignore[union-attr]
        assert published_dates(days.home) == [ended[-1].as_of]


def make_late_runs(days: Days, count: int) -> list[object]:
    """A nightly deployment that is scheduled, and its runs of the last days, which nobody took up."""
    from prefect.client.orchestration import get_client

    from flows.resegment import resegment

    now = datetime.now(UTC)
    for number in range(1, 6):
        days.file(number).rename(
            days.file(number).with_name(f"{now.date() - timedelta(days=5 - number)}.csv")
        )
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow(resegment)
        parameters = {"definition": "demo", "store": str(days.folder / "store")}
        deployment = client.create_deployment(flow_id, f"late-{days.folder.name}", parameters=parameters)
    return insert_runs(
        str(deployment),
        str(flow_id),
        parameters,
        [now - timedelta(days=i, minutes=5) for i in range(count)][::-1],
    )
