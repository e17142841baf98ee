"""A Prefect server of the tests' own with deployments and a process worker, each a real process.

Used where the server's services matter (scheduler, automations, UI). Other tests share conftest's server.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import httpx
import pytest

from bench.server import build_environment, running_process, serve_prefect
from deployments.postgres import ACCOUNT, Database, locate_programs, start_database
from deployments.services import StartError, pick_free_port

ROOT = Path(__file__).parents[1]
FINAL_STATES = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
T = TypeVar("T")


class DeployedServer(NamedTuple):
    """A running server, and the environment that leads to it."""

    port: int
    environment: dict[str, str]
    folder: Path

    @property
    def page(self) -> str:
        """The URL of the UI."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, *arguments: str, limit_s: float = 500) -> subprocess.CompletedProcess[str]:
        """Run `python …` in the project's folder, in this environment."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=limit_s,
        )

    def deploy(self) -> list[str]:
        """Do what `make deploy` does; returns the lines that setup prints."""
        setup = self.call("-m", "deployments.setup")
        assert setup.returncode == 0, setup.stderr
        file = "deployments/prefect.yaml"
        deploy = self.call("-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file)
        assert deploy.returncode == 0, deploy.stdout + deploy.stderr
        return setup.stdout.splitlines()

    @contextmanager
    def worker(self) -> Iterator[int]:
        """A process worker of the pool: its process id."""
        command = [sys.executable, "-m", "deployments.worker", "start", "--name", "tests"]
        with running_process(command, self.environment, self.folder / "worker.log") as process:
            yield process.pid

    def post(self, path: str, /, **body: Any) -> Any:
        """POST to the API: the decoded response."""
        response = httpx.post(f"{self.page}/api/{path}", json=body, timeout=60)
        assert response.is_success, response.text
        return response.json()

    def read_run(self, run_id: str) -> dict[str, Any]:
        """A flow run as the API has it."""
        return dict(httpx.get(f"{self.page}/api/flow_runs/{run_id}", timeout=60).json())

    def get_final_state(self, run_id: str) -> dict[str, Any] | None:
        """The state of a run that has ended, None until then."""
        state = self.read_run(run_id)["state"]
        return dict(state) if state["type"] in FINAL_STATES else None

    def start_run(self, deployment_name: str, **parameters: str) -> str:
        """Create a run of a deployment as its form does: the run's id."""
        names = {"name": {"any_": [deployment_name]}}
        (deployment,) = self.post("deployments/filter", deployments=names)
        run = self.post(f"deployments/{deployment['id']}/create_flow_run", parameters=parameters)
        return str(run["id"])


def wait_for(get_value: Callable[[], T], limit_s: float = 300) -> T:
    """The first true value, or the last value after limit_s: generous, for slow machines."""
    deadline = time.monotonic() + limit_s
    while not (value := get_value()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return value


@contextmanager
def running_deployed_server(
    folder: Path, database: str | None = None, **settings: str
) -> Iterator[DeployedServer]:
    """A server on a free port, with this database or an SQLite file of its own."""
    port = pick_free_port()
    environment = {
        **build_environment(folder, port),
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(folder / "results"),
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "RESEGMENT_STORE": str(folder / "store"),
        "RESEGMENT_STATE": str(folder / "state"),
        **({"PREFECT_SERVER_DATABASE_CONNECTION_URL": database} if database else {}),
        **settings,
    }
    with serve_prefect(folder, port, environment):
        yield DeployedServer(port, environment, folder)


@contextmanager
def running_postgres() -> Iterator[str]:
    """A PostgreSQL of the system's packages, which has the pg_trgm that Prefect needs: its URL."""
    try:
        programs = locate_programs()
    except StartError as error:
        pytest.skip(str(error))
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    database = Database(programs, home, ACCOUNT if os.geteuid() == 0 else None)
    try:
        start_database(database)
        yield database.url
    finally:
        database.call("pg_ctl", "stop", "--wait", "--mode", "immediate")
        shutil.rmtree(home)
