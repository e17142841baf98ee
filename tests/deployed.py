"""A Prefect server, deployments and a process worker of the tests' own, each a real process.

Used where the server's services matter (scheduler, automations, UI); other tests share conftest's server.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from deployments.local_server import wait_until_healthy
from deployments.services import pick_free_port

ROOT = Path(__file__).parents[1]
SERVER = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1"]


class Deployed(NamedTuple):
    """A running server, and the environment that leads to it."""

    port: int
    environment: dict[str, str]
    folder: Path

    @property
    def page(self) -> str:
        """Where the UI is."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, *arguments: str, limit_s: float = 250) -> subprocess.CompletedProcess[str]:
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
        """What `make deploy` does: the lines that setup says."""
        done = self.call("-m", "deployments.setup")
        assert done.returncode == 0, done.stderr
        file = "deployments/prefect.yaml"
        told = self.call("-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file)
        assert told.returncode == 0, told.stdout + told.stderr
        return done.stdout.splitlines()

    @contextmanager
    def worker(self) -> Iterator[int]:
        """A process worker of the pool: its process id."""
        command = ["-m", "prefect", "worker", "start", "--pool", "resegment", "--type", "process"]
        with started([*command, "--name", "tests"], self.environment, self.folder / "worker.log") as process:
            yield process.pid


@contextmanager
def started(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=log.parent, env=environment, stdout=out, stderr=out
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running(folder: Path, database: str | None = None, **more: str) -> Iterator[Deployed]:
    """A server on a free port, on this database or an SQLite file of its own."""
    port = pick_free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PREFECT_", "RESEGMENT_"))
        },
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(folder / "results"),
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "RESEGMENT_STORE": str(folder / "store"),
        "RESEGMENT_STATE": str(folder / "state"),
        **({"PREFECT_SERVER_DATABASE_CONNECTION_URL": database} if database else {}),
        **more,
    }
    command = [*SERVER, "--port", str(port), "--log-level", "warning"]
    with started(command, environment, folder / "server.log") as process:
        wait_until_healthy(url, process)
        yield Deployed(port, environment, folder)


@contextmanager
def postgres_for_prefect(folder: Path) -> Iterator[str]:
    """A PostgreSQL of the system's, which has the pg_trgm that Prefect needs, on a socket: its URL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    programs = Path(shutil.which("pg_ctl") or (found[-1] if found else "")).parent
    if not (programs / "initdb").is_file():
        pytest.skip("no PostgreSQL on this machine; apt-get install postgresql")
    home = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path must be short
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(home, user)

    def call(program: str, *arguments: str) -> None:
        with (folder / "postgres.log").open("ab") as log:  # not a pipe: the server would keep it open
            command = [str(programs / program), "-D", str(home / "data"), *arguments]
            subprocess.run(command, cwd=home, user=user, stdout=log, stderr=log, check=True)

    call("initdb", "--username=prefect", "--auth=trust")
    call("pg_ctl", "start", "--wait", "--options", f"-c listen_addresses= -c unix_socket_directories={home}")
    try:
        yield f"postgresql+asyncpg://prefect@/postgres?host={home}"
    finally:
        call("pg_ctl", "stop", "--wait", "--mode", "immediate")
        shutil.rmtree(home)
