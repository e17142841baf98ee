"""The header of a source: which columns a file or query result has, and whether the contract's are there.

Reading rows belongs in file_batches.py.
"""

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from config.columns import COLUMN_PATTERN, Rows
from config.sources import Csv
from schemas.wording import format_count, list_names
from segmentation.errors import Refused
from segmentation.rows.reading.csv_text import open_csv_text
from segmentation.rows.reading.json_lines import read_keys
from segmentation.rows.reading.parquet_reading import open_source_file
from segmentation.rows.reading.record_blocks import BLOCK_BYTES
from segmentation.sources.file_formats import Kind, get_format

MOST_COLUMNS = 2000
MOST_NAMED = 5  # columns that a message lists by name
_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)*\s*")


def columns_to_read(rows: Rows) -> list[str]:
    """The contract's columns, the id first."""
    names = [name for name in rows.columns if name != rows.id]
    return names if rows.id is None else [rows.id, *names]


def check_header(
    source: str,
    header: Sequence[str],
    expected: Sequence[str],
    delimiter: str,
    is_ignored: Callable[[str], bool] | None = None,
) -> list[str]:
    """Refuse a header that lacks an expected column or repeats one. Returns warnings about extra columns.

    One message names every missing column, with the most similar column of the header. `is_ignored` says
    which columns are left out on purpose, without a warning.
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
    wanted = set(expected)
    extra = [name for name in header if name not in wanted and not (is_ignored and is_ignored(name))]
    return [_describe_extra(extra)] if extra else []


def _describe_extra(names: Sequence[str]) -> str:
    """`2 columns not in the contract were ignored: colour, size`; without names that may be values."""
    be = "was" if len(names) == 1 else "were"
    sentence = f"{format_count(len(names), 'column')} not in the contract {be} ignored"
    if _is_row(names) or not all(COLUMN_PATTERN.match(name) and "@" not in name for name in names):
        return sentence
    return f"{sentence}: {list_names(names, MOST_NAMED)}"


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


def read_header(path: Path, csv: Csv, wanted: Collection[str] | None = None) -> list[str]:
    """The column names of a file; of JSON lines, the keys of lines up to where all wanted ones are found."""
    kind = get_kind(path)
    if kind == "parquet":
        return list(open_source_file(path).schema_arrow.names)
    if kind == "jsonl":
        return read_keys(path, csv, wanted, MOST_COLUMNS)
    return open_csv_text(path, adapt_csv(csv, kind), BLOCK_BYTES).header


def get_kind(path: Path) -> Kind:
    """What a file of this name contains; CSV if its name does not say."""
    table_format = get_format(path.name)
    return "csv" if table_format is None else table_format.kind


def adapt_csv(csv: Csv, kind: Kind) -> Csv:
    """The declaration for a file of this kind: a .tsv file has tabs unless a delimiter is declared."""
    if kind == "tsv" and "delimiter" not in csv.model_fields_set:
        return csv.model_copy(update={"delimiter": "\t"})
    return csv
