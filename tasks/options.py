"""What all stages' tasks have in common: retries that never retry a refusal, results as JSON.

What a stage does belongs in its own file.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from segmentation.errors import Conflict, OutOfMemory, Refused, StageFileGone, UnaccountedRows

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
    return task(
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
