"""Was the night published by its deadline? Only the store is read: it records publication, not Prefect.

Notifying people is in flows/deadline.py and in the automations of deployments/setup.py.
"""

from datetime import date
from typing import Any

from schemas.deadlines import Deadline
from segmentation.errors import ResegmentError
from segmentation.store.ledger import read_nights
from segmentation.store.objects import AnyPath
from segmentation.store.pointer import read_live, read_pointer
from segmentation.store.published import published_edition

_CAUSES = {
    "held": "it was built but is held: {reasons}. Look at its report, then promote it or correct the input",
    "refused": "its input was refused: {reasons}. Correct it and press Retry",
    "conflict": "another run published first: {reasons}",
    "failed": "its run failed: {reasons}. Press Retry",
    "begun": "its run began at {began} and has not ended: it is still running, or its process died",
}
_NOT_BEGUN = "no run of it has begun: is the worker up, the schedule on?"


class DeadlineMissed(ResegmentError):
    """The date's edition has not been published by its deadline. The message says why."""


def check_deadline(home: AnyPath, as_of: date) -> Deadline:
    """Whether the date is published in the store and, if not, the cause."""
    edition = published_edition(home, as_of)
    nights = [row for row in read_nights(home) if row.get("as_of") == str(as_of)]
    last_run = nights[-1] if nights else {}
    is_superseded = edition is not None and edition in read_pointer(home).superseded
    if edition is not None and not is_superseded:
        message = f"{home.name} as of {as_of} is published, edition {edition}"
        return Deadline(name=home.name, as_of=as_of, status="published", edition=edition, message=message)
    if last_run.get("outcome") == "no-data":
        message = f"{home.name} as of {as_of} had no data: {_format_reasons(last_run)}"
        return Deadline(name=home.name, as_of=as_of, status="no-data", message=message)
    cause = f"a promotion superseded edition {edition}" if is_superseded else _describe_cause(last_run)
    live = read_live(home)
    state = f"Live is {live.as_of}, edition {live.edition}" if live else "Nothing is live"
    return Deadline(
        name=home.name,
        as_of=as_of,
        status="missing",
        message=f"{home.name} as of {as_of} has not been published by its deadline: {cause}. {state}",
    )


def _describe_cause(last_run: dict[str, Any]) -> str:
    if not last_run:
        return _NOT_BEGUN
    template = _CAUSES.get(str(last_run["outcome"]), "its last run ended in an unknown way")
    return template.format(reasons=_format_reasons(last_run), began=last_run.get("began"))


def _format_reasons(row: dict[str, Any]) -> str:
    return "; ".join(map(str, row.get("reasons") or ())) or "no reason is recorded"
