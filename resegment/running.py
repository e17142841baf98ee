"""Running a flow from the command: a server found or started, progress shown, how it ended.

The command's words and options are cli.py's, the flows are in flows/, imported only when they are run.
"""

import atexit
import logging
import os
import threading
import time
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TimeElapsedColumn

from config.settings import Settings
from schemas.record import Record

CHOOSING = ("scale", "sweep", "score", "weigh", "choose")
STAGES = ("ingest", "summarise", "recall", *CHOOSING, "fit", "align", "check", "report", "publish")
COMPARISON_STAGES = ("ingest", "summarise", *CHOOSING, "challenge", "tabulate")
_ENVIRONMENT = {
    # One thread per fit and pass: parallelism is over k and over parts.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
    # The command shows progress and the final message itself; Prefect's lines still reach its server.
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
}


class Request(NamedTuple):
    """What to run: the flow, by the name that its module shares, its parameters, its stages, its tasks."""

    flow: str
    parameters: dict[str, Any]
    stages: Sequence[str]
    steps: int


class StageProgress(logging.Handler):
    """Shows stages as they end, from the lines that Prefect's task runs log.

    On a terminal a bar, elsewhere a line for each stage. Tracebacks stay in Prefect's own log.
    """

    def __init__(self, console: Console, request: Request) -> None:
        super().__init__(logging.INFO)
        self.console = console
        self.stages = frozenset(request.stages)
        self.began = time.monotonic()
        columns = (SpinnerColumn(), "{task.description}", BarColumn(), TimeElapsedColumn())
        self.bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.step = self.bar.add_task(request.stages[0], total=request.steps)

    def emit(self, record: logging.LogRecord) -> None:
        """Show one log record."""
        name = getattr(record, "task_run_name", "") or ""
        message = record.getMessage()
        if record.levelno >= logging.WARNING and "Retry" in message and name:
            tries = message[message.rindex("Retry") :]
            self.console.print(f"{name}: failed, {tries}", style="yellow", markup=False, highlight=False)
        elif "Finished in state Completed" in message and name.split(" ")[0] in self.stages:
            self.bar.update(self.step, advance=1, description=name)
            if not self.console.is_terminal:
                seconds = time.monotonic() - self.began
                self.console.print(f"{seconds:7.1f} s  {name}", markup=False, highlight=False)


def prepare_environment() -> None:
    """Set what must be set before numpy and Prefect are imported, unless a person has."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


def use_server(flow: str, settings: Settings, console: Console) -> None:
    """A Prefect server for the run: the one that is up, else one that ends with this process.

    The embedded one starts first, and the flow's module is imported while it does.
    """
    from deployments import local_server

    state = settings.state.expanduser()
    url = local_server.find_server(state)
    if url is not None:
        os.environ["PREFECT_API_URL"] = url
        if password := local_server.find_password(state, url):
            os.environ.setdefault("PREFECT_API_AUTH_STRING", password)
        # Needed in the sweep only: imported while the first stages read, parse and compress.
        threading.Thread(target=import_module, args=("sklearn.cluster",), daemon=True).start()
        return
    console.print(
        "Starting Prefect's embedded server for this run (about 10 s; 'resegment up' keeps one running).",
        highlight=False,
    )
    url, process = local_server.start_embedded()
    # Registered before Prefect is imported, so it runs after Prefect has sent its last log lines.
    atexit.register(local_server.stop_embedded, process)
    os.environ["PREFECT_API_URL"] = url

    import sklearn.cluster  # noqa: F401 - takes seconds, as the next does, while the server starts

    import_module(flow)
    local_server.wait_until_healthy(url, process)


class LineProgress(logging.Handler):
    """Shows the lines that a flow run itself logs under its name: a backfill's, one for each date."""

    def __init__(self, console: Console, flow: str) -> None:
        super().__init__(logging.INFO)
        self.console, self.flow = console, flow

    def emit(self, record: logging.LogRecord) -> None:
        """Show one log record, unless it is Prefect's own."""
        if getattr(record, "flow_name", None) == self.flow and not record.name.startswith("prefect.task"):
            if record.module == "flow_engine":
                return
            self.console.print(record.getMessage(), markup=False, highlight=False)


def run_flow(request: Request, settings: Settings, console: Console) -> Record:
    """Run the flow in this process and return its record; raises what refused or stopped it."""
    module = f"flows.{request.flow}"
    prepare_environment()
    use_server(module, settings, console)
    flow = getattr(import_module(module), request.flow)

    progress, lines = StageProgress(console, request), LineProgress(console, request.flow)
    logger, flow_logger = logging.getLogger("prefect.task_runs"), logging.getLogger("prefect.flow_runs")
    logger.addHandler(progress)
    flow_logger.addHandler(lines)
    try:
        with progress.bar:
            ended: Record = flow(**request.parameters)
            return ended
    finally:
        logger.removeHandler(progress)
        flow_logger.removeHandler(lines)
