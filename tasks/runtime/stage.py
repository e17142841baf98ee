"""What makes a function a stage: retries that skip refusals, results kept as JSON, a log line, artifacts.

A stage itself knows nothing of Prefect: called outside a flow run it is the plain function. Which stages
there are, and their order, is decided in flows/ alone; `list_stages` reads it from there.
"""

from collections.abc import Callable, Iterable
from functools import update_wrapper, wraps
from inspect import signature
from types import FunctionType
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import get_run_logger, task, unmapped
from prefect.cache_policies import INPUTS, TASK_SOURCE
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext, TaskRunContext
from prefect.states import Completed
from prefect.tasks import Task, exponential_backoff
from prefect.utilities.annotations import opaque

from schemas.night import Night
from schemas.record import Record
from segmentation.errors import (
    Conflict,
    ContractMismatch,
    OutOfMemory,
    Refused,
    StageFileGone,
    StorageFailed,
    UnaccountedRows,
)
from segmentation.store.files.storage_failures import RETRIED, check_mounted, plain_storage_errors
from tasks.runtime.artifacts import publish_artifacts

P = ParamSpec("P")
R = TypeVar("R", bound=Record)
_FINAL = (Refused, Conflict, ContractMismatch, OutOfMemory, StageFileGone, UnaccountedRows)


def is_worth_retrying(task: Task[Any, Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Not after a refusal or a defect: the same input would end the same way."""
    try:
        state.result()
    # The result raises what the stage raised; only its class matters here.
    except _FINAL:
        return False
    except StorageFailed as error:
        return error.code == RETRIED
    except Exception:
        return True
    return False


class Stage(Generic[P, R]):
    """A stage of a flow: within a flow run a Prefect task, anywhere else the plain function.

    Its first parameter is the night. `name` is the first word of its task runs' names.
    """

    def __init__(self, function: Callable[P, R], task_run_name: str) -> None:
        self.name = task_run_name.split(" ")[0]
        self.function = function
        self.task = task(
            task_run_name=task_run_name,
            retries=3,
            retry_delay_seconds=exponential_backoff(backoff_factor=2),
            retry_jitter_factor=0.5,
            retry_condition_fn=is_worth_retrying,
            # Without the Prefect run's id: every stage takes the night, and a date of a backfill keeps
            # its night's id over retries of the backfill.
            cache_policy=INPUTS + TASK_SOURCE,
            persist_result=True,
            result_serializer="json",
        )(_presenting(function))
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the stage once."""
        if not _is_in_flow_run():
            return self.function(*args, **kwargs)
        # Opaque: Prefect would look for other tasks' futures in every field of every record, twice.
        return self.task(*map(opaque, args), **kwargs)  # type: ignore[arg-type]

    def skip(self, night: Night, reason: str) -> None:
        """Show that the stage does not run tonight, and why: in the UI, a task run in state Skipped."""
        if _is_in_flow_run():
            _skip.with_options(task_run_name=f"{self.name} {night.as_of}")(reason)

    def for_each(self, items: Iterable[Any], *fixed: object) -> list[R]:
        """Run the stage once per item, at the same time in a flow run. `fixed` are the leading arguments."""
        if not _is_in_flow_run():
            return [self.function(*fixed, item) for item in items]  # type: ignore[arg-type,call-arg]
        # Without unmapped, Prefect would split arrays by rows and frames by columns.
        records: list[R] = self.task.map(*map(unmapped, fixed), list(items)).result()
        return records


def stage(task_run_name: str) -> Callable[[Callable[P, R]], Stage[P, R]]:
    """Make a function a stage. The name of its task runs is a template over its parameters."""
    return lambda function: Stage(function, task_run_name)


def list_stages(function: Callable[..., Any]) -> tuple[Stage[Any, Any], ...]:
    """The stages that a function calls, in the order of its lines; functions of its module are followed.

    One call per line: of nested calls the outer one is listed first. Calls inside comprehensions are not
    seen; use `for_each` instead.
    """
    stages: dict[Stage[Any, Any], None] = {}
    code, module = function.__code__, function.__globals__
    # co_names has each name once, in the order of first use.
    for name in code.co_names:
        value = module.get(name)
        if isinstance(value, Stage):
            stages[value] = None
        elif isinstance(value, FunctionType) and value.__module__ == function.__module__:
            stages.update(dict.fromkeys(list_stages(value)))
    return tuple(stages)


@task(persist_result=False)
def _skip(reason: str) -> State[None]:
    get_run_logger().info("skipped: %s", reason)
    return Completed(name="Skipped", message=reason)


def _is_in_flow_run() -> bool:
    return FlowRunContext.get() is not None


def _presenting(function: Callable[P, R]) -> Callable[P, R]:
    """The function, followed in a task run by its record's log line and artifacts."""

    # wraps: Prefect takes name, signature and source (part of the cache key) from the function itself.
    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        night = signature(function).bind(*args, **kwargs).arguments["night"]
        check_mounted(night.home)
        with plain_storage_errors(night.home):
            record = function(*args, **kwargs)
        if TaskRunContext.get() is not None:
            if record.log_line:
                get_run_logger().info(record.log_line)
            publish_artifacts(record, night)
        return record

    return run
