"""Compact groups of customers far from the others along one feature: clusters and not outliers.

The tail of a distribution becomes thinner outwards. A cluster far out is denser than the space between it and
the others. Clipping the tail is decided in segmentation/features/outliers.py.
"""

import numpy as np

FIRST, STEP, BINS = 2.0, 0.5, 124  # standard deviations: bins from 2 to 64, and those beyond in the last one
EDGES = FIRST + STEP * np.arange(1, BINS)
# Fewer rows have no density to speak of, as in segmentation/k/borders.py.
FEWEST_ROWS = 16
# A heap at a round amount in a thin tail is denser than its neighbours too, but rarely that much.
RISE = 4.0
LEAST_SHARE = 0.5  # of the far rows: groups, and not a few of many far rows


def count_tail(deviations: np.ndarray) -> np.ndarray:
    """Rows by distance on either side, int64 (2, BINS): deviations (n,) from the mean, in its units.

    Rows nearer than FIRST are in no bin.

    >>> count_tail(np.array([-2.1, 0.0, 2.6, 2.7])).nonzero()
    (array([0, 1]), array([0, 1]))
    """
    sides = [side[side >= FIRST] for side in (-deviations, deviations)]
    return np.stack(
        [np.bincount(np.searchsorted(EDGES, side, side="right"), minlength=BINS) for side in sides]
    )


def detect_far_groups(tail: np.ndarray, bound: float) -> float | None:
    """The outer edge of the groups beyond the bound, in standard deviations; None without such a group.

    tail (2, BINS): from count_tail, summed over parts. A group rises: from a thin bin to one with RISE times
    its rows further out. Empty bins do not count as thin, because few values may be possible there.
    """
    edges, in_groups, far = [], 0, 0
    start = round((bound - FIRST) / STEP)
    for side in tail:
        far += int(side[start:].sum())
        filled = np.flatnonzero(side)
        # The thinnest bin so far, from the inside outwards.
        thinnest = np.minimum.accumulate(side[filled])
        is_rise = (filled >= start) & (side[filled] >= FEWEST_ROWS) & (side[filled] >= RISE * thinnest)
        if is_rise.any():
            first = filled[np.flatnonzero(is_rise)[0]]
            inner = filled[np.flatnonzero(side[filled] <= side[first] / RISE)[0]]
            in_groups += int(side[max(inner, start) :].sum())
            outermost = filled[side[filled] >= FEWEST_ROWS / RISE][-1]
            edges.append(FIRST + STEP * (int(outermost) + 1))
    return max(edges) if edges and in_groups >= LEAST_SHARE * far else None
