"""Opening and closing a run: its record, the lock on its stage files, its row in the ledger.

Parameters are checked in parameters.py; the stages are in tasks/, their order in flows/.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from prefect import runtime

from config.settings import NO_RETRY, read_settings
from schemas.night import Night, Published, Unpublished
from schemas.rows import Ingested, Input
from segmentation.attributes.side_tables import refuse_past_date
from segmentation.errors import Conflict, Refused, ResegmentError, StorageFailed
from segmentation.schema_code import read_source_of
from segmentation.store.catalogue.edition_key import digest_code
from segmentation.store.catalogue.published import is_intact, look_up_published
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath, is_object_url, parse_path
from segmentation.store.files.storage_failures import FULL, UNMOUNTED, describe_failure, plain_storage_errors
from segmentation.store.issued_ids import read_issued_ids
from segmentation.store.layout import edition_folder, get_home
from segmentation.store.ledger import begin_row, end_row, read_own_row
from segmentation.store.pointer import read_pointer
from segmentation.store.publication.commit import move_live
from segmentation.store.runs.dead_runs import describe_manifest
from segmentation.store.runs.known_stores import check_store
from segmentation.store.runs.staging import remove_staging, staging_session
from segmentation.store.runs.sweeping import WORKPLACES, sweep_settled, sweep_store
from tasks.runtime.parameters import check_parameters, resolve_as_of
from tasks.runtime.record_keeping import keep_records, show_unrecorded
from tasks.runtime.results import protect_results, results_folder, sweep_results

STARTED_BY_WORKER = "PREFECT__FLOW_RUN_ID"


def working_folder(store: str, state: Path) -> Path:
    """The local folder in which runs work: the store itself, or one on this machine for an object store."""
    if not is_object_url(store):
        # In the store itself, so that publishing is a rename within one file system.
        return Path(store).absolute()
    return state.expanduser().absolute() / WORKPLACES / hashlib.sha256(store.encode()).hexdigest()[:16]


def open_night(
    definition: str, as_of: date | None, *, source: str | None, store: str | None, force: bool
) -> Night:
    """Check every parameter and record what the run is for."""
    checked = check_parameters(definition, source=source, store=store)
    # At the start of a run, so that a run cannot remove its own results (decision 16).
    protect_results(results_folder())
    sweep_results(results_folder(), read_settings())
    sweep_store(parse_path(checked.store))
    if STARTED_BY_WORKER in os.environ:  # a person at a terminal sees that a store is new
        check_store(parse_path(checked.store) / checked.definition.name)
    scheduled = runtime.flow_run.scheduled_start_time
    now = datetime.now(UTC)
    day = resolve_as_of(as_of, checked.definition.timezone, scheduled, now)
    refuse_past_date(checked.definition, day, checked.definition.today(now))
    name = checked.definition.name
    parent, run_id = identify_run(f"{name} {day}")
    night = Night(
        run_id=run_id,
        definition=checked.definition,
        as_of=day,
        source=source,
        store=working_folder(checked.store, read_settings().state),
        objects=checked.store if is_object_url(checked.store) else None,
        force=force,
        schema_source=read_source_of(checked.definition.rows),
        parent=parent,
        code=digest_code(),
    )
    return night.model_copy(update={"attempt": count_restarts(night)})


def count_restarts(night: Night) -> int:
    """How often this run has begun again from its source, since its stage files were gone."""
    row = read_own_row(get_home(night), night.run_id)
    # Stages that Prefect remembers would look for them. Another number gives every stage another key.
    is_lost = row.get("outcome") in ("begun", "failed") and not night.staging.is_dir()
    return int(row.get("refusals", 0)) + is_lost


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
    try:
        with plain_storage_errors(night.home), staging_session(night, can_retry=not os.environ.get(NO_RETRY)):
            try:
                with plain_storage_errors(night.home):
                    begin_row(night)
                    check_small_files(get_home(night))
                    yield
            except BaseException as error:
                record_failure(night, error)
                raise
    finally:
        sweep_store(night.store)


def check_small_files(home: AnyPath) -> None:
    """Refuse a store whose live.json or ids.json is damaged, before any work is done."""
    read_pointer(home)
    read_issued_ids(home)


def record_failure(night: Night, error: BaseException) -> None:
    """Complete the ledger's row of a run that raised, and remove stage files that no retry can use."""
    kinds = ((Refused, "refused"), (Conflict, "conflict"))
    outcome = next((word for kind, word in kinds if isinstance(error, kind)), "failed")
    reason = str(error) if isinstance(error, ResegmentError) else type(error).__name__
    is_full = isinstance(error, StorageFailed) and error.code in FULL
    starts_over = outcome != "failed" or is_full or bool(os.environ.get(NO_RETRY))
    if starts_over:
        # First: they may be what fills the disk. A retry starts over, perhaps on a repaired input.
        remove_staging(night)
    try:
        if isinstance(error, StorageFailed) and error.code == UNMOUNTED:
            raise error  # a row would be written where the mount was
        end_row(night, outcome, {"reasons": [reason], "refusals": night.attempt + starts_over})
    except (OSError, ResegmentError) as failure:
        cause = "" if failure is error else f" ({describe_failure(failure)})"
        note = f"the ledger could not be written either{cause}: this run is missing there or still `begun`"
        error.add_note(note)
        if isinstance(error, StorageFailed):
            error.message += f". Also, {note}"


def close_run(night: Night, outcome: str, facts: dict[str, Any]) -> None:
    """Complete the ledger's row, and remove the run's stage files."""
    end_row(night, outcome, facts)
    remove_staging(night)


def close_published(
    night: Night, published: Published, inputs: Sequence[Input], facts: dict[str, Any]
) -> Published:
    """Close a run whose edition is in the store. Dead runs' stage files of that date are removed too."""
    warnings = list(published.warnings)
    if published.outcome != "held" and published.edition in read_pointer(get_home(night)).superseded:
        warnings.append(
            "a promotion superseded this edition, so it is not live; 'resegment promote' makes it live"
        )
    failures = keep_records(night, published, inputs, facts)
    published = published.model_copy(
        update={"warnings": (*warnings, *failures), "unrecorded": tuple(failures)}
    )
    show_unrecorded(published)
    return published


def confirm_published(night: Night, ingested: Ingested) -> Published:
    """The date's edition is in the store already. Finishes what a crash after the commit left undone."""
    edition = ingested.key.edition
    with lock(night.home / LOCK):
        move_live(get_home(night), night.as_of, edition)
    counts = {"files": len(ingested.inputs), "files_outside": ingested.files_outside}
    published = look_up_published(night, edition).model_copy(update=counts)
    facts = describe_manifest(read_manifest(edition_folder(get_home(night), night.as_of, edition)))
    if ingested.other_code:
        published = describe_other_code(night, published, ingested)
        facts["reasons"] = published.other_code
    return close_published(night, published, ingested.recorded_inputs, facts)


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
    sweep_settled(night)
    return Unpublished(name=night.definition.name, as_of=night.as_of, outcome="no-data", message=reason)
