"""Writing to disk so that it survives a crash or a power cut: fsync, then rename.

A temporary file is locked while its writer lives, so the lock tells whether it is an orphan. Process ids
would not: a store may be shared by containers and hosts that cannot see each other's processes.
"""

import fcntl
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.permissions import FILE, PRIVATE_FILE, create_folder, set_mode

_TEMPORARY = re.compile(r"\..+\.[A-Za-z0-9-]{1,30}-[0-9a-f]{16}\.tmp")  # .live.json.HOST-RANDOM.tmp
_UNLOCKED = re.compile(r"\..+\.\d+\.tmp")  # .live.json.PID.tmp, as versions before 0.4.0 wrote them
_UNLOCKED_AGE_S = 3600


def write_durably(path: AnyPath, content: bytes, mode: int = FILE) -> None:
    """Replace a small file atomically: temporary file, fsync, rename, fsync of the folder."""
    if isinstance(path, ObjectPath):
        path.put(content)
        return
    create_folder(path.parent)
    with replace_file(path, mode) as temporary:
        temporary.write_bytes(content)


@contextmanager
def replace_file(path: Path, mode: int = FILE) -> Iterator[Path]:
    """A temporary file for the block to write to. It takes the name `path` at the end, complete and on disk.

    If the block raises, the file at `path` stays as it is.
    """
    temporary, descriptor = _create_locked(path)
    try:
        yield temporary
        set_mode(temporary, mode)
        # Before the rename: some file systems would otherwise show an empty file after a power cut.
        os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)  # which frees the lock
    sync_folder(path.parent)


def sweep_temporaries(folder: Path) -> int:
    """Remove the temporary files in a folder whose writers have died. Returns how many."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".tmp")]
    except OSError:
        return 0
    removed = 0
    for name in names:
        with suppress(OSError):  # such as one that another sweep has removed
            removed += _remove_orphan(folder / name)
    return removed


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


def make_unique_suffix() -> str:
    """`HOST-RANDOM`: part of a temporary file's name that no other process on any host has."""
    host = re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:30] or "host"
    return f"{host}-{secrets.token_hex(8)}"


def _create_locked(path: Path) -> tuple[Path, int]:
    """A new temporary file and its open, locked descriptor."""
    while True:
        # In the same folder, since a rename is atomic only within a file system. Cut, since a name
        # has 255 bytes at most.
        temporary = path.with_name(f".{path.name[:48]}.{make_unique_suffix()}.tmp")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # A sweep may have seen the file before it was locked.
            if _is_at(temporary, descriptor):
                return temporary, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _remove_orphan(path: Path) -> bool:
    if _UNLOCKED.fullmatch(path.name):
        is_orphan = time.time() - path.stat().st_mtime > _UNLOCKED_AGE_S
        if is_orphan:
            path.unlink()
        return is_orphan
    if not _TEMPORARY.fullmatch(path.name):
        return False
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except BlockingIOError:  # its writer lives
        return False
    finally:
        os.close(descriptor)
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
