"""Permissions of the store's files and folders: exactly these, whatever the umask of the process.

Which file has which: docs/decisions/0030-staging-and-disks.md. Objects in a bucket have none.
"""

import errno
import stat
from pathlib import Path

FOLDER, FILE = 0o750, 0o640  # the owner writes, the store's group reads, nobody else
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600

_UNSUPPORTED = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)


def create_folder(folder: Path, mode: int = FOLDER) -> None:
    """Create a folder and the parents that it lacks, each with exactly this mode. Existing ones stay."""
    if folder.is_dir():
        return
    create_folder(folder.parent, mode)
    try:
        folder.mkdir(mode=mode)
        set_mode(folder, mode)
    except FileExistsError:
        if not folder.is_dir():  # a file has its name; else another process was faster
            raise


def set_mode(path: Path, mode: int) -> None:
    """Give a file or folder exactly this mode. A folder's setgid bit stays, so its group is inherited."""
    current = stat.S_IMODE(path.stat().st_mode)
    target = mode | current & stat.S_ISGID
    if current == target:
        return
    try:
        path.chmod(target)
    except OSError as error:
        # Some file systems, such as Windows shares, have no modes. Their mount says who may read.
        if error.errno not in _UNSUPPORTED:
            raise
