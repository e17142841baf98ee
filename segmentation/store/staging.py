"""Staging: the stage files of runs under way, each run's folder locked by its process.

A folder whose lock is free belongs to a run that ended: failed (and may be retried) or died.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from schemas.records import Night
from segmentation.errors import Conflict
from segmentation.store.commit import locked

_LOCK = ".lock"
_NIGHT = "night.json"


@contextmanager
def hold_staging(night: Night) -> Iterator[None]:
    """Create this run's staging folder and hold its lock. Conflict if another process has it."""
    with locked(night.home / ".lock"):
        night.staging.mkdir(parents=True, exist_ok=True, mode=0o700)
        (night.staging / _NIGHT).write_text(json.dumps({"as_of": str(night.as_of)}))
        descriptor = _try_lock(night.staging)
    if descriptor is None:
        raise Conflict(f"run {night.run_id} is under way in another process")
    try:
        yield
    finally:
        os.close(descriptor)


def remove_staging(night: Night) -> None:
    """Remove this run's stage files: the run is over and its edition is in the store."""
    shutil.rmtree(night.staging, ignore_errors=True)


def sweep_staging(home: Path, settled: date, stale_hours: float) -> list[str]:
    """Remove what ended runs left: those of the settled date, and any older than stale_hours.

    The settled date has just been published, so a retry of such a run could only lose. Folders of
    running processes are locked and stay. Returns the run ids removed.
    """
    removed = []
    with locked(home / ".lock"):
        for folder in sorted((home / ".staging").glob("*/")):
            descriptor = _try_lock(folder)
            if descriptor is None:
                continue
            hours = (time.time() - folder.stat().st_mtime) / 3600
            if _as_of(folder) == str(settled) or hours > stale_hours:
                shutil.rmtree(folder, ignore_errors=True)
                removed.append(folder.name)
            os.close(descriptor)
        _remove_orphans(home)
    return removed


def _remove_orphans(home: Path) -> None:
    """Remove temporary files (.NAME.PID.tmp, see store.write_durably) whose process is gone."""
    for path in [*home.glob(".*.tmp"), *home.glob("ledger/.*.tmp")]:
        process = path.name.split(".")[-2]
        if process.isdigit() and not Path("/proc", process).exists():
            path.unlink(missing_ok=True)


def _try_lock(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock, or None if a process has it."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _as_of(folder: Path) -> str | None:
    try:
        as_of: str = json.loads((folder / _NIGHT).read_text())["as_of"]
        return as_of
    except (OSError, ValueError, KeyError):
        return None
