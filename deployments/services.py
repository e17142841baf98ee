"""Processes that outlive the command that starts them: a pid file and a log each, found again, stopped.

Standard library only. What is run is local_server.py's and stack.py's.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

START_LIMIT_S = 300.0
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD of Linux's include/linux/sched.h


class StartError(Exception):
    """A process did not start; the message says why, or where its log is."""


class Service(NamedTuple):
    """A process to keep. Its pid file is NAME.json in `folder`, its log NAME.log."""

    name: str
    folder: Path
    mark: str  # words of its command line: a pid may have gone to another program since

    @property
    def log(self) -> Path:
        """Where it writes."""
        return self.folder / f"{self.name}.log"

    @property
    def state(self) -> Path:
        """Its pid, and what else is to be remembered of it."""
        return self.folder / f"{self.name}.json"


def start(
    service: Service, command: list[str], environment: Mapping[str, str], umask: int = -1, **facts: str
) -> int:
    """Start the process in a session of its own, so that it stays; `facts` are kept beside its pid.

    umask: what files it makes may not allow; -1 is ours.
    """
    service.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with service.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=umask,
        )
    service.state.write_text(json.dumps({"pid": process.pid, **facts}))
    process.returncode = 0  # it is meant to stay: no warning when this object goes
    return process.pid


def read_facts(service: Service) -> dict[str, str]:
    """What was kept when it was started; nothing if it never was."""
    try:
        facts: dict[str, str] = json.loads(service.state.read_text())
        return facts
    except (OSError, ValueError):
        return {}


def get_pid(service: Service) -> int | None:
    """The process's id while it runs."""
    pid = int(read_facts(service).get("pid", 0))
    return pid if pid and is_running(pid, service.mark) else None


def is_running(pid: int, mark: str) -> bool:
    """Does a process of this id run, and is it the one with these words in its command line?"""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # a child that ended would be there until it is asked
    try:
        if sys.platform != "linux":
            os.kill(pid, 0)
            return True
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        # A process in the middle of its exec has no command line yet; a zombie has none any more, and a
        # thread of the kernel, to which the pid may have gone since, never has one.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        starts = not command and state != "Z" and not int(fields[5]) & _KERNEL_THREAD
        return starts or mark.encode() in command
    except OSError:
        return False


def stop(service: Service, patience_s: float = 10.0) -> bool:
    """Ask the process to end, and end it after patience_s; False if none was running."""
    pid = get_pid(service)
    service.state.unlink(missing_ok=True)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 15)
        deadline = time.monotonic() + patience_s
        while is_running(pid, service.mark) and time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.05)
        if is_running(pid, service.mark):
            os.kill(pid, 9)
    return True


def wait_until(is_ready: Callable[[], bool], is_alive: Callable[[], bool], what: str) -> None:
    """Return once it is ready; StartError if its process ends before, or after START_LIMIT_S."""
    deadline = time.monotonic() + START_LIMIT_S
    while not is_ready():
        if not is_alive():
            raise StartError(f"{what} ended while starting")
        if time.monotonic() > deadline:
            raise StartError(f"{what} did not answer within {START_LIMIT_S:.0f} s")
        time.sleep(0.1)


def is_port_free(port: int) -> bool:
    """Is nothing listening on this port of this machine?"""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def pick_free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
