"""Stores that this machine has published in, so that one whose file system is not mounted is noticed.

An empty folder in its place would otherwise look like a new store: a night would start over there, with other
segment ids, and nobody would see it until the mount is back.
"""

import hashlib
from contextlib import suppress
from pathlib import Path

from config.settings import read_settings
from segmentation.errors import StorageFailed
from segmentation.store.files.durable import write_durably
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.permissions import PRIVATE_FOLDER, create_folder

_FOLDER = "known-stores"  # in the state folder: a file for each segmentation, named after its path


def remember_store(home: AnyPath) -> None:
    """Note that this segmentation's folder exists. Buckets do not vanish like that."""
    if isinstance(home, Path):
        with suppress(OSError):  # without the note, only the check is missing
            marker = _locate_marker(home)
            if not marker.exists():
                create_folder(marker.parent, PRIVATE_FOLDER)
                write_durably(marker, f"{home}\n".encode())


def check_store(home: AnyPath) -> None:
    """StorageFailed if the segmentation's folder is gone, although this machine has published in it."""
    if isinstance(home, Path) and not home.exists() and (marker := _locate_marker(home)).exists():
        raise StorageFailed(
            "unmounted",
            f"{home} is gone, though this machine has published there; mount its file system and run again. "
            f"To begin a new store instead, remove {marker}",
        )


def _locate_marker(home: Path) -> Path:
    name = hashlib.sha256(str(home.absolute()).encode()).hexdigest()[:16]
    return read_settings().state.expanduser().absolute() / _FOLDER / name
