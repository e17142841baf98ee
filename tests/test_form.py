"""Parameters as a form or a script sends them: U01 to U10 through the real API, to both flows of dates.

The API takes what its schema lets through; the flow's first line must refuse the rest, by name, in words.
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

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]

DATES = {"start_date": "2026-01-01", "end_date": "2026-01-02"}


class Sent(NamedTuple):
    """What is sent, and what the answer says: the API's refusal, or the failed run's message."""

    code: str
    flow: Flow[Any, Any]
    parameters: dict[str, Any]
    says: str


def both(code: str, value: object, says: str) -> list[Sent]:
    """A date that is sent to both flows."""
    return [
        Sent(code, resegment, {"definition": "article", "as_of": value}, says),
        Sent(code, backfill, {"definition": "article", **DATES, "start_date": value}, says),
        Sent(code, backfill, {"definition": "article", **DATES, "end_date": value}, says),
    ]


CASES = [
    *both("U01", "../../etc", "YYYY-MM-DD"),
    *both("U02", "2026-02-30", "YYYY-MM-DD"),
    *both("U03", 1769817600, "YYYY-MM-DD|is not of type 'string'|not valid"),
    *both("U04", "2026-01-31T00:00:00Z", "YYYY-MM-DD"),
    Sent("U05", resegment, {"definition": "article", "as_of": "2199-01-01"}, "future-date"),
    Sent("U05", backfill, {"definition": "article", **DATES, "end_date": "2199-01-01"}, "future-date"),
    *(
        Sent("U06", flow, {"definition": name, **dates}, "not a definition's name")
        for flow, dates in ((resegment, {}), (backfill, DATES))
        for name in ("../x", "a/b", "article\n", "CON", "")
    ),
    Sent("U07", backfill, {"definition": "article", **DATES, "mode": "sideways"}, "fill"),
    Sent("U07", resegment, {"definition": "article", "catch_up": "everything"}, "latest"),
    Sent("U08", resegment, {"definition": "article", "k_max": 5}, "k_max|unexpected"),
    Sent("U08", backfill, {"definition": "article", **DATES, "k_max": 5}, "k_max|unexpected"),
    Sent(
        "U09",
        backfill,
        {"definition": "article", "start_date": "1999-01-01", "end_date": "2026-05-18"},
        "too-many-dates: 10,000 dates; a backfill takes 1,100 at most",
    ),
    Sent("U09", backfill, {"definition": "article", "start_date": "2026-01-02", "end_date": "2026-01-01"},
         "date-range: start_date 2026-01-02 is after end_date 2026-01-01"),
    Sent("U10", resegment, {"definition": "article", "sql": "SELECT 1"}, "sql|unexpected"),
    Sent("U10", backfill, {"definition": "article; DROP TABLE x", **DATES}, "not a definition's name"),
]  # fmt: skip


def send(sent: Sent) -> tuple[str, str]:
    """Create the run through the API and take it up as a worker does: how it ended, in which words."""
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(
            client.create_flow(sent.flow),
            f"form-{sent.flow.name}",
            parameter_openapi_schema=parameter_schema(sent.flow).model_dump_for_openapi(),
            enforce_parameter_schema=True,
        )
        try:
            run = client.create_flow_run_from_deployment(deployment, parameters=sent.parameters)
        except PrefectHTTPStatusError as error:
            return "not taken", error.response.text
    ended = run_flow_sync(sent.flow, flow_run=run, parameters=run.parameters, return_type="state")
    assert isinstance(ended, State)
    return str(ended.name), str(ended.message)


def label(sent: Sent) -> str:
    """`U01-backfill-0`: names a case in pytest's output."""
    return f"{sent.code}-{sent.flow.name}"


@pytest.mark.parametrize("sent", CASES, ids=label)
def test_a_bad_parameter_is_refused(sent: Sent, tmp_path: Path) -> None:
    """With words that say what was expected; nothing is begun in the store."""
    how, said = send(sent)
    assert how in ("not taken", "Failed")
    assert re.search(sent.says, said)
    assert not (tmp_path / "store").exists()


def test_a_good_form_is_taken(tmp_path: Path) -> None:
    """What the form sends for a dry run of two dates completes: not everything is refused."""
    sent = Sent("", backfill, {"definition": "article", **DATES, "dry_run": True}, "")
    assert send(sent) == ("Completed", "2 dates: 2 to run")
    assert not (tmp_path / "store").exists()
