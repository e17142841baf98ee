"""The grid step of scaled values: fine enough for every feature, and coarse enough for the largest value.

Arithmetic on the grid is in segmentation/features/grid.py; docs/decisions/0004-grid.md explains it.
"""

from collections.abc import Sequence

import numpy as np

from schemas.numbers import ColumnScale
from segmentation.errors import Refused
from segmentation.features.feature_moments import FeatureMoments
from segmentation.features.grid import compute_quantum
from segmentation.features.moments import Moments, round_significant
from segmentation.features.transforms import to_scaled

HEADROOM = 8.0  # later values may be this many times tonight's largest before the grid is refitted
FEWEST_STEPS = 64  # of the grid, within one spread of a feature


def mean_variance(columns: Sequence[ColumnScale], moments: FeatureMoments) -> float:
    """Mean over the features of the variance of their scaled values, before clipping and the grid."""
    variances = [
        float(moments.under(column.transform).std[j] / column.scale * column.weight) ** 2
        for j, column in enumerate(columns)
        if not column.excluded
    ]
    return round_significant(sum(variances) / len(variances))


def compute_largest(columns: Sequence[ColumnScale], raw: Moments) -> float:
    """The largest absolute scaled value. Transforms are monotone, so it is at an end of some column."""
    ends = to_scaled(np.stack([raw.low, raw.high], axis=1), columns)
    return float(np.abs(ends).max(initial=0.0))


def choose_grid_step(columns: Sequence[ColumnScale], moments: FeatureMoments) -> float:
    """The grid step, with room for values HEADROOM times the largest if that costs no resolution.

    Refused where values are so extreme that even a grid without that room would lose differences.
    """
    largest, features = compute_largest(columns, moments.raw), sum(not column.excluded for column in columns)
    # Room is worth having: a value beyond the grid makes the next night refit the scaling (decision 14).
    roomy = compute_quantum(HEADROOM * largest, features)
    if detect_lost_feature(columns, moments, roomy) is None:
        return roomy
    quantum = compute_quantum(largest, features)
    check_resolution(columns, moments, quantum)
    return quantum


def check_resolution(columns: Sequence[ColumnScale], moments: FeatureMoments, quantum: float) -> None:
    """Refuse values so extreme that the grid, which spans them, can no longer distinguish customers."""
    lost = detect_lost_feature(columns, moments, quantum)
    if lost is None:
        return
    raw = moments.raw
    # The feature to blame is the one that reaches farthest, not the one that loses its differences.
    ends = np.abs(to_scaled(np.stack([raw.low, raw.high], axis=1), columns)).max(axis=1)
    largest = [column for column in columns if not column.excluded][int(ends.argmax())].feature
    raise Refused(
        "extreme-values",
        f"feature {largest} has values so far out that differences in {lost} would be lost; "
        f"bound {largest} in rows.columns, or scale it by log-standard or standard",
    )


def detect_lost_feature(
    columns: Sequence[ColumnScale], moments: FeatureMoments, quantum: float
) -> str | None:
    """The first feature whose spread is too few steps of the grid, or None.

    A feature's spread, in scaled units, is the smaller of its standard deviation and the unit it was
    scaled by: one outlier inflates the former, but not an interquartile range.
    """
    for j, column in enumerate(columns):
        if column.excluded:
            continue
        deviation = float(moments.under(column.transform).std[j])
        spread = min(deviation / column.scale, 1.0) * column.weight
        if spread < FEWEST_STEPS * quantum:
            return column.feature
    return None
