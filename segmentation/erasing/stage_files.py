"""Stage files of ended runs, which hold customers' rows: an erasure removes them all.

A run that is under way has its folder locked. It is not stopped: the erasure waits for another day. What else
is swept, and when, is in segmentation/store/runs/sweeping.py.
"""

import shutil
from pathlib import Path

from segmentation.errors import Conflict
from segmentation.store.files.durable import sweep_temporaries
from segmentation.store.files.exchange import REPLACED, restore_replaced
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.runs.judged_entries import remove_entries
from segmentation.store.runs.staging import STAGING


def list_folders(home: Path) -> list[Path]:
    """The folders of stage files. Conflict if one belongs to a run that is under way."""
    folders = sorted(path for path in (home / STAGING).glob("*") if path.is_dir())
    for folder in folders:
        try:
            with lock(folder / LOCK, wait=False):
                pass
        except BlockingIOError:
            raise Conflict(
                f"run {folder.name} of {home.name} is under way, and its stage files hold customers' rows; "
                "nothing was erased. Erase when it has ended"
            ) from None
    return folders


def remove_stage_files(home: Path) -> int:
    """Remove them, judged files and temporary files of dead writers; returns how many folders.

    Call it under the lock.
    """
    folders = list_folders(home)
    for folder in folders:
        shutil.rmtree(folder)
    remove_entries(home)
    if (home / REPLACED).is_dir():
        restore_replaced(home)
    parents = [home, home / "ledger", *home.glob("published/*"), *home.glob("inputs/*")]
    for parent in parents:
        sweep_temporaries(parent)
    return len(folders)
