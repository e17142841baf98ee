"""The flow `backfill`: a range of dates in order, each a run of its own inside this one.

A date is run by flows/resegment.py. The plan and the page are in backfill_progress.py.
"""

from typing import Literal

from prefect import flow, runtime, tags
from prefect.client.schemas.objects import State

from flows.backfill_progress import DateRange, Progress, open_backfill, plan_dates
from flows.catch_up import TAG
from flows.resegment import resegment
from schemas.backfills import BackfillResult, Mode
from tasks.runtime.parameters import RangeDate


def name_backfill() -> str:
    """`article 2026-01-01 to 2026-01-31 fill`: the run's name, from its parameters."""
    parameters = runtime.flow_run.parameters
    mode = "dry run" if parameters.get("dry_run") else parameters.get("mode") or "fill"
    start, end = (parameters.get(key) or "" for key in ("start_date", "end_date"))
    days = f"{start} to {end}".strip() if start or end else "all dates"
    return f"{parameters['definition']} {days} {mode}"


@flow(flow_run_name=name_backfill, persist_result=True, result_serializer="json")
def backfill(
    definition: str,
    start_date: RangeDate = None,
    end_date: RangeDate = None,
    mode: Mode = "fill",
    on_error: Literal["stop", "continue"] = "stop",
    dry_run: bool = False,
    source: str | None = None,
    store: str | None = None,
    accept_new_ids: bool = False,
) -> BackfillResult | State[BackfillResult]:
    """Run a range of dates in order, exactly as each nightly run would have. Retry resumes where it stopped.

    Args:
        definition: Name of the segmentation, such as article.
        start_date: First date (YYYY-MM-DD). Empty with mode changed: the first published one.
        end_date: Last date (YYYY-MM-DD), not in the future; at most 1,100 dates. Empty with mode changed: the
            last published one.
        mode: fill runs the dates without a published edition, rebuild runs every date again. changed redoes
            the published dates that lack a late file, and those that build on them.
        on_error: When a date fails, stop there, or continue with the next date.
        dry_run: Only list the dates that would run.
        source: File, folder or glob to read instead of the definition's source.
        store: Folder to publish in instead of the configured one.
        accept_new_ids: Publish a date with new segment ids if the previous edition is damaged beyond repair
            or has other features. Without it, such a date fails and says what to do.
    """
    dates = DateRange(start_date, end_date)
    request = open_backfill(definition, dates=dates, source=source, store=store, mode=mode)
    progress = Progress(request, plan_dates(request), dry_run)
    for day in progress.list_days():
        force = mode == "rebuild"
        # The automations watch runs by this tag, and an inner run has only the tags that are set here.
        with tags(TAG):
            state = resegment(
                definition, day, source, store, force, accept_new_ids=accept_new_ids, return_state=True
            )
            progress.take(day, state)
        if progress.has_failed and on_error == "stop":
            break
    return progress.conclude()
