"""Progress of a flow run on the terminal: a bar of stages, or one line for each.

Running the flow is in flow_runs.py. The stages are the flow's own, see tasks/runtime/stage.py.
"""

import logging
import time
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TimeElapsedColumn


class StageProgress(logging.Handler):
    """Shows stages as they finish, from the lines that Prefect logs about task runs.

    A bar on a terminal, otherwise one line for each finished task. Tracebacks stay in Prefect's log.
    """

    def __init__(self, console: Console, task_counts: Mapping[str, int]) -> None:
        super().__init__(logging.INFO)
        self.console = console
        self.task_counts = task_counts
        self.began = time.monotonic()
        columns = (SpinnerColumn(), "{task.description}", BarColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.step = self.bar.add_task(next(iter(task_counts), ""), total=sum(task_counts.values()))

    def emit(self, record: logging.LogRecord) -> None:
        """Show one log record."""
        name = getattr(record, "task_run_name", "") or ""
        message = record.getMessage()
        if record.levelno >= logging.WARNING and "Retry" in message and name:
            retry = message[message.rindex("Retry") :]
            self.console.print(f"{name}: failed, {retry}", style="yellow", markup=False, highlight=False)
        stage = name.split(" ")[0]
        # One task run stands for all of a skipped stage.
        is_skipped = "Finished in state Skipped" in message
        if stage in self.task_counts and (is_skipped or "Finished in state Completed" in message):
            advance = self.task_counts[stage] if is_skipped else 1
            self.bar.update(self.step, advance=advance, description=name)
            if not self.console.is_terminal:
                seconds = time.monotonic() - self.began
                line = f"{seconds:7.1f} s  {name}{' (skipped)' if is_skipped else ''}"
                self.console.print(line, markup=False, highlight=False)


class FlowLines(logging.Handler):
    """Shows the lines that a flow run itself logs, such as a backfill's line for each date."""

    def __init__(self, console: Console, flow_name: str) -> None:
        super().__init__(logging.INFO)
        self.console, self.flow_name = console, flow_name

    def emit(self, record: logging.LogRecord) -> None:
        """Show one log record, unless it comes from Prefect's engine or from a task."""
        is_of_flow = getattr(record, "flow_name", None) == self.flow_name
        is_of_prefect = record.module == "flow_engine" or record.name.startswith("prefect.task")
        if is_of_flow and not is_of_prefect:
            self.console.print(record.getMessage(), markup=False, highlight=False)
