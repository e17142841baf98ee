"""Writing down how a night ended: for an edition that is published, a failure of this is a warning.

What is written belongs to the store's modules. Opening and closing runs is in session.py.
"""

from collections.abc import Sequence
from contextlib import suppress

import httpx
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException

from config.side_tables import has_dated_files
from schemas.manifest import EditionRef
from schemas.night import Night, Published
from schemas.rows import Input
from segmentation.errors import ResegmentError
from segmentation.report.index.index_refresh import refresh_index
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.files.storage_failures import describe_failure
from segmentation.store.layout import edition_folder, get_home
from segmentation.store.ledger import end_row
from segmentation.store.runs.dead_runs import complete_dead_rows, has_made
from segmentation.store.runs.known_stores import remember_store
from segmentation.store.runs.staging import remove_staging
from segmentation.store.runs.sweeping import sweep_settled
from segmentation.store.typed_inputs import write_typed_inputs
from tasks.runtime.artifacts import Artifact, send_artifact
from tasks.runtime.markdown import escape_cell


def keep_records(
    night: Night, published: Published, inputs: Sequence[Input], facts: dict[str, object]
) -> list[str]:
    """Write the ledger's row and the rest, remove what is left of the run; what failed, in words."""
    failures = []
    try:
        if has_dated_files(night.definition):  # files without a date are never late
            write_typed_inputs(get_home(night), EditionRef(night.as_of, published.edition), inputs)
    except (OSError, ResegmentError) as error:
        failures.append(f"the list of its typed files is not written ({describe_failure(error)})")
    failures += _end_row(night, published, facts)
    remove_staging(night)
    remember_store(get_home(night))
    # After the ledger is complete: the index can be rebuilt at any time, the row cannot.
    if failure := refresh_index(get_home(night)):
        failures.append(failure)
    return failures + _tidy_up(night, published)


def _end_row(night: Night, published: Published, facts: dict[str, object]) -> list[str]:
    content, outcome = {"edition": published.edition, **facts}, str(published.outcome)
    try:
        if outcome == "already-published" and has_made(
            get_home(night), night.run_id, night.as_of, published.edition
        ):
            outcome = "published"
        end_row(night, outcome, content)
    except (OSError, ResegmentError):
        remove_staging(night)  # which may have filled the disk
        try:
            end_row(night, outcome, content)
        except (OSError, ResegmentError) as error:
            return [
                f"its row in the ledger is not complete ({describe_failure(error)}); "
                "run the date again to complete it"
            ]
    return []


def _tidy_up(night: Night, published: Published) -> list[str]:
    """Remove what dead runs of the date left, and complete their rows."""
    removed = sweep_settled(night)
    home = get_home(night)
    if not removed and published.outcome == "published":
        return []  # without dead runs, so the ledger need not be searched
    try:
        manifest = read_manifest(edition_folder(home, night.as_of, published.edition))
        complete_dead_rows(home, night.home, night.as_of, manifest)
    except (OSError, ResegmentError) as error:
        return [f"rows of dead runs in the ledger are not complete ({describe_failure(error)})"]
    return []


def show_unrecorded(published: Published) -> None:
    """Show in Prefect's UI what could not be written down."""
    if not published.unrecorded or FlowRunContext.get() is None:
        return
    lines = [
        f"{escape_cell(published.name)} as of {published.as_of} is {published.outcome}, but:",
        "",
        *(f"- {escape_cell(failure)}" for failure in published.unrecorded),
    ]
    description = f"Not everything about {published.as_of} could be written down"
    # The night is published, whether Prefect's server answers or not.
    with suppress(httpx.HTTPError, PrefectException):
        send_artifact(Artifact("records", lines, description), published.name)
