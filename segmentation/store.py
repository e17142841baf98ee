"""The store's layout and what it holds: where things lie, which edition a date has.

Writing to it: commit.py (publishing), ledger.py (runs), staging.py (stage files of runs under way).
"""

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version as installed_version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.records import Digest, EditionKey, Night, Published

VERSION = installed_version("resegment")
SEGMENTS = "segments.parquet"
SUMS = "SHA256SUMS"
EDITION_KEY = b"resegment.edition"
MANIFEST_KEY = b"resegment.manifest_sha256"


def published_path(home: Path, as_of: date) -> Path:
    """The live table of a date."""
    return home / "published" / f"as_of={as_of}" / SEGMENTS


def edition_folder(home: Path, as_of: date, edition: str) -> Path:
    """The immutable folder of an edition."""
    return home / "editions" / str(as_of) / edition


def published_edition(home: Path, as_of: date) -> str | None:
    """The edition that is published for a date, read from the table itself; None if there is none.

    A table that cannot be read, or names no edition, counts as none: publishing mends it.
    """
    try:
        metadata = pq.read_metadata(published_path(home, as_of)).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    edition = metadata.get(EDITION_KEY)
    return edition.decode() if edition else None


def published_dates(home: Path) -> list[date]:
    """Dates with a published table, ascending."""
    dates = []
    for path in (home / "published").glob(f"as_of=*/{SEGMENTS}"):
        try:
            dates.append(date.fromisoformat(path.parent.name.removeprefix("as_of=")))
        except ValueError:
            continue  # somebody else's folder
    return sorted(dates)


def edition_before(home: Path, as_of: date) -> str | None:
    """The edition published for the newest date before as_of."""
    earlier = [day for day in published_dates(home) if day < as_of]
    return published_edition(home, earlier[-1]) if earlier else None


def is_whole(home: Path, as_of: date, edition: str) -> bool:
    """Is this edition published, with all files in its folder? Sizes only; audit re-hashes."""
    folder = edition_folder(home, as_of, edition)
    try:
        names = [line.split("  ", 1)[1] for line in (folder / SUMS).read_text().splitlines()]
    except (OSError, IndexError):
        return False
    return published_edition(home, as_of) == edition and all((folder / name).is_file() for name in names)


def make_edition_key(night: Night, digests: Iterable[Digest]) -> EditionKey:
    """Derive the edition from content: definition, inputs, as_of, version, the edition before.

    The same input gives the same edition wherever and whenever the run takes place.
    """
    previous = edition_before(night.home, night.as_of)
    substance = {
        "definition": night.segmentation.substance(),
        "inputs": [one.model_dump() for one in digests],
        "as_of": str(night.as_of),
        "version": VERSION,
        "previous": previous,
    }
    canonical = json.dumps(substance, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return EditionKey(
        edition=digest[:16], previous=previous, replaces=published_edition(night.home, night.as_of)
    )


def find_published(night: Night, edition: str) -> Published:
    """The record of an edition that is there already, from its manifest."""
    folder = edition_folder(night.home, night.as_of, edition)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    return Published(
        name=night.segmentation.name,
        as_of=night.as_of,
        edition=edition,
        outcome="already-published",
        k=manifest["k"],
        customers=manifest["rows"]["customers"],
        segments_path=published_path(night.home, night.as_of),
        report_path=folder / "report.html",
    )


def write_durably(path: Path, content: bytes) -> None:
    """Replace a small file atomically: temporary file, fsync, rename, fsync of the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
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
