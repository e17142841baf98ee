"""An edition's table exists twice, in its folder and as the date's published table: one restores the other.

Both may be one file on disk, under two names. Other files of an edition exist once: only making the date
again or a backup brings them back. Files of the whole segmentation are rebuilt in repairing.py.
"""

from pathlib import Path
from typing import NamedTuple

from schemas.manifest import EditionRef
from segmentation.errors import Conflict
from segmentation.store.catalogue.preceding import identify_edition
from segmentation.store.edition.footers import read_footer
from segmentation.store.edition.manifests import MANIFEST
from segmentation.store.edition.sealed_files import describe_damage, describe_problem
from segmentation.store.files.buckets import ObjectChanged
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.scratch import scratch_folder
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.ledger import add_row
from segmentation.store.publication.commit import publish_table
from segmentation.store.runs.staging import STAGING


class TableState(NamedTuple):
    """An edition's table: what is wrong with it, and what has been done about that, each empty if nothing."""

    problem: str = ""
    repair: str = ""


def restore_table(
    home: AnyPath, ref: EditionRef, digests: dict[str, str], who: str, *, hashes_both: bool = False
) -> TableState:
    """Check an edition's table, and restore it from the published one, or the published one from it.

    digests: as sealed. Only the edition's copy is hashed as long as it is sound: of the published one the
    footer is compared, unless `hashes_both`, and audit hashes it. `who` is for the ledger.
    """
    folder, table = edition_folder(home, *ref), published_path(home, ref.as_of)
    footer = (ref.edition, digests.get(MANIFEST))
    is_named = read_footer(table) == footer
    if is_named and hashes_both:
        is_named = describe_damage(table, digests.get(SEGMENTS, "")) is None
    problem = describe_problem(folder, SEGMENTS, digests)
    if problem is None and read_footer(folder / SEGMENTS) != footer:
        return TableState(f"{SEGMENTS} names another edition or manifest")
    if problem is None and is_named:
        return TableState()
    edition = f"edition {ref.edition} of {ref.as_of}"
    if problem is None:
        state = "damaged" if table.exists() else "missing"
        repair = f"the published table of {ref.as_of} was {state} and has been restored from {edition}"
    elif is_named and not _is_same_file(folder / SEGMENTS, table) and SEGMENTS in digests:
        if (damage := describe_damage(table, digests[SEGMENTS])) is not None:
            return TableState(f"{problem}; the published {damage}")
        repair = f"in {edition}, {problem}; it has been restored from the published table"
    else:
        return TableState(problem)
    try:
        if isinstance(home, ObjectPath):
            _copy_object(home, ref, digests[SEGMENTS], to_published=problem is None)
        else:
            _copy_file(home, ref, digests[SEGMENTS], to_published=problem is None)
    except IsADirectoryError:
        return TableState(f"{SEGMENTS} is a folder, where a table belongs")
    add_row(home, ref.as_of, "repaired", {"edition": ref.edition, "who": who, "reasons": [repair]})
    return TableState(repair=repair)


def _copy_file(home: Path, ref: EditionRef, digest: str, *, to_published: bool) -> None:
    """Replace one table by the other in one rename. Conflict if the date was published in the meantime."""
    folder, table = edition_folder(home, *ref), published_path(home, ref.as_of)
    source, target = (folder, table) if to_published else (table.parent, folder / SEGMENTS)
    with lock(home / LOCK):
        if identify_edition(home, ref.as_of) != ref.edition or describe_damage(source / SEGMENTS, digest):
            raise _make_conflict(ref)
        with scratch_folder(home / STAGING) as scratch:
            publish_table(source, target, scratch)


def _copy_object(home: ObjectPath, ref: EditionRef, digest: str, *, to_published: bool) -> None:
    """The same by a conditional put."""
    copy, table = edition_folder(home, *ref) / SEGMENTS, published_path(home, ref.as_of)
    source, target = (copy, table) if to_published else (table, copy)
    version = target.version()  # before the date is looked at: a change in between fails the put
    if identify_edition(home, ref.as_of) != ref.edition:
        raise _make_conflict(ref)
    with scratch_folder() as scratch:
        local = source.fetch(scratch)
        if describe_damage(local, digest) is not None:
            raise _make_conflict(ref)
        try:
            target.put(local, replaces=version, create=version is None)
        except ObjectChanged:
            raise _make_conflict(ref) from None


def _make_conflict(ref: EditionRef) -> Conflict:
    return Conflict(
        f"another run published {ref.as_of} while its table was about to be restored; nothing was changed. "
        "Run again to build on it"
    )


def _is_same_file(copy: AnyPath, table: AnyPath) -> bool:
    if isinstance(copy, ObjectPath) or isinstance(table, ObjectPath):
        return False
    try:
        return copy.samefile(table)
    except OSError:
        return False
