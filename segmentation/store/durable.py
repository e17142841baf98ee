"""Writing to disk so that it survives a crash or a power cut: fsync, then rename."""

import os
from pathlib import Path

from segmentation.store.objects import AnyPath, ObjectPath


def write_durably(path: AnyPath, content: bytes) -> None:
    """Replace a small file atomically: temporary file, fsync, rename, fsync of the folder."""
    if isinstance(path, ObjectPath):
        path.put(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic only within a file system.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            # Before the rename: some file systems would otherwise show an empty file after a power cut.
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """fsync a file that a library has written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that a rename in it survives a power cut."""
    sync_file(folder)
