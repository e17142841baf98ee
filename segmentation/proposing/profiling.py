"""Profiles of a table's columns, for proposing a definition: counted batch by batch, in bounded memory.

What is counted is in segmentation/proposing/counting.py, what a column is good for is decided in
segmentation/proposing/roles.py. A profile never leaves the process.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from config.columns import Column, Rows
from config.sources import Csv
from segmentation.partitions import over_parts
from segmentation.proposing.counting import MOST_LEVELS, ColumnProfile, profile_column
from segmentation.proposing.sketches import merge_sketches
from segmentation.rows.judging import Piece, read_files
from segmentation.source import SourceFile

COLUMNS_AT_ONCE = 100  # of a Parquet file, whose batches grow with the number of columns


def merge_profiles(a: ColumnProfile, b: ColumnProfile) -> ColumnProfile:
    """The profile of two batches of one column taken together."""
    distinct = merge_sketches(a.distinct, b.distinct)
    few = a.levels is not None and b.levels is not None
    levels = a.levels | b.levels if a.levels is not None and b.levels is not None else frozenset[str]()
    return ColumnProfile(
        kind=a.kind if a.kind == b.kind else "other",
        rows=a.rows + b.rows,
        missing=a.missing + b.missing,
        marks=a.marks + b.marks,
        numbers=a.numbers + b.numbers,
        whole=a.whole + b.whole,
        negative=a.negative + b.negative,
        low=min(a.low, b.low),
        high=max(a.high, b.high),
        stamps=a.stamps + b.stamps,
        other_dates=a.other_dates + b.other_dates,
        first=min(filter(None, (a.first, b.first)), default=""),
        last=max(a.last, b.last),
        point_zeros=a.point_zeros + b.point_zeros,
        longest=max(a.longest, b.longest),
        distinct=distinct,
        levels=levels if few and len(levels) <= MOST_LEVELS else None,
    )


def profile_files(files: Sequence[SourceFile], names: Sequence[str], csv: Csv) -> dict[str, ColumnProfile]:
    """The profiles of these columns over all files; none if there are no rows."""
    at_once = COLUMNS_AT_ONCE if files[0].path.suffix.lower() == ".parquet" else max(1, len(names))
    found: dict[str, ColumnProfile] = {}
    for start in range(0, len(names), at_once):
        columns = dict.fromkeys(names[start : start + at_once], Column(type="text"))
        # The outputs call an id customer_id, so as an id, and only so, the contract lets it be read.
        rows = Rows(id="customer_id" if "customer_id" in columns else None, columns=columns)
        batches = over_parts(partial(_profile_piece, csv=csv), read_files(files, rows, csv))
        found |= _merge_all(batches)
    return found


def _profile_piece(piece: Piece, csv: Csv) -> dict[str, ColumnProfile]:
    table = piece.raw.table
    return {name: profile_column(table[name], csv) for name in table.column_names} if table.num_rows else {}


def _merge_all(batches: Iterable[dict[str, ColumnProfile]]) -> dict[str, ColumnProfile]:
    found: dict[str, ColumnProfile] = {}
    for batch in batches:
        for name, profile in batch.items():
            found[name] = merge_profiles(found[name], profile) if name in found else profile
    return found
