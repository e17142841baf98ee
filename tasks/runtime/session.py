"""Opening and closing a run: its record, the lock on its stage files, its row in the ledger.

Parameters are checked in parameters.py; the stages are in tasks/, their order in flows/.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from prefect import runtime

from config.settings import read_settings
from schemas.manifest import EditionRef
from schemas.night import Night, Published, Unpublished
from schemas.rows import Ingested, Input
from segmentation.errors import Conflict, Refused, ResegmentError
from segmentation.report.index_refresh import refresh_index
from segmentation.schema_code import read_source_of
from segmentation.store.commit import move_live
from segmentation.store.edition_key import collect_code, digest_content
from segmentation.store.layout import get_home
from segmentation.store.ledger import begin_row, count_refusals, end_row
from segmentation.store.locking import LOCK, lock
from segmentation.store.objects import is_object_url, parse_path
from segmentation.store.pointer import read_pointer
from segmentation.store.published import is_intact, look_up_published
from segmentation.store.staging import remove_staging, staging_session, sweep_staging
from segmentation.store.typed_inputs import write_typed_inputs
from tasks.runtime.parameters import check_parameters, resolve_as_of
from tasks.runtime.results import protect_results, results_folder, sweep_results


def working_folder(store: str, state: Path) -> Path:
    """The local folder in which runs work: the store itself, or one on this machine for an object store."""
    if not is_object_url(store):
        # In the store itself, so that publishing is a rename within one file system.
        return Path(store).absolute()
    return state.expanduser().absolute() / "object-stores" / hashlib.sha256(store.encode()).hexdigest()[:16]


def open_night(
    definition: str, as_of: date | None, *, source: str | None, store: str | None, force: bool
) -> Night:
    """Check every parameter and record what the run is for."""
    checked = check_parameters(definition, source=source, store=store)
    # At the start of a run, so that a run cannot remove its own results (decision 16).
    protect_results(results_folder())
    sweep_results(results_folder(), read_settings())
    scheduled = runtime.flow_run.scheduled_start_time
    day = resolve_as_of(as_of, checked.definition.timezone, scheduled, datetime.now(UTC))
    name = checked.definition.name
    parent, run_id = identify_run(f"{name} {day}")
    return Night(
        run_id=run_id,
        definition=checked.definition,
        as_of=day,
        source=source,
        store=working_folder(checked.store, read_settings().state),
        objects=checked.store if is_object_url(checked.store) else None,
        force=force,
        schema_source=read_source_of(checked.definition.rows),
        parent=parent,
        code=digest_content(collect_code()),
        attempt=count_refusals(parse_path(checked.store) / name, run_id),
    )


def identify_run(label: str) -> tuple[str | None, str]:
    """The parent run, if any, and the id under which this run works.

    A date of a backfill gets the same id whenever the backfill is retried, although Prefect creates a new
    run for it. That is how it finds its stage files and results again.
    """
    run_id, parent = str(runtime.flow_run.id), runtime.flow_run.parent_flow_run_id
    # uuid5 hashes the backfill's id and the date: nothing has to be stored to get the same id again.
    return (None, run_id) if parent is None else (str(parent), str(uuid5(UUID(str(parent)), label)))


@contextmanager
def night_session(night: Night) -> Iterator[None]:
    """Lock the run's stage files, and make sure that the ledger says how the run ended."""
    with staging_session(night):
        try:
            begin_row(night)
        except Refused:  # the store itself cannot be written: nowhere to record how the run ended
            remove_staging(night)
            raise
        try:
            yield
        except BaseException as error:
            record_failure(night, error)
            raise


def record_failure(night: Night, error: BaseException) -> None:
    """Complete the ledger's row of a run that raised; a refused run's stage files are removed."""
    kinds = ((Refused, "refused"), (Conflict, "conflict"))
    outcome = next((word for kind, word in kinds if isinstance(error, kind)), "failed")
    reason = str(error) if isinstance(error, ResegmentError) else type(error).__name__
    refusals = night.attempt + (outcome != "failed")
    end_row(night, outcome, {"reasons": [reason], "refusals": refusals})
    if outcome != "failed":
        remove_staging(night)  # a retry starts over, perhaps on a repaired input


def close_run(night: Night, outcome: str, facts: dict[str, Any]) -> None:
    """Complete the ledger's row, and remove the run's stage files."""
    end_row(night, outcome, facts)
    remove_staging(night)


def close_published(
    night: Night, published: Published, inputs: Sequence[Input], facts: dict[str, Any]
) -> Published:
    """Close a run whose edition is in the store. Dead runs' stage files of that date are removed too."""
    warnings = list(published.warnings)
    if night.definition.source.date_in_name is not None:  # files without a date are never late
        write_typed_inputs(get_home(night), EditionRef(night.as_of, published.edition), inputs)
    if published.outcome != "held" and published.edition in read_pointer(get_home(night)).superseded:
        warnings.append(
            "a promotion superseded this edition, so it is not live; 'resegment promote' makes it live"
        )
    close_run(night, published.outcome, {"edition": published.edition, **facts})
    # After the ledger is complete: the index can be rebuilt at any time, the row cannot.
    if failure := refresh_index(get_home(night)):
        warnings.append(failure)
    sweep_staging(night.home, night.as_of, read_settings().stale_hours)
    return published.model_copy(update={"warnings": tuple(warnings)})


def confirm_published(night: Night, ingested: Ingested) -> Published:
    """The date's edition is in the store already. Finishes what a crash after the commit left undone."""
    edition = ingested.key.edition
    with lock(night.home / LOCK):
        move_live(get_home(night), night.as_of, edition)
    counts = {"files": len(ingested.inputs), "files_outside": ingested.files_outside}
    published = look_up_published(night, edition).model_copy(update=counts)
    facts = {"k": published.k}
    if ingested.other_code:
        published = describe_other_code(night, published, ingested)
        facts["reasons"] = published.other_code
    return close_published(night, published, ingested.inputs, facts)


def describe_other_code(night: Night, published: Published, ingested: Ingested) -> Published:
    """The record of a date that stays as other code published it, and how to get this code's edition."""
    warnings = [
        *published.warnings,
        "it stays as it is; --force, or a backfill with mode rebuild, publishes this code's edition instead",
    ]
    if not is_intact(get_home(night), night.as_of, published.edition):
        warnings.append(f"its files are damaged: see 'resegment audit {published.name}'")
    outcome = {"outcome": "published-by-other-code", "other_code": ingested.other_code}
    return published.model_copy(update={**outcome, "warnings": tuple(warnings)})


def close_without_data(night: Night, reason: str) -> Unpublished:
    """There is nothing to segment, and the definition allows that."""
    close_run(night, "no-data", {"reasons": [reason]})
    return Unpublished(name=night.definition.name, as_of=night.as_of, outcome="no-data", message=reason)
