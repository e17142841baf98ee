"""Changing a small file of the store that several runs may change at once: live.json, ids.json, names.json.

Among objects by a conditional put, again until nobody came in between. Among files the caller holds the
lock (locking.py). What stands in the file is its own module's.
"""

import random
import time
from collections.abc import Callable

from segmentation.errors import StoreGone
from segmentation.store.buckets import Changed
from segmentation.store.layout import write_durably
from segmentation.store.objects import AnyPath, ObjectPath

_TRIES, _PAUSE_S = 20, 0.05


def rewrite(path: AnyPath, change: Callable[[], bytes | None]) -> None:
    """Replace the file by what `change` returns, which reads it anew each time; None leaves it as it is.

    Raises StoreGone where others change the object again and again meanwhile.
    """
    if not isinstance(path, ObjectPath):
        content = change()
        if content is not None:
            write_durably(path, content)
        return
    for tries in range(1, _TRIES + 1):
        version = path.version()
        content = change()
        if content is None:
            return
        try:
            path.put(content, replaces=version, create=version is None)
        except Changed:
            # Somebody was faster: look again, at another moment than the others do.
            time.sleep(random.uniform(0, _PAUSE_S * tries))  # noqa: S311 - no secret
        else:
            return
    raise StoreGone(f"{path} changed {_TRIES} times while it was to be changed; run again")
