"""Publishing an edition among objects: its files first, then one conditional put of the table.

Objects have no locks and no renames. S3's If-Match and If-None-Match take their place: the put of the
table succeeds only if the date still has what this run has seen. docs/decisions/0012-object-stores.md.
Committing among files is in segmentation/store/publication/commit.py.
"""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from schemas.rows import EditionKey
from segmentation.parts import hash_file
from segmentation.store.catalogue.published import replaced_edition
from segmentation.store.edition.same_edition import is_same_edition
from segmentation.store.files.buckets import ObjectChanged
from segmentation.store.files.objects import ObjectPath
from segmentation.store.files.rewriting import rewrite
from segmentation.store.layout import SEGMENTS, SUMS, edition_folder, published_path
from segmentation.store.pointer import LIVE, Pointer, read_pointer
from segmentation.store.publication.races import advance_pointer, check_race, conflict_error
from segmentation.store.tombstones import check_tombstones

# Not a line of digests, so that audits and runs see that the edition is not complete.
_INCOMPLETE = b"incomplete: an upload is under way, or was cut short\n"


def commit_objects(home: ObjectPath, as_of: date, key: EditionKey, source: Path) -> None:
    """Upload the finished folder `source` and publish its table; the put of the table is the commit.

    Raises Conflict if the store is no longer as the run found it when it began.
    """
    table = published_path(home, as_of)
    version = table.version()  # before the edition is read: a change in between fails the put
    check_race(home, as_of, key)
    upload_edition(home, as_of, key, source)
    try:
        table.put(source / SEGMENTS, replaces=version, create=version is None)
    # A put whose answer was lost may be repeated by a retry, and then meets its own table.
    except ObjectChanged:
        edition = replaced_edition(home, as_of)
        if edition != key.edition:
            raise conflict_error(as_of, key, edition) from None
    check_tombstones(home, key.tombstones)  # an erasure may have passed by between the two puts
    move_live_object(home, lambda _: advance_pointer(home, as_of, key.edition))


def upload_edition(home: ObjectPath, as_of: date, key: EditionKey, source: Path) -> None:
    """Put the files of an edition, SHA256SUMS last: once it is there, the edition is complete.

    The same edition is left alone, and so are those objects of a damaged one that are as they should be.
    Objects of another edition of this name are replaced one by one, so its digests go first: a crash in
    between leaves an edition that is plainly incomplete, until a run of the date completes it.
    """
    folder = edition_folder(home, as_of, key.edition)
    check_tombstones(home, key.tombstones)
    if not is_same_edition(source, folder):
        sizes = {path.name: path.size for path in folder.iterdir()}
        changed = [path for path in sorted(source.iterdir()) if not _is_same_object(path, folder, sizes)]
        if SUMS in sizes and any(path.name == SUMS for path in changed):
            (folder / SUMS).put(_INCOMPLETE)
        for path in sorted(changed, key=lambda file: file.name == SUMS):
            (folder / path.name).put(path)
    check_tombstones(home, key.tombstones)


def _is_same_object(path: Path, folder: ObjectPath, sizes: Mapping[str, int | None]) -> bool:
    # The size first: it comes with the listing, and the digest needs a download.
    return sizes.get(path.name) == path.stat().st_size and hash_file(folder / path.name) == hash_file(path)


def move_live_object(home: ObjectPath, move: Callable[[Pointer], Pointer | None]) -> None:
    """Replace live.json by the pointer that `move` returns; leave it if that is None."""

    def change() -> bytes | None:
        pointer = move(read_pointer(home))
        return None if pointer is None else pointer.to_json()

    rewrite(home / LIVE, change)
