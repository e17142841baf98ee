"""Scratch folders: private, locked while they are in use, and removed once their process has died.

By default they are in the system's folder for temporary files. Stage files of runs are in runs/staging.py.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.permissions import PRIVATE_FOLDER, create_folder

SCRATCH = "resegment-scratch-"  # the names of scratch folders begin with this
_PAGE = "resegment-page-"
_PAGE_HOURS = 24.0


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """An empty private folder that is removed at the end of the block, or by a later sweep after a kill.

    parent: where to put it, by default among the system's temporary files. It may hold customers' rows.
    In a segmentation's `.staging`, files can be renamed from it into the store.
    """
    sweep_scratch(parent)
    if parent is not None:
        create_folder(parent, PRIVATE_FOLDER)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=parent))
        created = folder.stat()
        with lock(folder / LOCK):
            # A sweep may have seen the folder before it was locked.
            is_own = (folder / LOCK).exists() and os.path.samestat(folder.stat(), created)
            try:
                if is_own:
                    yield folder
                    return
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def create_page_folder() -> Path:
    """A folder for a page that a browser reads after this process has ended. It is swept a day later."""
    sweep_scratch()
    return Path(tempfile.mkdtemp(prefix=_PAGE))


def sweep_scratch(parent: Path | None = None) -> int:
    """Remove this user's scratch folders whose processes have died, and old pages. Returns how many."""
    root, removed = parent or Path(tempfile.gettempdir()), 0
    try:
        with os.scandir(root) as entries:
            folders = [entry for entry in entries if entry.name.startswith((SCRATCH, _PAGE))]
    except OSError:
        return 0
    for entry in folders:
        with suppress(OSError):  # such as one that another sweep has removed
            # Anyone may put links and folders among the system's temporary files.
            if entry.is_dir(follow_symlinks=False) and entry.stat().st_uid == os.geteuid():
                removed += _remove_dead(Path(entry.path))
    return removed


def _remove_dead(folder: Path) -> bool:
    if folder.name.startswith(_PAGE):
        is_dead = time.time() - folder.stat().st_mtime > _PAGE_HOURS * 3600
        if is_dead:
            shutil.rmtree(folder, ignore_errors=True)
        return is_dead
    try:
        with lock(folder / LOCK, wait=False):
            shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:  # its process lives
        return False
    return True
