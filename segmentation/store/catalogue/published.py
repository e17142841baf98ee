"""What is published: the edition of each date, read from the published tables themselves.

A table's footer names its edition and that edition's manifest, so a table and its label cannot disagree.
"""

from datetime import date

from schemas.manifest import EditionRef
from schemas.night import Night, Published
from segmentation.errors import DamagedFile
from segmentation.parts import hash_file
from segmentation.store.dates import published_dates
from segmentation.store.edition.footers import parse_footer, read_footer
from segmentation.store.edition.manifests import MANIFEST, read_manifest
from segmentation.store.edition.sealed_files import read_sums
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import (
    QUARANTINE,
    SEGMENTS,
    SUMS,
    edition_folder,
    get_home,
    published_path,
)

DAMAGED = "damaged"  # in place of an edition, where the published table cannot be read


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
    """The edition published for a date, for lists that leave out a damaged table."""
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
        attributes=manifest.attributes,
        merged=manifest.merged,
        quarantine_path=str(folder / QUARANTINE),
    )
