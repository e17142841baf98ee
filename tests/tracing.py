"""A process under strace: its calls on a store, and at most one that fails or at which it dies.

Only the main thread is watched. What is done in the process is in traced_acts.py, what must hold afterwards
in fault_checks.py.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.nights import Town

CHANGES = (
    "write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat2,link,linkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir"
)
READS = "openat,read,pread64,getdents64"
FAULTS = {"ENOSPC": "error=ENOSPC", "EIO": "error=EIO", "KILL": "signal=KILL"}
ALWAYS = "EIO always"  # each time that call is made on that file
STRACE = shutil.which("strace")
KILLED, CRASHED = -signal.SIGKILL, 70
_LINE = re.compile(r"^(\w+)\((.*)$")
_RANDOM = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{16}(?=\.(tmp|removed))|(?<=-scratch-)\w+"
    r"|(?<=erasure-)[0-9a-f]{16}"
)


class Call(NamedTuple):
    """A call: its number among the process's calls of that name, and the paths in the store that it is on."""

    name: str
    number: int
    target: str


class Point(NamedTuple):
    """A call of an act, and what becomes of it."""

    act: str
    call: Call
    fault: str


class Trace(NamedTuple):
    """How a process ended: its exit status or minus the signal, what it printed, and strace's log."""

    status: int
    output: str
    log: str

    @property
    def is_disturbed(self) -> bool:
        """Has a call failed?"""
        return "INJECTED" in self.log or "killed by SIGKILL" in self.log


def make_injection(point: Point, store: Path) -> list[str]:
    """The arguments of strace that make the point's call fail."""
    name, number, target = point.call
    if point.fault == ALWAYS:
        # -f: audit hashes files in threads of its own.
        return ["-f", "-P", f"{store}{target}", "-e", f"inject={name}:error=EIO:when=1+"]
    return ["-e", f"inject={name}:{FAULTS[point.fault]}:when={number}"]


def trace(town: Town, act: Callable[[], int], calls: str, injection: list[str]) -> Trace:
    """Do something in a process that strace watches. It prints to the file `output` in the town's folder."""
    start, go = os.pipe()
    output, log = town.folder / "output", town.folder / "strace.log"
    process = os.fork()
    if process == 0:
        os.close(go)
        # Not read, which the tracer would count or not, depending on when it comes.
        select.select([start], [], [])
        try:
            status = act()
        except BaseException:
            with output.open("a") as file:
                file.write(f"Traceback: {sys.exc_info()[1]!r}\n")
            status = CRASHED
        os._exit(status)
    command = [STRACE or "strace", "-y", "-s", "256", "-o", str(log), "-e", f"trace={calls}"]
    command += [*injection, "-p", str(process)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        while "attached" not in (line := tracer.stderr.readline()):
            if not line:
                os.kill(process, signal.SIGKILL)
                break
        os.write(go, b"x")
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        tracer.communicate()
    os.close(start)
    os.close(go)
    return Trace(
        status,
        output.read_text(errors="replace") if output.exists() else "",
        log.read_text(errors="replace"),
    )


def list_calls(log: str, store: Path) -> Iterator[Call]:
    """The calls on the store, in order."""
    numbers = Counter[str]()
    # A file descriptor's path is in angle brackets, an argument in quotation marks.
    paths = re.compile(rf'(?:<{re.escape(str(store))}(/[^>]*)?>)|(?:"{re.escape(str(store))}(/[^"]*)?")')
    for match in filter(None, map(_LINE.match, log.splitlines())):
        numbers[match[1]] += 1
        targets = list(dict.fromkeys(first or second for first, second in paths.findall(match[2])))
        # What is written may name the store too: the file is the first argument.
        targets = targets[:1] if match[1] in ("write", "pwrite64", "read", "pread64") else targets
        if targets and (match[1] not in ("write", "pwrite64") or f"<{store}" in match[2].partition(",")[0]):
            yield Call(match[1], numbers[match[1]], _RANDOM.sub("*", " ".join(targets)))


def list_unsynced(calls: Iterable[Call]) -> Iterator[str]:
    """What a power cut could lose: a file renamed before its content is on disk, or a rename that is not."""
    dirty, folders = set[str](), set[str]()
    for name, _, target in calls:
        first, _, second = target.partition(" ")
        if name in ("write", "pwrite64", "ftruncate"):
            dirty.add(first)
        elif name in ("fsync", "fdatasync"):
            dirty.discard(first)
            folders.discard(first)
        elif name in ("rename", "renameat2"):
            moved = {path for path in dirty if path == first or path.startswith(f"{first}/")}
            dirty -= moved
            # What is renamed in or into a folder for rubbish is about to be removed.
            if "/.staging/" not in second:
                yield from (f"{path} is renamed before fsync" for path in moved)
                folders.add(second.rpartition("/")[0])
    yield from (f"no fsync of {folder or 'the store'} after a rename" for folder in folders)
