"""Counts of profile columns by segment: levels, missing values, and drawn values of numbers, in one pass.

The rows of levels.parquet are computed from them in level_table.py, the tests in level_tests.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Column
from segmentation.features.sampling import DrawablePart, draw_keys, list_drawable
from segmentation.partitions import map_parts
from segmentation.parts import read_part
from segmentation.report.labelled_parts import LabelledPart

MOST_COUNTED = 10_000  # levels of a column; one with more of them is not tabulated
MOST_DRAWN_VALUES = 200_000  # customers whose numbers are ranked, 1.6 MB a column
MICROSECONDS_PER_DAY = 86_400e6


class LevelCounts(NamedTuple):
    """Customers by level, each int64 (k,). levels is None beyond MOST_COUNTED of them."""

    levels: dict[str, np.ndarray] | None
    present: np.ndarray
    missing: np.ndarray


class NumberCounts(NamedTuple):
    """A column of numbers: counts and sums (k,) over all customers; values and labels (m,) of drawn ones."""

    present: np.ndarray
    missing: np.ndarray
    sums: np.ndarray
    values: np.ndarray
    labels: np.ndarray


ColumnCounts = LevelCounts | NumberCounts


class CountPlan(NamedTuple):
    """What is counted: the contracts of the columns, k, the share of customers to draw, and the seed."""

    columns: Mapping[str, Column]
    segments: int
    share: float
    seed: int


class NumberedPart(NamedTuple):
    """A labelled part of the customers, and what draws from it."""

    labelled: LabelledPart
    drawable: DrawablePart


def is_numeric(column: Column) -> bool:
    """Is the column described by quartiles? A whole number with listed values is a code: it has levels."""
    return column.type in ("float", "timestamp") or (column.type == "int" and column.isin is None)


def count_columns(
    parts: Sequence[LabelledPart], columns: Mapping[str, Column], segments: int, seed: int, *, has_ids: bool
) -> dict[str, ColumnCounts]:
    """The counts of each column, in one pass over the customers. has_ids: else rows are drawn by position."""
    customers = [part.customers for part in parts]
    numbered = map(NumberedPart, parts, list_drawable(customers, customers if has_ids else ()))
    share = min(1.0, MOST_DRAWN_VALUES / max(1, sum(part.rows for part in customers)))
    by_part = map_parts(partial(_count_part, plan=CountPlan(columns, segments, share, seed)), numbered)
    return _merge_parts(by_part)


def _count_part(part: NumberedPart, plan: CountPlan) -> dict[str, ColumnCounts]:
    table = read_part(part.labelled.customers, list(plan.columns))
    labels = read_part(part.labelled.labels, ["label"])["label"].to_numpy().astype(np.int64)
    is_drawn = np.ones(len(labels), bool)
    if plan.share < 1.0 and any(map(is_numeric, plan.columns.values())):
        is_drawn = draw_keys(part.drawable, plan.seed) < plan.share
    counts: dict[str, ColumnCounts] = {}
    for name, column in plan.columns.items():
        values = table[name].combine_chunks()
        if is_numeric(column):
            counts[name] = _count_numbers(values, labels, is_drawn, plan.segments)
        else:
            counts[name] = _count_levels(values, labels, plan.segments)
    return counts


def _count_levels(values: pa.Array, labels: np.ndarray, segments: int) -> LevelCounts:
    texts = values if pa.types.is_string(values.type) else values.cast(pa.string())
    coded = texts.dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy()
    is_present = codes >= 0
    present = np.bincount(labels[is_present], minlength=segments)
    missing = np.bincount(labels[~is_present], minlength=segments)
    names = coded.dictionary.to_pylist()
    if len(names) > MOST_COUNTED:
        return LevelCounts(None, present, missing)
    cells = codes[is_present].astype(np.int64) * segments + labels[is_present]
    counts = np.bincount(cells, minlength=len(names) * segments).reshape(-1, segments)
    return LevelCounts(dict(zip(names, counts, strict=True)), present, missing)


def _count_numbers(values: pa.Array, labels: np.ndarray, drawn: np.ndarray, segments: int) -> NumberCounts:
    is_present = pc.is_valid(values).to_numpy(zero_copy_only=False)
    numbers = _to_numbers(values.drop_null())
    present_labels, is_drawn = labels[is_present], drawn[is_present]
    return NumberCounts(
        present=np.bincount(present_labels, minlength=segments),
        missing=np.bincount(labels[~is_present], minlength=segments),
        sums=np.bincount(present_labels, numbers, segments),
        values=numbers[is_drawn],
        labels=present_labels[is_drawn],
    )


def _to_numbers(values: pa.Array) -> np.ndarray:
    """Values without nulls as float64 (n,); times as days since 1970."""
    if pa.types.is_timestamp(values.type):
        microseconds = values.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
        return np.asarray(microseconds / MICROSECONDS_PER_DAY, np.float64)
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), np.float64)


def _merge_parts(by_part: Iterable[dict[str, ColumnCounts]]) -> dict[str, ColumnCounts]:
    total: dict[str, ColumnCounts] = {}
    samples: dict[str, list[NumberCounts]] = {}
    for counts in by_part:
        for name, part in counts.items():
            sum_so_far = total.get(name)
            if isinstance(part, NumberCounts):
                samples.setdefault(name, []).append(part)
            elif isinstance(sum_so_far, LevelCounts):
                total[name] = _add_levels(sum_so_far, part)
            else:
                total[name] = part
    # Joined once: with every part, they would be copied again and again.
    return total | {name: _join_numbers(pieces) for name, pieces in samples.items()}


def _add_levels(earlier: LevelCounts, part: LevelCounts) -> LevelCounts:
    levels = None
    if earlier.levels is not None and part.levels is not None:
        levels = dict(earlier.levels)
        for level, counts in part.levels.items():
            levels[level] = levels[level] + counts if level in levels else counts
        if len(levels) > MOST_COUNTED:
            levels = None
    return LevelCounts(levels, earlier.present + part.present, earlier.missing + part.missing)


def _join_numbers(pieces: Sequence[NumberCounts]) -> NumberCounts:
    present, missing, sums = (np.sum([piece[i] for piece in pieces], axis=0) for i in range(3))
    values, labels = (np.concatenate([piece[i] for piece in pieces]) for i in (3, 4))
    return NumberCounts(present, missing, sums, values, labels)
