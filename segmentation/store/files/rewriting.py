"""Changing a small file of the store that several runs may change at once: live.json, ids.json, names.json.

For objects: a conditional put, repeated until no one else came in between. For files the caller holds the
lock (locking.py). The content of each file belongs to its own module.
"""

import random
import time
from collections.abc import Callable

from segmentation.errors import StoreGone
from segmentation.store.files.buckets import ObjectChanged
from segmentation.store.files.durable import write_durably
from segmentation.store.files.objects import AnyPath, ObjectPath

_TRIES, _PAUSE_S = 20, 0.05


def rewrite(path: AnyPath, change: Callable[[], bytes | None]) -> None:
    """Replace the file by what `change` returns, or leave it if that is None.

    `change` reads the file itself, once per attempt. Raises StoreGone if others keep changing the object.
    """
    if not isinstance(path, ObjectPath):
        content = change()
        if content is not None:
            write_durably(path, content)
        return
    for attempt in range(1, _TRIES + 1):
        version = path.version()
        content = change()
        if content is None:
            return
        try:
            path.put(content, replaces=version, create=version is None)
        except ObjectChanged:
            # A random pause, so that runs that collided do not collide again.
            time.sleep(random.uniform(0, _PAUSE_S * attempt))  # noqa: S311 - no secret
        else:
            return
    raise StoreGone(f"{path} was changed by others during all {_TRIES} attempts; run again")
