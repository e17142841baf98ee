"""Runs the sides of a comparison, each in a process of its own, and compares what they took.

The sides are in bench/sides.py and bench/peers.py, the tables in bench/tables.py.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.inputs import NIGHTS
from bench.server import cpu_seconds

Results = dict[str, dict[str, Any]]


class Workplace(NamedTuple):
    """A folder for files, and the process id of the Prefect server that ours runs against, if it does."""

    folder: Path
    server: int | None = None


def run_side(side: str, job: dict[str, Any], workplace: Workplace) -> dict[str, Any]:
    """Run one side: its answer, with CPU and wall seconds of the whole process.

    `side` is a name in bench/sides.py, or MODULE:NAME.
    """
    module, _, name = side.rpartition(":")
    with tempfile.TemporaryDirectory(dir=workplace.folder) as scratch:
        work, answer = Path(scratch, "job.json"), Path(scratch, "answer.json")
        work.write_text(json.dumps({"store": scratch, **job}, default=str), encoding="utf-8")
        command = [sys.executable, "-m", module or "bench.sides", name, str(work), str(answer)]
        usage = time_process(command, workplace)
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return {**result, **usage}


def run_two_nights(name: str, sources: Sequence[str], workplace: Workplace, side: str = "bare") -> Results:
    """The first and the steady night, each a process, in a store that is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=workplace.folder) as store:
        job = {"definition": name, "definitions": workplace.folder, "store": store}
        return {
            night: run_side(side, {**job, "as_of": as_of, "source": source}, workplace)
            for night, as_of, source in zip(("first", "steady"), NIGHTS, sources, strict=True)
        }


def time_process(command: Sequence[str], workplace: Workplace) -> dict[str, float]:
    """Run a process to its end: its CPU and wall seconds, and the server's CPU seconds meanwhile."""
    server_start, start = cpu_seconds(workplace.server), time.perf_counter()
    log = workplace.folder / "side.log"
    with log.open("wb") as lines:
        process = subprocess.Popen(command, stdout=lines, stderr=lines)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        output = log.read_text(encoding="utf-8", errors="replace")[-4000:]
        raise SystemExit(f"{output}\n{' '.join(command)} failed with status {process.returncode}")
    cpu = usage.ru_utime + usage.ru_stime
    return {"cpu": cpu, "wall": wall, "server_cpu": cpu_seconds(workplace.server) - server_start}


def get_median(rounds: Sequence[Results], side: str, key: str) -> float:
    """The median over rounds of what a side took."""
    return float(statistics.median(sides[side][key] for sides in rounds))


def list_ratios(rounds: Sequence[Results], side: str, peer: str, key: str = "work_cpu") -> list[float]:
    """What a side took, divided by what the peer took in the same round."""
    return [results[side][key] / results[peer][key] for results in rounds]
