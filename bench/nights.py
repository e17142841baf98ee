"""The stages of the nightly flow in its order, without Prefect and without a server to show artifacts on.

What is measured of them is the other modules' here; tests run nights by it too.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

from config.parameters import Segmentation
from schemas.evidence import Choice
from schemas.identity import Aligned, Memory
from schemas.records import Customers, Ingested, Night, Published, Scaled
from schemas.verdicts import Verdict
from segmentation.store.edition_key import make_edition_key
from tasks.align import align
from tasks.check import check
from tasks.choose import choose
from tasks.evaluate import weigh
from tasks.fit import fit
from tasks.ingest import ingest
from tasks.publish import publish, settle
from tasks.report import report
from tasks.rescore import recall
from tasks.runtime.session import hold_night, keep_published
from tasks.scale import scale
from tasks.summarise import summarise
from tasks.sweep import score, sweep

SHOWN = (
    "choose.show_sweep",
    "publish.show_edition",
    "report.show_changes",
    "summarise.show_quarantine",
)


class Judged(NamedTuple):
    """What the stages up to the checks made: what the report and the edition are made from."""

    scaled: Scaled
    choice: Choice
    aligned: Aligned
    memory: Memory
    verdict: Verdict


@contextmanager
def showing_nothing() -> Iterator[None]:
    """There is no server to show artifacts on."""
    with ExitStack() as stack:
        for name in SHOWN:
            stack.enter_context(patch(f"tasks.{name}"))
        yield


@contextmanager
def hold_quietly(night: Night) -> Iterator[None]:
    """A night's staging, with no server to show artifacts on."""
    with showing_nothing(), hold_night(night):
        yield


def run_night(night: Night) -> Published:
    """The stages of flows/resegment.py, in its order, without Prefect."""
    with hold_quietly(night):
        rows = ingest.fn(night)
        if rows.published:
            return keep_published(night, rows)
        return segment(night, rows, summarise.fn(night, rows))


def run_together(nights: Sequence[Night], folder: Path) -> list[Published]:
    """Nights of one date that differ in store and plan only: their source is read once, in `folder`."""
    first = nights[0].model_copy(update={"store": folder})
    with hold_quietly(first):
        rows = ingest.fn(first)
        customers = summarise.fn(first, rows)
        found = []
        for night in nights:
            with hold_quietly(night):
                key = make_edition_key(night, rows.digests)
                found.append(segment(night, rows.model_copy(update={"key": key}), customers))
        return found


def judge(night: Night, rows: Ingested, customers: Customers) -> Judged:
    """The stages from the customers to the checks."""
    memory = recall.fn(night, rows, customers)
    scaled = scale.fn(night, customers, memory)
    candidates = [sweep.fn(night, scaled, k) for k in scaled.ks]
    curve, evidence = score.fn(night, scaled, candidates), weigh.fn(night, scaled, candidates)
    choice = choose.fn(night, curve, evidence, memory)
    fitted = fit.fn(night, scaled, candidates, choice, memory)
    aligned = align.fn(night, rows, customers, scaled, fitted, memory)
    verdict = check.fn(night, rows, customers, scaled, choice, aligned, memory)
    return Judged(scaled, choice, aligned, memory, verdict)


def segment(night: Night, rows: Ingested, customers: Customers) -> Published:
    """The stages from the customers on."""
    judged = judge(night, rows, customers)
    reported = report.fn(night, rows, customers, *judged)
    return settle(night, rows, publish.fn(night, rows, customers, *judged, reported))


def run_nights(
    segmentation: Segmentation, source: str | Callable[[date], str] | None, store: Path, days: list[date]
) -> Iterator[tuple[date, Published]]:
    """Night after night in one store. source: the path, the path of each day, or None."""
    for day in days:
        place = source(day) if callable(source) else source
        night = Night(
            run_id=f"night-{day}",
            segmentation=segmentation,
            as_of=day,
            source=place,
            store=store,
            force=False,
        )
        yield day, run_night(night)
