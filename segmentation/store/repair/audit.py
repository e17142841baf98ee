"""Auditing a segmentation: is every file as it was written and, where it is not, what to do about that?

It only reads. Files of editions and published tables are checked in audited_editions.py, the small files of
the whole segmentation in audited_files.py. What can be repaired is repaired in repairing.py.
"""

from pathlib import Path
from typing import NamedTuple

from segmentation.store.dates import published_dates
from segmentation.store.files.objects import AnyPath
from segmentation.store.places import list_unknown, look_up_place
from segmentation.store.repair.audited_editions import (
    audit_edition,
    audit_table,
    list_edition_folders,
    list_lost_tables,
)
from segmentation.store.repair.audited_files import audit_small_files
from segmentation.store.repair.damage import Damage

_REMOVE = "it is not a file of the store: remove it"
_MOVE_AWAY = "move it out of the store, then audit again: what is missing then can be repaired"


class Audit(NamedTuple):
    """The number of files of editions and of published tables read, and all damage."""

    files: int
    damage: list[Damage]


def audit_store(home: AnyPath) -> Audit:
    """Re-hash all editions and published tables of one segmentation, and parse its other files."""
    damage: list[Damage] = []
    files = 0
    for folder in list_edition_folders(home):
        files += sum(1 for _ in folder.iterdir())
        damage += audit_edition(home, folder)
    for day in published_dates(home):
        files += 1
        damage += audit_table(home, day)
    damage += list_lost_tables(home)
    damage += audit_small_files(home)
    reported = tuple(entry.path for entry in damage)
    folders = tuple(f"{entry.path}/" for entry in damage if entry.is_misplaced)
    damage += [
        Damage(path, "not part of the store", _REMOVE)
        for path in list_unknown(home.parent, home.name)
        if path not in reported and not path.startswith(folders)
    ]
    return Audit(files, [_look_for_folder(home, entry) for entry in damage])


def _look_for_folder(home: AnyPath, entry: Damage) -> Damage:
    """The damage or, if a folder or a pipe has the file's name, that: nothing can take its place."""
    path = home.parent / entry.path
    if not isinstance(path, Path) or not path.exists() or path.is_file() or look_up_place(entry.path) is None:
        return entry
    return Damage(entry.path, "is not a file", _MOVE_AWAY, None, entry.as_of, entry.edition)
