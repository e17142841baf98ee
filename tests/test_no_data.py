"""A date without data: refused by default, or skipped if the definition says so."""

import json
from pathlib import Path

import pytest
from prefect import State

from flows.resegment import resegment
from schemas.night import Unpublished
from segmentation.errors import Refused
from segmentation.store.dates import published_dates
from segmentation.store.ledger import read_rows
from tests.conftest import Command
from tests.dated_days import Days, create_days, day, outcomes
from tests.test_backfill import run

pytestmark = pytest.mark.usefixtures("prefect_server")

EMPTY = "id,spend,orders\n"


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Four days. The second has a header and no rows, and the definition skips such days."""
    days = create_days(tmp_path, 4, monkeypatch, on_no_data="skip")
    days.file(2).write_text(EMPTY)
    return days


def test_a_night_without_data_is_a_declared_result(days: Days) -> None:
    """The state NoData is completed, the ledger has a row, and nothing is staged or published."""
    state = resegment("demo", as_of=day(2), store=str(days.folder / "store"), return_state=True)
    assert isinstance(state, State)
    assert (state.name, state.is_completed()) == ("NoData", True)
    result = state.result()
    assert isinstance(result, Unpublished)
    assert result.outcome == "no-data"
    assert "no rows" in result.message
    assert [row["outcome"] for row in read_rows(days.home)] == ["no-data"]
    assert published_dates(days.home) == []
    assert list((days.home / ".staging").iterdir()) == []


@pytest.mark.slow
def test_the_next_night_continues_from_the_last_edition(days: Days) -> None:
    """The night after a skipped date builds on the newest published edition."""
    backfilled = run(days, 1, 4)
    assert outcomes(backfilled) == ["published", "no-data", "published", "published"]
    third = next((days.home / "editions" / str(day(3))).glob("*/manifest.json"))
    manifest = json.loads(third.read_bytes())
    assert manifest["previous_as_of"] == str(day(1))
    assert manifest["churn"]["stayed"] == 150


def test_a_date_before_the_first_file_has_no_data(days: Days) -> None:
    """A date before all dated files counts as without data."""
    backfilled = run(days, 0, 1)
    assert outcomes(backfilled) == ["no-data", "published"]
    assert "no-file" in backfilled.dates[0].message


def test_a_file_with_only_refused_rows_is_refused(days: Days) -> None:
    """A file whose rows are all refused is an error, even with on_no_data: skip."""
    days.break_file(2)
    with pytest.raises(Refused, match=r"no-rows: .* the only row is refused"):
        days.night(2)


def test_without_the_clause_it_is_refused(days: Days) -> None:
    """Without on_no_data, a date without data is refused."""
    path = days.folder / "definitions" / "demo.yaml"
    content = json.loads(path.read_text())
    del content["source"]["on_no_data"]
    path.write_text(json.dumps(content))
    with pytest.raises(Refused, match="no-rows"):
        days.night(2)


@pytest.mark.slow
def test_the_command_reports_no_data(days: Days, command: Command) -> None:
    """The command prints one line and exits with status 0."""
    from prefect.settings import PREFECT_API_URL

    server = {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}
    completed = command("run", "demo", "--as-of", str(day(0)), **server)
    assert (completed.returncode, completed.stdout.splitlines()[0][:29]) == (
        0,
        f"No data: demo as of {day(0)}"[:29],
    )
