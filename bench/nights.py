"""Nights run without Prefect: the flow's own functions, whose stages are plain functions outside a flow run.

Benchmarks and tests both use it. What is measured is in the other modules of this folder.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from config.definition import Definition
from flows.resegment import draft_edition, publish_draft, segment_customers
from schemas.night import Night, Published
from segmentation.store.catalogue.edition_key import make_edition_key
from tasks.ingest import ingest
from tasks.runtime.session import night_session
from tasks.summarise import summarise


def run_night(night: Night) -> Published:
    """Run one night. Raises ValueError if it ends without an edition, because the source has no data."""
    with night_session(night):
        record = segment_customers(night)
    if not isinstance(record, Published):
        raise ValueError(record.message)
    return record


def run_variants(nights: Sequence[Night], folder: Path) -> list[Published]:
    """Nights of one date that differ in store and definition only: their source is read once, in `folder`."""
    first = nights[0].model_copy(update={"store": folder})
    published = []
    with night_session(first):
        customers = summarise(first, ingest(first))
        for night in nights:
            with night_session(night):
                key = make_edition_key(night, customers.ingested.digests)
                ingested = customers.ingested.model_copy(update={"key": key})
                variant = customers.model_copy(update={"ingested": ingested})
                published.append(publish_draft(night, draft_edition(night, variant)))
    return published


def run_nights(
    definition: Definition, source: str | Callable[[date], str] | None, store: Path, days: list[date]
) -> Iterator[tuple[date, Published]]:
    """Night after night in one store. source: a path, a function from date to path, or None."""
    for day in days:
        night = Night(
            run_id=f"night-{day}",
            definition=definition,
            as_of=day,
            source=source(day) if callable(source) else source,
            store=store,
            force=False,
        )
        yield day, run_night(night)
