"""Exchanging two folders, so that a crash leaves one of them in place and never neither.

Linux can do it in one step. Elsewhere the old folder waits in `.replaced` while the new one takes its place,
and whoever finds it there afterwards puts it back. What is exchanged is decided in publication/commit.py.
"""

import ctypes
import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from segmentation.store.files.durable import sync_folder
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.permissions import PRIVATE_FOLDER, create_folder

REPLACED = ".replaced"  # in a segmentation's folder: DATE/EDITION
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h
# No such call in this kernel, not on this file system (NFS, FAT), or forbidden to this container.
_UNSUPPORTED = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EXDEV)


def exchange_folders(new: Path, folder: Path, home: Path) -> None:
    """Put `new` in the place of `folder`, an edition's below `home`; the old one is then where `new` was."""
    if not exchange_at_once(new, folder):
        _exchange_in_steps(new, folder, _locate_replaced(home, folder))
    sync_folder(new.parent)
    sync_folder(folder.parent)


def exchange_at_once(new: Path, folder: Path) -> bool:
    """Swap two folders in one step of the file system; False if it cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):  # not Linux, or a C library without it
        return False
    if rename(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(folder), _RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    raise OSError(number, os.strerror(number), str(folder))


def recover_replaced(home: Path) -> list[str]:
    """As restore_replaced, for callers without the lock, which is taken only if there is something to do."""
    if not (home / REPLACED).is_dir():
        return []
    with lock(home / LOCK):
        return restore_replaced(home)


def restore_replaced(home: Path) -> list[str]:
    """Put back every edition that a crash took away and did not replace; returns `DATE/EDITION` of each.

    Where the new one is in place, the old one is removed. Call it under the segmentation's lock.
    """
    restored = []
    for replaced in sorted((home / REPLACED).glob("*/*")):
        folder = home / "editions" / replaced.parent.name / replaced.name
        if folder.exists():
            shutil.rmtree(replaced)
        else:
            create_folder(folder.parent)
            replaced.rename(folder)
            sync_folder(folder.parent)
            restored.append(f"{folder.parent.name}/{folder.name}")
        _remove_empty(replaced)
    return restored


def _exchange_in_steps(new: Path, folder: Path, replaced: Path) -> None:
    create_folder(replaced.parent, PRIVATE_FOLDER)
    folder.rename(replaced)
    # Before the next step: after a power cut the old folder must be in one of the two places.
    sync_folder(replaced.parent)
    sync_folder(folder.parent)
    try:
        new.rename(folder)
    except BaseException:
        replaced.rename(folder)
        raise
    sync_folder(folder.parent)
    replaced.rename(new)
    _remove_empty(replaced)


def _locate_replaced(home: Path, folder: Path) -> Path:
    return home / REPLACED / folder.parent.name / folder.name


def _remove_empty(replaced: Path) -> None:
    for folder in (replaced.parent, replaced.parent.parent):
        with suppress(OSError):  # another date's, or the folder's own
            folder.rmdir()
