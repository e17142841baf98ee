"""How runs of flows that work on one date are named and run: nights, comparisons, validations and campaigns.

Their stages are in the flows themselves, resegment.py first.
"""

from typing import Any

from prefect import runtime
from prefect.task_runners import ThreadPoolTaskRunner

from config.settings import read_settings
from tasks.runtime.parameters import format_day


def name_night() -> str:
    """`article 2026-01-31`: the definition and the date, as far as parameters and schedule tell."""
    run = runtime.flow_run
    definition, as_of = run.parameters["definition"], run.parameters.get("as_of")
    return f"{definition} {format_day(definition, as_of, run.scheduled_start_time)}"


class NightTaskRunner(ThreadPoolTaskRunner[Any]):
    """Runs as many tasks at once as the setting `threads` says."""

    def duplicate(self) -> "NightTaskRunner":
        """The runner of one run. Prefect asks when a run starts, so importing a flow reads no setting."""
        return NightTaskRunner(max_workers=read_settings().threads)


# Of @flow.
NIGHT_OPTIONS: dict[str, Any] = {
    # A callable: a template would show "None" for an empty date, and overwrite a name that a person typed.
    "flow_run_name": name_night,
    # Threads: k-means releases the GIL, and a task run costs 3 to 10 ms on them, 184 ms on processes.
    "task_runner": NightTaskRunner(),
    "persist_result": True,
    "result_serializer": "json",
}
