"""The stack on one machine: PostgreSQL, Prefect's server, deployments, a worker, the reports' pages.

    python -m deployments.stack up|down|status

Everything listens on this machine only, and the server asks for a password that is made here. `up` starts
what does not run and leaves the rest: it is also what mends a stack of which a part has died.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from config.settings import SettingsError
from deployments import local_server, postgres
from deployments.local_server import launch_server, server_service, stop_server
from deployments.services import Service, StartError, get_pid, is_port_free, read_facts, start, stop, wait_until
from deployments.stack_config import REPORTS_PORT, Stack, lock_stack, ensure_password, read_stack

ROOT = Path(__file__).parents[1]


def up(stack: Stack) -> Iterator[str]:
    """Start what does not run, in order; says what it did."""
    umask = os.umask(0o077)
    (stack.folder / "results").mkdir(parents=True, exist_ok=True, mode=0o700)
    yield _up_server(stack)
    yield _deploy(stack)
    worker = ["-m", "prefect", "worker", "start", "--pool", "resegment", "--type", "process"]
    # What runs publish is for whom the caller's umask lets read it; the stack's own files are private.
    yield ensure_service(stack, stack.worker, [sys.executable, *worker, "--name", "stack"], umask, url=stack.url)
    prefect = f"Prefect:  http://127.0.0.1:{stack.port} (password: in {stack.folder / local_server.KEY_FILE})"
    if not stack.has_reports:
        yield prefect
        yield "Reports:  none; the store is a bucket, which has means of its own to show pages"
        return
    port = str(stack.reports_port)
    serve = [str(Path(sys.executable).with_name("resegment")), "serve-reports", "--port", port]
    yield ensure_service(stack, stack.reports, serve, umask, port=port)
    said = f"the reports' server (its log is {stack.reports.log})"
    wait_until(lambda: not is_port_free(stack.reports_port), lambda: bool(get_pid(stack.reports)), said)
    yield prefect
    yield f"Reports:  {stack.reports_url}"


def ensure_service(stack: Stack, service: Service, command: list[str], umask: int, **facts: str) -> str:
    """Start it, or again if it was started for another store or port."""
    facts["store"] = stack.store
    there = get_pid(service) is not None
    if there and facts.items() <= read_facts(service).items():
        return f"{service.name}: running already"
    stop(service, patience_s=30)
    if "port" in facts:
        _check_port(int(facts["port"]), "--reports-port")
    start(service, command, stack.environment(), umask, **facts)
    return f"{service.name}: {'started again, for another store or port' if there else 'started'}"


def _up_server(stack: Stack) -> str:
    url = postgres.get_configured_database()
    if url is None:
        own = postgres.locate_database(stack.folder)
        if postgres.start_database(own):
            stop_server(stack.folder)  # one that outlived its database holds connections to the dead one
        url = own.url
    if get_pid(server_service(stack.folder)) and local_server.is_healthy(stack.url):
        return "server: running already"
    stop_server(stack.folder)
    _check_port(stack.port, "--port")
    environment = {
        "PREFECT_HOME": str(stack.folder / "prefect"),
        "PREFECT_SERVER_API_AUTH_STRING": ensure_password(stack.folder),
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
    for service in (stack.worker, stack.reports, server_service(stack.folder)):
        yield f"{service.name}: {'stopped' if stop(service, patience_s=30) else 'not running'}"
    if postgres.get_configured_database() is None:
        own = postgres.locate_database(stack.folder)
        yield f"database: {'stopped' if postgres.stop_database(own) else 'not running'}"


def status(stack: Stack) -> Iterator[tuple[str, bool]]:
    """Each part, and whether it runs."""
    if postgres.get_configured_database() is None:
        yield "database", postgres.is_database_up(postgres.locate_database(stack.folder))
    yield "server", local_server.is_healthy(stack.url)
    for service in (stack.worker, stack.reports) if stack.has_reports else (stack.worker,):
        yield service.name, get_pid(service) is not None


def _check_port(port: int, option: str) -> None:
    if not is_port_free(port):
        raise StartError(f"something else listens on port {port}; stop it, or give another with {option}")


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
        with lock_stack(stack):
            for line in up(stack) if asked.action == "up" else down(stack):
                typer.echo(line)
    except (StartError, SettingsError) as error:
        typer.echo(f"stack: {error}", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
