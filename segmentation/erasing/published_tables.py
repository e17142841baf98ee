"""Published tables: each is its edition's segments.parquet, and is replaced once that has been rewritten.

Rewriting the edition is in editions.py.
"""

from datetime import date
from pathlib import Path
from typing import NamedTuple

from schemas.manifest import EditionRef
from segmentation.erasing.editions import refuse_link
from segmentation.erasing.matching import ID_COLUMN, ErasedCustomers
from segmentation.erasing.rewriting import count_erased_rows, rewrite_table
from segmentation.errors import DamagedFile
from segmentation.parts import hash_file
from segmentation.store.dates import published_dates
from segmentation.store.edition.footers import parse_footer
from segmentation.store.erasures import read_erasures
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.small_files import advise_audit
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.publication.commit import publish_table


class PublishedTable(NamedTuple):
    """A date's published table, and what an erasure has to do about it.

    is_stale: an erasure rewrote the edition and was killed before this table. orphan_rows: erased customers'
    rows in a table whose edition's folder is gone.
    """

    as_of: date
    edition: str
    is_stale: bool = False
    orphan_rows: int = 0


def list_published_tables(home: AnyPath, customers: ErasedCustomers) -> list[PublishedTable]:
    """The published tables by date. Refused if one is damaged: a copy of it would still hold the rows."""
    tables = []
    for day in published_dates(home):
        table = published_path(home, day)
        footer = parse_footer(table)
        if footer is None:
            continue  # removed in the meantime
        refuse_link(table)
        original = edition_folder(home, day, footer[0]) / SEGMENTS
        if not original.is_file():
            rows = count_erased_rows(table, [ID_COLUMN], lambda part: customers.detect(part[ID_COLUMN]))
            tables.append(PublishedTable(day, footer[0], orphan_rows=rows))
        else:
            is_stale = not _is_same(table, original)
            if is_stale:
                _check_stale(home, EditionRef(day, footer[0]))
            tables.append(PublishedTable(day, footer[0], is_stale))
    return tables


def publish_rewritten(home: AnyPath, ref: EditionRef, scratch: Path) -> bool:
    """Replace the date's published table if it is this edition's. Call it under the lock."""
    table, folder = published_path(home, ref.as_of), edition_folder(home, *ref)
    version = table.version() if isinstance(table, ObjectPath) else None
    footer = parse_footer(table)
    if footer is None or footer[0] != ref.edition:
        return False
    if isinstance(table, ObjectPath) and isinstance(folder, ObjectPath):
        copy = (folder / SEGMENTS).fetch(scratch)
        # ObjectChanged if a night has published the date: the command says so and is run again.
        table.put(copy, replaces=version)
    elif isinstance(table, Path) and isinstance(folder, Path):
        publish_table(folder, table, scratch)
    return True


def rewrite_orphan(home: AnyPath, as_of: date, customers: ErasedCustomers, scratch: Path) -> None:
    """Rewrite a published table whose edition is gone. Call it under the lock."""
    table = published_path(home, as_of)
    source = table.fetch(scratch) if isinstance(table, ObjectPath) else table
    folder = scratch / f"as_of={as_of}"
    folder.mkdir()
    rewrite_table(source, folder / SEGMENTS, lambda part: customers.detect(part[ID_COLUMN]))
    if isinstance(table, ObjectPath):
        table.put(folder / SEGMENTS)
    else:
        publish_table(folder, table, scratch)


def _is_same(table: AnyPath, original: AnyPath) -> bool:
    if isinstance(table, Path) and isinstance(original, Path) and table.samefile(original):
        return True
    return hash_file(table) == hash_file(original)


def _check_stale(home: AnyPath, ref: EditionRef) -> None:
    """Refuse a table that is not its edition's, unless it is what an erasure has not replaced yet."""
    table = published_path(home, ref.as_of)
    erased = [erasure.files[SEGMENTS] for erasure in read_erasures(home, ref) if SEGMENTS in erasure.files]
    if hash_file(table) not in {digest for file in erased for digest in (file.old, file.new)}:
        raise DamagedFile(
            "damaged-store",
            f"{table} is not the table of its edition, {ref.edition}; nothing was erased; "
            f"{advise_audit(home)}",
        )
