"""Runs seeds of replays.py in this process, and prints what was done as JSON.

    RESEGMENT_TEST_DISK=1 unshare --mount python -m tests.seeded_replays FOLDER FIRST LAST [NIGHTS]

A seed that fails prints its shortest steps as sentences. Only root can mount the file system in memory that
is filled; without `unshare` and the variable, the disk is never full.
"""

import json
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from segmentation.store.edition.source_digest import compute_source_digest
from tests.disks import mount
from tests.forked_acts import warm_up
from tests.nights import create_town
from tests.replays import NIGHTS, draw_steps, run_steps, shrink

# Processes are forked from this one, so it must not start threads.
ONE_THREAD = dict.fromkeys(("RESEGMENT_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def mount_disk(folder: Path) -> bool:
    """Give the folder a file system of its own if RESEGMENT_TEST_DISK is set; False without one."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.environ.get("RESEGMENT_TEST_DISK"):
        return False
    mount(folder, "size=3g")
    return True


def run_seed(folder: Path, seed: int, nights: int, *, has_disk: bool) -> dict[str, Any]:
    """What was done with a seed, and its shortest failure in words if it fails."""
    steps, started = draw_steps(seed, nights), time.monotonic()
    failure, counts = run_steps(folder, steps, has_disk=has_disk)
    result: dict[str, Any] = {"seed": seed, "steps": len(steps), "counts": counts}
    result["seconds"] = round(time.monotonic() - started, 1)
    if failure is not None:
        sys.stderr.write(f"seed {seed}, step {failure.position}: {failure.problem}\n")
        result["problem"] = failure.problem
        if not os.environ.get("RESEGMENT_TEST_UNSHRUNK"):
            steps, failure = shrink(folder, steps, failure, has_disk=has_disk)
            result["problem"] = failure.problem
            result["context"] = [step.describe() for step in steps]
    return result


def run_seeds(folder: Path, seeds: range, nights: int = NIGHTS) -> dict[str, Any]:
    """All seeds: what was done in all, and the failures."""
    os.environ |= {"RESEGMENT_STATE": str(folder / "state"), "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    has_disk = mount_disk(folder / "disk")
    compute_source_digest()  # once for all nights, also while somebody edits the sources
    warm_up(folder / "warm", create_town(folder / "warm"))
    counts, failures = Counter[str](), []
    for seed in seeds:
        target = folder / "disk" / f"seed-{seed}"
        result = run_seed(target, seed, nights, has_disk=has_disk)
        if "problem" not in result:
            shutil.rmtree(target)  # the seeds share a disk, which must not fill up by itself
        sys.stderr.write(json.dumps(result) + "\n")
        counts.update({**result["counts"], "seeds": 1, "steps": result["steps"]})
        failures += [result] if "problem" in result else []
    return {"counts": dict(sorted(counts.items())), "failures": failures, "has_disk": has_disk}


if __name__ == "__main__":
    if not ONE_THREAD.items() <= os.environ.items():  # libraries read it when they are loaded
        arguments = [sys.executable, "-m", "tests.seeded_replays", *sys.argv[1:]]
        # The same program, with what is set before any import.
        os.execve(sys.executable, arguments, os.environ | ONE_THREAD)  # noqa: S606
    first, last, *nights = map(int, sys.argv[2:])
    totals = run_seeds(Path(sys.argv[1]), range(first, last + 1), *nights)
    sys.stdout.write(json.dumps(totals) + "\n")
