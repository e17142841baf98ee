"""Standard deviations that a few far values inflate: fitted again to the values as they are clipped.

Four rows with a digit too many made all others look the same, and took six segments for themselves. Whether a
column is clipped is decided before, in segmentation/features/outliers.py.
"""

from collections.abc import Sequence
from functools import partial, reduce
from typing import NamedTuple

import numpy as np

from schemas.numbers import ColumnScale
from schemas.part import Part
from segmentation.features.moments import Moments, round_significant
from segmentation.features.outliers import CLIP
from segmentation.features.transforms import apply_transform, clip_scaled
from segmentation.partitions import map_parts
from segmentation.parts import read_part, to_matrix

INFLATED = 0.5  # of the deviation is left by clipping: a few values make three quarters of the variance
STEADY = 0.9
# Values of fewer than 1 % of the rows make that much of the variance only from here on: sqrt(0.75 / 0.01).
LEAST_REACH = 8.6
MOST_ROUNDS = 60  # each shrinks the deviation to 0.9 of it or less, mostly to 0.4


class ClippedMoments(NamedTuple):
    """Of one column's clipped values, in its standard deviations: rows, those beyond the clip, sums."""

    rows: int
    beyond: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """0 if as much is clipped on either side."""
        return self.total / self.rows

    @property
    def deviation(self) -> float:
        """1 if nothing is clipped, near 0 if a few values inflated the standard deviation."""
        return float(np.sqrt(max(0.0, self.squares / self.rows - self.mean**2)))

    def merge(self, second: "ClippedMoments") -> "ClippedMoments":
        """Those of two parts together."""
        return ClippedMoments(
            self.rows + second.rows,
            self.beyond + second.beyond,
            self.total + second.total,
            self.squares + second.squares,
        )


def refit_inflated(
    columns: Sequence[ColumnScale], parts: Sequence[Part], raw: Moments, limit: float
) -> tuple[ColumnScale, ...]:
    """The columns, those whose clipped values inflated the deviation fitted again.

    limit: share of the rows that may be clipped. Reads columns with very far values only.
    """
    return tuple(
        _refit(column, parts, limit)
        if column.clip == CLIP and _compute_reach(column, raw, j) >= LEAST_REACH
        else column
        for j, column in enumerate(columns)
    )


def _compute_reach(column: ColumnScale, raw: Moments, j: int) -> float:
    """The farthest value, in standard deviations."""
    ends = apply_transform(np.array([raw.low[j], raw.high[j]]), column)
    return float(np.abs((ends - column.shift) / column.scale).max())


def _refit(column: ColumnScale, parts: Sequence[Part], limit: float) -> ColumnScale:
    """The column with the deviation of its clipped values, as small as leaves less than limit clipped."""
    refitted, share = column, 0.0
    candidate = column
    for attempt in range(MOST_ROUNDS):
        moments = reduce(ClippedMoments.merge, map_parts(partial(_measure, column=candidate), parts))
        if moments.beyond >= limit * moments.rows:
            break
        refitted, share = candidate, moments.beyond / moments.rows
        if moments.deviation > (STEADY if attempt else INFLATED):
            break
        shift = candidate.shift + moments.mean * candidate.scale
        scale = candidate.scale * moments.deviation
        candidate = candidate.model_copy(
            update={"shift": round_significant(shift), "scale": round_significant(scale)}
        )
    if refitted is column:
        return column
    reason = f"a few values inflated the deviation, so it was fitted without them: {share:.2%} clipped"
    return refitted.model_copy(update={"reason": f"{column.reason}; {reason}"})


def _measure(part: Part, column: ColumnScale) -> ClippedMoments:
    values = to_matrix(read_part(part, [column.feature]))[0]
    deviations = (apply_transform(values, column) - column.shift) / column.scale
    clipped = clip_scaled(deviations, column)
    beyond = int(np.count_nonzero(np.abs(deviations) > CLIP))
    return ClippedMoments(len(values), beyond, float(clipped.sum()), float(np.square(clipped).sum()))
