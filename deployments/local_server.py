"""A Prefect server on this machine, loopback only: one that stays (`resegment up`), or one for a run.

Standard library only, so that the command need not import Prefect to find or start a server. What
runs on many machines, with a database of its own, is another deployment.
"""

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

PORT = 4200
START_LIMIT_S = 300.0
_APP = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1"]


class ServerError(Exception):
    """The local server did not start; the message says where its log is."""


def is_healthy(url: str) -> bool:
    """Does a Prefect API answer at this URL (…/api)?"""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:  # noqa: S310 - our own URL
            return bool(answer.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False


def find_server(state: Path) -> str | None:
    """The API a run should use: PREFECT_API_URL, the active Prefect profile's, or our own if it is up."""
    if url := os.environ.get("PREFECT_API_URL") or _profile_url():
        return url
    url = _read_state(state).get("url")
    return url if url and is_healthy(url) else None


def start_server(state: Path) -> tuple[str, bool]:
    """Start a server that outlives this process, or find it running: its URL, and whether it is new."""
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (state / "server.lock").open("w") as lock:
        # Whoever comes second waits until the first one's server answers, and finds it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        running = _read_state(state).get("url")
        if running and is_healthy(running):
            return running, False
        return _start_server(state), True


def _start_server(state: Path) -> str:
    port = PORT if _is_free(PORT) else _free_port()
    url = f"http://127.0.0.1:{port}/api"
    with (state / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *_APP, "--port", str(port), "--log-level", "warning"],
            env={**os.environ, **_server_environment(), "PREFECT_API_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (state / "server.json").write_text(json.dumps({"url": url, "pid": process.pid}))
    try:
        wait_until_healthy(url, process)
    except BaseException as error:
        process.kill()
        (state / "server.json").unlink(missing_ok=True)
        if isinstance(error, ServerError):
            raise ServerError(f"{error}; its log is {state / 'server.log'}") from None
        raise
    return url


def stop_server(state: Path) -> bool:
    """Stop the server that start_server started; False if none was running."""
    content = _read_state(state)
    (state / "server.json").unlink(missing_ok=True)
    pid = int(content.get("pid", 0))
    if not pid or not _is_ours(pid):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 15)
        for _ in range(100):
            os.kill(pid, 0)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.1)
        os.kill(pid, 9)
    return True


def start_embedded() -> tuple[str, subprocess.Popen[bytes]]:
    """Start a server for this process only. It ends when this process does, kill -9 included.

    A small parent of the server reads a pipe whose other end is here, and stops it at end of file.
    """
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "deployments.local_server", str(port)],
        env={**os.environ, **_server_environment(), "PREFECT_UI_ENABLED": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    return f"http://127.0.0.1:{port}/api", process


def stop_embedded(process: subprocess.Popen[bytes]) -> None:
    """Stop the server that start_embedded started, and wait for its end."""
    if process.stdin:
        process.stdin.close()
    process.wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the server answers; ServerError if its process ends, or after START_LIMIT_S."""
    deadline = time.monotonic() + START_LIMIT_S
    while not is_healthy(url):
        if process.poll() is not None:
            raise ServerError(f"the Prefect server ended with status {process.returncode} while starting")
        if time.monotonic() > deadline:
            raise ServerError(f"the Prefect server did not answer within {START_LIMIT_S:.0f} s")
        time.sleep(0.1)


def _server_environment() -> dict[str, str]:
    return {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_SERVER_API_HOST": "127.0.0.1"}


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


def _read_state(state: Path) -> dict[str, str]:
    try:
        content: dict[str, str] = json.loads((state / "server.json").read_text())
        return content
    except (OSError, ValueError):
        return {}


def _is_ours(pid: int) -> bool:
    """Is this process a Prefect server? A pid may have gone to another program since."""
    try:
        return b"prefect.server" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return sys.platform != "linux"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
