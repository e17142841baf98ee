"""Runs the sides, each in a process of its own, and compares what they took.

The sides are in bench/sides.py and bench/event_sides.py, the tables in bench/tables.py.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from bench.server import cpu_seconds
from bench.sides import AS_OF

MEASURES = (
    "command_cpu",
    "command_wall",
    "cpu",
    "wall",
    "work_cpu",
    "work_wall",
    "imports_cpu",
    "peak_mb",
    "html_bytes",
)


class Workplace(NamedTuple):
    """A folder for files, and the process id of the Prefect server that ours runs against."""

    folder: Path
    server: int


def run_side(side: str, job: dict[str, Any], workplace: Workplace) -> dict[str, Any]:
    """Run one side: its answer, with CPU and wall seconds of the whole process.

    `side` is a name in bench/sides.py, or MODULE:NAME.
    """
    module, _, name = side.rpartition(":")
    with tempfile.TemporaryDirectory(dir=workplace.folder) as store:
        work, answer = Path(store, "job.json"), Path(store, "answer.json")
        work.write_text(json.dumps({**job, "store": store}), encoding="utf-8")
        usage = time_process(
            [sys.executable, "-m", module or "bench.sides", name, str(work), str(answer)], workplace
        )
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return {**result, **usage}


def run_command(job: dict[str, Any], workplace: Workplace) -> dict[str, float]:
    """Run `resegment run`, as a person or a scheduler would: CPU and wall seconds of the whole process."""
    with tempfile.TemporaryDirectory(dir=workplace.folder) as store:
        command = [str(Path(sys.executable).with_name("resegment")), "run", job["definition"], "--json"]
        command += ["--as-of", str(AS_OF), "--source", job["data"], "--store", store]
        return time_process(command, workplace)


def time_process(command: list[str], workplace: Workplace) -> dict[str, float]:
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


def compare_sides(job: dict[str, Any], workplace: Workplace, repeats: int) -> dict[str, Any]:
    """Run both sides in turn, alternating which goes first: medians, and medians of the pairs' ratios."""
    pairs = [_run_pair(job, workplace, number % 2 == 1) for number in range(repeats)]
    ratios = {key: [pair["article"][key] / pair["ours"][key] for pair in pairs] for key in MEASURES}
    last = pairs[-1]
    by_k = last["article"]["inertia_by_k"]
    return {
        "repeats": repeats,
        **{
            side: {key: statistics.median(pair[side][key] for pair in pairs) for key in MEASURES}
            | {"stages": _median_stages([pair[side]["stages"] for pair in pairs])}
            for side in ("article", "ours")
        },
        "ratio": {key: statistics.median(values) for key, values in ratios.items()},
        "ratio_range": {key: [min(values), max(values)] for key, values in ratios.items()},
        "server_cpu": statistics.median(pair["ours"]["server_cpu"] for pair in pairs),
        "inertia": last["ours"]["inertia"] / last["article"]["inertia"],
        "inertia_by_k": {k: last["ours"]["inertia_by_k"][k] / v if v else 1.0 for k, v in by_k.items()},
    }


def _run_pair(job: dict[str, Any], workplace: Workplace, reverse: bool) -> dict[str, dict[str, Any]]:
    """Run each side once. The article's process is compared with both the flow's and the command's."""
    order = ("ours", "article") if reverse else ("article", "ours")
    pair = {side: run_side(side, job, workplace) for side in order}
    command = run_command(job, workplace)
    for key in ("cpu", "wall"):
        pair["article"][f"command_{key}"] = pair["article"][key]
        pair["ours"][f"command_{key}"] = command[key]
    return pair


def _median_stages(stages: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(seconds[name] for seconds in stages) for name in stages[0]}
