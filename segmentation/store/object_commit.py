"""Publishing an edition among objects: its files first, then one conditional put of the table.

There is no lock and no rename among objects. What stands in their place is S3's If-None-Match and
If-Match: the put of the table succeeds only if the date still holds what this run has seen.
docs/decisions/0012-object-stores.md. Among files: segmentation/store/commit.py.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from schemas.rows import EditionKey
from segmentation.store.buckets import Changed
from segmentation.store.layout import (
    SEGMENTS,
    SUMS,
    advance,
    check_race,
    edition_folder,
    lost_race,
    published_edition,
    published_path,
)
from segmentation.store.objects import ObjectPath
from segmentation.store.pointer import LIVE, Pointer, read_pointer
from segmentation.store.rewriting import rewrite


def commit_objects(home: ObjectPath, as_of: date, key: EditionKey, built: Path) -> None:
    """Upload the finished folder `built` and publish its table; the put of the table is the commit.

    Raises Conflict if the store is no longer as the run found it when it began.
    """
    table = published_path(home, as_of)
    version = table.version()  # before the edition is read: a change in between fails the put
    check_race(home, as_of, key)
    upload_edition(home, as_of, key, built)
    try:
        table.put(built / SEGMENTS, replaces=version, create=version is None)
    except Changed:
        now = published_edition(home, as_of)
        if now != key.edition:
            raise lost_race(as_of, key, now) from None
    move_live_object(home, lambda _: advance(home, as_of, key.edition))


def upload_edition(home: ObjectPath, as_of: date, key: EditionKey, built: Path) -> None:
    """Put every file of an edition, its SHA256SUMS last: where they are, the edition is whole."""
    folder = edition_folder(home, as_of, key.edition)
    for path in sorted(built.iterdir(), key=lambda one: (one.name == SUMS, one.name)):
        (folder / path.name).put(path)


def move_live_object(home: ObjectPath, move: Callable[[Pointer], Pointer | None]) -> None:
    """Replace live.json by what `move` makes of it, or leave it where that is None."""

    def change() -> bytes | None:
        moved = move(read_pointer(home))
        return None if moved is None else moved.to_json()

    rewrite(home / LIVE, change)
