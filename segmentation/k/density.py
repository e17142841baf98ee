"""Density of customers along a line between two segments: its bandwidth, and how deep its valley is.

Choosing the line and judging the valley is in segmentation/k/borders.py.
"""

from typing import NamedTuple

import numpy as np

MAX_TIE_RATIO = 3.0  # how much further a tied value may spread to one side than to the other
# Rows are counted in bins first, so the kernel costs bins times grid points for any number of rows. A step of
# the grid is two bins wide, so the distances between both are only 360 different ones.
_BINS, _BINS_PER_UNIT, _LOWEST, _HIGHEST = 200, 100, -0.5, 1.5
_GRID_POINTS = 81  # from -0.3 to 1.3: 0 is the first centre, 1 the second
_MIDDLE = _GRID_POINTS // 2
_DISTANCES = -1.795 + 0.01 * np.arange(360)


class Valley(NamedTuple):
    """Density in the valley over density at the lower peak, and the standard error of that ratio."""

    ratio: float
    error: float


def spread_ties(rows: np.ndarray, seed: int) -> np.ndarray:
    """Rows (n, d) with equal values of a column spread evenly over the value's cell.

    A cell reaches halfway to the neighbouring values, at most three times further on one side than on
    the other. So counts have a density, and the gaps between 1, 2 and 3 orders are not borders. Constant
    columns, and columns without ties, stay as they are.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_spread_column(column, rng) for column in rows.T], axis=1)


def _spread_column(column: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(values) < 2 or len(values) == len(column):
        return column
    gaps = np.diff(values)
    below, above = np.append(gaps[0], gaps), np.append(gaps, gaps[-1])
    left, right = np.minimum(below, MAX_TIE_RATIO * above) / 2, np.minimum(above, MAX_TIE_RATIO * below) / 2
    # Tied rows get distinct ranks in random order, so that no other column's order shows in this one.
    order = rng.permutation(len(column))
    order = order[np.argsort(place[order], kind="stable")]
    first = np.cumsum(counts) - counts
    rank = np.empty(len(column))
    rank[order] = np.arange(len(column)) - first[place[order]]
    share = (rank + 0.5) / counts[place]
    spread: np.ndarray = values[place] - left[place] + share * (left + right)[place]
    return spread


def compute_bandwidth(positions: np.ndarray, is_second: np.ndarray) -> float:
    """Bandwidth of the density along the line between two segments' centres.

    positions (m,): 0 at the first centre, 1 at the second; is_second (m,) bool: rows of the second
    segment. Silverman's rule (1986) for the tighter segment, by its median absolute deviation, so that
    neither the wider segment nor outliers widen it. At least 0.02, for segments without spread.
    """
    tighter, wider = sorted(_robust_deviation(positions[side]) for side in (~is_second, is_second))
    rows = 2 * min(int(is_second.sum()), int((~is_second).sum()))
    return float(1.06 * max(tighter, 0.3 * wider, 0.02) * float(max(rows, 4)) ** -0.2)


def _robust_deviation(values: np.ndarray) -> float:
    """Standard deviation estimated by the median absolute deviation, exact for a Gaussian."""
    return 1.4826 * compute_middle(np.abs(values - compute_middle(values)))


def compute_middle(values: np.ndarray) -> float:
    """The median of values (m,), m > 0 and none NaN. Twice as fast as np.median for a few hundred."""
    middle = (len(values) - 1) // 2, len(values) // 2
    ordered = np.partition(values, middle)
    return float(ordered[middle[0]] + ordered[middle[1]]) / 2


def estimate_density(positions: np.ndarray, bandwidth: float) -> np.ndarray:
    """Gaussian kernel density of positions (m,) on the grid (81,), in rows per unit of length."""
    # np.histogram takes twice as long, most of it to look at the edges.
    inside = positions[(positions >= _LOWEST) & (positions <= _HIGHEST)]
    places = np.minimum(((inside - _LOWEST) * _BINS_PER_UNIT).astype(np.intp), _BINS - 1)
    counts = np.bincount(places, minlength=_BINS).astype(np.float64)
    kernel = np.exp(-0.5 * (_DISTANCES / bandwidth) ** 2) / (bandwidth * np.sqrt(2 * np.pi))
    # At 2 i: the kernel of grid point i's distances to the last bin, …, the first.
    density: np.ndarray = np.convolve(kernel, counts, "valid")[::2]
    return density


def measure_valley(positions: np.ndarray, bandwidth: float) -> Valley:
    """The valley between two centres, by a Gaussian kernel density.

    positions (m,): 0 at the first centre, 1 at the second. A ratio of 1.0 means no valley.
    """
    density = estimate_density(positions, bandwidth)
    left, right = int(density[: _MIDDLE + 1].argmax()), _MIDDLE + int(density[_MIDDLE:].argmax())
    peak, valley = min(density[left], density[right]), density[left : right + 1].min()
    per_row = 1.0 / (2.0 * np.sqrt(np.pi) * bandwidth)  # variance of a kernel density, per unit of density
    if peak < per_row:  # less than the density of a single row
        return Valley(1.0, 0.0)
    ratio = valley / peak
    # The delta method for a ratio of two estimates. Even an empty valley has the error of one row.
    variance = max(valley, per_row) * per_row / peak**2 + ratio**2 * per_row / peak
    return Valley(float(ratio), float(np.sqrt(variance)))
