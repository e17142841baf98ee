"""Staging: the stage files of running runs, each run's folder locked by its process.

A folder whose lock is free belongs to a run that has ended. It is kept only while a retry can use it. When
folders are swept is decided in sweeping.py.
"""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from schemas.night import Night
from segmentation.errors import Conflict, ResegmentError
from segmentation.store.catalogue.published import readable_edition
from segmentation.store.files.durable import make_unique_suffix, write_durably
from segmentation.store.files.exchange import restore_replaced
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.permissions import PRIVATE_FILE, PRIVATE_FOLDER, create_folder
from segmentation.store.layout import get_home

STAGING = ".staging"
_NIGHT = "night.json"
_REMOVED = ".removed"


class StagedRun(NamedTuple):
    """What a run's folder says about it. published: the edition that its date had when it began."""

    as_of: str
    published: str | None = None
    can_retry: bool = True


class SweepRules(NamedTuple):
    """Which folders of ended runs go. `home` may be in a bucket; None if it cannot be read."""

    home: AnyPath | None
    stale_hours: float
    settled: date | None = None  # this date's run has just ended well, so a retry is pointless


@contextmanager
def staging_session(night: Night, can_retry: bool = True) -> Iterator[None]:
    """Create this run's staging folder and lock it. Conflict if another process has locked it.

    can_retry: Prefect could start this run again, so its files stay if it fails or dies.
    """
    with ExitStack() as session:
        with lock(night.home / LOCK):
            restore_replaced(night.home)  # before the run looks for the edition that it builds on
            create_folder(night.staging, PRIVATE_FOLDER)
            try:
                session.enter_context(lock(night.staging / LOCK, wait=False))
            except BlockingIOError:
                raise Conflict(f"run {night.run_id} is under way in another process") from None
            if read_staged_run(night.staging) is None:  # else it is a retry, and the file has the first begin
                published = readable_edition(get_home(night), night.as_of)
                staged = StagedRun(str(night.as_of), published, can_retry)
                content = json.dumps(staged._asdict()).encode()
                write_durably(night.staging / _NIGHT, content, PRIVATE_FILE)
        yield


def remove_staging(night: Night) -> None:
    """Remove this run's stage files: the run is over and no retry can use them."""
    _delete(_mark_removed(night.staging))


def sweep_staging(home: Path, rules: SweepRules) -> list[str]:
    """Remove what ended runs left in a segmentation's folder; returns the run ids.

    It goes if no retry can use it: the date was published since the run began, or has just been settled,
    the run cannot be retried, or it is older than stale_hours. Folders of living processes are locked and
    stay, whatever their host.
    """
    folders: list[Path] = []
    if not (home / STAGING).is_dir():  # taking the lock would create the folder
        return []
    try:
        # Under the lock, so that no folder is taken between its creation and its own lock.
        with lock(home / LOCK, wait=rules.settled is not None):
            restore_replaced(home)
            for folder in sorted((home / STAGING).glob("*/")):
                # Of a living run, removed by another sweep, or of a date that cannot be read.
                with suppress(OSError, ResegmentError):
                    if folder.name.endswith(_REMOVED):
                        folders.append(folder)
                        continue
                    with lock(folder / LOCK, wait=False):
                        if _is_useless(folder, rules):
                            folders.append(_mark_removed(folder))
    except OSError:  # somebody publishes at this moment, or this process may not write here
        return []
    for folder in folders:
        _delete(folder)
    return [folder.name.partition(".")[0] for folder in folders]


def read_staged_run(folder: Path) -> StagedRun | None:
    """What a run's folder says about it; None if it says nothing, as in a folder that belongs to no run."""
    try:
        content = json.loads((folder / _NIGHT).read_bytes())
        fields = {name: content[name] for name in StagedRun._fields if name in content}
        return StagedRun(**fields)
    except (OSError, ValueError, TypeError):
        return None


def _is_useless(folder: Path, rules: SweepRules) -> bool:
    hours = (time.time() - folder.stat().st_mtime) / 3600
    if hours > rules.stale_hours:
        return True
    run = read_staged_run(folder)
    if run is None:
        # Killed before it had any stage file, or scratch of a command; a damaged file proves neither.
        return not (folder / _NIGHT).exists()
    if not run.can_retry or run.as_of == str(rules.settled):
        return True
    return rules.home is not None and _is_published_since(rules.home, run)


def _is_published_since(home: AnyPath, run: StagedRun) -> bool:
    edition = readable_edition(home, date.fromisoformat(run.as_of))
    return edition is not None and edition != run.published


def _mark_removed(folder: Path) -> Path:
    """Rename a folder, so that a kill while it is removed leaves something that is plainly rubbish."""
    target = folder.with_name(f"{folder.name}.{make_unique_suffix()}{_REMOVED}")
    try:
        return folder.rename(target)
    except OSError:
        return folder


def _delete(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
