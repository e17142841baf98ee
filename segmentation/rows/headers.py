"""The header of a source: which columns a file or query result has, and whether the contract's are there.

Reading rows belongs in segmentation/rows/reading.py.
"""

import csv as csv_module
import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from config.columns import Rows
from config.sources import Csv
from segmentation.errors import Refused

# A file without line ends would be read into memory as one header.
LONGEST_LINE = 1 << 20
MOST_COLUMNS = 2000
_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)*\s*")


def columns_to_read(rows: Rows) -> list[str]:
    """The contract's columns, the id first."""
    names = [name for name in rows.columns if name != rows.id]
    return names if rows.id is None else [rows.id, *names]


def check_header(source: str, header: Sequence[str], expected: Sequence[str], delimiter: str) -> list[str]:
    """Refuse a header that lacks an expected column or repeats one. Returns warnings about extra columns.

    One message names every missing column, with the most similar column of the header.
    """
    if len(header) > MOST_COLUMNS:
        raise Refused("too-many-columns", f"{source}: {len(header)} columns; at most {MOST_COLUMNS}")
    repeated = sorted({column for column in expected if list(header).count(column) > 1})
    if repeated:
        raise Refused("duplicate-column", f"{source}: the header names {', '.join(repeated)} more than once")
    missing = [column for column in expected if column not in header]
    if missing:
        raise Refused(
            "missing-column",
            f"{source}: the header lacks {_suggest_columns(missing, header)}; expected "
            f"{', '.join(expected)}{_suggest_dialect(header, delimiter)}",
        )
    extra = len(header) - len(set(expected))
    return [f"{extra} columns not in the contract were ignored"] if extra else []


def _is_row(header: Sequence[str]) -> bool:
    # Without a header the first line is a customer, whose values must not appear in a message.
    return any(_NUMBER.fullmatch(column) for column in header)


def _suggest_columns(missing: Sequence[str], header: Sequence[str]) -> str:
    folded = {} if _is_row(header) else {column.strip().casefold(): column for column in header}
    hints = []
    for column in missing:
        similar = difflib.get_close_matches(column.casefold(), folded, 1)
        hints.append(f"{column} (is it {folded[similar[0]]!r}?)" if similar else column)
    return ", ".join(hints)


def _suggest_dialect(header: Sequence[str], delimiter: str) -> str:
    candidates = [mark for mark in ";\t|," if mark != delimiter and len(header) == 1 and mark in header[0]]
    advice = ""
    if candidates:
        advice = f"; fields seem to be separated by {candidates[0]!r}: declare source.csv.delimiter"
    return advice + ("; the first line seems to hold values, not names" if _is_row(header) else "")


def read_header(path: Path, csv: Csv) -> list[str]:
    """The column names of a CSV or Parquet file."""
    if path.suffix.lower() == ".parquet":
        return list(open_parquet(path).schema_arrow.names)
    try:
        with path.open(encoding=csv.encoding, newline="") as file:
            line = file.readline(LONGEST_LINE)
    except (UnicodeDecodeError, LookupError) as error:
        raise undecodable(path, csv) from error
    if len(line) >= LONGEST_LINE:
        raise Refused("long-line", f"{path.name}: the first line is longer than 1 MiB")
    # Excel starts UTF-8 files with a byte order mark.
    line = line.removeprefix("\ufeff")
    return next(csv_module.reader([line], delimiter=csv.delimiter), [])


def undecodable(path: Path, csv: Csv) -> Refused:
    """The refusal of a file whose text is not in the declared encoding."""
    return Refused(
        "encoding", f"{path.name} is not {csv.encoding} text; declare source.csv.encoding, such as latin-1"
    )


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a Parquet file. Refused if it is damaged."""
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise Refused("damaged-parquet", f"{path.name} is not a readable Parquet file") from error
