"""Re-hashing a store: is every byte of every edition as it was published?

Reading only; what to do about damage is for a person (run the date again with --force).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.commit import read_live
from segmentation.parts import hash_file
from segmentation.store import (
    EDITION_KEY,
    MANIFEST_KEY,
    SEGMENTS,
    SUMS,
    published_dates,
    published_path,
)


class Damage(NamedTuple):
    """One thing that is not as it was published. `path` is relative to the store."""

    path: str
    problem: str


def audit_store(home: Path) -> tuple[int, list[Damage]]:
    """Re-hash one segmentation: number of files read, and all damage found."""
    folders = sorted(path for path in (home / "editions").glob("*/*") if path.is_dir())
    found: list[Damage] = []
    files = 0
    for folder in folders:
        files += sum(1 for _ in folder.iterdir())
        found += [
            Damage(f"{folder.relative_to(home.parent)}/{name}", why) for name, why in _check_sums(folder)
        ]
    for day in published_dates(home):
        files += 1
        path = published_path(home, day)
        found += [Damage(str(path.relative_to(home.parent)), why) for why in _check_published(home, path)]
    live = read_live(home)
    if published_dates(home) and (live is None or not published_path(home, live[0]).is_file()):
        found.append(Damage(f"{home.name}/live.json", "names no published date"))
    return files, found


def _check_sums(folder: Path) -> Iterator[tuple[str, str]]:
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


def _check_published(home: Path, path: Path) -> Iterator[str]:
    """Problems of a published table: it must be its edition's, byte by byte."""
    day = path.parent.name.removeprefix("as_of=")
    try:
        metadata = pq.read_metadata(path).metadata or {}
        edition = metadata[EDITION_KEY].decode()
        manifest_digest = metadata[MANIFEST_KEY].decode()
    except (OSError, pa.ArrowException, KeyError, ValueError):
        yield "damaged: it names no edition"
        return
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
