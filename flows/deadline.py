"""The flow `deadline`: fails if a night's edition is not in the store by the morning.

What the store holds is segmentation/watching.py's to tell; who is told, the automations' to decide.
"""

from datetime import UTC, datetime

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from prefect.states import Completed

from schemas.deadlines import Deadline
from segmentation.store.objects import as_place
from segmentation.watching import DeadlineMissed, judge_deadline
from tasks.runtime.parameters import AsOf, check_parameters, settle_as_of


def name_run() -> str:
    """`article 2026-01-31`: which night is looked for."""
    parameters = runtime.flow_run.parameters
    return f"{parameters['definition']} {parameters.get('as_of') or 'today'}"


@flow(flow_run_name=name_run, persist_result=True, result_serializer="json")
def deadline(definition: str, as_of: AsOf = None, store: str | None = None) -> Deadline | State[Deadline]:
    """See in the store whether the night's edition is published, and fail if it is not.

    Args:
        definition: Name of the segmentation, such as article.
        as_of: Date of the edition (YYYY-MM-DD). Empty: the scheduled day in the definition's time zone.
        store: Folder of the store instead of the configured one.
    """
    segmentation, where = check_parameters(definition, (None, store))
    scheduled = runtime.flow_run.scheduled_start_time
    day = settle_as_of(as_of, segmentation.timezone, scheduled, datetime.now(UTC))
    found = judge_deadline(as_place(where) / segmentation.name, day)
    if found.status == "missing":
        raise DeadlineMissed(found.message)
    return Completed(message=found.message, data=found)
