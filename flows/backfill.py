"""The flow `backfill`: a range of dates, in order, each a run of its own inside this one.

What a date's run does is flows/resegment.py's; what is planned and shown flows/backfill_progress.py's.
"""

from typing import Literal

from prefect import flow, runtime, tags
from prefect.client.schemas.objects import State

from flows.backfill_progress import Progress, open_backfill, plan_dates
from flows.catch_up import TAG
from flows.resegment import resegment
from schemas.backfills import Backfilled, Mode
from tasks.runtime.parameters import Day


def name_run() -> str:
    """`article 2026-01-01 to 2026-01-31 fill`: what the run is for, as far as its parameters say."""
    parameters = runtime.flow_run.parameters
    what = "dry run" if parameters.get("dry_run") else parameters.get("mode") or "fill"
    return f"{parameters['definition']} {parameters['start_date']} to {parameters['end_date']} {what}"


@flow(flow_run_name=name_run, persist_result=True, result_serializer="json")
def backfill(
    definition: str,
    start_date: Day,
    end_date: Day,
    mode: Mode = "fill",
    on_error: Literal["stop", "continue"] = "stop",
    dry_run: bool = False,
    source: str | None = None,
    store: str | None = None,
) -> Backfilled | State[Backfilled]:
    """Run a range of dates in order, as the nights themselves would have run. Retry goes on where it was.

    Args:
        definition: Name of the segmentation, such as article.
        start_date: First date (YYYY-MM-DD).
        end_date: Last date (YYYY-MM-DD), not in the future; at most 1,100 dates.
        mode: fill runs the dates that have no published edition, rebuild runs every date again.
        on_error: When a date fails, stop there, or continue with the next date.
        dry_run: Only tell which dates would run.
        source: File, folder or glob to read instead of the definition's source.
        store: Folder to publish in instead of the configured one.
    """
    asked = open_backfill(definition, (start_date, end_date), (source, store), mode)
    progress = Progress(asked, plan_dates(asked), dry_run)
    for day in progress.list_days():
        force = mode == "rebuild"
        with tags(TAG):
            progress.take(day, resegment(definition, day, source, store, force, return_state=True))
        if progress.has_failed and on_error == "stop":
            break
    return progress.conclude()
