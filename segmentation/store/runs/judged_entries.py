"""The folder of judged files: rows that earlier nights judged, so that no night judges a file again.

What an entry holds is decided in segmentation/rows/judging/judged_entry.py. Entries are never part of an
edition: without them a night does the same work again. docs/decisions/0050-judged-files.md
"""

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from config.settings import read_settings

JUDGED = ".judged"  # in the local folder of a segmentation
_UNUSED_S = 30 * 86_400


class Entry(NamedTuple):
    """One entry: its folder, its size in bytes, and when a night last used it, in seconds since 1970."""

    path: Path
    size: int
    last_used: float


def list_entries(folder: Path) -> list[Entry]:
    """The entries in the folders of a folder, the least recently used first."""
    entries = []
    for path in folder.glob("*/*"):
        with suppress(OSError):  # such as one that another run has removed
            size = sum(file.stat().st_size for file in path.iterdir())
            entries.append(Entry(path, size, path.stat().st_mtime))
    return sorted(entries, key=lambda entry: (entry.last_used, entry.path))


def remove_entry(path: Path) -> None:
    """Remove an entry. A night that uses it has other names for its files."""
    shutil.rmtree(path, ignore_errors=True)


def read_limit() -> int:
    """How many bytes the judged files of one segmentation may take."""
    return int(read_settings().judged_gb * 1e9)


def sweep_entries(home: Path) -> None:
    """Remove entries that no night has used for 30 days, then the least recently used ones over the limit."""
    entries = list_entries(home / JUDGED)
    size, limit, oldest = sum(entry.size for entry in entries), read_limit(), time.time() - _UNUSED_S
    for entry in entries:
        if size <= limit and entry.last_used >= oldest:
            break
        remove_entry(entry.path)
        size -= entry.size


def remove_entries(home: Path) -> None:
    """Remove all judged files: they hold rows of customers."""
    if (home / JUDGED).is_dir():
        shutil.rmtree(home / JUDGED)
