"""A Prefect server for benchmarks, on a free port with a fresh PREFECT_HOME, up before anything is timed.

What runs against it is in bench/measure.py.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.local_server import wait_until_healthy
from deployments.services import pick_free_port

_APP = ["-m", "uvicorn", "--factory", "prefect.server.api.server:create_app", "--host", "127.0.0.1"]


@contextmanager
def running_server(folder: Path) -> Iterator[int]:
    """Start a server and point this process's environment to it. Yields its process id."""
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "RESEGMENT_"))]:
        del os.environ[name]  # the user's own profile and store must not affect the figures
    port = pick_free_port()
    os.environ["PREFECT_HOME"] = str(folder / "prefect")
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    os.environ["PREFECT_API_URL"] = url = f"http://127.0.0.1:{port}/api"
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *_APP, "--port", str(port), "--log-level", "error"], stdout=log, stderr=log
        )
    try:
        wait_until_healthy(url, process)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(pid: int) -> float:
    """CPU seconds that another process has used so far, 0.0 if the system does not report them."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
