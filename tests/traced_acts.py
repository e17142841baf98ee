"""Acts that change a store, each in a process that strace watches, with at most one call that fails.

The points and what must hold after each are in fault_grid.py.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from config.clauses import Retention
from segmentation.errors import ResegmentError
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.pruning.pruning import PruneRequest, prune_editions
from segmentation.store.files.storage_failures import explain_error
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.repairing import RepairRequest, repair_store
from tests.erasing import erase
from tests.kills import run_forked
from tests.nights import Town, create_town, day, draw_customers

CALLS = (
    "write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat2,link,linkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir"
)
FAULTS = {"ENOSPC": "error=ENOSPC", "EIO": "error=EIO", "KILL": "signal=KILL"}
STRACE = shutil.which("strace")
_LINE = re.compile(r"^(\w+)\((.*)$")
_SLOWEST_S = 60
KILLED, CRASHED = -signal.SIGKILL, 70


class Point(NamedTuple):
    """A call of an act, by its number among the process's calls of that name, and what becomes of it."""

    act: str
    call: str
    number: int
    fault: str


def run_new_night(town: Town) -> None:
    """The night of a date that has none."""
    town.run(62, town.folder / "customers.csv")


def promote_first(town: Town) -> None:
    """Put the first night live again."""
    promote_edition(town.home, PromotionRequest(day(1), None, "ana", ""))


def erase_one(town: Town) -> None:
    """Erase one customer."""
    erase(town, "a00000")


def prune(town: Town) -> None:
    """Keep the last dates only."""
    prune_editions(town.home, PruneRequest(Retention(all_days=1), "ana", town.home), lambda line: None)


def repair(town: Town) -> None:
    """Rebuild what was damaged."""
    repair_store(town.home, RepairRequest("ana", None))


def audit(town: Town) -> None:
    """Only read."""
    audit_store(town.home)


ACTS: dict[str, Callable[[Town], None]] = {
    "night": run_new_night,
    "promote": promote_first,
    "erase": erase_one,
    "prune": prune,
    "repair": repair,
    "audit": audit,
}


def build_origin(folder: Path) -> Town:
    """Five nights of three months."""
    town = create_town(folder)
    town.folder.mkdir(parents=True)
    draw_customers({"a": 60, "b": 50}).to_csv(town.folder / "customers.csv", index=False)
    for number in (1, 2, 32, 33, 61):
        assert run_forked(partial(town.run, number, town.folder / "customers.csv")) == 0
    return town


def damage(town: Town) -> None:
    """Lose live.json, and spoil the table of the last date."""
    (town.home / "live.json").write_bytes(b"{")
    table = sorted((town.home / "published").rglob("*.parquet"))[-1]
    content = table.read_bytes()
    table.unlink()
    table.write_bytes(content[:-5])


def copy_town(origin: Town, folder: Path) -> Town:
    """A copy of the town that keeps hard links."""
    subprocess.run(["/bin/cp", "-a", origin.folder, folder], check=True)
    town = origin._replace(folder=folder)
    (folder / "tmp").mkdir(exist_ok=True)
    return town


def act_in_child(town: Town, act: Callable[[Town], None], start: int, message: Path) -> int:
    """Wait for the tracer, act, and write what a failure says; the exit status is the command's."""
    os.environ["TMPDIR"] = str(town.folder / "tmp")
    os.read(start, 1)
    signal.alarm(_SLOWEST_S)
    try:
        act(town)
    except ResegmentError as error:
        message.write_text(str(error))
        return error.exit_status
    except OSError as error:
        failure = explain_error(error)
        message.write_text(str(failure or f"not explained: {error!r}"))
        return failure.exit_status if failure else CRASHED
    return 0


def trace(town: Town, name: str, injection: str | None) -> tuple[int, str, str]:
    """Act under strace: the exit status or minus the signal, the message of a failure, and the log."""
    start, go = os.pipe()
    message, log = town.folder / "message", town.folder / "strace.log"
    process = os.fork()
    if process == 0:
        os.close(go)
        try:
            os._exit(act_in_child(town, ACTS[name], start, message))
        except BaseException:
            message.write_text(f"traceback: {sys.exc_info()[1]!r}")
            os._exit(CRASHED)
    command = [STRACE or "strace", "-y", "-o", str(log), "-e", f"trace={CALLS}", "-p", str(process)]
    command += ["-e", f"inject={injection}"] if injection else []
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
    return status, message.read_text() if message.exists() else "", log.read_text()


def list_calls(log: str, store: Path) -> Iterator[tuple[str, int]]:
    """Name and number of each call on the store."""
    numbers = Counter[str]()
    for match in filter(None, map(_LINE.match, log.splitlines())):
        numbers[match[1]] += 1
        if str(store) in match[2]:
            yield match[1], numbers[match[1]]
