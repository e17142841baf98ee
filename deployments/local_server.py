"""A Prefect server on this machine, loopback only: one that stays (`resegment up`), or one for a run.

Nothing here imports Prefect, so that the command can find or start a server quickly. What
runs on many machines, with a database of its own, is another deployment.
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
    pick_free_port,
    is_port_free,
    read_facts,
    start,
    stop,
    wait_until,
)
from segmentation.store.locking import lock

PORT = 4200
STACK = "stack"  # the folder of deployments/stack.py below the state folder
KEY_FILE = "server.auth"  # in it: who may ask the stack's server, and the password
SERVER_ENVIRONMENT = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_API_HOST": "127.0.0.1"}
_APP = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1"]


def is_healthy(url: str) -> bool:
    """Does a Prefect API answer at this URL (…/api)?"""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - our own URL
            return bool(answer.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def server_service(folder: Path) -> Service:
    """The server kept in this folder: `resegment up`'s in the state folder, the stack's below it."""
    return Service("server", folder, "prefect.server")


def look_up_server(state: Path) -> str | None:
    """The API a run should use: PREFECT_API_URL, the active Prefect profile's, or ours that is up."""
    if url := os.environ.get("PREFECT_API_URL") or _profile_url():
        return url
    for folder in (state, state / STACK):
        url = read_facts(server_service(folder)).get("url")
        if url and is_healthy(url):
            return url
    return None


def look_up_password(state: Path, url: str) -> str | None:
    """The password of the stack's server, if this is its URL."""
    folder = state / STACK
    return read_password(folder) if read_facts(server_service(folder)).get("url") == url else None


def read_password(folder: Path) -> str | None:
    """The password that was made for the server of this folder."""
    try:
        return (folder / KEY_FILE).read_text().strip()
    except OSError:
        return None


def start_server(state: Path) -> tuple[str, bool]:
    """Start a server that outlives this process, or find it running: its URL, and whether it is new."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Whoever comes second waits until the first one's server answers, and finds it.
    with lock(state / "server.lock"):
        running = read_facts(server_service(state)).get("url")
        if running and is_healthy(running):
            return running, False
        return launch_server(state, PORT if is_port_free(PORT) else pick_free_port(), {}), True


def launch_server(folder: Path, port: int, environment: dict[str, str]) -> str:
    """Start a server on this port of this machine, and wait until it answers: its URL."""
    url, server = f"http://127.0.0.1:{port}/api", server_service(folder)
    command = [sys.executable, *_APP, "--port", str(port), "--log-level", "warning"]
    start(
        server,
        command,
        {**SERVER_ENVIRONMENT, "PREFECT_API_URL": url, **environment},
        url=url,
        port=str(port),
    )
    try:
        wait_until(lambda: is_healthy(url), lambda: get_pid(server) is not None, "the Prefect server")
    except BaseException as error:
        stop(server, patience_s=0)
        if isinstance(error, StartError):
            raise StartError(f"{error}; its log is {server.log}") from None
        raise
    return url


def stop_server(state: Path) -> bool:
    """Stop the server that start_server started; False if none was running."""
    return stop(server_service(state))


def start_embedded_server() -> tuple[str, subprocess.Popen[bytes]]:
    """Start a server for this process only. It ends when this process does, kill -9 included.

    A small parent of the server reads a pipe whose other end is here, and stops it at end of file.
    """
    port = pick_free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments.local_server", str(port)],
        env={**os.environ, **SERVER_ENVIRONMENT, "PREFECT_UI_ENABLED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return f"http://127.0.0.1:{port}/api", process


def stop_embedded_server(process: subprocess.Popen[bytes]) -> None:
    """Stop the server that start_embedded_server started, and wait for its end."""
    if process.stdin:
        process.stdin.close()
    process.wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the server answers; StartError if its process ends, or after a limit."""
    wait_until(lambda: is_healthy(url), lambda: process.poll() is None, "the Prefect server")


def _profile_url() -> str | None:
    """PREFECT_API_URL of the active Prefect profile, if somebody has set one up."""
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    try:
        profiles = tomllib.loads((home / "profiles.toml").read_text())
        active = os.environ.get("PREFECT_PROFILE") or profiles.get("active")
        url = profiles.get("profiles", {}).get(active, {}).get("PREFECT_API_URL")
    except (OSError, tomllib.TOMLDecodeError, AttributeError):
        return None
    return str(url) if url else None


def _serve_until_parent_ends(port: str) -> int:
    server = subprocess.Popen(
        [sys.executable, *_APP, "--port", port, "--log-level", "error"], stdin=subprocess.DEVNULL
    )
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
