"""Running a flow in this process: a Prefect server is found or started, and progress is shown.

Each command imports its own flow. Progress bars are in progress.py.

    server = connect_server(settings, console)
    from flows.compare import compare  # takes seconds, during which an embedded server starts
    record = server.run(compare, parameters, count_task_runs(compare, sweep=9))
"""

import atexit
import logging
import os
import subprocess
import threading
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Console

from config.settings import NO_RETRY, Settings
from resegment.progress import FlowLines, StageProgress
from schemas.record import Record

if TYPE_CHECKING:
    from prefect import Flow

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


class PrefectServer(NamedTuple):
    """The server that records this process's runs. process: an embedded one that may still be starting."""

    console: Console
    url: str
    process: subprocess.Popen[bytes] | None

    def run(
        self, flow: "Flow[..., Any]", parameters: dict[str, Any], task_counts: Mapping[str, int]
    ) -> Record:
        """Run the flow in this process and return its record; its exceptions pass through.

        task_counts: how many task runs each stage has, for the progress bar.
        """
        if self.process is not None:
            from deployments.local_server import wait_until_healthy

            # While the server starts, this import costs no time.
            _import_sklearn()
            wait_until_healthy(self.url, self.process)
        progress, lines = StageProgress(self.console, task_counts), FlowLines(self.console, flow.name)
        task_logger = logging.getLogger("prefect.task_runs")
        flow_logger = logging.getLogger("prefect.flow_runs")
        # Prefect logs every task run's end, in this process and in order, so no request is
        # needed for the bar.
        task_logger.addHandler(progress)
        flow_logger.addHandler(lines)
        try:
            with progress.bar:
                record: Record = flow(**parameters)
                return record
        finally:
            task_logger.removeHandler(progress)
            flow_logger.removeHandler(lines)


def connect_server(settings: Settings, console: Console) -> PrefectServer:
    """The Prefect server that is running, or else an embedded one that ends with this process.

    Call it before importing a flow: it sets what numpy and Prefect read when they are imported.
    """
    from deployments import local_server

    prepare_environment()
    state = settings.state.expanduser()
    url = local_server.look_up_server(state)
    if url is not None:
        os.environ["PREFECT_API_URL"] = url
        if password := local_server.look_up_password(state, url):
            os.environ.setdefault("PREFECT_API_AUTH_STRING", password)
        # Only the sweep needs it, so it can load while the first stages read, parse and compress.
        threading.Thread(target=_import_sklearn, daemon=True).start()
        return PrefectServer(console, url, None)
    console.print(
        "Starting an embedded Prefect server for this run (about 10 s; 'resegment up' keeps one running).",
        highlight=False,
    )
    url, process = local_server.start_embedded_server()
    # Registered before Prefect is imported, so it runs after Prefect has sent its last log lines.
    atexit.register(local_server.stop_embedded_server, process)
    os.environ["PREFECT_API_URL"] = url
    os.environ[NO_RETRY] = "1"
    return PrefectServer(console, url, process)


def count_task_runs(flow: "Flow[..., Any]", **mapped: int) -> dict[str, int]:
    """Task runs by stage, in the flow's order. `mapped` are stages that run once per item: how many items."""
    from tasks.runtime.stage import list_stages

    counts = Counter(stage.name for stage in list_stages(flow.fn))
    counts.update({name: items - 1 for name, items in mapped.items()})
    return counts


def prepare_environment() -> None:
    """Set what must be set before numpy and Prefect are imported, unless the user has set it."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", category=DeprecationWarning)


def _import_sklearn() -> None:
    import sklearn.cluster  # noqa: F401 - takes seconds
