"""Profiles of all columns of a table, computed batch by batch in bounded memory.

The profile of one batch is in segmentation/proposing/column_profile.py. Profiles contain customers'
values, so they never leave the process.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from config.columns import Column, Rows
from config.sources import Csv
from segmentation.partitions import map_parts
from segmentation.proposing.column_profile import MOST_LISTED_LEVELS, ColumnProfile, profile_column
from segmentation.proposing.sketches import merge_sketches
from segmentation.proposing.time_readings import MOST_FORMS, merge_readings
from segmentation.rows.reading.source_batches import SourceBatch, read_files
from segmentation.sources.content import SourceFile

COLUMNS_AT_ONCE = 100  # of a Parquet file, whose batches grow with the number of columns


def merge_profiles(a: ColumnProfile, b: ColumnProfile) -> ColumnProfile:
    """The profile of two batches of one column together."""
    distinct = merge_sketches(a.distinct, b.distinct)
    levels = None if a.levels is None or b.levels is None else a.levels | b.levels
    return ColumnProfile(
        kind=a.kind if a.kind == b.kind else "other",
        rows=a.rows + b.rows,
        missing=a.missing + b.missing,
        marks=a.marks + b.marks,
        numbers=a.numbers + b.numbers,
        whole=a.whole + b.whole,
        negative=a.negative + b.negative,
        positive=a.positive + b.positive,
        low=min(a.low, b.low),
        high=max(a.high, b.high),
        cents=a.cents + b.cents,
        point_zeros=a.point_zeros + b.point_zeros,
        emails=a.emails + b.emails,
        placeholders=a.placeholders + b.placeholders,
        longest=max(a.longest, b.longest),
        distinct=distinct,
        levels=levels if levels is not None and len(levels) <= MOST_LISTED_LEVELS else None,
        times=merge_readings(a.times, b.times),
        forms=frozenset(sorted(a.forms | b.forms)[:MOST_FORMS]),
    )


def profile_files(files: Sequence[SourceFile], names: Sequence[str], csv: Csv) -> dict[str, ColumnProfile]:
    """The profiles of these columns over all files. Empty without rows."""
    at_once = COLUMNS_AT_ONCE if files[0].path.suffix.lower() == ".parquet" else max(1, len(names))
    profiles: dict[str, ColumnProfile] = {}
    for start in range(0, len(names), at_once):
        columns = dict.fromkeys(names[start : start + at_once], Column(type="text"))
        # customer_id is a reserved name, which the contract allows for the id column only.
        rows = Rows(id="customer_id" if "customer_id" in columns else None, columns=columns)
        batches = map_parts(partial(_profile_batch, csv=csv), read_files(files, rows, csv))
        profiles |= _merge_all(batches)
    return profiles


def _profile_batch(batch: SourceBatch, csv: Csv) -> dict[str, ColumnProfile]:
    table = batch.raw.table
    return {name: profile_column(table[name], csv) for name in table.column_names} if table.num_rows else {}


def _merge_all(batches: Iterable[dict[str, ColumnProfile]]) -> dict[str, ColumnProfile]:
    merged: dict[str, ColumnProfile] = {}
    for batch in batches:
        for name, profile in batch.items():
            merged[name] = merge_profiles(merged[name], profile) if name in merged else profile
    return merged
