"""Reading one file in batches. CSV columns stay text; casting them belongs in segmentation/rows/casting.py.

Malformed lines are returned next to the rows. Headers are checked in segmentation/rows/headers.py. No more
than one batch is in memory at a time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from config.columns import Rows
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.parts import PART_ROWS
from segmentation.rows.column_places import has_moving_columns, locate_columns, restore_columns
from segmentation.rows.headers import columns_to_read, open_parquet, read_header, undecodable

# Arrow needs a whole line within a block, so this is also the longest line.
BLOCK_BYTES = 8 << 20
# A row group is decompressed as a whole, so a small file could otherwise exhaust memory.
LARGEST_GROUP_BYTES = 2 << 30
REPEATED_HEADER = "repeated header"


class Malformed(NamedTuple):
    """A malformed line: its number of fields differs from the header's, or it repeats the header."""

    row: int
    reason: str
    detail: str
    text: str


class RawBatch(NamedTuple):
    """Rows as read. `rows` are their numbers in the file, from 1, not counting the header."""

    table: pa.Table
    rows: np.ndarray
    malformed: list[Malformed]


def read_batches(path: Path, rows: Rows, csv: Csv) -> Iterator[RawBatch]:
    """The contract's columns of one file, in batches. CSV columns are text."""
    names = columns_to_read(rows)
    if not has_moving_columns(rows):
        yield from _read_columns(path, names, csv)
        return
    places = locate_columns(names, read_header(path, csv), rows)
    for raw in _read_columns(path, [place for place in places.values() if place], csv):
        yield raw._replace(table=restore_columns(raw.table, places))


def _read_columns(path: Path, columns: list[str], csv: Csv) -> Iterator[RawBatch]:
    if path.suffix.lower() == ".parquet":
        yield from _read_parquet(path, columns)
    else:
        yield from _read_csv(path, columns, csv)


def _read_csv(path: Path, columns: list[str], csv: Csv) -> Iterator[RawBatch]:
    malformed: list[Malformed] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        reason = "too many fields" if row.actual_columns > row.expected_columns else "too few fields"
        detail = f"{row.actual_columns} fields where the header has {row.expected_columns}"
        # Arrow counts the header as row 1.
        malformed.append(Malformed(row.number - 1, reason, detail, row.text))
        return "skip"

    # Arrow would read an unclosed quote as one long field and report nothing.
    _check_quotes(path)
    good, reported = 0, 0
    try:
        # Arrow knows the numbers of malformed rows only when it reads with one thread.
        with arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, encoding=csv.encoding),
            arrow_csv.ParseOptions(
                delimiter=csv.delimiter, newlines_in_values=True, invalid_row_handler=note
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=columns,
                # Empty text stays text here. Which texts mean missing is up to the
                # definition and the column's type.
                strings_can_be_null=False,
            ),
        ) as reader:
            for batch in reader:
                numbers = _number_rows(good, batch.num_rows, [line.row for line in malformed])
                good += batch.num_rows
                raw = RawBatch(pa.Table.from_batches([batch]), numbers, malformed[reported:])
                yield _without_headers(raw)
                reported = len(malformed)
    except pa.ArrowInvalid as error:
        raise _csv_refusal(path, csv, str(error)) from None
    if len(malformed) > reported:
        no_rows = pa.table({column: pa.array([], pa.string()) for column in columns})
        yield RawBatch(no_rows, np.empty(0, np.int64), malformed[reported:])


def _without_headers(raw: RawBatch) -> RawBatch:
    """The batch without rows that repeat the header, as concatenated files have them."""
    first_column, *columns = raw.table.column_names
    repeats = pc.equal(raw.table[first_column], first_column)
    if not pc.any(repeats).as_py():
        return raw
    for name in columns:
        repeats = pc.and_(repeats, pc.equal(raw.table[name], name))
    text = ",".join(raw.table.column_names)
    repeated = [
        Malformed(int(row), REPEATED_HEADER, "the header again", text) for row in raw.rows[repeats.to_numpy()]
    ]
    is_row = pc.invert(repeats)
    return RawBatch(raw.table.filter(is_row), raw.rows[is_row.to_numpy()], [*raw.malformed, *repeated])


def _number_rows(good: int, count: int, malformed: list[int]) -> np.ndarray:
    """Row numbers of `count` good rows that follow `good` good ones, given the numbers of malformed rows."""
    order = np.arange(good, good + count)
    good_before = np.array(sorted(malformed), np.int64) - 1 - np.arange(len(malformed))
    return order + 1 + np.searchsorted(good_before, order, side="right")


def _check_quotes(path: Path) -> None:
    """Refuse an odd number of quotes: an unclosed quote silently swallows every row after it."""
    quotes = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            quotes += chunk.count(b'"')
    if quotes % 2:
        raise Refused(
            "stray-quote",
            f"{path.name}: a quote is never closed (the file has {quotes} quotes); close or remove it",
        )


def _csv_refusal(path: Path, csv: Csv, message: str) -> Refused:
    """The refusal for Arrow's error about a whole file, without the values its message may contain."""
    # Arrow has one class for all of these, so its text decides. It is not passed on: it quotes rows.
    if "UTF8" in message or "codec" in message or "decode" in message:
        return undecodable(path, csv)
    if "straddling" in message:
        return Refused("long-line", f"{path.name}: a line is longer than {BLOCK_BYTES >> 20} MiB")
    if "Empty CSV" in message:
        return Refused("no-rows", f"{path.name} has a header and no rows")
    return Refused("malformed-csv", f"{path.name} cannot be read as CSV")


def _read_parquet(path: Path, columns: list[str]) -> Iterator[RawBatch]:
    file = open_parquet(path)
    # From the footer, before any group is decompressed.
    for group in range(file.metadata.num_row_groups):
        if file.metadata.row_group(group).total_byte_size > LARGEST_GROUP_BYTES:
            raise Refused("row-group", f"{path.name}: row group {group} unpacks to more than 2 GiB")
    next_row = 1
    try:
        for batch in file.iter_batches(PART_ROWS, columns=columns, use_threads=False):
            numbers = np.arange(next_row, next_row + batch.num_rows)
            next_row += batch.num_rows
            yield RawBatch(pa.Table.from_batches([batch]).select(columns), numbers, [])
    except (pa.ArrowException, OSError) as error:
        raise Refused("damaged-parquet", f"{path.name}: data after row {next_row - 1} is damaged") from error
