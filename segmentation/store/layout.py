"""The store's layout and what it holds: where things lie, which edition a date has.

Writing to it: commit.py (publishing), ledger.py (runs), staging.py (stage files of runs under way).
"""

import os
import re
from datetime import date
from functools import reduce
from importlib.metadata import version as installed_version
from operator import truediv
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from config.definition import NAME_PATTERN
from schemas.night import Night, Published
from schemas.rows import EditionKey
from segmentation.errors import Conflict, Refused
from segmentation.parts import hash_file
from segmentation.store.manifests import read_manifest
from segmentation.store.objects import AnyPath, ObjectPath, as_place
from segmentation.store.pointer import Pointer, read_pointer

VERSION = installed_version("resegment")
SEGMENTS = "segments.parquet"
SUMS = "SHA256SUMS"
EDITION_KEY = b"resegment.edition"
MANIFEST_KEY = b"resegment.manifest_sha256"


Home = TypeVar("Home", bound=AnyPath)


def find_home(night: Night) -> AnyPath:
    """The segmentation's folder in the store, of files or of objects."""
    return night.home if night.objects is None else as_place(night.objects) / night.definition.name


def look_up_home(name: str, store: str) -> AnyPath:
    """The folder of the segmentation called `name` in a store. Refused if the store has no such folder."""
    place = as_place(store)
    if not re.match(NAME_PATTERN, name) or not (place / name).is_dir():
        raise Refused("store", f"{place} holds no segmentation {name[:60]!r}; see --store")
    return place / name


def published_path(home: Home, as_of: date) -> Home:
    """The live table of a date."""
    return below(home, "published", f"as_of={as_of}", SEGMENTS)


def edition_folder(home: Home, as_of: date, edition: str) -> Home:
    """The immutable folder of an edition."""
    return below(home, "editions", str(as_of), edition)


def below(home: Home, *parts: str) -> Home:
    """A path below the home."""
    return reduce(truediv, parts, home)


def published_edition(home: AnyPath, as_of: date) -> str | None:
    """The edition that is published for a date, read from the table itself; None if there is none.

    A table that cannot be read, or names no edition, counts as none: publishing mends it.
    """
    found = read_footer(published_path(home, as_of))
    return found[0] if found else None


def published_dates(home: AnyPath) -> list[date]:
    """Dates with a published table, ascending."""
    dates = []
    for path in (home / "published").glob(f"as_of=*/{SEGMENTS}"):
        try:
            dates.append(date.fromisoformat(path.parent.name.removeprefix("as_of=")))
        except ValueError:
            continue  # somebody else's folder
    return sorted(dates)


def edition_before(home: AnyPath, as_of: date) -> tuple[date, str] | None:
    """The newest date before as_of with a published edition that is not set aside, and that edition."""
    set_aside = read_pointer(home).set_aside
    for day in reversed([day for day in published_dates(home) if day < as_of]):
        edition = published_edition(home, day)
        if edition not in set_aside:
            return (day, edition) if edition else None
    return None


def is_whole(home: AnyPath, as_of: date, edition: str) -> bool:
    """Is this edition published, and its folder as it was sealed?

    All files are re-hashed but the one table that grows with the customers: its footer, which is
    written last, must name the edition and the manifest. `resegment audit` re-hashes that too.
    """
    folder = edition_folder(home, as_of, edition)
    try:
        lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
        listed = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
        wanted = (edition, listed["manifest.json"])
        small = all(hash_file(folder / name) == listed[name] for name in listed if name != SEGMENTS)
        there = {path.name for path in folder.iterdir()}
    except (OSError, ValueError, KeyError):
        return False
    tables = (published_path(home, as_of), folder / SEGMENTS)
    return small and there == {*listed, SUMS} and all(read_footer(table) == wanted for table in tables)


def read_footer(table: AnyPath) -> tuple[str, str] | None:
    """The edition and the manifest's sha256 that a table's footer names; None if it cannot be read."""
    try:
        with table.open("rb") as file:
            metadata = pq.read_metadata(file).metadata or {}
        return metadata[EDITION_KEY].decode(), metadata[MANIFEST_KEY].decode()
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None


def check_race(home: AnyPath, as_of: date, key: EditionKey) -> None:
    """Raise Conflict if the store is no longer as the run found it when it began.

    The date holds another edition (and not this very one), or a promotion has set the edition before aside.
    """
    now = published_edition(home, as_of)
    if now not in (key.replaces, key.edition):
        raise lost_race(as_of, key, now)
    if key.previous in read_pointer(home).set_aside:
        raise Conflict(
            f"edition {key.previous} of {key.previous_as_of}, on which this run builds, has been set aside "
            "by a promotion meanwhile; nothing was changed. Run again to build on the one promoted"
        )


def advance(home: AnyPath, as_of: date, edition: str) -> Pointer | None:
    """Where live.json points when this edition is published; None where it stays.

    Where the file is lost, the newest published date is the live one.
    """
    pointer = read_pointer(home)
    if pointer.live is None:
        newest = [
            (day, found) for day in published_dates(home)[-1:] if (found := published_edition(home, day))
        ]
        as_of, edition = max([(as_of, edition), *newest], key=lambda one: one[0])
    return pointer.forward(as_of, edition)


def lost_race(as_of: date, key: EditionKey, now: str | None) -> Conflict:
    """What is said when the date no longer holds what it held when the run began."""
    return Conflict(
        f"{as_of} held edition {key.replaces or 'none'} when this run began and holds {now or 'none'} now: "
        "another run published it; nothing was changed. Run again to build on it"
    )


def find_published(night: Night, edition: str) -> Published:
    """The record of an edition that is there already, from its manifest."""
    home = find_home(night)
    folder = edition_folder(home, night.as_of, edition)
    manifest = read_manifest(folder)
    return Published(
        name=night.definition.name,
        as_of=night.as_of,
        edition=edition,
        outcome="already-published",
        k=manifest.k,
        customers=manifest.rows.customers,
        segments_path=str(published_path(home, night.as_of)),
        report_path=str(folder / "report.html"),
    )


def write_durably(path: AnyPath, content: bytes) -> None:
    """Replace a small file atomically: temporary file, fsync, rename, fsync of the folder."""
    if isinstance(path, ObjectPath):
        path.put(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """fsync a file that was written by a library."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that a rename in it survives a power cut."""
    sync_file(folder)
