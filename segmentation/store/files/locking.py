"""The one lock: an exclusive flock on a file, for the store, a run's staging and the local servers.

Why fcntl.flock and not the filelock package: docs/decisions/0021-locks.md.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.permissions import FILE, create_folder, set_mode

LOCK = ".lock"  # the lock file of a segmentation's folder, and of a run's staging folder


@contextmanager
def lock(path: AnyPath, *, wait: bool = True) -> Iterator[None]:
    """Lock a file until the end of the block, creating it if needed.

    The kernel releases the lock when the process dies, kill -9 included. With wait=False it raises
    BlockingIOError if another process holds the lock. Objects have no locks: for them this does
    nothing, and conditional puts take its place.
    """
    if isinstance(path, ObjectPath):
        yield
        return
    create_folder(path.parent)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, FILE)
    try:
        if is_new:
            set_mode(path, FILE)
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        # Closing releases the lock. The file stays: if it were removed, two processes could
        # lock two files of one name.
        os.close(descriptor)
