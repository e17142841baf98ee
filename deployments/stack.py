"""The stack on one machine: PostgreSQL, Prefect's server, deployments, a worker, the reports' server.

    python -m deployments.stack up|down|status

Everything listens on this machine only, and the server asks for a password that `up` creates. `up` starts
what is not running and leaves the rest alone, so it also repairs a stack that has lost a part.
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
from deployments.services import (
    Service,
    StartError,
    get_pid,
    is_port_free,
    read_pid_file,
    start_service,
    stop_service,
    wait_until,
)
from deployments.stack_config import REPORTS_PORT, Stack, ensure_password, lock_stack, read_stack

ROOT = Path(__file__).parents[1]


def start_stack(stack: Stack) -> Iterator[str]:
    """Start what is not running, in order, and yield a line about each part."""
    # Everything that the stack writes, logs included, is for its owner alone.
    umask = os.umask(0o077)
    (stack.folder / "results").mkdir(parents=True, exist_ok=True, mode=0o700)
    yield _ensure_server(stack)
    # The worker starts after this: without its pool it would create one with a default template.
    yield _deploy(stack)
    worker = [sys.executable, "-m", "deployments.worker", "start", "--name", "stack"]
    # Published files keep the caller's umask; the stack's own files are private. `kind` replaces the worker
    # of an earlier version, which ran whatever the server said.
    yield ensure_service(stack, stack.worker, worker, umask, url=stack.url, kind="closed")
    address = f"Prefect:  http://127.0.0.1:{stack.port} (password: in {stack.folder / local_server.KEY_FILE})"
    if not stack.has_reports:
        yield address
        yield "Reports:  not served; the store is a bucket, whose pages its provider can serve"
        return
    port = str(stack.reports_port)
    command = [str(Path(sys.executable).with_name("resegment")), "serve-reports", "--port", port]
    yield ensure_service(stack, stack.reports, command, umask, port=port)
    label = f"the reports' server (its log is {stack.reports.log})"
    wait_until(lambda: not is_port_free(stack.reports_port), lambda: bool(get_pid(stack.reports)), label)
    yield address
    yield f"Reports:  {stack.reports_url}"


def ensure_service(stack: Stack, service: Service, command: list[str], umask: int, **facts: str) -> str:
    """Start the service, or restart it if it was started for another store or port."""
    # Kept in the pid file, so that the next `up` notices a changed store and restarts what
    # serves the old one.
    facts["store"] = stack.store
    was_running = get_pid(service) is not None
    if was_running and facts.items() <= read_pid_file(service).items():
        return f"{service.name}: running already"
    stop_service(service, patience_s=30)
    if "port" in facts:
        _check_port(int(facts["port"]), "--reports-port")
    start_service(service, command, stack.environment(), umask, **facts)
    return f"{service.name}: {'restarted, for another store, port or version' if was_running else 'started'}"


def _ensure_server(stack: Stack) -> str:
    url = postgres.get_configured_database()
    if url is None:
        database = postgres.locate_database(stack.folder)
        if postgres.start_database(database):
            stop_server(stack.folder)  # it outlived its database and holds connections to the dead one
        url = database.url
    if get_pid(server_service(stack.folder)) and local_server.is_healthy(stack.url):
        return "server: running already"
    stop_server(stack.folder)
    _check_port(stack.port, "--port")
    environment = {
        "PREFECT_HOME": str(stack.folder / "prefect"),
        "PREFECT_SERVER_API_AUTH_STRING": ensure_password(stack.folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": url,
        # Prefect then deletes runs and logs after 90 days, its default. The ledger keeps every run.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    }
    launch_server(stack.folder, stack.port, environment)
    return "server: started"


def _deploy(stack: Stack) -> str:
    """Bring pool, automations, deployments and limits up to date with this version."""
    # Prefect resolves the file's entrypoints from the working folder, so this works from the root only.
    deploy = "-m prefect --no-prompt deploy --all --prefect-file deployments/prefect.yaml"
    for command in (["-m", "deployments.setup"], deploy.split()):
        with (stack.folder / "deploy.log").open("ab") as log:
            process = subprocess.run(
                [sys.executable, *command],
                cwd=ROOT,
                env={**os.environ, **stack.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        if process.returncode:
            raise StartError(f"`{' '.join(command[1:])}` failed; see {stack.folder / 'deploy.log'}")
    return "deployments: up to date"


def stop_stack(stack: Stack) -> Iterator[str]:
    """Stop what is running, the worker first so that no run loses its server."""
    for service in (stack.worker, stack.reports, server_service(stack.folder)):
        yield f"{service.name}: {'stopped' if stop_service(service, patience_s=30) else 'not running'}"
    if postgres.get_configured_database() is None:
        was_running = postgres.stop_database(postgres.locate_database(stack.folder))
        yield f"database: {'stopped' if was_running else 'not running'}"


def check_stack(stack: Stack) -> dict[str, bool]:
    """Each part, and whether it is running."""
    parts: dict[str, bool] = {}
    if postgres.get_configured_database() is None:
        parts["database"] = postgres.is_database_up(postgres.locate_database(stack.folder))
    parts["server"] = local_server.is_healthy(stack.url)
    for service in (stack.worker, stack.reports) if stack.has_reports else (stack.worker,):
        parts[service.name] = get_pid(service) is not None
    return parts


def _check_port(port: int, option: str) -> None:
    if not is_port_free(port):
        raise StartError(
            f"port {port} is used by another program; stop it, or choose another port with {option}"
        )


def control_stack() -> int:
    """Run the command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m deployments.stack", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("action", choices=["up", "down", "status"])
    parser.add_argument("--port", type=int, help=f"the server's port, {local_server.PORT} by default")
    parser.add_argument("--reports-port", type=int, help=f"the reports' port, {REPORTS_PORT} by default")
    arguments = parser.parse_args()
    try:
        stack = read_stack(arguments.port, arguments.reports_port)
        if arguments.action == "status":
            parts = check_stack(stack)
            for name, is_up in parts.items():
                typer.echo(f"{name}: {'running' if is_up else 'not running'}")
            return 0 if all(parts.values()) else 1
        with lock_stack(stack):
            for line in start_stack(stack) if arguments.action == "up" else stop_stack(stack):
                typer.echo(line)
    except (StartError, SettingsError) as error:
        typer.echo(f"stack: {error}", err=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(control_stack())
