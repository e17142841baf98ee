"""What all stages' tasks have in common: retries that never retry a refusal, results as JSON, a line logged.

What a stage does belongs in its own file.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import get_run_logger, task
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import Task, exponential_backoff

from segmentation.errors import Conflict, OutOfMemory, Refused, StageFileGone, UnaccountedRows
from tasks.runtime.log_lines import tell_counts

P = ParamSpec("P")
R = TypeVar("R")
_FINAL = (Refused, Conflict, OutOfMemory, StageFileGone, UnaccountedRows)


def is_worth_retrying(task: Task[Any, Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Not after a refusal or a defect: the same input would end the same way."""
    try:
        state.result()
    except _FINAL:
        return False
    except Exception:
        return True
    return False


def stage(task_run_name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a stage's task. The run's name is a template over its parameters."""

    def make(function: Callable[P, R]) -> Task[P, R]:
        return options(logging_counts(function))

    options = task(
        task_run_name=task_run_name,
        retries=3,
        retry_delay_seconds=exponential_backoff(backoff_factor=2),
        retry_jitter_factor=0.5,
        retry_condition_fn=is_worth_retrying,
        # Not by the Prefect run: each stage takes the night, whose id a date of a backfill keeps.
        cache_policy=INPUTS + TASK_SOURCE,
        persist_result=True,
        result_serializer="json",
    )
    return make


def logging_counts(function: Callable[P, R]) -> Callable[P, R]:
    """The function, which logs one line of counts when it ends within a task run."""

    # wraps: Prefect takes name, signature and source, which is in the cache's key, from the function itself.
    @wraps(function)
    def call(*given: P.args, **named: P.kwargs) -> R:
        made = function(*given, **named)
        if TaskRunContext.get() is not None and (said := tell_counts(made)):
            get_run_logger().info(said)
        return made

    return call
