"""Publishing an edition: one atomic rename under a lock, after checking for a race with another run.

The store is the record of publication, not the Prefect state. Building an edition's files belongs in
tasks/publish.py, promoting another edition in segmentation/promoting.py.
"""

import os
import shutil
from datetime import date
from pathlib import Path

from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.store.catalogue.published import is_intact
from segmentation.store.edition.same_edition import is_same_edition
from segmentation.store.files.durable import sync_file, sync_folder, write_durably
from segmentation.store.files.exchange import exchange_folders, restore_replaced
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.permissions import create_folder
from segmentation.store.layout import SEGMENTS, edition_folder, get_home, published_path
from segmentation.store.pointer import LIVE
from segmentation.store.publication.object_commit import commit_objects, move_live_object, upload_edition
from segmentation.store.publication.races import advance_pointer, check_race
from segmentation.store.tombstones import check_tombstones


def commit_edition(night: Night, key: EditionKey, source: Path, live: bool) -> None:
    """Move the finished, fsynced folder `source` into the store and, if `live`, publish its table.

    A crash before the rename of segments.parquet leaves the old table, one after it the new table. A
    re-run completes either. Raises Conflict if the store is no longer as the run found it when it began.
    """
    home = get_home(night)
    if isinstance(home, ObjectPath):
        commit_or_upload = commit_objects if live else upload_edition
        commit_or_upload(home, night.as_of, key, source)
        return
    with lock(night.home / LOCK):
        check_tombstones(night.home, key.tombstones)
        if live:
            check_race(night.home, night.as_of, key)
        folder = edition_folder(night.home, night.as_of, key.edition)
        # What the published table names is not replaced by an edition that may not be published.
        if live or not is_intact(night.home, night.as_of, key.edition):
            # The folder first: a published table must never name an edition that is not there.
            _place_folder(source, folder, night.home)
        if live:
            publish_table(folder, published_path(night.home, night.as_of), night.staging)
            move_live(night.home, night.as_of, key.edition)


def _place_folder(source: Path, folder: Path, home: Path) -> None:
    """Rename the finished folder into place, unless the same edition is there already and whole.

    A damaged one is exchanged, so that it is in the store until the new one is.
    """
    restore_replaced(home)
    create_folder(folder.parent)
    if not folder.exists():
        source.rename(folder)
    elif not is_same_edition(source, folder):
        # rename cannot replace a folder that is not empty.
        exchange_folders(source, folder, home)
    sync_folder(folder.parent)
    sync_folder(folder.parent.parent)


def publish_table(folder: Path, target: Path, staging: Path) -> None:
    """The commit point: one os.replace of a file that is complete and on disk."""
    create_folder(target.parent)
    # A hard link and not a copy: the published table and its edition share their bytes on disk.
    link = staging / SEGMENTS
    link.unlink(missing_ok=True)
    try:
        os.link(folder / SEGMENTS, link)
    except OSError:  # a file system without hard links
        shutil.copyfile(folder / SEGMENTS, link)
        sync_file(link)
    link.replace(target)
    sync_folder(target.parent)
    sync_folder(target.parent.parent)


def move_live(home: AnyPath, as_of: date, edition: str) -> None:
    """Point live.json at this edition, unless a newer date is live or the edition is superseded."""
    if isinstance(home, ObjectPath):
        move_live_object(home, lambda _: advance_pointer(home, as_of, edition))
        return
    pointer = advance_pointer(home, as_of, edition)
    if pointer is not None:
        write_durably(home / LIVE, pointer.to_json())
