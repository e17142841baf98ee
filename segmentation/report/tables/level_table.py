"""The rows of levels.parquet: each profile column by segment, with shares, lift and tests.

Counting is in level_counts.py, testing in level_tests.py; the report shows them in who_they_are.py.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from config.columns import Column
from config.definition import Definition
from schemas.clustering import Segment
from schemas.levels import LEVELS
from segmentation.features.encoding import MISSING, POOLED
from segmentation.features.moments import round_significant
from segmentation.report.labelled_parts import LabelledPart
from segmentation.report.tables.level_counts import LevelCounts, NumberCounts, count_columns
from segmentation.report.tables.level_tests import (
    UNTESTED,
    Significance,
    adjust_p_values,
    compare_ranks,
    compare_segment_ranks,
    compare_share,
    compare_table,
    rank_numbers,
)
from segmentation.report.tables.points import MIN_SHOWN

QUARTILES = {"lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75}
DAYS_SINCE_1970 = "days since 1970-01-01"


class KeptLevels(NamedTuple):
    """Levels in the order in which they are shown, their kinds, and customers (levels, k)."""

    names: list[str]
    kinds: list[str]
    counts: np.ndarray


def tabulate_levels(
    definition: Definition, parts: Sequence[LabelledPart], segments: Sequence[Segment]
) -> pd.DataFrame:
    """One row per segment and level of each profile column, columns in the definition's order."""
    contracts = {name: definition.customer_columns[name] for name in definition.profile}
    has_ids = definition.rows.id is not None
    counts = count_columns(parts, contracts, len(segments), definition.seed, has_ids=has_ids)
    rows: list[dict[str, Any]] = []
    for name, contract in contracts.items():
        column = counts[name]
        if isinstance(column, NumberCounts):
            rows += _describe_numbers(name, contract, column, segments)
        else:
            levels = keep_levels(column, contract, definition.categories.most_levels)
            is_tested = column.levels is not None
            rows += _describe_levels(name, levels, segments, definition.seed if is_tested else None)
    return _adjust_tests(pd.DataFrame(rows, columns=list(LEVELS.columns)))


def keep_levels(counts: LevelCounts, contract: Column, most_levels: int) -> KeptLevels:
    """The most common levels; then the rare ones together, and customers without a value, if any."""
    levels = counts.levels or {}
    # A handful of customers could be recognised, and says nothing about a segment.
    totals = {name: int(count.sum()) for name, count in levels.items() if count.sum() >= MIN_SHOWN}
    common = sorted(totals, key=lambda name: (-totals[name], name))[:most_levels]
    if contract.order is not None:
        common.sort(key=contract.order.index)
    rows = [levels[name] for name in common]
    names, kinds = list(common), ["level"] * len(common)
    rare = counts.present - (np.sum(rows, axis=0) if rows else 0)
    for name, kind, row in ((POOLED, "other", rare), (MISSING, "missing", counts.missing)):
        if row.any():
            names.append(name)
            kinds.append(kind)
            rows.append(row)
    return KeptLevels(names, kinds, np.array(rows, np.int64).reshape(len(names), len(counts.present)))


def _describe_levels(
    column: str, levels: KeptLevels, segments: Sequence[Segment], seed: int | None
) -> Iterator[dict[str, Any]]:
    """The rows of a column of levels. seed: None if its levels were too many to count."""
    sizes = [segment.size for segment in segments]
    n = sum(sizes)
    overall = UNTESTED if seed is None else compare_table(levels.counts, seed)
    for i, segment in enumerate(segments):
        for name, kind, counts in zip(levels.names, levels.kinds, levels.counts, strict=True):
            inside, total = int(counts[i]), int(counts.sum())
            test = UNTESTED if seed is None else compare_share(inside, segment.size, total, n)
            share, share_of_all = inside / segment.size, total / n
            yield {
                **_name_row(segment, column, kind, name),
                "customers": inside,
                "share": share,
                "share_of_all": share_of_all,
                "lift": share / share_of_all,
                **_test_columns(test, overall),
            }


def _describe_numbers(
    column: str, contract: Column, counts: NumberCounts, segments: Sequence[Segment]
) -> Iterator[dict[str, Any]]:
    """The rows of a column of numbers: one for the values of a segment, one for its missing values."""
    k = len(segments)
    ranked = rank_numbers(counts.values, counts.labels, k)
    overall, present = compare_ranks(ranked, k), int(counts.present.sum())
    n = sum(segment.size for segment in segments)
    is_time = contract.type == "timestamp"
    of_all = {
        "mean_of_all": float(counts.sums.sum()) / present if present else np.nan,
        "median_of_all": _measure_quartiles(counts.values)["median"],
    }
    missing = _describe_levels(
        column, KeptLevels([MISSING], ["missing"], counts.missing[None]), segments, seed=0
    )
    for i, segment in enumerate(segments):
        inside = int(counts.present[i])
        quartiles = _measure_quartiles(counts.values[counts.labels == i])
        has_lift = of_all["median_of_all"] > 0 and not is_time
        yield {
            **_name_row(segment, column, "number", None),
            "customers": inside,
            "share": inside / segment.size,
            "share_of_all": present / n,
            "lift": quartiles["median"] / of_all["median_of_all"] if has_lift else np.nan,
            "unit": DAYS_SINCE_1970 if is_time else contract.unit,
            "mean": float(counts.sums[i]) / inside if inside else np.nan,
            **quartiles,
            **of_all,
            **_test_columns(compare_segment_ranks(ranked, i), overall),
        }
        if counts.missing.any():
            yield {**next(missing), **_column_test(overall)}


def _measure_quartiles(values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(QUARTILES, np.nan)
    # inverted_cdf returns values that occur: 2.5 children would puzzle a reader.
    quartiles = np.quantile(values, list(QUARTILES.values()), method="inverted_cdf")
    return dict(zip(QUARTILES, map(float, quartiles), strict=True))


def _name_row(segment: Segment, column: str, kind: str, level: str | None) -> dict[str, Any]:
    empty = dict.fromkeys(("mean", *QUARTILES, "mean_of_all", "median_of_all"), np.nan)
    name = {"segment_id": segment.segment_id, "column": column, "kind": kind, "level": level}
    return {**name, "unit": "", **empty}


def _test_columns(test: Significance, overall: Significance) -> dict[str, Any]:
    return {"test": test.test, "p_value": test.p_value, **_column_test(overall)}


def _column_test(overall: Significance) -> dict[str, Any]:
    return {
        "column_test": overall.test,
        "column_p_value": overall.p_value,
        "association": overall.association,
    }


def _adjust_tests(table: pd.DataFrame) -> pd.DataFrame:
    """The table with adjusted p-values, and numbers rounded so that they are the same on every machine."""
    columns = table.drop_duplicates("column")
    adjusted = dict(
        zip(columns["column"], adjust_p_values(columns["column_p_value"].to_numpy(float)), strict=True)
    )
    table = table.assign(
        q_value=adjust_p_values(table["p_value"].to_numpy(float)),
        column_q_value=table["column"].map(adjusted).astype(float),
    )
    for name, contract in LEVELS.columns.items():
        if str(contract.dtype) == "float64":
            table[name] = [round_significant(float(value)) for value in table[name]]
    return table
