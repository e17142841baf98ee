"""Failing system calls and kills inside the acts that change or read a store. Part of `make prove`.

    python -m tests.fault_grid FOLDER [POINTS [ACT…]]

An undisturbed run lists the calls on the store. Each point is one of them that strace makes fail with ENOSPC
or EIO, or at which the process dies. POINTS: at most this many of each act, drawn with a fixed seed; 0: all.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path

from segmentation.store.edition.source_digest import compute_source_digest
from tests.fault_checks import check_all
from tests.kills import list_left, run_forked
from tests.nights import Town
from tests.traced_acts import (
    ACTS,
    READERS,
    act_in_child,
    build_origin,
    copy_town,
    create_origin,
    damage,
    trace_act,
)
from tests.tracing import ALWAYS, FAULTS, Call, Point, list_calls, list_unsynced, make_injection

Result = tuple[Point, list[str]]
MOST_WRITES = 3  # to one file by one call, which libraries fill in small pieces
MOST_RUNS = 60  # whole runs, with Prefect, take seconds each
TRIES = 3


def choose_points(act: str, calls: list[Call], most: int) -> list[Point]:
    """All points of an act, or this many of them."""
    points = [Point(act, call, fault) for call in thin_out(calls) for fault in FAULTS]
    if act in READERS:
        files = {(call.name, call.target): Point(act, call, ALWAYS) for call in reversed(calls)}
        points = [point for point in points if point.fault == "EIO"] + list(files.values())
    if act == "run":
        most = -(-most // 5) or MOST_RUNS
    if most and len(points) > most:
        points = sorted(random.Random(1).sample(points, most))  # noqa: S311
    return points


def thin_out(calls: list[Call]) -> list[Call]:
    """The calls, but of many writes to one file only the first, the middle and the last."""
    groups = defaultdict[tuple[str, str], list[Call]](list)
    for call in calls:
        groups[call.name, call.target].append(call)
    chosen = set[Call]()
    for (name, _), group in groups.items():
        is_many = name in ("write", "pwrite64", "read", "pread64") and len(group) > MOST_WRITES
        chosen |= {group[0], group[len(group) // 2], group[-1]} if is_many else set(group)
    return [call for call in calls if call in chosen]


def try_point(point: Point, start: Town, golden: Town, folder: Path) -> list[str]:
    """Everything that is not as promised at this point."""
    for _ in range(TRIES):
        town = copy_town(start, folder)
        end = trace_act(town, point.act, make_injection(point, town.store))
        # The same number may be another call, if a thread came first.
        is_reached = point.fault == ALWAYS or point.call in list_calls(end.log, town.store)
        if end.is_disturbed and is_reached:
            problems = check_all(point, end, town, start, golden)
            shutil.rmtree(folder)
            return problems
    return ["the fault was not reached"]


def try_points(points: list[Point], start: Town, golden: Town, folder: Path) -> None:
    """Try some points, and write what was found at each to `results` in the folder."""
    folder.mkdir(parents=True)
    with (folder / "results").open("w") as results:
        for point in points:
            problems = try_point(point, start, golden, folder / "point")
            results.write(json.dumps([point, problems]) + "\n")
            results.flush()


def read_results(path: Path) -> list[Result]:
    """What try_points has found."""
    lines = (json.loads(line) for line in path.read_text().splitlines())
    return [(Point(act, Call(*call), fault), problems) for (act, call, fault), problems in lines]


def prove_act(name: str, origin: Town, folder: Path, most: int) -> list[Result]:
    """The points of an act, spread over the cores, with the problems of each."""
    folder.mkdir(parents=True)
    start = copy_town(origin, folder / "start")
    if name == "repair":
        damage(start)
    golden = copy_town(start, folder / "golden")
    end = trace_act(golden, name, [])
    if end.status:
        raise SystemExit(f"{name} ends with {end.status} without a fault: {end.output}")
    calls = list(list_calls(end.log, golden.store))
    problems = sorted(list_unsynced(calls)) + [f"left: {path}" for path in list_left(golden)]
    results = [(Point(name, Call("all", 0, ""), "none"), problems)]
    points = choose_points(name, calls, most)
    cores = range(len(os.sched_getaffinity(0)))
    # Forked: a new process would take seconds to import everything.
    workers = [
        _fork(partial(try_points, points[core :: len(cores)], start, golden, folder / f"core-{core}"))
        for core in cores
    ]
    for worker in workers:
        os.waitpid(worker, 0)
    results += [result for core in cores for result in read_results(folder / f"core-{core}" / "results")]
    if len(results) != 1 + len(points):
        raise SystemExit(f"{name}: {len(points)} points, {len(results) - 1} results")
    return sorted(results)


def _fork(function: partial[None]) -> int:
    process = os.fork()
    if process == 0:
        os._exit(run_forked(function))
    return process


def format_table(results: list[Result]) -> str:
    """A row for each act, call and fault, and each violation with what repeats it."""
    points = Counter((point.act, point.call.name, point.fault) for point, _ in results)
    broken = Counter((point.act, point.call.name, point.fault) for point, problems in results if problems)
    lines = ["| operation | syscall | fault | points | violations |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(kind)} | {count} | {broken[kind]} |" for kind, count in points.items()]
    lines += [f"| all | | | {points.total()} | {broken.total()} |"]
    lines += [
        f"{point.act} {' '.join(map(str, point.call))} {point.fault}: {'; '.join(problems)}"
        for point, problems in results
        if problems
    ]
    return "\n".join(lines)


def import_all(folder: Path) -> None:
    """Import what the acts import, so that a forked process only acts, with the same calls each time."""
    modules = folder / "modules.json"
    town = create_origin(folder / "warm")

    def list_modules() -> None:
        for name in ("night", "name", "audit", "deadline", "prune"):
            act_in_child(town, name)
        modules.write_text(json.dumps(list(sys.modules)))

    assert run_forked(list_modules) == 0
    for name in json.loads(modules.read_text()):
        # Some can only be imported by others.
        if name not in sys.modules and name != "__mp_main__":
            import_module(name)


@contextmanager
def serve_prefect() -> Iterator[dict[str, str]]:
    """A Prefect server in a process of its own; the environment of what uses it."""
    code = (
        "import sys\nfrom prefect.settings import PREFECT_API_URL\n"
        "from prefect.testing.utilities import prefect_test_harness\n"
        "with prefect_test_harness(server_startup_timeout=180):\n"
        " print(PREFECT_API_URL.value(), flush=True)\n sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", code]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        yield {**os.environ, "PREFECT_API_URL": server.stdout.readline().strip(), "OMP_NUM_THREADS": "1"}
        server.communicate()


def main(folder: Path, most: int = 0, *names: str) -> int:
    """Prove the acts; 1 if a promise was broken."""
    compute_source_digest()
    import_all(folder)
    origin = build_origin(folder / "origin")
    results: list[Result] = []
    for name in names or ACTS:
        results += prove_act(name, origin, folder / name.replace(" ", "-"), most)
    sys.stdout.write(format_table(results) + "\n")
    return int(any(problems for _, problems in results))


if __name__ == "__main__":
    if "run" in (sys.argv[3:] or ACTS) and "PREFECT_API_URL" not in os.environ:
        # Prefect reads this when it is imported, so the grid is a process that starts afterwards.
        with serve_prefect() as environment:
            status = subprocess.run(
                [sys.executable, "-m", "tests.fault_grid", *sys.argv[1:]], env=environment
            )
        sys.exit(status.returncode)
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0, *sys.argv[3:]))
