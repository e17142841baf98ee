"""A Prefect server for benchmarks and tests: a free port, its own PREFECT_HOME, stopped with the block.

What runs against it is in bench/measure.py and in the tests.
"""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deployments.local_server import build_command, wait_until_healthy
from deployments.services import pick_free_port


def build_environment(folder: Path, port: int) -> dict[str, str]:
    """The environment for a server on this port, free of the user's Prefect and Resegment settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "RESEGMENT_"))
    }
    return inherited | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


@contextmanager
def running_server(folder: Path) -> Iterator[int]:
    """Start a server and point this process's environment to it; yields the server's process id."""
    port = pick_free_port()
    environment = build_environment(folder, port)
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    with serve_prefect(folder, port, environment) as process:
        yield process.pid


@contextmanager
def serve_prefect(
    folder: Path, port: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block. It answers when the block starts."""
    with running_process(build_command(port, "error"), environment, folder / "server.log") as process:
        wait_until_healthy(environment["PREFECT_API_URL"], process)
        yield process


@contextmanager
def running_process(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in the log's folder until the end of the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=log.parent, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def cpu_seconds(pid: int | None) -> float:
    """CPU seconds that another process has used; 0.0 without one, or where the system does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
