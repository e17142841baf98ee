"""Has the night published? Read from the store alone: a Prefect state is not the record of publication.

Telling somebody is flows/deadline.py's and the automations' of deployments/setup.py.
"""

from datetime import date
from pathlib import Path
from typing import Any

from schemas.deadlines import Deadline
from segmentation.errors import ResegmentError
from segmentation.store.layout import published_edition
from segmentation.store.ledger import read_nights
from segmentation.store.objects import ObjectPath
from segmentation.store.pointer import read_live, read_pointer

_WHY = {
    "held": "it was built but is held: {reasons}. Look at its report, then promote it or mend the input",
    "refused": "its input was refused: {reasons}. Mend it and press Retry",
    "conflict": "another run came first: {reasons}",
    "failed": "its run failed: {reasons}. Press Retry",
    "begun": "its run began at {began} and has not ended: it is still running, or its process died",
}


_NEVER = "no run of it has begun: is the worker up, the schedule on?"


class DeadlineMissed(ResegmentError):
    """The date's edition has not been published by its deadline; the message says why."""


def judge_deadline(home: Path | ObjectPath, as_of: date) -> Deadline:
    """What the store holds for the date, and why it holds no more."""
    edition = published_edition(home, as_of)
    nights = [row for row in read_nights(home) if row.get("as_of") == str(as_of)]
    last = nights[-1] if nights else {}
    if edition is not None and edition not in read_pointer(home).set_aside:
        said = f"{home.name} as of {as_of} is published, edition {edition}"
        return Deadline(name=home.name, as_of=as_of, status="published", edition=edition, message=said)
    if last.get("outcome") == "no-data":
        said = f"{home.name} as of {as_of} had no data: {_tell_reasons(last)}"
        return Deadline(name=home.name, as_of=as_of, status="no-data", message=said)
    why = _WHY.get(str(last["outcome"]), "its last run ended otherwise") if last else _NEVER
    if edition is not None:
        why = f"edition {edition} is set aside by a promotion"
    live = read_live(home)
    said = why.format(reasons=_tell_reasons(last), began=last.get("began"))
    now = f"Live is {live[0]}, edition {live[1]}" if live else "Nothing is live"
    return Deadline(
        name=home.name,
        as_of=as_of,
        status="missing",
        message=f"{home.name} as of {as_of} has not been published by its deadline: {said}. {now}",
    )


def _tell_reasons(row: dict[str, Any]) -> str:
    return "; ".join(map(str, row.get("reasons") or ())) or "no reason is known"
