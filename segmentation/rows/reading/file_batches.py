"""Reading one file in batches, by its format. Casting belongs in segmentation/rows/casting/text_columns.py.

Each format has its own module. Headers are checked in headers.py. No more than one batch
is in memory at a time.
"""

from collections.abc import Iterator
from pathlib import Path

from config.columns import Rows
from config.sources import Csv
from segmentation.rows.reading.column_places import has_moving_columns, locate_columns, restore_columns
from segmentation.rows.reading.csv_reading import read_csv
from segmentation.rows.reading.headers import adapt_csv, columns_to_read, get_kind, read_header
from segmentation.rows.reading.json_lines import read_json_lines
from segmentation.rows.reading.parquet_reading import read_parquet
from segmentation.rows.reading.raw_batch import Malformed, RawBatch
from segmentation.rows.reading.second_table import REPEATED_HEADER

__all__ = ["REPEATED_HEADER", "Malformed", "RawBatch", "read_batches"]


def read_batches(path: Path, rows: Rows, csv: Csv) -> Iterator[RawBatch]:
    """The contract's columns of one file, in batches. Columns of text files are text."""
    names = columns_to_read(rows)
    if not has_moving_columns(rows):
        yield from _read_columns(path, names, csv)
        return
    places = locate_columns(names, read_header(path, csv, names), rows)
    for raw in _read_columns(path, [place for place in places.values() if place], csv):
        yield raw._replace(table=restore_columns(raw.table, places))


def _read_columns(path: Path, columns: list[str], csv: Csv) -> Iterator[RawBatch]:
    kind = get_kind(path)
    if kind == "parquet":
        return read_parquet(path, columns)
    if kind == "jsonl":
        return read_json_lines(path, columns, csv)
    return read_csv(path, columns, adapt_csv(csv, kind))
