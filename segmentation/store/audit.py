"""Re-hashing a store: is every byte of every edition as it was published?

Reading only; what to do about damage is for a person (run the date again with --force).
"""

from collections.abc import Iterator
from typing import NamedTuple

from segmentation.parts import hash_file
from segmentation.store.layout import (
    SEGMENTS,
    SUMS,
    published_dates,
    published_edition,
    published_path,
    read_footer,
)
from segmentation.store.manifests import try_read_manifest
from segmentation.store.objects import AnyPath
from segmentation.store.pointer import LIVE, read_pointer


class Damage(NamedTuple):
    """One thing that is not as it was published. `path` is relative to the store."""

    path: str
    problem: str


def audit_store(home: AnyPath) -> tuple[int, list[Damage]]:
    """Re-hash one segmentation: number of files read, and all damage found."""
    folders = sorted((path for path in (home / "editions").glob("*/*") if path.is_dir()), key=str)
    found: list[Damage] = []
    files = 0
    for folder in folders:
        files += sum(1 for _ in folder.iterdir())
        found += [Damage(f"{_below(home, folder)}/{name}", why) for name, why in check_sums(folder)]
    for day in published_dates(home):
        files += 1
        path = published_path(home, day)
        found += [Damage(_below(home, path), why) for why in _check_published(home, path)]
    found += [Damage(f"{home.name}/{name}", why) for name, why in _check_live(home)]
    return files, found


def _check_live(home: AnyPath) -> Iterator[tuple[str, str]]:
    """Dates whose published table is gone, and a live.json that names another edition than it should."""
    days = published_dates(home)
    manifests: list[AnyPath] = [*(home / "editions").glob("*/*/manifest.json")]
    for sealed in sorted(manifests, key=str):
        day = sealed.parent.parent.name
        if day not in map(str, days) and _was_published(sealed):
            yield f"published/as_of={day}", f"missing, though edition {sealed.parent.name} is for it"
    pointer = read_pointer(home)
    published = [(day, published_edition(home, day)) for day in days]
    newest = [one for one in published if one[1] not in pointer.set_aside][-1:]
    if newest and pointer.live != newest[0]:
        yield LIVE, f"does not name {newest[0][0]} and its edition"


def _was_published(manifest: AnyPath) -> bool:
    content = try_read_manifest(manifest.parent)
    return content is not None and content.decision == "published"  # damaged: its checksums report it


def _below(home: AnyPath, path: AnyPath) -> str:
    return str(path).removeprefix(f"{home.parent}/")


def check_sums(folder: AnyPath) -> Iterator[tuple[str, str]]:
    """Names and problems of an edition's files against its SHA256SUMS."""
    try:
        lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
        listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError):
        yield SUMS, "missing or unreadable"
        return
    there = {path.name for path in folder.iterdir()} - {SUMS}
    for name in sorted(listed.keys() | there):
        if name not in there:
            yield name, "missing"
        elif name not in listed:
            yield name, "not part of the edition"
        elif hash_file(folder / name) != listed[name]:
            yield name, "damaged: its sha256 is not the published one"


def _check_published(home: AnyPath, path: AnyPath) -> Iterator[str]:
    """Problems of a published table: it must be its edition's, byte by byte."""
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
        same = hash_file(folder / SEGMENTS) == hash_file(path)
        known = hash_file(folder / "manifest.json") == manifest_digest
    except OSError:
        yield f"its edition {edition} is not whole"
        return
    if not same:
        yield "damaged: it differs from its edition's table"
    if not known:
        yield "its manifest is not the one it was published with"
