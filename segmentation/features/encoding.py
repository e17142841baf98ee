"""From the columns of the customer table to numbers: one-hot levels, ranks, indicators, filled gaps.

What a column may hold is the definition's (config/columns.py); how numbers are scaled before
distances are taken is segmentation/features/transforms.py's.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Column
from config.parameters import Segmentation
from config.plans import CategoryPlan
from schemas.numbers import Encoding
from schemas.records import Part
from segmentation.errors import Refused
from segmentation.features.order_statistics import select
from segmentation.partitions import over_parts
from segmentation.parts import read_part, to_matrix, write_part

MOST_LEVELS = 10_000
OTHER, MISSING = "(other)", "(missing)"
NULL = "\0"  # no value of a column may hold NUL, so it can stand for no value


def encode(table: pa.Table, encodings: Sequence[Encoding]) -> pa.Table:
    """The numbers of a table's customers, one float64 column per encoding, without nulls."""
    filled: dict[str, pa.ChunkedArray] = {}
    for one in encodings:
        if one.kind != "missing" and one.column not in filled:
            values = table[one.column]
            filled[one.column] = values if one.fill is None else pc.fill_null(values, _as(one.fill, values))
    return pa.table({one.name: _encode_one(one, table, filled) for one in encodings})


def _as(value: float | str, like: pa.ChunkedArray) -> pa.Scalar:
    """A fill value in the column's type; a median between two whole numbers is rounded down."""
    return pa.scalar(value if isinstance(value, str) else float(value)).cast(like.type, safe=False)


def _encode_one(one: Encoding, table: pa.Table, filled: dict[str, pa.ChunkedArray]) -> pa.ChunkedArray:
    if one.kind == "missing":
        found = pc.is_null(table[one.column])
    elif one.kind == "rank":
        found = pc.index_in(filled[one.column], pa.array(one.levels))
    elif one.kind == "level":
        found = pc.equal(filled[one.column], one.levels[0])
    elif one.kind == "other":
        found = pc.invert(pc.is_in(filled[one.column], pa.array(one.levels, pa.string())))
    else:
        found = filled[one.column]
    return found.cast(pa.float64())


def find_unseen(table: pa.Table, encodings: Sequence[Encoding]) -> Counter[str]:
    """Customers by feature whose level has no number of its own and none for other levels."""
    levels: dict[str, set[str]] = {}
    fills = {one.column: one.fill for one in encodings if one.kind == "level"}
    for one in encodings:
        if one.kind == "level":
            levels.setdefault(one.column, set()).update(one.levels)
    for one in encodings:
        if one.kind == "other":
            levels.pop(one.column, None)
    found: Counter[str] = Counter()
    for column, known in levels.items():
        values = table[column] if fills[column] is None else pc.fill_null(table[column], fills[column])
        found[column] = pc.sum(pc.invert(pc.is_in(values, pa.array(sorted(known))))).as_py() or 0
    return +found


def fit_encodings(segmentation: Segmentation, parts: Sequence[Part]) -> tuple[Encoding, ...]:
    """Every feature's encodings, in the definition's order; levels and medians learnt from all customers."""
    found: list[Encoding] = []
    for feature in segmentation.features:
        column = segmentation.customer_columns[feature]
        if column.type == "category" and column.order is None:
            found += _one_hot(feature, column, count_levels(feature, parts), segmentation.categories)
        else:
            found.append(_as_number(feature, column, parts))
        if column.fill is not None and column.fill.indicator:
            found.append(Encoding(name=f"{feature} is missing", column=feature, kind="missing", unit="share"))
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused(
            "level-name", f"{len(twice)} features would have the name of another; rename the levels"
        )
    return tuple(found)


def _as_number(feature: str, column: Column, parts: Sequence[Part]) -> Encoding:
    fill: float | str | None = None
    if column.fill is not None:
        value = column.fill.value
        fill = find_median(feature, parts) if column.fill.by == "median" else value
    if column.order is not None:
        unit = f"rank, 0 is {column.order[0]}, {len(column.order) - 1} is {column.order[-1]}"
        return Encoding(name=feature, column=feature, kind="rank", levels=column.order, fill=fill, unit=unit)
    return Encoding(
        name=feature, column=feature, fill=None if fill is None else float(fill), unit=column.unit
    )


def _one_hot(feature: str, column: Column, counts: Counter[str], plan: CategoryPlan) -> list[Encoding]:
    """One 0/1 number per common level, by name, and one for the rare ones together."""
    total, counts = counts.total(), counts.copy()
    missing = counts.pop(NULL, 0)
    fill = None
    if column.fill is not None:
        fill = MISSING if column.fill.by == "level" else str(column.fill.value)
        counts[fill] += missing
    common = sorted(counts, key=lambda level: (-counts[level], level))
    kept = sorted(level for level in common[: plan.most_levels] if counts[level] >= plan.rare_share * total)
    rest = len(counts) - len(kept)
    block = len(kept) + (rest > 0)
    shared = {"column": feature, "block": block, "fill": fill, "unit": "share"}
    found = [Encoding(name=f"{feature} = {level}", kind="level", levels=(level,), **shared) for level in kept]
    if rest:
        found.append(Encoding(name=f"{feature} = {OTHER}", kind="other", levels=tuple(kept), **shared))
    return found


def count_levels(feature: str, parts: Sequence[Part]) -> Counter[str]:
    """Customers by level of a category, those without a value under NULL. Refused beyond MOST_LEVELS."""
    counts: Counter[str] = Counter()
    for found in over_parts(partial(_count_levels, feature=feature), parts):
        counts.update(found)
        if len(counts) > MOST_LEVELS:
            raise Refused(
                "too-many-levels",
                f"feature {feature} has more than {MOST_LEVELS:,} levels; a category has few: group them, "
                "or leave the column out of features",
            )
    return counts


def _count_levels(part: Part, feature: str) -> dict[str, int]:
    values = pc.value_counts(read_part(part, [feature])[feature])
    return {NULL if one["values"] is None else one["values"]: one["counts"] for one in values.to_pylist()}


def find_median(feature: str, parts: Sequence[Part]) -> float:
    """The lower median of the values that are there. Refused if there are none."""
    there = sum(over_parts(partial(_count_values, feature=feature), parts))
    if there == 0:
        raise Refused("all-missing", f"feature {feature} has no value for any customer; nothing to fill by")

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return over_parts(partial(_values, feature=feature), parts)

    return float(select(batches, np.array([[(there - 1) // 2]]), 1)[0, 0])


def _values(part: Part, feature: str) -> tuple[np.ndarray, np.ndarray]:
    table = read_part(part, [feature])
    matrix = to_matrix(table.filter(pc.is_valid(table[feature])))
    return matrix, np.zeros(matrix.shape[1], np.int32)


def _count_values(part: Part, feature: str) -> int:
    values = read_part(part, [feature])[feature]
    return len(values) - int(values.null_count)


def encode_parts(parts: Sequence[Part], encodings: Sequence[Encoding], folder: Path) -> tuple[Part, ...]:
    """The encoded features of all customers, part by part; the parts themselves if all is plain."""
    if all(one.is_plain for one in encodings):
        return tuple(parts)
    tables = over_parts(partial(_encode_part, encodings=encodings), parts)
    return tuple(write_part(folder / f"numbers-{i:05d}.parquet", table) for i, table in enumerate(tables))


def _encode_part(part: Part, encodings: Sequence[Encoding]) -> pa.Table:
    columns = dict.fromkeys(one.column for one in encodings)
    return encode(read_part(part, list(columns)), encodings)
