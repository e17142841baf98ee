"""What is published: the edition of each date, read from the published tables themselves.

A table's footer names its edition and that edition's manifest, so a table and its label cannot disagree.
"""

import re
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.manifest import EditionRef
from schemas.night import Night, Published
from segmentation.errors import DamagedFile
from segmentation.parts import hash_file
from segmentation.store.dates import published_dates
from segmentation.store.layout import (
    EDITION_KEY,
    MANIFEST_KEY,
    QUARANTINE,
    SEGMENTS,
    SUMS,
    edition_folder,
    get_home,
    published_path,
)
from segmentation.store.manifests import MANIFEST, read_manifest
from segmentation.store.objects import AnyPath
from segmentation.store.pointer import read_pointer
from segmentation.store.small_files import damaged

DAMAGED = "damaged"  # in place of an edition, where the published table cannot be read
_EDITION = re.compile(r"[\w-]+")


def published_edition(home: AnyPath, as_of: date) -> str | None:
    """The edition published for a date; None for an unpublished date. Refused if its table is damaged."""
    footer = parse_footer(published_path(home, as_of))
    return footer[0] if footer else None


def replaced_edition(home: AnyPath, as_of: date) -> str | None:
    """The edition that a publication for the date would replace; DAMAGED for one that cannot be read."""
    try:
        return published_edition(home, as_of)
    except DamagedFile:
        return DAMAGED


def readable_edition(home: AnyPath, as_of: date) -> str | None:
    """The edition published for a date, for lists that go on past a damaged table, which counts as none."""
    edition = replaced_edition(home, as_of)
    return None if edition == DAMAGED else edition


def published_editions(home: AnyPath) -> list[EditionRef]:
    """Every published date and its edition, by date. Refused if a table is damaged."""
    refs = ((day, published_edition(home, day)) for day in published_dates(home))
    return [EditionRef(day, edition) for day, edition in refs if edition is not None]


def readable_editions(home: AnyPath) -> list[EditionRef]:
    """Every date with a readable published table, and its edition, by date."""
    refs = ((day, readable_edition(home, day)) for day in published_dates(home))
    return [EditionRef(day, edition) for day, edition in refs if edition is not None]


def previous_edition(home: AnyPath, as_of: date) -> EditionRef | None:
    """The edition that as_of builds on: published for the newest earlier date, and not superseded."""
    superseded = read_pointer(home).superseded
    # Newest first, and one footer is read per date: usually the first one is the answer.
    for day in reversed([day for day in published_dates(home) if day < as_of]):
        edition = published_edition(home, day)
        if edition not in superseded:
            return EditionRef(day, edition) if edition else None
    return None


def is_intact(home: AnyPath, as_of: date, edition: str) -> bool:
    """Is this edition published, and its folder unchanged since it was sealed?

    Hashes every file except segments.parquet, which grows with the customers: its footer, written last,
    must name the edition and the manifest. `resegment audit` hashes that one too.
    """
    folder = edition_folder(home, as_of, edition)
    try:
        digests = read_sums(folder)
        footer = (edition, digests[MANIFEST])
        has_same_bytes = all(
            hash_file(folder / name) == digests[name] for name in digests if name != SEGMENTS
        )
        names = {path.name for path in folder.iterdir()}
    except (OSError, ValueError, KeyError):
        return False
    if not has_same_bytes or names != {*digests, SUMS}:
        return False
    try:
        return all(read_footer(table) == footer for table in (published_path(home, as_of), folder / SEGMENTS))
    except DamagedFile:
        return False


def read_sums(folder: AnyPath) -> dict[str, str]:
    """sha256 by file name, from an edition's SHA256SUMS. OSError or ValueError if it cannot be read."""
    lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def read_footer(table: AnyPath) -> tuple[str, str] | None:
    """The edition and the manifest's sha256 that a table's footer names; None if it does not name them."""
    try:
        return parse_footer(table)
    except DamagedFile:
        return None


def parse_footer(table: AnyPath) -> tuple[str, str] | None:
    """The edition and the manifest's sha256 that a table's footer names; None if the table does not exist.

    Refused if it cannot be read, or names no edition.
    """
    try:
        with table.open("rb") as file:
            metadata = pq.read_metadata(file).metadata or {}
        edition, digest = metadata[EDITION_KEY].decode(), metadata[MANIFEST_KEY].decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        found = f"cannot be read ({error.strerror or 'not a Parquet file'})"
    except pa.ArrowException:
        found = "is cut or not a Parquet file"
    except (KeyError, ValueError):
        found = "names no edition in its footer"
    else:
        if _EDITION.fullmatch(edition):
            return edition, digest
        found = "names no edition in its footer"
    expected, advice = "a table that names its edition", "see 'resegment audit', or run the date again"
    raise damaged(table, found, expected, advice)


def look_up_published(night: Night, edition: str) -> Published:
    """The record of an edition that is already in the store, from its manifest."""
    home = get_home(night)
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
        warnings=tuple(
            f"{check.name}: {check.finding}"
            for check in manifest.checks
            if not check.required and not check.passed
        ),
        rows=manifest.rows.balance,
        quarantine_path=str(folder / QUARANTINE),
    )
