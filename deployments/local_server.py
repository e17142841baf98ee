"""A Prefect server that only this machine can reach: a permanent one (`resegment up`), or one for a run.

Nothing here imports Prefect, so the command can quickly look for a server and start one. The server of the
stack, with its database and password, is set up in stack.py.
"""

import os
import subprocess
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

from deployments.services import (
    Service,
    StartError,
    get_pid,
    is_port_free,
    pick_free_port,
    read_pid_file,
    start_service,
    stop_service,
    wait_until,
)
from segmentation.store.files.locking import lock

PORT = 4200
STACK = "stack"  # the stack's folder, inside the state folder
KEY_FILE = "server.auth"  # in that folder: USER:PASSWORD of the stack's server
SERVER_ENVIRONMENT = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_API_HOST": "127.0.0.1"}


def build_command(port: int, log_level: str) -> list[str]:
    """The command line of a Prefect server on this port."""
    # Through uvicorn directly, which saves importing Prefect's command line (decision 7).
    app = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1"]
    return [sys.executable, *app, "--port", str(port), "--log-level", log_level]


def is_healthy(url: str) -> bool:
    """Whether a Prefect API answers at this URL (…/api)."""
    try:
        # /health stays open on a server with a password.
        with urllib.request.urlopen(f"{url}/health", timeout=2) as response:  # noqa: S310 - always http
            return bool(response.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def server_service(folder: Path) -> Service:
    """The background server of a folder: the state folder for `resegment up`, inside it the stack's."""
    return Service("server", folder, "prefect.server")


def look_up_server(state: Path) -> str | None:
    """The API that a run should use: PREFECT_API_URL, the Prefect profile's, or a running local one."""
    # In the order that Prefect itself follows; asking Prefect would take an import of 2 to 4 seconds.
    if url := os.environ.get("PREFECT_API_URL") or _profile_url():
        return url
    for folder in (state, state / STACK):
        url = read_pid_file(server_service(folder)).get("url")
        if url and is_healthy(url):
            return url
    return None


def look_up_password(state: Path, url: str) -> str | None:
    """The password for this URL if it is the stack's server."""
    folder = state / STACK
    return read_password(folder) if read_pid_file(server_service(folder)).get("url") == url else None


def read_password(folder: Path) -> str | None:
    """The password of the stack whose folder this is."""
    try:
        return (folder / KEY_FILE).read_text().strip()
    except OSError:
        return None


def start_server(state: Path) -> tuple[str, bool]:
    """Start a server that outlives this process, unless one is running: its URL, and whether it is new."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A second `up` waits here until the first one's server answers, and then finds it.
    with lock(state / "server.lock"):
        url = read_pid_file(server_service(state)).get("url")
        if url and is_healthy(url):
            return url, False
        return launch_server(state, PORT if is_port_free(PORT) else pick_free_port(), {}), True


def launch_server(folder: Path, port: int, environment: dict[str, str]) -> str:
    """Start a background server on this port, wait until it answers, and return its URL."""
    url, server = f"http://127.0.0.1:{port}/api", server_service(folder)
    environment = {**SERVER_ENVIRONMENT, "PREFECT_API_URL": url, **environment}
    start_service(server, build_command(port, "warning"), environment, url=url, port=str(port))
    try:
        wait_until(lambda: is_healthy(url), lambda: get_pid(server) is not None, "the Prefect server")
    # Also after Ctrl-C, so that no half-started server keeps the port.
    except BaseException as error:
        stop_service(server, patience_s=0)
        if isinstance(error, StartError):
            raise StartError(f"{error}; its log is {server.log}") from None
        raise
    return url


def stop_server(state: Path) -> bool:
    """Stop the server that start_server started; False if it was not running."""
    return stop_service(server_service(state))


def start_embedded_server() -> tuple[str, subprocess.Popen[bytes]]:
    """Start a server for this process only. It ends when this process does, even by kill -9.

    Between the two is a small process that reads a pipe from here and stops the server at end of file.
    """
    port = pick_free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments.local_server", str(port)],
        env={**os.environ, **SERVER_ENVIRONMENT, "PREFECT_UI_ENABLED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C in the terminal goes to the run only; the server must outlive it to record how the run ended.
        start_new_session=True,
    )
    return f"http://127.0.0.1:{port}/api", process


def stop_embedded_server(process: subprocess.Popen[bytes]) -> None:
    """Stop the server that start_embedded_server started, and wait until it has ended."""
    if process.stdin:
        process.stdin.close()
    process.wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the server answers; StartError if its process ends first, or after START_LIMIT_S."""
    wait_until(lambda: is_healthy(url), lambda: process.poll() is None, "the Prefect server")


def _profile_url() -> str | None:
    """PREFECT_API_URL of the active Prefect profile, if it has one."""
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    try:
        profiles = tomllib.loads((home / "profiles.toml").read_text())
        active = os.environ.get("PREFECT_PROFILE") or profiles.get("active")
        url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    except (OSError, tomllib.TOMLDecodeError, AttributeError):
        return None
    return str(url) if url else None


def _serve_until_parent_ends(port: str) -> int:
    server = subprocess.Popen(build_command(int(port), "error"), stdin=subprocess.DEVNULL)
    # The kernel closes the pipe however the run ends. read() then returns nothing, and the server is stopped.
    while server.poll() is None and sys.stdin.buffer.read(1):
        pass
    server.terminate()
    try:
        return server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        return server.wait()


if __name__ == "__main__":
    sys.exit(_serve_until_parent_ends(sys.argv[1]))
