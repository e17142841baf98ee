"""Errors of disks in plain words: full, read-only, not permitted, unmounted, broken.

Free space is checked before the work in runs/space.py. Reading a small file that is damaged: small_files.py.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from segmentation.errors import ResegmentError, StageFileGone, StorageFailed

RETRIED = "io-error"  # may pass, unlike a full disk
FULL = ("disk-full", "disk-space")
UNMOUNTED = "unmounted"


class _Cause(NamedTuple):
    code: str
    text: str


_FULL = _Cause("disk-full", "the disk is full; free some space, then run again")
_DENIED = _Cause("denied", "this user may not read or write there; check the owner and the permissions")
_NOT_MOUNTED = _Cause(UNMOUNTED, "the file system is gone; mount it, then run again")
_CAUSES = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _Cause("disk-full", "the disk quota is used up; free some space, then run again"),
    errno.EROFS: _Cause("read-only", "the file system is read-only; mount it for writing, then run again"),
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ESTALE: _NOT_MOUNTED,
    errno.ENOTCONN: _NOT_MOUNTED,
    errno.ENODEV: _NOT_MOUNTED,
    errno.ENXIO: _NOT_MOUNTED,
    errno.ESHUTDOWN: _NOT_MOUNTED,
    errno.EHOSTDOWN: _NOT_MOUNTED,
    errno.EIO: _Cause(RETRIED, "the disk reports an input/output error; check it, then run again"),
}


@contextmanager
def plain_storage_errors(home: Path) -> Iterator[None]:
    """Turn a disk's error inside the block into StorageFailed; other errors pass.

    home: the folder that runs work in. If it has vanished, that is the reason for any missing file.
    """
    try:
        yield
    except (OSError, StageFileGone) as error:
        failure = explain_error(error, home)
        if failure is None:
            raise
    else:
        return
    # Outside the handler, so that the log has one message and not a chain of them.
    raise failure


def check_mounted(home: Path) -> None:
    """StorageFailed if the folder that a run works in has vanished: a stage would create it in its place."""
    if not home.is_dir():
        raise StorageFailed(_NOT_MOUNTED.code, f"{home}: {_NOT_MOUNTED.text}")


def explain_error(error: OSError | StageFileGone, home: Path | None = None) -> StorageFailed | None:
    """What a disk's error means and what to do; None if it is not a disk's."""
    cause = _CAUSES.get(error.errno or 0) if isinstance(error, OSError) else None
    place = getattr(error, "filename", None) or home or "a folder"
    if cause is None and home is not None and _is_gone(error) and not home.is_dir():
        cause, place = _NOT_MOUNTED, home
    return StorageFailed(cause.code, f"{place}: {cause.text}") if cause else None


def _is_gone(error: OSError | StageFileGone) -> bool:
    return isinstance(error, FileNotFoundError | NotADirectoryError | StageFileGone)


def describe_failure(error: OSError | ResegmentError) -> str:
    """A failure in words for a warning, never with a file's content."""
    if isinstance(error, ResegmentError):
        return str(error)
    failure = explain_error(error)
    return str(failure or error.strerror or type(error).__name__)
