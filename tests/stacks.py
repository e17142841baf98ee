"""The stack of `make up`, started the way people start it, with ports and folders of the tests' own.

What runs on it is decided by each test.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings
from prefect.states import Scheduled

from config.definition import BUILT_IN
from deployments import postgres
from deployments.local_server import KEY_FILE
from deployments.pool import PREFECT_FILE
from deployments.services import pick_free_port

ROOT = Path(__file__).parents[1]
STALLING_FLOW = "tests.stalls.resegment"


class RunningStack(NamedTuple):
    """A stack that is running."""

    state: Path
    store: Path
    port: int
    reports_port: int

    @property
    def definitions(self) -> Path:
        """The folder of its definitions."""
        return self.state / "definitions"

    @property
    def stalls(self) -> Path:
        """The plan of tests/stalls.py."""
        return self.state / "stalls.json"

    @property
    def prefect_file(self) -> Path:
        """What its worker may run: the project's deployments, and the flow of tests/stalls.py."""
        return self.state / "prefect.yaml"

    def prepare(self) -> None:
        """Write what its worker reads."""
        shutil.copytree(BUILT_IN, self.definitions)
        content = yaml.safe_load(PREFECT_FILE.read_text())
        content["deployments"].append({"name": "stalls", "entrypoint": STALLING_FLOW})
        self.prefect_file.write_text(json.dumps(content))

    def call(self, action: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m deployments.stack up|down|status`."""
        ports = ["--port", str(self.port), "--reports-port", str(self.reports_port)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        folders = {
            "RESEGMENT_STATE": str(self.state),
            "RESEGMENT_STORE": str(self.store),
            "RESEGMENT_DEFINITIONS": str(self.definitions),
            "RESEGMENT_PREFECT_FILE": str(self.prefect_file),
            "RESEGMENT_ROOTS": "/",
            "STALLS": str(self.stalls),
        }
        return subprocess.run(
            [sys.executable, "-m", "deployments.stack", action, *ports],
            cwd=ROOT,
            env={**inherited, **folders, **environment},
            capture_output=True,
            text=True,
            timeout=400,
        )

    def pid(self, name: str) -> int:
        """The process id of a part."""
        return int(json.loads((self.state / "stack" / f"{name}.json").read_text())["pid"])

    @property
    def page(self) -> str:
        """The URL of the UI."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The server's password."""
        return (self.state / "stack" / KEY_FILE).read_text().strip()

    @contextmanager
    def client(self) -> Iterator[SyncPrefectClient]:
        """A client of its server."""
        settings: dict[Any, Any] = {
            PREFECT_API_URL: f"http://127.0.0.1:{self.port}/api",
            PREFECT_API_AUTH_STRING: self.password,
        }
        with temporary_settings(settings), get_client(sync_client=True) as client:
            yield client


@contextmanager
def running_stack(**environment: str) -> Iterator[RunningStack]:
    """Start a stack; afterwards stop it and remove its files. environment: for its first `up`."""
    folder = Path(tempfile.mkdtemp(prefix="stack-"))  # short: a socket's path has 107 bytes
    stack = RunningStack(folder / "state", folder / "store", pick_free_port(), pick_free_port())
    stack.prepare()
    try:
        result = stack.call("up", **environment)
        if result.returncode:
            raise RuntimeError(result.stdout + result.stderr)
        yield stack
    finally:
        stack.call("down")
        if postgres.get_configured_database() is None:
            shutil.rmtree(postgres.locate_database(stack.state / "stack").files)
        shutil.rmtree(folder)


def press_retry(client: SyncPrefectClient, run_id: UUID) -> None:
    """Do what the UI's button Retry does."""
    client.set_flow_run_state(run_id, Scheduled(name="AwaitingRetry", message="Retry from the UI"))


def wait_for_state(client: SyncPrefectClient, run_id: UUID, names: set[str], limit_s: float = 300) -> State:
    """The run's state once it has one of these names; TimeoutError after limit_s."""
    deadline = time.monotonic() + limit_s
    while True:
        state = client.read_flow_run(run_id).state
        if state is not None and state.name in names:
            return state
        if time.monotonic() > deadline:
            raise TimeoutError(f"{run_id} is {state and state.name}, not {names}")
        time.sleep(0.3)
