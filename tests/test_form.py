"""Bad parameters from a form or a script, cases U01 to U10, through the real API to both flows of dates.

The API accepts whatever fits its schema, so the flow must refuse the rest in its first line, with a message.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_engine import run_flow_sync
from prefect.utilities.callables import parameter_schema

from flows.backfill import backfill
from flows.resegment import resegment

pytestmark = pytest.mark.usefixtures("prefect_server")

DATES = {"start_date": "2026-01-01", "end_date": "2026-01-02"}


class Submission(NamedTuple):
    """Parameters for a flow, and what its refusal must contain: the API's, or the failed run's message."""

    code: str
    flow: Flow[Any, Any]
    parameters: dict[str, Any]
    message: str


def bad_dates(code: str, value: object, message: str) -> list[Submission]:
    """A value for each parameter of both flows that is a date."""
    return [
        Submission(code, resegment, {"definition": "article", "as_of": value}, message),
        Submission(code, backfill, {"definition": "article", **DATES, "start_date": value}, message),
        Submission(code, backfill, {"definition": "article", **DATES, "end_date": value}, message),
    ]


CASES = [
    *bad_dates("U01", "../../etc", "YYYY-MM-DD"),
    *bad_dates("U02", "2026-02-30", "YYYY-MM-DD"),
    *bad_dates("U03", 1769817600, "YYYY-MM-DD|is not of type 'string'|not valid"),
    *bad_dates("U04", "2026-01-31T00:00:00Z", "YYYY-MM-DD"),
    Submission("U05", resegment, {"definition": "article", "as_of": "2199-01-01"}, "future-date"),
    Submission("U05", backfill, {"definition": "article", **DATES, "end_date": "2199-01-01"}, "future-date"),
    *(
        Submission("U06", flow, {"definition": name, **dates}, "not a definition's name")
        for flow, dates in ((resegment, {}), (backfill, DATES))
        for name in ("../x", "a/b", "article\n", "CON", "")
    ),
    Submission("U07", backfill, {"definition": "article", **DATES, "mode": "sideways"}, "fill"),
    Submission("U07", resegment, {"definition": "article", "catch_up": "everything"}, "latest"),
    Submission("U08", resegment, {"definition": "article", "k_max": 5}, "k_max|unexpected"),
    Submission("U08", backfill, {"definition": "article", **DATES, "k_max": 5}, "k_max|unexpected"),
    Submission(
        "U09",
        backfill,
        {"definition": "article", "start_date": "1999-01-01", "end_date": "2026-05-18"},
        "too-many-dates: 10,000 dates; a backfill takes 1,100 at most",
    ),
    Submission(
        "U09",
        backfill,
        {"definition": "article", "start_date": "2026-01-02", "end_date": "2026-01-01"},
        "date-range: start_date 2026-01-02 is after end_date 2026-01-01",
    ),
    Submission("U10", resegment, {"definition": "article", "sql": "SELECT 1"}, "sql|unexpected"),
    Submission("U10", backfill, {"definition": "article; DROP TABLE x", **DATES}, "not a definition's name"),
]


def submit(submission: Submission) -> tuple[str, str]:
    """Create the run through the API and run it as a worker does: how it ended, and its message."""
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow(submission.flow),
            f"form-{submission.flow.name}",
            parameter_openapi_schema=parameter_schema(submission.flow).model_dump_for_openapi(),
            enforce_parameter_schema=True,
        )
        try:
            run = client.create_flow_run_from_deployment(deployment, parameters=submission.parameters)
        except PrefectHTTPStatusError as error:
            return "not accepted", error.response.text
    state = run_flow_sync(submission.flow, flow_run=run, parameters=run.parameters, return_type="state")
    assert isinstance(state, State)
    return str(state.name), str(state.message)


def format_case(submission: Submission) -> str:
    """`U01-backfill`: the case's name in pytest's output."""
    return f"{submission.code}-{submission.flow.name}"


@pytest.mark.parametrize("submission", CASES, ids=format_case)
def test_a_bad_parameter_is_refused(submission: Submission, tmp_path: Path) -> None:
    """The message says what was expected, and nothing is written to the store."""
    outcome, message = submit(submission)
    assert outcome in ("not accepted", "Failed")
    assert re.search(submission.message, message)
    assert not (tmp_path / "store").exists()


def test_a_good_form_is_accepted(tmp_path: Path) -> None:
    """A valid form, a dry run of two dates, completes."""
    submission = Submission("", backfill, {"definition": "article", **DATES, "dry_run": True}, "")
    assert submit(submission) == ("Completed", "2 dates: 2 to run")
    assert not (tmp_path / "store").exists()
