"""`resegment backfill` from a terminal, and on the days of a real shop: lines, exit status, bytes."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL

from flows.backfill import backfill
from flows.resegment import resegment
from schemas.backfills import BackfillResult
from tests.conftest import Command
from tests.dated_days import Days, create_days, day, outcomes
from tests.test_flow import digests

pytestmark = [
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.slow,
]


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Three days of customers."""
    return create_days(tmp_path, 3, monkeypatch)


def test_a_line_for_each_date(days: Days, command: Command) -> None:
    """Each date is a line on standard output, a dry run changes nothing, and --json is one document."""
    server = {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}
    arguments = ("backfill", "demo", "--start", str(day(1)), "--end", str(day(3)))
    dry = command(*arguments, "--dry-run", **server)
    assert (dry.returncode, dry.stdout.splitlines()[-1]) == (0, "Would run: demo, 3 dates: 3 to run")
    assert not (days.home / "published").exists()
    days.break_file(2)
    failed = command(*arguments, **server)
    assert failed.returncode == 2
    lines = failed.stdout.splitlines()
    assert [line.split("  ")[1].split(":")[0] for line in lines[:3]] == ["published", "failed", "to-run"]
    assert "no-rows" in failed.stderr
    assert "Traceback" not in failed.stderr
    days.write(2)
    resumed = command(*arguments, "--json", **server)
    assert resumed.returncode == 0, resumed.stderr
    date_outcomes = [result["outcome"] for result in json.loads(resumed.stdout)["dates"]]
    assert date_outcomes == ["skipped", "published", "published"]


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("2026-01-02", "2026-01-01", "date-range"),
        ("2199-01-01", "2199-01-02", "future-date"),
        ("1999-01-01", "2026-01-01", "too-many-dates"),
        ("tomorrow", "2026-01-01", "as-of"),
    ],
)
def test_a_wrong_range_is_refused_at_once(
    days: Days, command: Command, start: str, end: str, code: str
) -> None:
    """The refusal is one line and comes before the command looks for a server."""
    result = command(
        "backfill", "demo", "--start", start, "--end", end, PREFECT_API_URL="http://127.0.0.1:9/api"
    )
    assert result.returncode == 2
    assert code in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not days.home.exists()


@pytest.mark.timeout(1200)
def test_a_real_shops_nights_and_their_backfill_are_byte_equal(tmp_path: Path, shared_data: Path) -> None:
    """Three nights of Online Retail, deleted and backfilled while later days' files exist, come out equal."""
    source = tmp_path / "days"
    source.mkdir()
    for file in (shared_data / "online_retail_by_day").glob("*.csv"):
        if "2011-02-01" <= file.stem < "2011-03-08":
            shutil.copy(file, source)
    store, home = tmp_path / "store", tmp_path / "store" / "online-retail"
    nights = [date(2011, 3, number) for number in (1, 2, 3)]
    for night in nights:
        resegment("online-retail", as_of=night, source=str(source), store=str(store), return_state=True)
    forward = digests(home)
    shutil.rmtree(home)
    result = backfill("online-retail", nights[0], nights[-1], source=str(source), store=str(store))
    assert isinstance(result, BackfillResult)
    assert set(outcomes(result)) <= {"published", "held"}
    assert digests(home) == forward
    assert len(list((home / "editions").iterdir())) == 3
