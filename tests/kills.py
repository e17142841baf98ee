"""Nights killed at chosen points, run again, and what is left afterwards. tests/test_leftovers.py runs it.

    python -m tests.kills FOLDER COUNT [ACTION…]

A point is a change of the file system that Python makes below FOLDER. Each night runs in a process that is
forked from this one, which has imported everything and started no thread.
"""

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.edition.source_digest import compute_source_digest
from segmentation.store.places import list_unknown
from tests.nights import Town, create_town, day, draw_customers

CHANGES = {"os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "open"}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def run_forked(function: Callable[[], Any]) -> int:
    """Run a function in a child process; how it ended: 0, an exit status, or minus the signal."""
    process = os.fork()
    if process == 0:
        try:
            function()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def watch_changes(store: Path, act: Callable[[int], None]) -> None:
    """Call `act` with the number of each change below the store, before it is made."""
    number = 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        nonlocal number
        if event not in CHANGES or not str(args[0]).startswith(str(store)):
            return
        if event == "open" and not (args[2] or 0) & _WRITES:
            return
        number += 1
        act(number)

    sys.addaudithook(hook)


def kill_at(point: int, number: int) -> None:
    """Die at this change."""
    if number == point:
        os.kill(os.getpid(), signal.SIGKILL)


def act_on(town: Town, action: str) -> None:
    """A night of the second date, or a promotion of the first."""
    if action == "promote":
        promote_edition(town.home, PromotionRequest(day(1), None, "ana", ""))
    else:
        town.run(2, town.folder / "customers.csv", force=action == "force")


def count_changes(town: Town, action: str) -> int:
    """How many changes the action makes."""
    count_file = town.folder / "count"

    def run() -> None:
        watch_changes(town.store, lambda number: os.truncate(count_file, number))
        act_on(town, action)

    count_file.touch()
    assert run_forked(run) == 0
    return count_file.stat().st_size


def digest_editions(town: Town) -> dict[str, str]:
    """sha256 by path of editions and published tables."""
    paths = [path for part in ("editions", "published") for path in (town.home / part).rglob("*")]
    files = (path for path in paths if path.is_file())
    return {str(path.relative_to(town.home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def list_left(town: Town) -> list[str]:
    """Stage files, temporary files, scratch, and files of no known kind."""
    paths = [*town.home.glob(".staging/*"), *town.home.glob(".replaced/*"), *town.store.rglob("*.tmp")]
    scratch = [*(town.folder / "tmp").iterdir()]
    return [*map(str, paths + scratch), *list_unknown(town.store, town.definition.name)]


def try_points(folder: Path, action: str, count: int) -> dict[str, Any]:
    """Kill the action at `count` points, run it again each time; what was not as it must be, by point."""
    origin = create_town(folder / action / "origin")
    (origin.folder / "tmp").mkdir(parents=True)
    os.environ["TMPDIR"] = str(origin.folder / "tmp")
    draw_customers({"a": 60, "b": 50}).to_csv(origin.folder / "customers.csv", index=False)
    for number in (1, 2) if action in ("promote", "force") else (1,):
        assert run_forked(partial(origin.run, number, origin.folder / "customers.csv")) == 0
    golden = origin.copy_to(folder / action / "golden")
    changes = count_changes(golden, action)
    expected, problems = digest_editions(golden), {}
    for point in sorted({*np.linspace(1, changes, count).round().astype(int).tolist()}):
        town = origin.copy_to(folder / action / f"{point}")
        os.environ["TMPDIR"] = str(town.folder / "tmp")

        def die(town: Town = town, point: int = point) -> None:
            watch_changes(town.store, partial(kill_at, point))
            act_on(town, action)

        ends = run_forked(die), run_forked(partial(act_on, town, action))
        left, is_same = list_left(town), digest_editions(town) == expected
        if ends != (-signal.SIGKILL, 0) or left or not is_same:
            problems[point] = {"ends": ends, "left": left, "same": is_same}
        shutil.rmtree(town.folder)
    return {"changes": changes, "problems": problems}


if __name__ == "__main__":
    compute_source_digest()  # once for all nights, also while somebody edits the sources
    results = {
        action: try_points(Path(sys.argv[1]), action, int(sys.argv[2]))
        for action in (sys.argv[3:] or ("night", "force", "promote"))
    }
    sys.stdout.write(json.dumps(results))
