"""Staging: the stage files of running runs, each run's folder locked by its process.

A folder whose lock is free belongs to a run that has ended: it failed and may be retried, or it was killed.
"""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path

from schemas.night import Night
from segmentation.errors import Conflict
from segmentation.store.locking import LOCK, lock

_NIGHT = "night.json"


@contextmanager
def staging_session(night: Night) -> Iterator[None]:
    """Create this run's staging folder and lock it. Conflict if another process has locked it."""
    with ExitStack() as session:
        with lock(night.home / LOCK):
            night.staging.mkdir(parents=True, exist_ok=True, mode=0o700)
            (night.staging / _NIGHT).write_text(json.dumps({"as_of": str(night.as_of)}))
            try:
                session.enter_context(lock(night.staging / LOCK, wait=False))
            except BlockingIOError:
                raise Conflict(f"run {night.run_id} is under way in another process") from None
        yield


def remove_staging(night: Night) -> None:
    """Remove this run's stage files: the run is over and its edition is in the store."""
    shutil.rmtree(night.staging, ignore_errors=True)


def sweep_staging(home: Path, published: date, stale_hours: float) -> list[str]:
    """Remove what ended runs left: all folders of the published date, and any older than stale_hours.

    The date has just been published, so a retry of those runs could only end in a conflict. Folders of
    running processes are locked and stay. Returns the run ids removed.
    """
    removed = []
    with lock(home / LOCK):
        for folder in sorted((home / ".staging").glob("*/")):
            try:
                with lock(folder / LOCK, wait=False):
                    hours = (time.time() - folder.stat().st_mtime) / 3600
                    if _read_as_of(folder) == str(published) or hours > stale_hours:
                        shutil.rmtree(folder, ignore_errors=True)
                        removed.append(folder.name)
            except BlockingIOError:
                continue  # its process is running
        _remove_orphans(home)
    return removed


def _remove_orphans(home: Path) -> None:
    """Remove temporary files (.NAME.PID.tmp, see durable.py) whose process has ended."""
    for path in [*home.glob(".*.tmp"), *home.glob("ledger/.*.tmp")]:
        process = path.name.split(".")[-2]
        if process.isdigit() and not Path("/proc", process).exists():
            path.unlink(missing_ok=True)


def _read_as_of(folder: Path) -> str | None:
    try:
        as_of: str = json.loads((folder / _NIGHT).read_text())["as_of"]
        return as_of
    except (OSError, ValueError, KeyError):
        return None
