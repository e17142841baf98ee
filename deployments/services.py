"""Background processes: started with a pid file and a log, found again later, stopped.

Standard library only. Which processes there are is decided in local_server.py and stack.py.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

START_LIMIT_S = 300.0
# Secrets that only the command needs which starts the processes.
NOT_INHERITED = {"RESEGMENT_NOTICE_URL"}
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD of Linux's include/linux/sched.h


class StartError(Exception):
    """A process did not start. The message says why, or where its log is."""


class Service(NamedTuple):
    """A background process. Its pid file is NAME.json in `folder`, its log NAME.log."""

    name: str
    folder: Path
    mark: str  # part of its command line: its pid may belong to another program by now

    @property
    def log(self) -> Path:
        """Where it writes its output."""
        return self.folder / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Its pid, and the facts stored when it was started."""
        return self.folder / f"{self.name}.json"


def start_service(
    service: Service, command: list[str], environment: Mapping[str, str], umask: int = -1, **facts: str
) -> int:
    """Start the process in its own session, so that it outlives this one; store `facts` with its pid.

    umask: the process's umask; -1 keeps the current one.
    """
    service.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with service.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            env={**{name: os.environ[name] for name in os.environ.keys() - NOT_INHERITED}, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=umask,
        )
    service.pid_file.write_text(json.dumps({"pid": process.pid, **facts}))
    process.returncode = 0  # keeps Popen from warning that the process still runs
    return process.pid


def read_pid_file(service: Service) -> dict[str, str]:
    """The facts stored when it was started; empty if it never was."""
    try:
        facts: dict[str, str] = json.loads(service.pid_file.read_text())
        return facts
    except (OSError, ValueError):
        return {}


def get_pid(service: Service) -> int | None:
    """The process's id while it runs."""
    pid = int(read_pid_file(service).get("pid", 0))
    return pid if pid and is_running(pid, service.mark) else None


def is_running(pid: int, mark: str) -> bool:
    """Whether a process with this id runs and has `mark` in its command line."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # reaps a child that has ended; otherwise it would remain as a zombie
    try:
        if sys.platform != "linux":
            os.kill(pid, 0)
            return True
        # A pid alone proves nothing: after a reboot it may belong to any program.
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
        # The command line is empty for a process in the middle of exec, for a zombie, and for a kernel
        # thread, which may have got the pid after a reboot. Only the first is the service.
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        is_in_exec = not command and state != "Z" and not int(fields[5]) & _KERNEL_THREAD
        return is_in_exec or mark.encode() in command
    except OSError:
        return False


def stop_service(service: Service, patience_s: float = 10.0) -> bool:
    """Terminate the process and those it started; kill them after patience_s. False if it was not running.

    A worker's runs are such processes: left alone, a run would go on without a worker to report its end.
    """
    pid = get_pid(service)
    service.pid_file.unlink(missing_ok=True)
    if pid is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)  # start_service gave it a session, and so a group, of its own
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            is_running(pid, service.mark)  # reaps it
            os.killpg(pid, 0)
            time.sleep(0.05)
        os.killpg(pid, signal.SIGKILL)
    return True


def wait_until(is_ready: Callable[[], bool], is_alive: Callable[[], bool], label: str) -> None:
    """Return once it is ready; StartError if its process ends first, or after START_LIMIT_S."""
    deadline = time.monotonic() + START_LIMIT_S
    while not is_ready():
        if not is_alive():
            raise StartError(f"{label} ended while starting")
        if time.monotonic() > deadline:
            raise StartError(f"{label} did not answer within {START_LIMIT_S:.0f} s")
        time.sleep(0.1)


def is_port_free(port: int) -> bool:
    """Whether nothing listens on this port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def pick_free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        # Port 0 lets the kernel choose. Another program could take it before the server does;
        # then the start fails.
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
