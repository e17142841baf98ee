"""Failing system calls and kills inside the acts that change a store, by strace. Part of `make prove`.

    python -m tests.fault_grid FOLDER [POINTS [ACT…]]

A first, undisturbed run lists the calls on the store. Each point is one of them that fails with ENOSPC or
EIO, or at which the process dies. POINTS: at most this many of each act, drawn with a fixed seed; 0: all.
"""

import json
import os
import random
import shutil
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from segmentation.store.edition.source_digest import compute_source_digest
from segmentation.store.pointer import read_pointer
from segmentation.store.repair.audit import audit_store
from tests.kills import digest_editions, list_left, run_forked
from tests.nights import Town
from tests.traced_acts import (
    ACTS,
    CRASHED,
    FAULTS,
    KILLED,
    Point,
    build_origin,
    copy_town,
    damage,
    list_calls,
    trace,
)


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
        return [] if status == KILLED else [f"not killed: {status}"]
    if status == 0:
        return []
    is_clear = len(message) > 0 and "\n" not in message and "Errno" not in message
    return [] if status > 0 and status != CRASHED and is_clear else [f"ended with {status}: {message}"]


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

    def repeat() -> None:
        os.environ["TMPDIR"] = str(town.folder / "tmp")
        ACTS[point.act](town)
        found = [f"audit: {entry.path}: {entry.problem}" for entry in audit_store(town.home).damage]
        answers.write_text(json.dumps(found + [f"left: {path}" for path in list_left(town)]))

    if run_forked(repeat):
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
