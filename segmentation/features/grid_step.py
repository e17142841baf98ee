"""The grid step of scaled values: fine enough for the features, and coarse enough for the largest value.

Nothing here depends on the unit of the values: with all of them times a power of two, the step is that many
times as large. Arithmetic on the grid is in segmentation/features/grid.py; docs/decisions/0004-grid.md
explains the step, and docs/decisions/0025-values-of-any-size.md what is refused.
"""

from collections.abc import Callable, Sequence
from math import frexp, inf

import numpy as np

from schemas.numbers import ColumnScale
from segmentation.errors import Refused
from segmentation.features.feature_moments import FeatureMoments
from segmentation.features.grid import compute_quantum
from segmentation.features.moments import Moments, round_significant
from segmentation.features.transforms import TRANSFORMS, to_scaled

HEADROOM = 8.0  # later values may be this many times tonight's largest before the grid is refitted
FEWEST_STEPS = 64  # of the grid, within one spread of a feature
FAR_LESS = 10.0  # a feature that varies a tenth as much has a hundredth of the weight in squared distances
# Powers of two between which scaled values keep their size. float32 ends at 2^127 and loses digits below
# 2^-126; a step is 2^-24 of the largest value, and a squared step must stay a float64.
_USUAL_SIZE = (-60, 40)

GetRange = Callable[[str], float]  # of a feature's values, without the few that are farthest out


def mean_variance(columns: Sequence[ColumnScale], moments: FeatureMoments) -> float:
    """Mean over the features of the variance of their scaled values, before the grid.

    Clipped values vary by at most their clip.
    """
    variances = [
        min(float(moments.under(column.transform).std[j]) / column.scale, column.clip or inf) * column.weight
        for j, column in enumerate(columns)
        if not column.excluded
    ]
    return round_significant(sum(deviation**2 for deviation in variances) / len(variances))


def compute_largest(columns: Sequence[ColumnScale], raw: Moments) -> float:
    """The largest absolute scaled value. Transforms are monotone, so it is at an end of some column."""
    return float(_compute_reaches(columns, raw).max(initial=0.0))


def _compute_reaches(columns: Sequence[ColumnScale], raw: Moments) -> np.ndarray:
    """The largest absolute scaled value of each feature that is not excluded, (d',)."""
    reaches: np.ndarray = np.abs(to_scaled(np.stack([raw.low, raw.high], axis=1), columns)).max(axis=1)
    return reaches


def bring_into_range(columns: tuple[ColumnScale, ...], raw: Moments) -> tuple[ColumnScale, ...]:
    """The columns, all weights times one power of two where scaled values have no usual size.

    A common factor of all distances changes no segment, and a power of two changes no digit.
    """
    largest = compute_largest(columns, raw)
    exponent = frexp(largest)[1]
    if largest in (0.0, inf) or _USUAL_SIZE[0] <= exponent <= _USUAL_SIZE[1]:
        return columns
    return tuple(
        column.model_copy(update={"weight": float(np.ldexp(column.weight, -exponent))}) for column in columns
    )


def choose_grid_step(columns: Sequence[ColumnScale], moments: FeatureMoments, get_range: GetRange) -> float:
    """The grid step, with room for values HEADROOM times the largest if that costs no resolution.

    Refused where even a grid without that room would lose the differences in every feature. One feature
    with enough steps will do: what the others lose is too small next to it to decide which centre is nearest.
    """
    largest, spreads = compute_largest(columns, moments.raw), compute_spreads(columns, moments, get_range)
    if largest == inf or max(spreads.values()) < FEWEST_STEPS * compute_quantum(largest, len(spreads)):
        raise refuse_extremes(columns, moments.raw)
    roomy, tight = compute_quantum(HEADROOM * largest, len(spreads)), compute_quantum(largest, len(spreads))
    # Room is worth having: a value beyond the grid makes the next night refit the scaling (decision 14).
    losing = [spread for spread in spreads.values() if tight <= spread / FEWEST_STEPS < roomy]
    return tight if losing else roomy


def compute_spreads(
    columns: Sequence[ColumnScale], moments: FeatureMoments, get_range: GetRange
) -> dict[str, float]:
    """By feature, how far apart the scaled values of ordinary customers are.

    The smaller of the standard deviation and a measure that a few outliers do not inflate: the unit that the
    feature was scaled by, or for one that was not scaled the range of the other values, unless that is 0.
    """
    spreads = {}
    for j, column in enumerate(columns):
        if column.excluded:
            continue
        deviation, unit = float(moments.under(column.transform).std[j]), column.scale
        if TRANSFORMS[column.transform].keeps_size:
            unit = get_range(column.feature) or deviation
        spreads[column.feature] = min(deviation, unit) / column.scale * column.weight
    return spreads


def refuse_extremes(columns: Sequence[ColumnScale], raw: Moments) -> Refused:
    """The refusal of values so extreme that the grid, which spans them, no longer distinguishes customers."""
    # The feature to blame is the one that reaches farthest, not the one that loses its differences.
    features = [column.feature for column in columns if not column.excluded]
    farthest = features[int(_compute_reaches(columns, raw).argmax())]
    lost = next((feature for feature in features if feature != farthest), farthest)
    return Refused(
        "extreme-values",
        f"feature {farthest} has values so far out that differences in {lost} would be lost; "
        f"bound {farthest} in rows.columns, or scale it by log-standard or standard",
    )


def list_outweighed(columns: Sequence[ColumnScale], moments: FeatureMoments, quantum: float) -> list[str]:
    """Features that vary by less than FEWEST_STEPS, and far less than another: they hardly count."""
    deviations = {
        column.feature: float(moments.under(column.transform).std[j]) / column.scale * column.weight
        for j, column in enumerate(columns)
        if not column.excluded
    }
    limit = min(FEWEST_STEPS * quantum, max(deviations.values()) / FAR_LESS)
    levels = {column.feature for column in columns if column.transform == "one-hot"}  # some are just rare
    return [name for name, spread in deviations.items() if 0 < spread < limit and name not in levels]
