"""A night of the shop with every clause, killed at chosen points and run again. test_everything.py runs it.

python -m tests.everything_kills FOLDER COUNT
"""

import json
import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import numpy as np

from segmentation.store.edition.source_digest import compute_source_digest
from tests.everything_shop import make_everything_shop
from tests.kills import kill_at, run_forked, watch_changes
from tests.late_shop import Shop, day

NUMBER = 30


def run_night(shop: Shop, store: Path) -> None:
    """The night after the last one."""
    shop.night(NUMBER, store=store)


def read_edition(store: Path) -> dict[str, bytes]:
    """The night's files by path, in its edition and as published."""
    paths = [
        *store.glob(f"demo/editions/{day(NUMBER)}/*/*"),
        *store.glob(f"demo/published/as_of={day(NUMBER)}/*"),
    ]
    return {str(path.relative_to(store)): path.read_bytes() for path in paths}


def try_points(folder: Path, count: int) -> dict[str, object]:
    """Kill the night at `count` points and run it again each time; what was not as it must be, by point."""
    shop, golden, count_file = make_everything_shop(folder), folder / "golden", folder / "count"
    shutil.copytree(folder / "store", golden)
    count_file.touch()

    def count_changes() -> None:
        watch_changes(golden, lambda number: os.truncate(count_file, number))
        run_night(shop, golden)

    ends = [run_forked(count_changes)]
    changes, expected, problems = count_file.stat().st_size, read_edition(golden), {}
    for point in np.linspace(1, changes, count).round().astype(int).tolist():
        store = folder / f"killed-{point}"
        shutil.copytree(folder / "store", store)

        def die(store: Path = store, point: int = point) -> None:
            watch_changes(store, partial(kill_at, point))
            run_night(shop, store)

        ends = [run_forked(die), run_forked(partial(run_night, shop, store))]
        left = [str(path) for path in store.glob("demo/.staging/*")]
        if ends != [-signal.SIGKILL, 0] or left or read_edition(store) != expected:
            problems[point] = {"ends": ends, "left": left}
        shutil.rmtree(store)
    return {"changes": changes, "problems": problems}


if __name__ == "__main__":
    compute_source_digest()  # once for all nights, also while somebody edits the sources
    sys.stdout.write(json.dumps(try_points(Path(sys.argv[1]), int(sys.argv[2]))))
