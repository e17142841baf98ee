"""An edition's table exists twice, in its folder and as the date's published table: one restores the other.

Both may be one file on disk, under two names. Other files of an edition exist once: only making the date
again or a backup brings them back. Files of the whole segmentation are rebuilt in repairing.py.
"""

from pathlib import Path
from typing import NamedTuple

from schemas.manifest import EditionRef
from segmentation.errors import Conflict
from segmentation.store.buckets import ObjectChanged
from segmentation.store.commit import publish_table
from segmentation.store.footers import read_footer
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.ledger import add_row
from segmentation.store.locking import LOCK, lock
from segmentation.store.manifests import MANIFEST
from segmentation.store.objects import AnyPath, ObjectPath
from segmentation.store.preceding import identify_edition
from segmentation.store.scratch import scratch_folder
from segmentation.store.sealed_files import describe_damage, describe_problem
from segmentation.store.staging import STAGING


class TableState(NamedTuple):
    """An edition's table: what is wrong with it, and what has been done about that, each empty if nothing."""

    problem: str = ""
    repair: str = ""


class _Copy(NamedTuple):
    """A sound copy of a table, the place that needs it, and both in words."""

    source: AnyPath
    target: AnyPath
    repair: str


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
        copy = _Copy(folder / SEGMENTS, table, repair)
    elif is_named and not _is_same_file(folder / SEGMENTS, table) and SEGMENTS in digests:
        if (damage := describe_damage(table, digests[SEGMENTS])) is not None:
            return TableState(f"{problem}; the published {damage}")
        repair = f"in {edition}, {problem}; it has been restored from the published table"
        copy = _Copy(table, folder / SEGMENTS, repair)
    else:
        return TableState(problem)
    _put_copy(home, ref, copy, digests[SEGMENTS])
    add_row(home, ref.as_of, "repaired", {"edition": ref.edition, "who": who, "reasons": [copy.repair]})
    return TableState(repair=copy.repair)


def _put_copy(home: AnyPath, ref: EditionRef, copy: _Copy, digest: str) -> None:
    """Replace the target by the source in one step. Conflict if the date was published in the meantime."""
    if isinstance(copy.source, ObjectPath) or isinstance(copy.target, ObjectPath):
        _put_object(home, ref, copy, digest)
        return
    assert isinstance(home, Path)
    with lock(home / LOCK):
        _check_unchanged(home, ref)
        with scratch_folder(home / STAGING) as scratch:
            publish_table(copy.source.parent, copy.target, scratch)


def _put_object(home: AnyPath, ref: EditionRef, copy: _Copy, digest: str) -> None:
    source, target = copy.source, copy.target
    assert isinstance(source, ObjectPath) and isinstance(target, ObjectPath)
    version = target.version()
    _check_unchanged(home, ref)
    with scratch_folder() as scratch:
        local = source.fetch(scratch)
        if describe_damage(local, digest) is not None:
            raise _make_conflict(ref)
        try:
            target.put(local, replaces=version, create=version is None)
        except ObjectChanged:
            raise _make_conflict(ref) from None


def _check_unchanged(home: AnyPath, ref: EditionRef) -> None:
    if identify_edition(home, ref.as_of) != ref.edition:
        raise _make_conflict(ref)


def _make_conflict(ref: EditionRef) -> Conflict:
    return Conflict(
        f"another run published {ref.as_of} while its table was about to be restored; nothing was changed. "
        "Run again to build on it"
    )


def _is_same_file(path: AnyPath, other: AnyPath) -> bool:
    if isinstance(path, ObjectPath) or isinstance(other, ObjectPath):
        return False
    try:
        return path.samefile(other)
    except OSError:
        return False
