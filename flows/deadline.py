"""The flow `deadline`: fails if a night's edition is not in the store by the morning.

The store is read in segmentation/deadline_check.py. Who is notified is set up in deployments/notices.py.
"""

from datetime import UTC, datetime

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from schemas.deadlines import Deadline
from segmentation.deadline_check import DeadlineMissed, check_deadline
from segmentation.store.files.objects import parse_path
from segmentation.store.runs.sweeping import sweep_store
from tasks.runtime.parameters import AsOf, check_parameters, resolve_as_of


def name_deadline() -> str:
    """`article 2026-01-31`: which night is checked."""
    parameters = runtime.flow_run.parameters
    return f"{parameters['definition']} {parameters.get('as_of') or 'today'}"


@flow(flow_run_name=name_deadline, persist_result=True, result_serializer="json")
def deadline(definition: str, as_of: AsOf = None, store: str | None = None) -> Deadline | State[Deadline]:
    """Fail unless the night's edition is published in the store.

    Args:
        definition: Name of the segmentation, such as article.
        as_of: Date of the edition (YYYY-MM-DD). Empty: the scheduled day in the definition's time zone.
        store: Folder of the store instead of the configured one.
    """
    parameters = check_parameters(definition, source=None, store=store)
    scheduled = runtime.flow_run.scheduled_start_time
    day = resolve_as_of(as_of, parameters.definition.timezone, scheduled, datetime.now(UTC))
    sweep_store(parse_path(parameters.store))
    # The store and not Prefect: a run whose server died may have published and be recorded as failed.
    check = check_deadline(parse_path(parameters.store) / parameters.definition.name, day)
    if not check.is_met:
        raise DeadlineMissed(check.message)
    return Completed(message=check.message, data=check)
