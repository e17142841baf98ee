"""Failing system calls and kills inside the acts that change a store, by strace. Part of `make prove`.

    python -m tests.fault_grid FOLDER [POINTS [ACT…]]

A first, undisturbed run lists the calls on the store. Each point is one of them that fails with ENOSPC or
EIO, or at which the process dies. POINTS: at most this many of each act, drawn with a fixed seed; 0: all.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from config.clauses import Retention
from segmentation.errors import ResegmentError
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.pruning import PruneRequest, prune_editions
from segmentation.store.audit import audit_store
from segmentation.store.pointer import read_pointer
from segmentation.store.repairing import RepairRequest, repair_store
from segmentation.store.source_digest import compute_source_digest
from segmentation.store.storage_failures import explain_error
from tests.erasing import erase
from tests.kills import digest_editions, list_left, run_forked
from tests.nights import Town, create_town, day, draw_customers

CALLS = (
    "write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat2,link,linkat,"
    "unlink,unlinkat,mkdir,mkdirat,rmdir"
)
FAULTS = {"ENOSPC": "error=ENOSPC", "EIO": "error=EIO", "KILL": "signal=KILL"}
STRACE = shutil.which("strace")
_LINE = re.compile(r"^(\w+)\((.*)$")
_SLOWEST_S = 60
_KILLED, _CRASHED = -signal.SIGKILL, 70


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
        assert run_forked(lambda number=number: town.run(number, town.folder / "customers.csv")) == 0
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
        return failure.exit_status if failure else _CRASHED
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
            os._exit(_CRASHED)
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


def choose_points(name: str, calls: list[tuple[str, int]], most: int) -> list[Point]:
    """All points of an act, or this many of them."""
    points = [Point(name, call, number, fault) for call, number in calls for fault in FAULTS]
    if most and len(points) > most:
        points = sorted(random.Random(1).sample(points, most))  # noqa: S311
    return points


def list_tables(town: Town) -> dict[str, str]:
    """sha256 of the published tables by path."""
    return {path: digest for path, digest in digest_editions(town).items() if path.startswith("published")}


def check_state(town: Town, name: str, before: dict[str, str], after: dict[str, str]) -> list[str]:
    """What is torn: a table that is neither old nor new, an unreadable one, a pointer that cannot be read."""
    tables = list_tables(town)
    problems = [
        f"torn: {path}"
        for path, digest in tables.items()
        if digest not in (before.get(path), after.get(path))
    ]
    problems += [f"lost: {path}" for path in before.keys() & after.keys() - tables.keys()]
    if name != "repair":
        for path in tables:
            pq.read_table(town.home / path)
        read_pointer(town.home)
    return problems


def check_end(point: Point, status: int, message: str, log: str) -> list[str]:
    """What is wrong with how the act ended: no fault, a traceback, a long message or a wrong status."""
    if "INJECTED" not in log and "killed by SIGKILL" not in log:
        return ["the fault was not reached"]
    if point.fault == "KILL":
        return [] if status == _KILLED else [f"not killed: {status}"]
    if status == 0:
        return []
    is_clear = len(message) > 0 and "\n" not in message and "Errno" not in message
    return [] if status > 0 and status != _CRASHED and is_clear else [f"ended with {status}: {message}"]


def try_point(point: Point, start: Town, golden: Town, folder: Path) -> list[str]:
    """Everything that is not as promised at this point."""
    town = copy_town(start, folder)
    status, message, log = trace(town, point.act, f"{point.call}:{FAULTS[point.fault]}:when={point.number}")
    problems = check_end(point, status, message, log)
    answers = folder / "answers.json"

    def look() -> None:
        found = check_state(town, point.act, list_tables(start), list_tables(golden))
        answers.write_text(json.dumps(found))

    looked = run_forked(look)
    problems += json.loads(answers.read_text()) if looked == 0 else ["the store cannot be read"]

    def again() -> None:
        os.environ["TMPDIR"] = str(town.folder / "tmp")
        ACTS[point.act](town)
        found = [f"audit: {entry.path}: {entry.problem}" for entry in audit_store(town.home).damage]
        answers.write_text(json.dumps(found + [f"left: {path}" for path in list_left(town)]))

    if run_forked(again):
        problems.append("the re-run fails")
    else:
        problems += json.loads(answers.read_text())
    expected, found = digest_editions(golden), digest_editions(town)
    differing = sorted(
        path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path)
    )
    problems += [f"not golden: {path}" for path in differing[:3]]
    shutil.rmtree(folder)
    return problems


def prove_act(name: str, origin: Town, folder: Path, most: int) -> list[tuple[Point, list[str]]]:
    """All points of an act, with the problems of each."""
    folder.mkdir(parents=True)
    start = copy_town(origin, folder / "start")
    if name == "repair":
        damage(start)
    golden = copy_town(start, folder / "golden")
    status, message, log = trace(golden, name, None)
    if status:
        raise SystemExit(f"{name} ends with {status} without a fault: {message}")
    points = choose_points(name, list(list_calls(log, golden.store)), most)
    results = []
    for point in points:
        results.append((point, try_point(point, start, golden, folder / "point")))
        sys.stderr.write(json.dumps(results[-1]) + "\n")
    return results


def format_table(results: list[tuple[Point, list[str]]]) -> str:
    """A row for each act, call and fault, and each violation with what repeats it."""
    points = Counter((point.act, point.call, point.fault) for point, _ in results)
    broken = Counter((point.act, point.call, point.fault) for point, problems in results if problems)
    lines = ["| operation | syscall | fault | points | violations |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(kind)} | {count} | {broken[kind]} |" for kind, count in points.items()]
    lines += [f"| all | | | {points.total()} | {broken.total()} |"]
    lines += [
        f"{' '.join(map(str, point))}: {'; '.join(problems)}" for point, problems in results if problems
    ]
    return "\n".join(lines)


def main(folder: Path, most: int = 0, *names: str) -> int:
    """Prove the acts; 1 if a promise was broken."""
    compute_source_digest()
    origin = build_origin(folder / "origin")
    results = []
    for name in names or ACTS:
        results += prove_act(name, origin, folder / name, most)
    sys.stdout.write(format_table(results) + "\n")
    return int(any(problems for _, problems in results))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0, *sys.argv[3:]))
