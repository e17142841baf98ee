"""Fitting each feature's transform from the customers' moments, and judging what the grid does to it.

How a fitted transform is applied and inverted is in segmentation/features/transforms.py; the passes over
the customers are tasks/scale.py's.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from config.parameters import Scaling, Segmentation
from schemas.numbers import ColumnScale, Encoding, Transform
from schemas.records import Part
from segmentation.errors import Refused
from segmentation.features.grid import find_quantum
from segmentation.features.moments import Moments, significant
from segmentation.features.order_statistics import select
from segmentation.features.transforms import to_scaled
from segmentation.partitions import over_parts
from segmentation.parts import read_part, to_matrix

SKEWED = 1.0
SMALLEST = 1e-90  # squares of what is smaller leave float64
HEADROOM = 8.0  # how far beyond tonight's largest value the next nights' may lie before the grid is refitted
FEWEST_STEPS = 64  # of the grid, within one spread of a feature


def find_quartiles(parts: Sequence[Part], feature: str, rows: int) -> tuple[float, float, float]:
    """Exact lower quartile, median and upper quartile of one feature (lower values at ties of rank)."""
    found = []
    for share in (0.25, 0.5, 0.75):

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            return over_parts(partial(_one_group, feature=feature), parts)

        rank = np.array([[int(share * (rows - 1))]])
        found.append(float(select(batches, rank, 1)[0, 0]))
    return found[0], found[1], found[2]


def _one_group(part: Part, feature: str) -> tuple[np.ndarray, np.ndarray]:
    matrix = to_matrix(read_part(part, [feature]))
    return matrix, np.zeros(matrix.shape[1], np.int32)


def choose_transform(asked: Scaling, raw_skew: float, log_skew: float, low: float) -> tuple[Transform, str]:
    """The transform for what the definition asks, and why. `auto`: log where that lowers a high skew."""
    if asked != "auto":
        return asked, "asked for by the definition"
    if low >= 0 and raw_skew > SKEWED and abs(log_skew) < raw_skew:
        return "log-standard", f"skewness {raw_skew:.1f}, {log_skew:.1f} after log1p"
    return "standard", f"skewness {raw_skew:.1f}"


class Numbers(NamedTuple):
    """The encoded features of all customers: what each number is, and the parts that hold them."""

    encodings: tuple[Encoding, ...]
    parts: tuple[Part, ...]

    @property
    def names(self) -> list[str]:
        """The numbers' names."""
        return [one.name for one in self.encodings]


def choose_for(
    one: Encoding, segmentation: Segmentation, skews: tuple[float, float], low: float
) -> tuple[Transform, str]:
    """The transform of one number, and why. Levels and indicators are 0 or 1 and stay so."""
    if one.kind in ("level", "other"):
        return "one-hot", f"one of {one.block} levels, which share the feature's weight"
    if one.kind == "missing":
        return "one-hot", "says where the value is missing"
    return choose_transform(segmentation.scaling_of(one.column), *skews, low)


def fit_columns(
    segmentation: Segmentation, numbers: Numbers, raw: Moments, log: Moments
) -> tuple[ColumnScale, ...]:
    """Each number's fitted transform. Refused where log-standard meets negative values."""
    columns = []
    for j, one in enumerate(numbers.encodings):
        feature = one.name
        skews = float(raw.skewness[j]), float(log.skewness[j])
        transform, why = choose_for(one, segmentation, skews, float(raw.low[j]))
        if transform == "log-standard" and raw.low[j] < 0:
            raise Refused("negative-log", f"feature {feature} has negative values; log-standard needs none")
        used = log if transform == "log-standard" else raw
        shift, scale = float(used.mean[j]), float(used.std[j])
        if transform in ("none", "one-hot"):
            # A block of 0/1 numbers weighs as one feature: 1 / sqrt(levels) each.
            shift, scale = 0.0, float(np.sqrt(one.block))
        elif transform == "robust":
            lower, median, upper = find_quartiles(numbers.parts, feature, raw.n)
            shift = median
            # Half of the rows may share one value; the standard deviation then measures the rest.
            scale = upper - lower if upper > lower else scale
        spread = float(raw.high[j] - raw.low[j])
        if 0 < spread < SMALLEST:
            raise Refused(
                "extreme-values", f"feature {feature} varies by less than {SMALLEST:g}; change its unit"
            )
        is_constant = spread <= 1e-12 * max(abs(float(raw.high[j])), abs(float(raw.low[j])))
        is_aside = is_constant or transform == "aside"
        columns.append(
            ColumnScale(
                feature=feature,
                transform="aside" if is_aside else transform,
                shift=float(raw.low[j]) if is_aside else significant(shift),
                scale=1.0 if is_aside else significant(scale),
                weight=significant(segmentation.weights.get(one.column, 1.0) ** 0.5),
                aside=is_aside,
                why="the same value for all customers" if is_constant else why,
            )
        )
    return tuple(columns)


def mean_variance(columns: Sequence[ColumnScale], raw: Moments, log: Moments) -> float:
    """Mean over the features of the variance of their scaled values, before the grid."""
    variances = [
        float((log if one.transform == "log-standard" else raw).std[j] / one.scale * one.weight) ** 2
        for j, one in enumerate(columns)
        if not one.aside
    ]
    return significant(sum(variances) / len(variances))


def find_largest(columns: Sequence[ColumnScale], raw: Moments) -> float:
    """The largest absolute scaled value: transforms are monotone, so it is at a column's end."""
    ends = to_scaled(np.stack([raw.low, raw.high], axis=1), columns)
    return float(np.abs(ends).max(initial=0.0))


def settle_quantum(columns: Sequence[ColumnScale], moments: tuple[Moments, Moments]) -> float:
    """The grid's step, with room for values HEADROOM times the largest where that costs no resolution."""
    largest, features = find_largest(columns, moments[0]), sum(not column.aside for column in columns)
    roomy = find_quantum(HEADROOM * largest, features)
    if find_lost(columns, moments, roomy) is None:
        return roomy
    quantum = find_quantum(largest, features)
    check_resolution(columns, moments, quantum)
    return quantum


def check_resolution(
    columns: Sequence[ColumnScale], moments: tuple[Moments, Moments], quantum: float
) -> None:
    """Refuse values so extreme that the grid, which spans them, can no longer tell customers apart."""
    lost = find_lost(columns, moments, quantum)
    if lost is None:
        return
    raw = moments[0]
    ends = np.abs(to_scaled(np.stack([raw.low, raw.high], axis=1), columns)).max(axis=1)
    largest = [each for each in columns if not each.aside][int(ends.argmax())].feature
    raise Refused(
        "extreme-values",
        f"feature {largest} has values so far out that differences in {lost} would be lost; "
        f"bound {largest} in rows.columns, or scale it by log-standard or standard",
    )


def find_lost(columns: Sequence[ColumnScale], moments: tuple[Moments, Moments], quantum: float) -> str | None:
    """The first feature whose spread is too few steps of the grid.

    A feature's spread, in scaled units, is its standard deviation or the unit that it was scaled
    by, the smaller of the two: one outlier inflates the first, not an interquartile range.
    """
    raw, log = moments
    for j, one in enumerate(columns):
        if one.aside:
            continue
        deviation = float((log if one.transform == "log-standard" else raw).std[j])
        spread = min(deviation / one.scale, 1.0) * one.weight
        if spread < FEWEST_STEPS * quantum:
            return one.feature
    return None
