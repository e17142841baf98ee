"""After downtime: which of the runs that are due now runs, and which dates it makes up before its own.

Prefect starts every scheduled run that it missed, one by one. What a range of dates is belongs to
segmentation/backfilling.py; a person's backfill to flows/backfill.py.
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
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.states import Completed

from schemas.records import Night, Unpublished
from segmentation.backfilling import find_missed
from segmentation.store.layout import find_home

CatchUp = Literal["none", "latest", "all"]
LATE = timedelta(hours=6)
TAG = "resegment"  # the automations of deployments/setup.py look at runs with this tag, also inside another


def find_reason_to_skip(asked: date | None, catch_up: CatchUp) -> str | None:
    """Why this run gives way, in words; None if it runs.

    Only a run that the schedule made and that starts for the first time gives way: a date asked for,
    a run that a person starts, and a retry always run.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if asked is not None or run is None or not run.auto_scheduled or run.run_count > 1:
        return None
    scheduled, now = runtime.flow_run.scheduled_start_time, datetime.now(UTC)
    if catch_up == "none":
        return tell_late(scheduled, now)
    newer = find_newer(run, now)
    return f"the run of {newer:%Y-%m-%d %H:%M} UTC is due too and takes its place" if newer else None


def tell_late(scheduled: datetime, now: datetime) -> str | None:
    """That the run is too late to be made up, in words; None if it is not."""
    if now - scheduled <= LATE:
        return None
    hours = (now - scheduled) / timedelta(hours=1)
    return f"it was scheduled {hours:.0f} hours ago, and catch_up: none makes up no missed night"


def find_newer(run: FlowRun, now: datetime) -> datetime | None:
    """When the newest scheduled run of this deployment was due, if one is due after this run."""
    if run.deployment_id is None or run.expected_start_time is None:
        return None
    due = FlowRunFilterExpectedStartTime(after_=run.expected_start_time, before_=now)
    deployment = FlowRunFilterDeploymentId(any_=[UUID(str(run.deployment_id))])
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(deployment_id=deployment, expected_start_time=due)
        )
    times = [
        one.expected_start_time
        for one in runs
        if one.auto_scheduled and one.id != run.id and one.expected_start_time and not is_off(one)
    ]
    return max((time for time in times if time > run.expected_start_time), default=None)


def is_off(run: FlowRun) -> bool:
    """Has a person cancelled it?"""
    return run.state is not None and (run.state.is_cancelled() or run.state.is_cancelling())


def skip_night(night: Night, reason: str) -> State[Unpublished]:
    """The state of a run that gives way. The ledger has no row of it: nothing was begun."""
    said = f"Skipped {night.as_of}: {reason}"
    get_run_logger().info("%s", said)
    ended = Unpublished(name=night.segmentation.name, as_of=night.as_of, outcome="skipped", message=said)
    return Completed(name="Skipped", message=said, data=ended)


@task(task_run_name="list missed {night.as_of}", persist_result=True, result_serializer="json")
def list_missed(night: Night) -> list[date]:
    """The dates to make up before the night's own. Kept for a retry: the same dates in the same order."""
    missed = find_missed(find_home(night), night.as_of)
    get_run_logger().info("%d dates to make up before %s", len(missed), night.as_of)
    return missed
