"""Opening and closing a night: its record made, staging locked, the ledger kept.

Its parameters are parameters.py's; the stages themselves are one file each beside this one.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from prefect import runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from config.settings import read_settings
from schemas.records import Ingested, Night, Published, Unpublished
from segmentation.errors import Conflict, Refused, ResegmentError
from segmentation.report.indexing import refresh_index
from segmentation.store.commit import locked, move_live
from segmentation.store.layout import find_home, find_published
from segmentation.store.ledger import begin_row, count_refusals, end_row
from segmentation.store.objects import as_place, is_object_url
from segmentation.store.pointer import read_pointer
from segmentation.store.staging import hold_staging, remove_staging, sweep_staging
from tasks.runtime.parameters import check_parameters, settle_as_of
from tasks.runtime.results import find_results, protect_results, sweep_results


def find_workplace(store: str, state: Path) -> Path:
    """The folder in which runs work: the store's own, or one on this machine for a store of objects."""
    if not is_object_url(store):
        return Path(store).absolute()
    return state.expanduser().absolute() / "object-stores" / hashlib.sha256(store.encode()).hexdigest()[:16]


def open_night(
    definition: str, as_of: date | None, places: tuple[str | None, str | None], force: bool
) -> Night:
    """Check every parameter and name what the run is for. places: source and store, or None."""
    segmentation, where = check_parameters(definition, places)
    protect_results(find_results())
    sweep_results(find_results(), read_settings())
    scheduled = runtime.flow_run.scheduled_start_time
    now = datetime.now(ZoneInfo("UTC"))
    day = settle_as_of(as_of, segmentation.timezone, scheduled, now)
    parent, run_id = identify_run(f"{segmentation.name} {day}")
    return Night(
        run_id=run_id,
        segmentation=segmentation,
        as_of=day,
        source=places[0],
        store=find_workplace(where, read_settings().state),
        objects=where if is_object_url(where) else None,
        force=force,
        parent=parent,
        attempt=count_refusals(as_place(where) / segmentation.name, run_id),
    )


def identify_run(date_run: str) -> tuple[str | None, str]:
    """The run within which this one is, if any, and the id under which this run works.

    A date of a backfill works under the same id whenever the backfill is retried, though Prefect makes
    another run of it: so it finds its stage files and results again.
    """
    run, parent = str(runtime.flow_run.id), runtime.flow_run.parent_flow_run_id
    return (None, run) if parent is None else (str(parent), str(uuid5(UUID(str(parent)), date_run)))


@contextmanager
def hold_night(night: Night) -> Iterator[None]:
    """Hold the staging lock, and see that the ledger says how the run ended."""
    with hold_staging(night):
        try:
            begin_row(night)
        except Refused:  # the store itself: there is nowhere to say how the run ended
            remove_staging(night)
            raise
        try:
            yield
        except BaseException as error:
            known = ((Refused, "refused"), (Conflict, "conflict"))
            outcome = next((word for kind, word in known if isinstance(error, kind)), "failed")
            reason = str(error) if isinstance(error, ResegmentError) else type(error).__name__
            refusals = night.attempt + (outcome != "failed")
            end_row(night, outcome, {"reasons": [reason], "refusals": refusals})
            if outcome != "failed":
                remove_staging(night)  # a retry begins afresh, perhaps on a mended input
            raise


def conclude(night: Night, outcome: str, facts: dict[str, Any]) -> None:
    """Complete the ledger's row of a run that publishes nothing, and remove its stage files."""
    end_row(night, outcome, facts)
    remove_staging(night)


def finish(night: Night, published: Published, facts: dict[str, Any]) -> Published:
    """Complete the ledger's row and remove stage files: this run's, and what dead runs left."""
    if published.outcome != "held" and published.edition in read_pointer(find_home(night)).set_aside:
        said = "a promotion has set this edition aside, so it is not live; 'resegment promote' puts it live"
        published = published.model_copy(update={"warnings": (*published.warnings, said)})
    conclude(night, published.outcome, {"edition": published.edition, **facts})
    hindered = refresh_index(find_home(night))
    if hindered:
        published = published.model_copy(update={"warnings": (*published.warnings, hindered)})
    sweep_staging(night.home, night.as_of, read_settings().stale_hours)
    return published


def keep_published(night: Night, rows: Ingested) -> Published:
    """Nothing to do: this very edition is there. Mends what a crash after the commit has left behind."""
    home = find_home(night)
    with locked(night.home / ".lock"):
        move_live(home, night.as_of, rows.key.edition)
    published = find_published(night, rows.key.edition)
    return finish(night, published, {"k": published.k})


def declare_no_data(night: Night, reason: str) -> State[Unpublished]:
    """Nothing to segment, and the definition says that this is no fault: a state of that name, and a row."""
    conclude(night, "no-data", {"reasons": [reason]})
    ended = Unpublished(name=night.segmentation.name, as_of=night.as_of, outcome="no-data", message=reason)
    return Completed(name="NoData", message=reason, data=ended)
