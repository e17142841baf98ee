"""A date without data: refused as a fault, or a declared result after which history goes on."""

import json
from pathlib import Path

import pytest
from prefect import State

from flows.resegment import resegment
from schemas.night import Unpublished
from segmentation.errors import Refused
from segmentation.store.ledger import read_rows
from segmentation.store.published import published_dates
from tests.conftest import Command
from tests.dated_days import Days, day, found_days, outcomes
from tests.test_backfill import run

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]

EMPTY = "id,spend,orders\n"


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Four days, of which the second has a header and no row; the definition skips such days."""
    days = found_days(tmp_path, 4, monkeypatch, on_no_data="skip")
    days.file(2).write_text(EMPTY)
    return days


def test_a_night_without_data_is_a_declared_result(days: Days) -> None:
    """Its state is named so and completed, the ledger has its row, nothing is left behind or published."""
    state = resegment("demo", as_of=day(2), store=str(days.folder / "store"), return_state=True)
    assert isinstance(state, State)
    assert (state.name, state.is_completed()) == ("NoData", True)
    ended = state.result()
    assert isinstance(ended, Unpublished)
    assert ended.outcome == "no-data"
    assert "no rows" in ended.message
    assert [row["outcome"] for row in read_rows(days.home)] == ["no-data"]
    assert published_dates(days.home) == []
    assert list((days.home / ".staging").iterdir()) == []


def test_history_goes_on_after_it(days: Days) -> None:
    """The night after builds on the newest published one: ids and lineage are not interrupted."""
    found = run(days, 1, 4)
    assert outcomes(found) == ["published", "no-data", "published", "published"]
    third = next((days.home / "editions" / str(day(3))).glob("*/manifest.json"))
    manifest = json.loads(third.read_bytes())
    assert manifest["previous_as_of"] == str(day(1))
    assert manifest["churn"]["stayed"] == 150


def test_a_date_before_the_first_file_has_no_data(days: Days) -> None:
    """No file is dated on or before it."""
    found = run(days, 0, 1)
    assert outcomes(found) == ["no-data", "published"]
    assert "no-file" in found.dates[0].message


def test_rows_that_are_all_refused_are_a_fault_nevertheless(days: Days) -> None:
    """There is data, and it is bad: no definition calls that a night without data."""
    days.break_file(2)
    with pytest.raises(Refused, match=r"no-rows: .* all 1 rows are refused"):
        days.night(2)


def test_without_the_clause_it_is_refused(days: Days) -> None:
    """A feed that stops is a fault until the definition says that it is none."""
    path = days.folder / "definitions" / "demo.yaml"
    content = json.loads(path.read_text())
    del content["source"]["on_no_data"]
    path.write_text(json.dumps(content))
    with pytest.raises(Refused, match="no-rows"):
        days.night(2)


@pytest.mark.slow
def test_the_command_says_so(days: Days, command: Command) -> None:
    """One line, exit status 0."""
    from prefect.settings import PREFECT_API_URL

    server = {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}
    done = command("run", "demo", "--as-of", str(day(0)), **server)
    assert (done.returncode, done.stdout.splitlines()[0][:29]) == (0, f"No data: demo as of {day(0)}"[:29])
