"""Re-hashing a store: is every byte of every edition as it was published?

It only reads. Repairing damage is up to a person: run the date again with --force.
"""

from collections.abc import Iterator
from typing import NamedTuple

from segmentation.parts import hash_file
from segmentation.store.dates import published_dates
from segmentation.store.footers import read_footer
from segmentation.store.layout import SEGMENTS, SUMS, published_path
from segmentation.store.manifests import MANIFEST, try_read_manifest
from segmentation.store.objects import AnyPath
from segmentation.store.pointer import LIVE, read_pointer
from segmentation.store.published import published_edition, read_sums


class Damage(NamedTuple):
    """A file that is not as it was published. `path` is relative to the store."""

    path: str
    problem: str


class FileProblem(NamedTuple):
    """A file of one edition that is not as it was sealed."""

    name: str
    problem: str


class Audit(NamedTuple):
    """The number of files read, and all damage."""

    files: int
    damage: list[Damage]


def audit_store(home: AnyPath) -> Audit:
    """Re-hash all editions and published tables of one segmentation."""
    damage: list[Damage] = []
    files = 0
    for folder in sorted((path for path in (home / "editions").glob("*/*") if path.is_dir()), key=str):
        files += sum(1 for _ in folder.iterdir())
        prefix = _relative_path(home, folder)
        damage += [Damage(f"{prefix}/{file.name}", file.problem) for file in check_sums(folder)]
    for day in published_dates(home):
        files += 1
        path = published_path(home, day)
        damage += [Damage(_relative_path(home, path), problem) for problem in _check_published(home, path)]
    damage += [Damage(f"{home.name}/{file.name}", file.problem) for file in _check_live(home)]
    return Audit(files, damage)


def check_sums(folder: AnyPath) -> Iterator[FileProblem]:
    """Compare an edition's files with its SHA256SUMS."""
    try:
        digests = read_sums(folder)
    except (OSError, ValueError):
        yield FileProblem(SUMS, "missing or unreadable")
        return
    # SHA256SUMS cannot hold its own digest.
    names = {path.name for path in folder.iterdir()} - {SUMS}
    for name in sorted(digests.keys() | names):
        if name not in names:
            yield FileProblem(name, "missing")
        elif name not in digests:
            yield FileProblem(name, "not part of the edition")
        elif hash_file(folder / name) != digests[name]:
            yield FileProblem(name, "damaged: its sha256 is not the published one")


def _check_live(home: AnyPath) -> Iterator[FileProblem]:
    """Dates whose published table is missing, and a live.json that does not name the newest edition."""
    days = set(map(str, published_dates(home)))
    manifests: list[AnyPath] = [*(home / "editions").glob(f"*/*/{MANIFEST}")]
    for path in sorted(manifests, key=str):
        day, edition = path.parent.parent.name, path.parent.name
        if day not in days and _was_published(path.parent):
            yield FileProblem(f"published/as_of={day}", f"missing, though edition {edition} is for it")
    pointer = read_pointer(home)
    published = [(day, published_edition(home, day)) for day in published_dates(home)]
    newest = [(day, edition) for day, edition in published if edition not in pointer.superseded][-1:]
    if newest and pointer.live != newest[0]:
        yield FileProblem(LIVE, f"does not name {newest[0][0]} and its edition")


def _was_published(folder: AnyPath) -> bool:
    manifest = try_read_manifest(folder)  # None if damaged, which its SHA256SUMS shows
    return manifest is not None and manifest.decision == "published"


def _relative_path(home: AnyPath, path: AnyPath) -> str:
    return str(path).removeprefix(f"{home.parent}/")


def _check_published(home: AnyPath, path: AnyPath) -> Iterator[str]:
    """Problems of a published table: it must equal its edition's table, byte by byte."""
    day = path.parent.name.removeprefix("as_of=")
    footer = read_footer(path)
    if footer is None:
        yield "damaged: it names no edition"
        return
    edition, manifest_digest = footer
    folder = home / "editions" / day / edition
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
