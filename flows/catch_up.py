"""After downtime: which of the overdue runs runs, and which dates it catches up first.

Prefect starts every scheduled run that it missed, one by one. Dates in general are handled in
segmentation/backfill_plan.py; a backfill that a person starts in flows/backfill.py.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Literal
from uuid import UUID

from prefect import get_run_logger, runtime, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
)
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext

from schemas.night import Night, Unpublished
from segmentation.backfill_plan import list_missed_dates
from segmentation.store.layout import get_home

CatchUp = Literal["none", "latest", "all"]
LATE = timedelta(hours=6)
TAG = "resegment"  # the automations of deployments/notices.py watch runs with this tag, inner ones included


def reason_to_skip(as_of: date | None, catch_up: CatchUp) -> str | None:
    """Why a scheduled run is skipped, in words; None if it runs.

    Runs with an explicit date, runs that a person starts, and retries always run.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    # run_count is above 1 on a retry.
    if as_of is not None or run is None or not run.auto_scheduled or run.run_count > 1:
        return None
    scheduled, current = runtime.flow_run.scheduled_start_time, datetime.now(UTC)
    if catch_up == "none":
        return describe_delay(scheduled, current)
    newest = look_up_newer_run(run, current)
    return f"the run of {newest:%Y-%m-%d %H:%M} UTC is due too and replaces it" if newest else None


def describe_delay(scheduled: datetime, current: datetime) -> str | None:
    """That the run is too late to be caught up, in words; None if it is not."""
    if current - scheduled <= LATE:
        return None
    hours = (current - scheduled) / timedelta(hours=1)
    return f"it was scheduled {hours:.0f} hours ago, and catch_up: none skips late runs"


def look_up_newer_run(run: FlowRun, current: datetime) -> datetime | None:
    """When the deployment's newest overdue run was scheduled, if it is newer than this run."""
    if run.deployment_id is None or run.expected_start_time is None:
        return None
    due = FlowRunFilterExpectedStartTime(after_=run.expected_start_time, before_=current)
    deployment = FlowRunFilterDeploymentId(any_=[UUID(str(run.deployment_id))])
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id=deployment, expected_start_time=due)
        )
    times = [
        candidate.expected_start_time
        for candidate in runs
        if candidate.auto_scheduled
        and candidate.id != run.id
        and candidate.expected_start_time
        # A cancelled run never runs, so it replaces nothing.
        and not is_cancelled(candidate)
    ]
    return max((time for time in times if time > run.expected_start_time), default=None)


def is_cancelled(run: FlowRun) -> bool:
    """Has a person cancelled it, or asked to?"""
    return run.state is not None and (run.state.is_cancelled() or run.state.is_cancelling())


def skip_night(night: Night, reason: str) -> Unpublished:
    """The record of a skipped run. The ledger gets no row, since nothing was started."""
    message = f"Skipped {night.as_of}: {reason}"
    get_run_logger().info("%s", message)
    return Unpublished(name=night.definition.name, as_of=night.as_of, outcome="skipped", message=message)


@task(task_run_name="list missed {night.as_of}", persist_result=True, result_serializer="json")
def list_missed(night: Night) -> list[date]:
    """The dates to catch up before the night's own. Kept for a retry: the same dates in the same order."""
    missed = list_missed_dates(get_home(night), night.as_of)
    get_run_logger().info("%d dates to catch up before %s", len(missed), night.as_of)
    return missed
