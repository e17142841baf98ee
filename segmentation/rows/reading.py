"""Reading rows in batches from an accepted file: text stays text until its declared type is tried.

Gives typed batches, the values that could not be read, and the lines that are no rows at all.
Judging values belongs in schemas/contract.py. Nothing here holds more than a batch.
"""

import csv as csv_module
import difflib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from config.columns import Rows
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.parts import PART_ROWS

BLOCK_BYTES = 8 << 20
LONGEST_LINE = 1 << 20
LARGEST_GROUP_BYTES = 2 << 30
MOST_COLUMNS = 2000
REPEATED_HEADER = "repeated header"
_VALUE = re.compile(r"\s*[+-]?\d+([.,]\d+)*\s*")


class Malformed(NamedTuple):
    """A line that is no row: it has not the header's number of fields, or repeats the header."""

    row: int
    reason: str
    detail: str
    text: str


class RawBatch(NamedTuple):
    """Rows as read. `rows` are their numbers in the file, from 1, the header not counted."""

    table: pa.Table
    rows: np.ndarray
    malformed: list[Malformed]


def columns_to_read(rows: Rows) -> list[str]:
    """The contract's columns, the id first."""
    names = [name for name in rows.columns if name != rows.id]
    return names if rows.id is None else [rows.id, *names]


def check_header(name: str, found: Sequence[str], wanted: Sequence[str], delimiter: str) -> list[str]:
    """Refuse a header that lacks a wanted column or repeats one; warnings about extra columns.

    Every fault is named in one message, with the nearest name found for each missing column.
    """
    if len(found) > MOST_COLUMNS:
        raise Refused("too-many-columns", f"{name}: {len(found)} columns; at most {MOST_COLUMNS}")
    twice = sorted({column for column in wanted if list(found).count(column) > 1})
    if twice:
        raise Refused("duplicate-column", f"{name}: the header names {', '.join(twice)} more than once")
    missing = [column for column in wanted if column not in found]
    if missing:
        # Without a header the first line is a customer, whose values no message may hold.
        is_row = any(_VALUE.fullmatch(column) for column in found)
        folded = {} if is_row else {column.strip().casefold(): column for column in found}
        hints = []
        for column in missing:
            near = difflib.get_close_matches(column.casefold(), folded, 1)
            hints.append(f"{column} (is it {folded[near[0]]!r}?)" if near else column)
        other = next((d for d in ";\t|," if d != delimiter and len(found) == 1 and d in found[0]), None)
        advice = f"; fields seem to be separated by {other!r}: declare source.csv.delimiter" if other else ""
        advice += "; the first line seems to hold values, not names" if is_row else ""
        raise Refused(
            "missing-column",
            f"{name}: the header lacks {', '.join(hints)}; expected {', '.join(wanted)}{advice}",
        )
    extra = len(found) - len(set(wanted))
    return [f"{extra} columns not in the contract were ignored"] if extra else []


def read_header(path: Path, csv: Csv) -> list[str]:
    """The column names of a CSV or Parquet file."""
    if path.suffix.lower() == ".parquet":
        return list(_open_parquet(path).schema_arrow.names)
    try:
        with path.open(encoding=csv.encoding, newline="") as file:
            line = file.readline(LONGEST_LINE)
    except (UnicodeDecodeError, LookupError) as error:
        raise _undecodable(path, csv) from error
    if len(line) >= LONGEST_LINE:
        raise Refused("long-line", f"{path.name}: the first line is longer than 1 MiB")
    line = line.removeprefix("\ufeff")
    return next(csv_module.reader([line], delimiter=csv.delimiter), [])


def read_batches(path: Path, rows: Rows, csv: Csv) -> Iterator[RawBatch]:
    """The contract's columns of one file, in batches; CSV columns come as text."""
    if path.suffix.lower() == ".parquet":
        yield from _read_parquet(path, columns_to_read(rows))
    else:
        yield from _read_csv(path, columns_to_read(rows), csv)


def _undecodable(path: Path, csv: Csv) -> Refused:
    return Refused(
        "encoding", f"{path.name} is not {csv.encoding} text; declare source.csv.encoding, such as latin-1"
    )


def _read_csv(path: Path, columns: list[str], csv: Csv) -> Iterator[RawBatch]:
    bad: list[Malformed] = []

    def note(row: arrow_csv.InvalidRow) -> str:
        expected, found = row.expected_columns, row.actual_columns
        reason = "too many fields" if found > expected else "too few fields"
        detail = f"{found} fields where the header has {expected}"
        bad.append(Malformed(row.number - 1, reason, detail, row.text))
        return "skip"

    _check_quotes(path)
    good, seen = 0, 0
    try:
        with arrow_csv.open_csv(
            path,
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, encoding=csv.encoding),
            arrow_csv.ParseOptions(
                delimiter=csv.delimiter, newlines_in_values=True, invalid_row_handler=note
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=columns,
                strings_can_be_null=False,
            ),
        ) as reader:
            for batch in reader:
                numbers = _number_rows(good, batch.num_rows, [m.row for m in bad])
                good += batch.num_rows
                yield _without_headers(RawBatch(pa.Table.from_batches([batch]), numbers, bad[seen:]))
                seen = len(bad)
    except pa.ArrowInvalid as error:
        raise _csv_refusal(path, csv, str(error)) from None
    if len(bad) > seen:
        nothing = pa.table({column: pa.array([], pa.string()) for column in columns})
        yield RawBatch(nothing, np.empty(0, np.int64), bad[seen:])


def _without_headers(raw: RawBatch) -> RawBatch:
    """The batch without rows that repeat the header, as files put one after the other have them."""
    first, *others = raw.table.column_names
    repeats = pc.equal(raw.table[first], first)
    if not pc.any(repeats).as_py():
        return raw
    for name in others:
        repeats = pc.and_(repeats, pc.equal(raw.table[name], name))
    text = ",".join(raw.table.column_names)
    found = [
        Malformed(int(row), REPEATED_HEADER, "the header again", text) for row in raw.rows[repeats.to_numpy()]
    ]
    keep = pc.invert(repeats)
    return RawBatch(raw.table.filter(keep), raw.rows[keep.to_numpy()], [*raw.malformed, *found])


def _number_rows(good: int, count: int, bad: list[int]) -> np.ndarray:
    """Row numbers of the `count` good rows after the first `good`, with malformed rows in between."""
    order = np.arange(good, good + count)
    good_before = np.array(sorted(bad), np.int64) - 1 - np.arange(len(bad))
    return order + 1 + np.searchsorted(good_before, order, side="right")


def _check_quotes(path: Path) -> None:
    """Refuse an odd number of quotes: an unclosed one silently swallows every row after it."""
    quotes = 0
    with path.open("rb") as file:
        while chunk := file.read(1 << 22):
            quotes += chunk.count(b'"')
    if quotes % 2:
        raise Refused("stray-quote", f"{path.name}: a quote is opened and never closed ({quotes} quotes)")


def _csv_refusal(path: Path, csv: Csv, message: str) -> Refused:
    """What Arrow found wrong with a whole file, without the value that its message may hold."""
    if "UTF8" in message or "codec" in message or "decode" in message:
        return _undecodable(path, csv)
    if "straddling" in message:
        return Refused("long-line", f"{path.name}: a line is longer than {BLOCK_BYTES >> 20} MiB")
    if "Empty CSV" in message:
        return Refused("no-rows", f"{path.name} holds a header and no rows")
    return Refused("malformed-csv", f"{path.name} cannot be read as CSV")


def _open_parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise Refused("damaged-parquet", f"{path.name} is not a readable Parquet file") from error


def _read_parquet(path: Path, columns: list[str]) -> Iterator[RawBatch]:
    file = _open_parquet(path)
    for group in range(file.metadata.num_row_groups):
        if file.metadata.row_group(group).total_byte_size > LARGEST_GROUP_BYTES:
            raise Refused("row-group", f"{path.name}: row group {group} unpacks to more than 2 GiB")
    first = 1
    try:
        for batch in file.iter_batches(PART_ROWS, columns=columns, use_threads=False):
            numbers = np.arange(first, first + batch.num_rows)
            first += batch.num_rows
            yield RawBatch(pa.Table.from_batches([batch]).select(columns), numbers, [])
    except (pa.ArrowException, OSError) as error:
        raise Refused("damaged-parquet", f"{path.name}: data after row {first - 1} is damaged") from error
