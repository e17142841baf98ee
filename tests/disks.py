"""Nights on small file systems of their own: full, read-only, gone. tests/test_disks.py runs it.

    unshare --mount python -m tests.disks FOLDER

It prints, as JSON, how each night ended and what its ledger says. Only root can mount.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tasks.summarise
from config.settings import read_settings
from segmentation.errors import ResegmentError
from segmentation.store.ledger import read_rows
from tests.nights import Town, create_town, draw_customers

MOUNT, UNMOUNT = shutil.which("mount") or "mount", shutil.which("umount") or "umount"


def mount(folder: Path, options: str) -> None:
    """Mount a file system in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([MOUNT, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def run_night(town: Town, number: int) -> dict[str, Any]:
    """How a night ended: its message, the kind of failure, the last row of the ledger and what is staged."""
    message, code = "", ""
    try:
        message = town.run(number, town.folder / "customers.csv").outcome
    except ResegmentError as error:
        message, code = str(error), getattr(error, "code", "")
    except OSError as error:
        message, code = f"not explained: {error!r}", "OSError"
    rows = read_rows(town.home)
    staged = [str(path.relative_to(town.home)) for path in town.home.glob(".staging/*")]
    return {"message": message, "code": code, "row": rows[-1] if rows else {}, "staged": staged}


def set_margin(margin: float) -> None:
    """Require this multiple of the estimated free space from now on."""
    os.environ["RESEGMENT_SPACE_MARGIN"] = str(margin)
    read_settings.cache_clear()


def vanish(store: Path, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, before which the store's file system goes away."""

    def call(*args: Any, **kwargs: Any) -> Any:
        subprocess.run([UNMOUNT, "--lazy", str(store)], check=True)
        return function(*args, **kwargs)

    return call


def run_all(folder: Path) -> dict[str, Any]:
    """One night after the other: without enough space, on a full disk, with space, read-only, gone."""
    town = create_town(folder)
    folder.mkdir(exist_ok=True)
    draw_customers({"a": 300, "b": 300}).to_csv(folder / "customers.csv", index=False)
    ends = dict[str, Any]()
    mount(town.store, "size=1m")
    set_margin(10_000)
    ends["short"] = run_night(town, 1)
    set_margin(0)
    ends["full"] = run_night(town, 1)
    subprocess.run([MOUNT, "-o", "remount,size=64m", str(town.store)], check=True)
    set_margin(1.25)
    ends["again"] = run_night(town, 1)
    subprocess.run([MOUNT, "-o", "remount,ro", str(town.store)], check=True)
    ends["read-only"] = run_night(town, 2)
    subprocess.run([MOUNT, "-o", "remount,rw", str(town.store)], check=True)
    with patch.object(tasks.summarise, "summarise_rows", vanish(town.store, tasks.summarise.summarise_rows)):
        ends["gone"] = run_night(town, 2)
    ends["left"] = sorted(str(path) for path in town.store.rglob("*"))
    return ends


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run_all(Path(sys.argv[1]))))
