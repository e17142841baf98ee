"""Editions and published tables, compared with their digests: what is damaged, and what to do about it.

A table exists twice, so one copy repairs the other (restoring.py). Other files have to be made again, or come
from a backup. The small files of the whole segmentation are in audited_files.py.
"""

from collections.abc import Iterator, Mapping
from datetime import date

from schemas.manifest import EditionRef
from segmentation.errors import DamagedFile
from segmentation.parts import hash_file
from segmentation.store.catalogue.preceding import UNKNOWN, identify_edition
from segmentation.store.dates import list_edition_refs, published_dates
from segmentation.store.edition.footers import parse_footer, read_footer
from segmentation.store.edition.manifests import MANIFEST, identify_folder, try_read_manifest
from segmentation.store.edition.sealed_files import describe_damage, read_sums
from segmentation.store.erasures import get_recorded_digests, holds_erased_rows, list_contradictions
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_repair
from segmentation.store.layout import SEGMENTS, SUMS, edition_folder, published_path
from segmentation.store.places import Erasing, list_edition_files
from segmentation.store.pointer import Pointer, read_pointer
from segmentation.store.repair.damage import Damage, FileProblem, Repair, advise_rerun, relative_path
from segmentation.store.repair.resealing import compute_sums

_ADDED = "not part of the edition"
_UNPUBLISHED = "it is not the published edition of its date: restore it from a backup, or remove its folder"


def list_edition_folders(home: AnyPath) -> list[AnyPath]:
    """The folders of editions, by date and id."""
    return sorted((path for path in (home / "editions").glob("*/*") if path.is_dir()), key=str)


def check_sums(folder: AnyPath) -> Iterator[FileProblem]:
    """Compare an edition's files with its SHA256SUMS."""
    try:
        digests = read_sums(folder)
        # SHA256SUMS cannot hold its own digest.
        names = {path.name for path in folder.iterdir()} - {SUMS}
    except (OSError, ValueError):
        yield FileProblem(SUMS, "missing or unreadable")
        return
    sealed = _list_sealed(folder)
    for name in sorted(digests.keys() | names):
        if name not in names:
            yield FileProblem(name, "missing")
        elif name not in digests and name in sealed:
            yield FileProblem(SUMS, f"damaged: {name} is not in it")
        elif name not in digests:
            yield FileProblem(name, _ADDED)
        elif problem := _compare(folder / name, digests[name]):
            yield FileProblem(name, problem)


def _list_sealed(folder: AnyPath) -> set[str]:
    """Names of an edition's files by its manifest or, if that is damaged, of any edition's."""
    manifest = try_read_manifest(folder)
    names = manifest.files if manifest else [name for kind in Erasing for name in list_edition_files(kind)]
    return {MANIFEST, SEGMENTS, *names}


def audit_edition(home: AnyPath, folder: AnyPath) -> Iterator[Damage]:
    """The files of an edition that are not as they were sealed, each with what to do."""
    content = identify_folder(folder)
    if content is not None and (str(content.as_of), content.edition) != (folder.parent.name, folder.name):
        yield _describe_misplaced(home, folder, content)
        return
    try:
        as_of = date.fromisoformat(folder.parent.name)
    except ValueError:
        return  # not a folder of ours, which is reported file by file
    ref = EditionRef(as_of, folder.name)
    problems = [_blame_sums(home, ref, folder, problem) for problem in check_sums(folder)]
    is_published = get_published(home, as_of) == ref.edition
    rerun = advise_rerun(home, as_of) if is_published else _UNPUBLISHED
    if not problems:
        yield from _audit_digests(home, ref, folder, rerun)
    for name, problem in problems:
        repair = _choose_repair(home, ref, name) if is_published else None
        advice = "remove it" if problem == _ADDED else advise_repair(home) if repair else rerun
        yield Damage(relative_path(home, folder / name), problem, advice, repair, *ref)


def _describe_misplaced(home: AnyPath, folder: AnyPath, ref: EditionRef) -> Damage:
    """An edition in a folder that is not its own."""
    place = relative_path(home, edition_folder(home, *ref))
    advice = f"move it to {place}; if an edition is there, remove this one"
    return Damage(
        relative_path(home, folder), f"is edition {ref.edition} of {ref.as_of}", advice, is_misplaced=True
    )


def audit_table(home: AnyPath, as_of: date) -> Iterator[Damage]:
    """Problems of a published table: it must equal its edition's table, byte by byte."""
    path = published_path(home, as_of)
    edition = get_published(home, as_of)
    for problem in _check_table(home, as_of, path):
        repair, advice = _choose_table_repair(home, as_of, edition)
        yield Damage(relative_path(home, path), problem, advice, repair, as_of, edition)


def list_lost_tables(home: AnyPath) -> Iterator[Damage]:
    """Dates that were published, and whose table is missing."""
    folders: dict[date, list[str]] = {}
    for ref in list_edition_refs(home):
        folders.setdefault(ref.as_of, []).append(ref.edition)
    for as_of in sorted(folders.keys() - set(published_dates(home))):
        edition = identify_edition(home, as_of, _read_pointer(home))
        path = relative_path(home, home / "published" / f"as_of={as_of}")
        if edition == UNKNOWN:
            command = f"resegment promote {home.name} --as-of {as_of} --edition ID"
            problem = f"missing; it was one of the editions {', '.join(folders[as_of])}"
            yield Damage(path, problem, f"choose one with '{command}'", as_of=as_of)
        elif edition is not None:
            repair, advice = _choose_table_repair(home, as_of, edition)
            problem = f"missing, though edition {edition} is for it"
            yield Damage(path, problem, advice, repair, as_of, edition)


def _choose_table_repair(home: AnyPath, as_of: date, edition: str | None) -> tuple[Repair | None, str]:
    """How a date's published table can be restored, and what to do."""
    ref = EditionRef(as_of, edition) if edition else None
    if ref is not None and holds_erased_rows(home, ref):
        return None, f"run 'resegment erase {home.name}'"  # a copy would spread the rows
    is_whole = ref is not None and can_restore(home, ref)
    return (Repair.TABLE, advise_repair(home)) if is_whole else (None, advise_rerun(home, as_of))


def get_published(home: AnyPath, as_of: date) -> str | None:
    """The edition published for a date, even if its table is damaged; None if it is not certain."""
    return identify_edition(home, as_of, _read_pointer(home)) or None


def can_restore(home: AnyPath, ref: EditionRef) -> bool:
    """Is one of the two copies of an edition's table as it was sealed, and the other not?"""
    folder = edition_folder(home, *ref)
    digest = _read_sums(folder).get(SEGMENTS, "")
    copies = (folder / SEGMENTS, published_path(home, ref.as_of))
    return sum(describe_damage(copy, digest) is None for copy in copies) == 1


def _read_pointer(home: AnyPath) -> Pointer:
    try:
        return read_pointer(home)
    except DamagedFile:
        return Pointer()  # which is reported with the small files


def _blame_sums(home: AnyPath, ref: EditionRef, folder: AnyPath, problem: FileProblem) -> FileProblem:
    """The problem or, if the file is the one that the manifest names, that of SHA256SUMS."""
    try:
        digest = get_recorded_digests(home, ref, folder).get(problem.name)
    except DamagedFile:
        digest = None
    if digest is None or describe_damage(folder / problem.name, digest) is not None:
        return problem
    return FileProblem(SUMS, f"damaged: its digest of {problem.name} is not the manifest's")


def _choose_repair(home: AnyPath, ref: EditionRef, name: str) -> Repair | None:
    if name == SEGMENTS and can_restore(home, ref):
        return Repair.TABLE
    return Repair.SUMS if name == SUMS and compute_sums(home, ref) is not None else None


def _compare(path: AnyPath, digest: str) -> str | None:
    try:
        return None if hash_file(path) == digest else "damaged: its sha256 is not the published one"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _audit_digests(home: AnyPath, ref: EditionRef, folder: AnyPath, advice: str) -> Iterator[Damage]:
    """Files that SHA256SUMS vouches for, and neither the manifest nor an erasure."""
    sums = _read_sums(folder)
    manifest = relative_path(home, folder / MANIFEST)
    try:
        contradictions = list(list_contradictions(home, ref, folder, sums))
    except DamagedFile:
        yield Damage(manifest, "not a manifest of this edition", advice, None, *ref)
        return
    if read_footer(folder / SEGMENTS) != (ref.edition, sums.get(MANIFEST)):
        yield Damage(manifest, "not the one that the edition's table names", advice, None, *ref)
    for entry in contradictions:
        todo = f"run 'resegment erase {home.name}'" if entry.can_erase else advice
        yield Damage(relative_path(home, folder / entry.name), entry.problem, todo, None, *ref)


def _read_sums(folder: AnyPath) -> Mapping[str, str]:
    try:
        return read_sums(folder)
    except (OSError, ValueError):
        return {}


def _check_table(home: AnyPath, as_of: date, path: AnyPath) -> Iterator[str]:
    try:
        footer = parse_footer(path)
    except DamagedFile:
        footer = None
    if footer is None:
        yield "damaged: it names no edition"
        return
    edition, manifest_digest = footer
    folder = edition_folder(home, as_of, edition)
    if not folder.is_dir():
        yield f"its edition {edition} is missing"
        return
    try:
        has_same_table = hash_file(folder / SEGMENTS) == hash_file(path)
        # The table names its manifest by digest, so a manifest swapped together with
        # SHA256SUMS is noticed too.
        has_same_manifest = hash_file(folder / MANIFEST) == manifest_digest
    except OSError:
        yield f"its edition {edition} is not complete"
        return
    if not has_same_table:
        yield "damaged: it differs from its edition's table"
    if not has_same_manifest:
        yield "its manifest is not the one it was published with"
