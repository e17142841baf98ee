"""Searching one edition for rows of erased customers, and rewriting it without them.

An edition keeps its name and its manifest. The digests of rewritten files go to the ledger before the files
take their place, so that a kill at any moment leaves files that the ledger knows. The order of everything
else that an erasure does is in erasure.py.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from schemas.manifest import EditionRef, Manifest
from segmentation.erasing.matching import (
    ErasedCustomers,
    IdReading,
    get_id_reading,
    list_columns,
    make_detector,
)
from segmentation.erasing.rewriting import count_erased_rows, rewrite_table
from segmentation.errors import DamagedFile, Refused
from segmentation.parts import hash_file
from segmentation.store.edition.manifests import MANIFEST, read_manifest
from segmentation.store.edition.sealed_files import read_sums
from segmentation.store.erasures import (
    ErasedFile,
    Erasure,
    complete_row,
    list_contradictions,
    read_erasures,
)
from segmentation.store.files.durable import sync_file, sync_folder
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.permissions import FILE, FOLDER, PRIVATE_FILE, set_mode
from segmentation.store.files.small_files import advise_audit
from segmentation.store.layout import PRIVATE, SEGMENTS, SUMS, edition_folder
from segmentation.store.places import Erasing, list_edition_files


class RewrittenEdition(NamedTuple):
    """What to record, still pending, and a folder with the files to put in the edition's place."""

    erasure: Erasure
    folder: Path


class EditionRows(NamedTuple):
    """Rows of erased customers in one edition, by file. `reading` says how its definition reads ids."""

    ref: EditionRef
    folder: AnyPath
    reading: IdReading
    rows: Mapping[str, int]

    @property
    def total(self) -> int:
        """Rows in all its files."""
        return sum(self.rows.values())


def search_edition(home: AnyPath, ref: EditionRef, customers: ErasedCustomers) -> EditionRows:
    """The customers' rows in an edition. Refused if one of its files is damaged, or cannot be searched."""
    folder = edition_folder(home, *ref)
    manifest = read_manifest(folder)
    reading = get_id_reading(manifest.definition)
    rows: dict[str, int] = {}
    if reading.column is not None:
        for name in list_edition_files(Erasing.REWRITE):
            if (folder / name).is_file():
                count = count_erased_rows(
                    folder / name, list_columns(name), make_detector(name, customers, reading)
                )
                rows |= {name: count} if count else {}
        _check_presence(home, ref, manifest)
    if rows:
        _check_files(home, ref, folder, rows)
    return EditionRows(ref, folder, reading, rows)


def complete_erasure(home: AnyPath, ref: EditionRef) -> None:
    """If an erasure was killed after it had put an edition's files in place, record that it is complete."""
    erasures = read_erasures(home, ref)
    if erasures and erasures[-1].pending:
        sums = _read_sums(edition_folder(home, *ref))
        if all(sums.get(name) == digest for name, digest in erasures[-1].digests.items()):
            complete_row(home, erasures[-1])


def rewrite_edition(
    home: AnyPath, edition: EditionRows, customers: ErasedCustomers, scratch: Path
) -> RewrittenEdition:
    """Write the edition's files without the rows to a folder in `scratch`.

    Of an edition on disk the folder has all files, and those that stay are links.
    """
    target = scratch / edition.ref.edition
    target.mkdir()
    removed = {}
    for name in edition.rows:
        source = edition.folder / name
        copy = source.fetch(scratch) if isinstance(source, ObjectPath) else source
        detect = make_detector(name, customers, edition.reading)
        removed[name] = rewrite_table(copy, target / name, detect)
    erasure = _describe(home, edition, removed, target)
    sums = {**_read_sums(edition.folder), **erasure.digests}
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    (target / SUMS).write_text(lines, encoding="ascii")
    if not isinstance(edition.folder, ObjectPath):
        _link_others(edition.folder, target)
        _sync(target)
    return RewrittenEdition(erasure, target)


def _describe(home: AnyPath, edition: EditionRows, removed: Mapping[str, int], target: Path) -> Erasure:
    """The erasure to record. Files that earlier erasures rewrote are in it, too."""
    sums, earlier = _read_sums(edition.folder), read_erasures(home, edition.ref)
    newest = earlier[-1] if earlier and earlier[-1].manifest == sums[MANIFEST] else None
    files = dict(newest.files) if newest else {}
    for name, rows in removed.items():
        old = files[name].old if name in files else sums[name]
        rows += files[name].rows if name in files and not (newest and newest.pending) else 0
        files[name] = ErasedFile(old, hash_file(target / name), rows)
    number = earlier[-1].number + (not earlier[-1].pending) if earlier else 1
    return Erasure(edition.ref, number, sums[MANIFEST], files, pending=True)


def _check_presence(home: AnyPath, ref: EditionRef, manifest: Manifest) -> None:
    """Refuse an edition whose rows are elsewhere: a file that is missing may come back with them."""
    folder = edition_folder(home, *ref)
    refuse_link(folder)
    for name in list_edition_files(Erasing.REWRITE):
        refuse_link(folder / name)
        if name in {SEGMENTS, *manifest.files} and not (folder / name).is_file():
            raise _make_refusal(home, ref, f"{name} is missing")


def refuse_link(path: AnyPath) -> None:
    """Refuse a link, since what it leads to would keep the rows."""
    if isinstance(path, Path) and path.is_symlink():
        raise Refused(
            "link",
            f"{path} is a link, and what it leads to would keep the rows; nothing was erased: put the "
            "original in its place, then run again",
        )


def _make_refusal(home: AnyPath, ref: EditionRef, problems: str) -> DamagedFile:
    return DamagedFile(
        "damaged-edition",
        f"edition {ref.edition} of {ref.as_of} is damaged ({problems}); nothing was erased: repair or remove "
        f"it first; {advise_audit(home)}",
    )


def _check_files(home: AnyPath, ref: EditionRef, folder: AnyPath, names: Mapping[str, int]) -> None:
    """Refuse an edition whose files are not as they were sealed: rewriting would hide the damage."""
    sums = _read_sums(folder)
    erasures = read_erasures(home, ref)
    problems = [
        f"{contradiction.name}: {contradiction.problem}"
        for contradiction in list_contradictions(home, ref, folder, sums)
        if not contradiction.can_erase
    ]
    for name in [*names, MANIFEST]:
        digests = {sums.get(name)}
        if erasures and erasures[-1].pending:  # killed between the objects of a bucket
            digests |= {erasures[-1].digests.get(name)}
        if hash_file(folder / name) not in digests:
            problems.append(f"{name}: its sha256 is not the published one")
    if problems:
        raise _make_refusal(home, ref, "; ".join(problems[:3]))


def _read_sums(folder: AnyPath) -> dict[str, str]:
    try:
        return read_sums(folder)
    except (OSError, ValueError):
        advice = advise_audit(folder.parent.parent.parent)
        raise DamagedFile(
            "damaged-edition", f"{folder}: {SUMS} is missing or cannot be read; {advice}"
        ) from None


def _link_others(folder: Path, target: Path) -> None:
    """Give the new folder the files that stay as they are."""
    for path in _list_files(folder):
        if (target / path.name).exists():
            continue
        try:
            os.link(path, target / path.name)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, target / path.name)


def _list_files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file())


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        set_mode(path, PRIVATE_FILE if path.name in PRIVATE else FILE)
        sync_file(path)
    set_mode(folder, FOLDER)
    sync_folder(folder)
