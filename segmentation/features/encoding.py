"""From the columns of the customer table to numbers: one-hot levels, ranks, indicators, filled gaps.

What a column may hold is declared in config/columns.py. How numbers are scaled before distances are computed
is in segmentation/features/transforms.py.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.clauses import CategoryOptions
from config.columns import Column
from config.definition import Definition
from schemas.numbers import Encoding
from schemas.part import Part
from segmentation.errors import Refused
from segmentation.features.order_statistics import pass_over, select_ranks
from segmentation.partitions import map_parts, map_to_files
from segmentation.parts import read_part, to_matrix

MOST_LEVELS = 10_000
POOLED, MISSING = "(other)", "(missing)"
NULL = "\0"  # no value may contain NUL, so it can represent a missing one


def encode(table: pa.Table, encodings: Sequence[Encoding]) -> pa.Table:
    """The numbers of a table's customers, one float64 column per encoding, without nulls."""
    filled: dict[str, pa.ChunkedArray] = {}
    for encoding in encodings:
        if encoding.kind != "missing" and encoding.column not in filled:
            values = table[encoding.column]
            if encoding.fill is not None:
                values = pc.fill_null(values, _cast_fill(encoding.fill, values.type))
            filled[encoding.column] = values
    return pa.table({encoding.name: _encode_column(encoding, table, filled) for encoding in encodings})


def _cast_fill(value: float | str, dtype: pa.DataType) -> pa.Scalar:
    """A fill value in the column's type. A median between two whole numbers is rounded down."""
    return pa.scalar(value if isinstance(value, str) else float(value)).cast(dtype, safe=False)


def _encode_column(
    encoding: Encoding, table: pa.Table, filled: dict[str, pa.ChunkedArray]
) -> pa.ChunkedArray:
    if encoding.kind == "missing":
        # From the table, not from the filled columns: there nothing is missing.
        numbers = pc.is_null(table[encoding.column])
    elif encoding.kind == "rank":
        numbers = pc.index_in(filled[encoding.column], pa.array(encoding.levels))
    elif encoding.kind == "level":
        numbers = pc.equal(filled[encoding.column], encoding.levels[0])
    elif encoding.kind == "other":
        numbers = pc.invert(pc.is_in(filled[encoding.column], pa.array(encoding.levels, pa.string())))
    else:
        numbers = filled[encoding.column]
    return numbers.cast(pa.float64())


def count_unseen_levels(table: pa.Table, encodings: Sequence[Encoding]) -> Counter[str]:
    """Customers by feature whose level has no number, in features without a number for other levels."""
    levels: dict[str, set[str]] = {}
    fills = {encoding.column: encoding.fill for encoding in encodings if encoding.kind == "level"}
    for encoding in encodings:
        if encoding.kind == "level":
            levels.setdefault(encoding.column, set()).update(encoding.levels)
    for encoding in encodings:
        if encoding.kind == "other":
            levels.pop(encoding.column, None)
    unseen: Counter[str] = Counter()
    for column, names in levels.items():
        values = table[column] if fills[column] is None else pc.fill_null(table[column], fills[column])
        # pc.sum is null for a table without rows.
        unseen[column] = pc.sum(pc.invert(pc.is_in(values, pa.array(sorted(names))))).as_py() or 0
    return +unseen  # without the zeros


def fit_encodings(definition: Definition, parts: Sequence[Part]) -> tuple[Encoding, ...]:
    """Every feature's encodings, in the definition's order. Levels and medians are those of all customers."""
    encodings: list[Encoding] = []
    for feature in definition.features:
        column = definition.customer_columns[feature]
        if column.type == "category" and column.order is None:
            encodings += _one_hot(feature, column, count_levels(feature, parts), definition.categories)
        else:
            encodings.append(_as_number(feature, column, parts))
        if column.fill is not None and column.fill.indicator:
            name = f"{feature} is missing"
            encodings.append(Encoding(name=name, column=feature, kind="missing", unit="share"))
    counts = Counter(encoding.name for encoding in encodings)
    if duplicates := [name for name, count in counts.items() if count > 1]:
        raise Refused(
            "level-name",
            f"{len(duplicates)} features would have the name of another feature; rename the levels",
        )
    return tuple(encodings)


def _as_number(feature: str, column: Column, parts: Sequence[Part]) -> Encoding:
    fill: float | str | None = None
    if column.fill is not None:
        fill = compute_median(feature, parts) if column.fill.by == "median" else column.fill.value
    if column.order is not None:
        unit = f"rank, 0 is {column.order[0]}, {len(column.order) - 1} is {column.order[-1]}"
        return Encoding(name=feature, column=feature, kind="rank", levels=column.order, fill=fill, unit=unit)
    number = None if fill is None else float(fill)
    return Encoding(name=feature, column=feature, fill=number, unit=column.unit)


def _one_hot(feature: str, column: Column, counts: Counter[str], options: CategoryOptions) -> list[Encoding]:
    """A 0/1 number per common level, by name, and one for the rare levels together."""
    total, counts = counts.total(), counts.copy()
    missing = counts.pop(NULL, 0)
    fill = None
    if column.fill is not None:
        fill = MISSING if column.fill.by == "level" else str(column.fill.value)
        counts[fill] += missing
    # Ties are broken by name, so that the order of rows does not decide which level has a number.
    frequent = sorted(counts, key=lambda level: (-counts[level], level))[: options.most_levels]
    # A level with a handful of customers is noise to a segmentation and a privacy hazard in a report.
    levels = sorted(level for level in frequent if counts[level] >= options.rare_share * total)
    has_rare = len(levels) < len(counts)
    block = len(levels) + has_rare
    shared = {"column": feature, "block": block, "fill": fill, "unit": "share"}
    encodings = [
        Encoding(name=f"{feature} = {level}", kind="level", levels=(level,), **shared) for level in levels
    ]
    if has_rare:
        encodings.append(Encoding(name=f"{feature} = {POOLED}", kind="other", levels=tuple(levels), **shared))
    return encodings


def count_levels(feature: str, parts: Sequence[Part]) -> Counter[str]:
    """Customers by level of a category, those without a value under NULL. Refused beyond MOST_LEVELS."""
    counts: Counter[str] = Counter()
    for part_counts in map_parts(partial(_count_levels, feature=feature), parts):
        counts.update(part_counts)
        if len(counts) > MOST_LEVELS:
            raise Refused(
                "too-many-levels",
                f"feature {feature} has more than {MOST_LEVELS:,} levels; a category has few: group them, "
                "or leave the column out of features",
            )
    return counts


def _count_levels(part: Part, feature: str) -> dict[str, int]:
    levels = pc.value_counts(read_part(part, [feature])[feature]).to_pylist()
    return {NULL if level["values"] is None else level["values"]: level["counts"] for level in levels}


def compute_median(feature: str, parts: Sequence[Part]) -> float:
    """The lower median of the values that are not missing. Refused if all are."""
    count = sum(map_parts(partial(_count_values, feature=feature), parts))
    if count == 0:
        raise Refused("all-missing", f"feature {feature} has no value for any customer; nothing to fill by")

    values = pass_over(parts, partial(_read_values, feature=feature))
    # Lower: a value that occurs, so the median of whole numbers is whole.
    return float(select_ranks(values, np.array([[(count - 1) // 2]]), 1)[0, 0])


def _read_values(part: Part, feature: str) -> tuple[np.ndarray, np.ndarray]:
    table = read_part(part, [feature])
    matrix = to_matrix(table.filter(pc.is_valid(table[feature])))
    return matrix, np.zeros(matrix.shape[1], np.int32)


def _count_values(part: Part, feature: str) -> int:
    values = read_part(part, [feature])[feature]
    return len(values) - int(values.null_count)


def encode_parts(parts: Sequence[Part], encodings: Sequence[Encoding], folder: Path) -> tuple[Part, ...]:
    """The encoded features of all customers, part by part; the same parts if every encoding is plain."""
    # An all-numeric definition writes nothing here: its stage files already hold the numbers.
    if all(encoding.is_plain for encoding in encodings):
        return tuple(parts)
    return map_to_files(partial(_encode_part, encodings=encodings), parts, folder, "numbers")


def _encode_part(part: Part, encodings: Sequence[Encoding]) -> pa.Table:
    columns = dict.fromkeys(encoding.column for encoding in encodings)
    return encode(read_part(part, list(columns)), encodings)
