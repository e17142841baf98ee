"""The stack on one machine: PostgreSQL, Prefect's server, deployments, a worker, the reports' pages.

    python -m deployments.stack up|down|status

Everything listens on this machine only, and the server asks for a password that is made here. `up` starts
what does not run and leaves the rest: it is also what mends a stack of which a part has died.
"""

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer

from config.settings import SettingsError, read_settings
from deployments import database, local_server
from deployments.local_server import launch_server, server_of, stop_server
from deployments.processes import Service, StartError, find_pid, is_free, read_facts, start, stop, wait_until
from segmentation.store.objects import is_object_url

ROOT = Path(__file__).parents[1]
REPORTS_PORT = 4280


class Stack(NamedTuple):
    """Where its pid files, logs, password and results lie, where the store is, which ports it takes."""

    folder: Path
    store: str
    port: int
    reports_port: int

    @property
    def worker(self) -> Service:
        """The process that runs flows, each in a process of its own."""
        return Service("worker", self.folder, "worker start")

    @property
    def reports(self) -> Service:
        """`resegment serve-reports`."""
        return Service("reports", self.folder, "serve-reports")

    @property
    def url(self) -> str:
        """The server's API."""
        return f"http://127.0.0.1:{self.port}/api"

    def environment(self) -> dict[str, str]:
        """What the worker, its runs and `prefect` need to find server, store and results."""
        return {
            "PREFECT_API_URL": self.url,
            "PREFECT_API_AUTH_STRING": make_password(self.folder),
            "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(self.folder / "results"),
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "RESEGMENT_STORE": self.store,
            "RESEGMENT_REPORTS_URL": f"http://127.0.0.1:{self.reports_port}",
        }


def make_password(folder: Path) -> str:
    """The server's password, `resegment:…`, made once and readable by its owner only."""
    path = folder / local_server.KEY_FILE
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(f"resegment:{secrets.token_urlsafe(24)}\n")
    return path.read_text().strip()


def up(stack: Stack) -> Iterator[str]:
    """Start what does not run, in order; says what it did."""
    os.umask(0o077)
    (stack.folder / "results").mkdir(parents=True, exist_ok=True, mode=0o700)
    yield _up_server(stack)
    yield _deploy(stack)
    python, environment = sys.executable, stack.environment()
    if find_pid(stack.worker):
        yield "worker: running already"
    else:
        worker = [python, "-m", "prefect", "worker", "start", "--pool", "resegment", "--type", "process"]
        start(stack.worker, [*worker, "--name", "stack"], environment)
        yield "worker: started"
    if find_pid(stack.reports):
        yield "reports: running already"
    else:
        _check_port(stack.reports_port, "--reports-port")
        port = str(stack.reports_port)
        serve = [str(Path(python).with_name("resegment")), "serve-reports", "--port", port]
        start(stack.reports, serve, environment, port=port)
        said = f"the reports' server (its log is {stack.reports.log})"
        wait_until(lambda: not is_free(stack.reports_port), lambda: bool(find_pid(stack.reports)), said)
        yield "reports: started"
    yield f"Prefect:  http://127.0.0.1:{stack.port} (password: in {stack.folder / local_server.KEY_FILE})"
    yield f"Reports:  http://127.0.0.1:{stack.reports_port}"


def _up_server(stack: Stack) -> str:
    if find_pid(server_of(stack.folder)) and local_server.is_healthy(stack.url):
        return "server: running already"
    stop_server(stack.folder)
    _check_port(stack.port, "--port")
    url = database.named_database()
    if url is None:
        own = database.own_database(stack.folder)
        database.start_database(own)
        url = own.url
    environment = {
        "PREFECT_HOME": str(stack.folder / "prefect"),
        "PREFECT_SERVER_API_AUTH_STRING": make_password(stack.folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": url,
        # Runs and their logs are kept for 90 days, Prefect's own default, once asked for. The ledger stays.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    }
    launch_server(stack.folder, stack.port, environment)
    return "server: started"


def _deploy(stack: Stack) -> str:
    """Pool, deployments, limits and automations as this version wants them; nothing is done twice."""
    file = "deployments/prefect.yaml"
    for command in (
        ["-m", "deployments.setup"],
        ["-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file],
    ):
        with (stack.folder / "deploy.log").open("ab") as log:
            done = subprocess.run(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, **stack.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode:
            raise StartError(f"`{' '.join(command[1:])}` failed; see {stack.folder / 'deploy.log'}")
    return "deployments: up to date"


def down(stack: Stack) -> Iterator[str]:
    """Stop what runs: first the worker, so that no run loses its server."""
    for service in (stack.worker, stack.reports, server_of(stack.folder)):
        yield f"{service.name}: {'stopped' if stop(service, patience_s=30) else 'not running'}"
    if database.named_database() is None:
        own = database.own_database(stack.folder)
        yield f"database: {'stopped' if database.stop_database(own) else 'not running'}"


def status(stack: Stack) -> Iterator[tuple[str, bool]]:
    """Each part, and whether it runs."""
    if database.named_database() is None:
        yield "database", database.is_database_up(database.own_database(stack.folder))
    yield "server", local_server.is_healthy(stack.url)
    for service in (stack.worker, stack.reports):
        yield service.name, find_pid(service) is not None


def _check_port(port: int, option: str) -> None:
    if not is_free(port):
        raise StartError(f"something else listens on port {port}; stop it, or give another with {option}")


def read_stack(port: int | None = None, reports_port: int | None = None) -> Stack:
    """The stack of this machine's settings; ports as given, else as it was started, else the usual."""
    settings = read_settings()
    folder = settings.state.expanduser().absolute() / local_server.STACK
    store = settings.store if is_object_url(settings.store) else str(Path(settings.store).absolute())
    kept = Stack(folder, store, 0, 0)
    return kept._replace(
        port=port or int(read_facts(server_of(folder)).get("port", local_server.PORT)),
        reports_port=reports_port or int(read_facts(kept.reports).get("port", REPORTS_PORT)),
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.stack", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("action", choices=["up", "down", "status"])
    parser.add_argument("--port", type=int, help=f"the server's port, {local_server.PORT} by default")
    parser.add_argument("--reports-port", type=int, help=f"the reports' port, {REPORTS_PORT} by default")
    asked = parser.parse_args()
    try:
        stack = read_stack(asked.port, asked.reports_port)
        if asked.action == "status":
            found = dict(status(stack))
            for name, is_up in found.items():
                typer.echo(f"{name}: {'running' if is_up else 'not running'}")
            return 0 if all(found.values()) else 1
        for line in up(stack) if asked.action == "up" else down(stack):
            typer.echo(line)
    except (StartError, SettingsError) as error:
        typer.echo(f"stack: {error}", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
