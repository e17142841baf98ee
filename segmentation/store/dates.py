"""Which dates are published, and which editions have a folder.

The edition of a date is in catalogue/published.py.
"""

from datetime import date

from schemas.manifest import EditionRef
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.small_files import advise_audit, damaged
from segmentation.store.layout import SEGMENTS, edition_folder

_PREFIX = "as_of="


def published_dates(home: AnyPath) -> list[date]:
    """Dates with a published table, ascending. Refused if the folders cannot be listed."""
    folder = home / "published"
    try:
        names = _list_tables(folder)
    except OSError as error:
        # Only a missing folder is an empty one: a night that saw no dates would start over with new ids.
        problem = f"cannot be listed ({error.strerror})"
        raise damaged(folder, problem, "a folder for each published date", advise_audit(home)) from None
    dates = []
    for name in names:
        try:
            dates.append(date.fromisoformat(name.removeprefix(_PREFIX)))
        except ValueError:
            continue  # not a folder of ours
    return sorted(dates)


def list_edition_refs(home: AnyPath) -> list[EditionRef]:
    """Every edition's folder, whatever became of the edition, by date."""
    refs = []
    for path in (home / "editions").glob("*/*"):
        try:
            refs.append(EditionRef(date.fromisoformat(path.parent.name), path.name))
        except ValueError:
            continue  # not a folder of ours
    return sorted(ref for ref in refs if edition_folder(home, *ref).is_dir())


def _list_tables(folder: AnyPath) -> list[str]:
    """Names of the folders with a table."""
    if isinstance(folder, ObjectPath):
        return [path.parent.name for path in folder.glob(f"{_PREFIX}*/{SEGMENTS}")]
    try:
        # glob skips folders that it may not read.
        names = [path.name for path in folder.iterdir() if path.name.startswith(_PREFIX)]
    except FileNotFoundError:
        return []
    return [name for name in names if (folder / name / SEGMENTS).exists()]
