"""Removing editions and dates from a store: the published table first, then everything else of them.

On disk what goes is renamed into a scratch folder, so that each thing goes at once. In a bucket objects are
deleted one after the other, an edition's manifest first. What goes is decided in pruning.py.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from schemas.manifest import EditionRef
from segmentation.store.edition.manifests import MANIFEST
from segmentation.store.files.durable import sync_folder
from segmentation.store.files.objects import AnyPath, ObjectPath, delete_objects
from segmentation.store.files.scratch import scratch_folder
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.places import Pruning, list_prunable, list_store_files
from segmentation.store.pointer import read_pointer
from segmentation.store.runs.staging import STAGING


class Removal(NamedTuple):
    """Editions of a date to remove. published: what the date's table must name, None without a table."""

    as_of: date
    editions: tuple[str, ...]
    published: str | None
    whole_date: bool

    @property
    def has_table(self) -> bool:
        """Does the published table go, too?"""
        return self.whole_date and self.published is not None


def measure_removal(home: AnyPath, removal: Removal) -> int:
    """The bytes that removing frees. The table of an edition and the published one are often one file."""
    sizes = dict[object, int]()
    for path in _list_targets(home, removal):
        for file in list_store_files(path) if path.is_dir() else [path] if path.is_file() else []:
            if isinstance(file, ObjectPath):
                sizes[file.key] = file.size if file.size is not None else file.measure()
            else:
                stat = file.stat()
                sizes[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(sizes.values())


def remove_date(home: AnyPath, removal: Removal, begin: Callable[[], bool]) -> bool:
    """Remove what the removal says, after `begin` has recorded it. False if that says no.

    Call it under the segmentation's lock.
    """
    if isinstance(home, ObjectPath):
        return begin() and _delete_objects(home, removal)
    with scratch_folder(home / STAGING) as scratch:
        if not begin():
            return False
        for number, path in enumerate(_list_targets(home, removal)):
            if isinstance(path, Path) and path.exists():
                path.rename(scratch / str(number))
                sync_folder(path.parent)
    return True


def remove_empty_folders(home: AnyPath) -> None:
    """Remove the folders of dates that have nothing left. Call it under the segmentation's lock."""
    if isinstance(home, ObjectPath):
        return
    for name in ("editions", "inputs"):
        for folder in (home / name).glob("*"):
            with suppress(OSError):  # it is not empty
                folder.rmdir()


def _delete_objects(home: ObjectPath, removal: Removal) -> bool:
    if removal.has_table:
        delete_objects([published_path(home, removal.as_of)])
        # Objects have no lock: a promotion may have made it live in the meantime.
        live = read_pointer(home).live
        if live is not None and live.as_of == removal.as_of:
            _put_back(home, live)
            return False
    for path in _list_targets(home, removal):
        if isinstance(path, ObjectPath):
            objects = list(path.list_below())
            # Without its manifest an edition is in no list.
            delete_objects([file for file in objects if file.name == MANIFEST])
            delete_objects([file for file in objects if file.name != MANIFEST])
            delete_objects([path] if path.is_file() else [])
    return True


def _put_back(home: ObjectPath, live: EditionRef) -> None:
    with scratch_folder() as scratch:
        table = (edition_folder(home, *live) / SEGMENTS).fetch(scratch)
        published_path(home, live.as_of).put(table)


def _list_targets(home: AnyPath, removal: Removal) -> Iterator[AnyPath]:
    """Folders and files that go, the published table first and editions last: what finds the rest."""
    paths = list_prunable(Pruning.DATE, home.name, removal.as_of) if removal.whole_date else []
    for edition in removal.editions:
        paths += reversed(list_prunable(Pruning.EDITION, home.name, removal.as_of, edition))
    store: AnyPath = home.parent
    for path in paths:
        yield Path(store, path) if isinstance(store, Path) else store / path
