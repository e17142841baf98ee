"""The long form of replays and crowds, part of `make prove`: all cores, for about an hour. Prints a table.

python -m tests.long_replays FOLDER [SEEDS [ROUNDS]]
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from config.cores import count_usable_cores

ROOT = Path(__file__).parents[1]
COMMANDS, PUBLISHERS = "9", "3"
ROWS = (
    "seeds",
    "steps",
    "published",
    "held",
    "kills",
    "full disks",
    "damaged files",
    "refusals",
    "conflicts",
)


def may_mount(folder: Path) -> bool:
    """May this process mount a file system in a namespace of its own?"""
    unshare = shutil.which("unshare")
    trial = [unshare or "", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    return bool(unshare) and subprocess.run(trial, capture_output=True).returncode == 0


def start_replays(folder: Path, *numbers: int) -> subprocess.Popen[str]:
    """Start seeds in a process of their own, with a disk that can be filled if it may mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    command, environment = [sys.executable, "-m", "tests.seeded_replays", str(folder), *map(str, numbers)], {}
    if may_mount(folder):
        command, environment = ["unshare", "--mount", *command], {"RESEGMENT_TEST_DISK": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
    )


def read_results(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What a process printed last, once it has ended."""
    output = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{process.args!r} ended with {process.returncode}")
    results: dict[str, Any] = json.loads(output.splitlines()[-1])
    return results


def prove_replays(folder: Path, seeds: int) -> dict[str, Any]:
    """All seeds, spread over the cores: what was done in all, and the failures."""
    cores = min(count_usable_cores(), seeds)
    borders = [1 + seeds * core // cores for core in range(cores + 1)]
    processes = [start_replays(folder / f"from-{a}", a, b - 1) for a, b in pairwise(borders)]
    counts, failures = Counter[str](), []
    for results in map(read_results, processes):
        counts.update(results["counts"])
        failures += results["failures"]
    return {"counts": counts, "failures": failures}


def prove_crowds(folder: Path, rounds: int) -> dict[str, Any]:
    """Rounds of commands at once."""
    command = [sys.executable, "-m", "tests.crowds", str(folder), str(rounds), COMMANDS, PUBLISHERS]
    return read_results(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))


def format_totals(replays: dict[str, Any], crowds: dict[str, Any]) -> str:
    """The table, and each failure."""
    lines = ["| replays | |", "| --- | --- |"]
    lines += [f"| {name} | {replays['counts'].get(name, 0):,} |" for name in ROWS]
    lines += [f"| violations | {len(replays['failures'])} |", "", "| crowds | |", "| --- | --- |"]
    crowd = {**crowds["counts"], "published": crowds["ledger"].get("published", 0), "reads": crowds["reads"]}
    lines += [f"| {name} | {number:,} |" for name, number in crowd.items()]
    lines += [f"| bad reads | {len(crowds['faults'])} |", f"| violations | {len(crowds['problems'])} |"]
    for failure in replays["failures"]:
        sentences = " ".join(failure.get("context", []))
        lines.append(f"seed {failure['seed']}: {failure['problem']}. {sentences}")
    return "\n".join([*lines, *crowds["faults"], *crowds["problems"]])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    seeds, rounds = (*map(int, sys.argv[2:]), *(100, 20)[len(sys.argv) - 2 :])
    totals = prove_replays(target / "replays", seeds), prove_crowds(target / "crowds", rounds)
    sys.stdout.write(format_totals(*totals) + "\n")
    sys.exit(bool(totals[0]["failures"] or totals[1]["problems"] or totals[1]["faults"]))
