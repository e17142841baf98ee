"""Where a file holds the contract's columns: under their names, under earlier names, or nowhere.

Which columns a header must have is checked in headers.py, on what adapt_header returns.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa

from config.columns import Rows
from segmentation.errors import Refused


def adapt_header(source: str, header: Sequence[str], rows: Rows) -> list[str]:
    """The header with today's names in place of earlier ones, and with the columns that may be absent.

    Refused if a column is there under two names: which of them holds its values is unknown.
    """
    current = {old: name for name, column in rows.columns.items() for old in column.was}
    names = [current.get(name, name) for name in header]
    counts, header_names = Counter(names), {*header}
    for old, name in current.items():
        if old in header_names and counts[name] > 1:
            raise Refused(
                "duplicate-column", f"{source}: the header has {name} and its earlier name {old}; remove one"
            )
    optional = [name for name, column in rows.columns.items() if column.absent == "null"]
    return [*names, *(name for name in optional if name not in counts)]


def locate_columns(names: Sequence[str], header: Sequence[str], rows: Rows) -> dict[str, str | None]:
    """The name that each of the contract's columns has in the file. None if the file lacks it."""
    places: dict[str, str | None] = {}
    header_names = {*header}
    for name in names:
        earlier = rows.columns[name].was if name in rows.columns else ()
        places[name] = next((place for place in (name, *earlier) if place in header_names), None)
    return places


def has_moving_columns(rows: Rows) -> bool:
    """May a file hold a column under another name, or not at all?"""
    return any(column.was or column.absent == "null" for column in rows.columns.values())


def restore_columns(table: pa.Table, places: Mapping[str, str | None]) -> pa.Table:
    """The table under the contract's names, with nulls for the columns that the file lacks."""
    missing = pa.nulls(table.num_rows, pa.string())
    return pa.table({name: table[place] if place else missing for name, place in places.items()})
