"""The border test: are there clearly fewer customers between two segments than inside both?

Two neighbouring segments are different ones only if the density of customers along the direction
that parts them best has a valley. Segments without a valley between them are one natural segment; as k
grows, the number of natural segments rises to the true one and stays there. docs/choosing-k.md has
where this comes from, how its constants were found, and where it fails.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from segmentation.features.grid import nearest, squared_distances

DEEPEST = 0.72  # valley / lower peak, plus ERRORS standard errors, from which on there is no border
ERRORS = 1.5
FEWEST = 8  # rows; a smaller segment has no density to speak of
_SHRUNK = 0.05  # least share of the mean variance in a pooled covariance
_REACH = 3.0  # how much further a tied value spreads to one side than to the other
_BINS = np.linspace(-0.5, 1.5, 201)
_GRID = np.linspace(-0.3, 1.3, 81)  # 0 is one centre, 1 the other
_MIDDLE = len(_GRID) // 2


class Border(NamedTuple):
    """For one k: how many natural segments its segments form, and how far each reaches."""

    k: int
    natural: int
    clearest: float
    faintest: float


def spread_ties(rows: np.ndarray, seed: int) -> np.ndarray:
    """Rows (n, d) with equal values of a column spread evenly over the value's cell.

    A cell reaches half-way to the values beside it, at most three times further on one side than on
    the other. So counts have a density, and the gaps between 1, 2 and 3 orders are no borders.
    """
    rng = np.random.default_rng(seed)
    return np.stack([_spread_column(column, rng) for column in rows.T], axis=1)


def _spread_column(column: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    values, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    if len(values) < 2 or len(values) == len(column):
        return column
    gaps = np.diff(values)
    below, above = np.append(gaps[0], gaps), np.append(gaps, gaps[-1])
    left, right = np.minimum(below, _REACH * above) / 2, np.minimum(above, _REACH * below) / 2
    order = rng.permutation(len(column))
    order = order[np.argsort(place[order], kind="stable")]
    first = np.cumsum(counts) - counts
    rank = np.empty(len(column))
    rank[order] = np.arange(len(column)) - first[place[order]]
    share = (rank + 0.5) / counts[place]
    spread: np.ndarray = values[place] - left[place] + share * (left + right)[place]
    return spread


def find_width(places: np.ndarray, is_second: np.ndarray) -> float:
    """Bandwidth of the density along the line between two segments' centres.

    places (m,): 0 at the first centre, 1 at the second; is_second (m,) bool. Silverman's (1986) for
    the tighter segment, by its median absolute deviation, so that neither the other segment nor
    outliers widen it.
    """
    tighter, wider = sorted(_deviation(places[side]) for side in (~is_second, is_second))
    few = 2 * min(int(is_second.sum()), int((~is_second).sum()))
    return float(1.06 * max(tighter, 0.3 * wider, 0.02) * float(max(few, 4)) ** -0.2)


def find_valley(places: np.ndarray, width: float) -> tuple[float, float]:
    """Density in the valley over the lower peak, and its standard error, along one line.

    places (m,): 0 at the first centre, 1 at the second; a Gaussian kernel density of this
    bandwidth. 1.0 where there is no valley.
    """
    counts = np.histogram(places, _BINS)[0]
    centres = (_BINS[1:] + _BINS[:-1]) / 2
    kernel = np.exp(-0.5 * ((_GRID[:, None] - centres) / width) ** 2)
    density = kernel @ counts / (width * np.sqrt(2 * np.pi))  # rows per unit of length
    one, other = int(density[: _MIDDLE + 1].argmax()), _MIDDLE + int(density[_MIDDLE:].argmax())
    peak, valley = min(density[one], density[other]), density[one : other + 1].min()
    per_row = 1.0 / (2.0 * np.sqrt(np.pi) * width)  # variance of a kernel density, per unit of density
    if peak < per_row:  # less than one row's own density
        return 1.0, 0.0
    ratio = valley / peak
    variance = max(valley, per_row) * per_row / peak**2 + ratio**2 * per_row / peak
    return float(ratio), float(np.sqrt(variance))


def _deviation(values: np.ndarray) -> float:
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def find_scatter(rows: np.ndarray) -> np.ndarray:
    """Sum of squares and products about the mean (d, d) of rows (n, d)."""
    centred = rows - rows.mean(axis=0) if len(rows) else rows
    scatter: np.ndarray = centred.T @ centred
    return scatter


def find_direction(scatter: np.ndarray, difference: np.ndarray, n: int) -> np.ndarray:
    """Fisher's (1936) discriminant (d,), so scaled that the centres lie at 0 and 1 along it.

    scatter (d, d) within two segments of together n rows, difference (d,) of their centres. The
    direction that parts them best; correlated features blur the line between the centres. The
    covariance is shrunk towards its mean variance, the more the fewer rows there are.
    """
    d = len(difference)
    shrunk = min(1.0, _SHRUNK + 4.0 * d / n)
    variance = float(np.trace(scatter)) / (d * n)
    if variance <= 0.0:
        return difference / float(difference @ difference)
    pooled = (1.0 - shrunk) * scatter / n + shrunk * variance * np.eye(d)
    direction = np.linalg.solve(pooled, difference)
    scaled: np.ndarray = direction / float(direction @ difference)
    return scaled


def find_borders(rows: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How clear each border is (k, k), the same in tubes (k, k), and the segments' sizes (k,).

    rows (n, d), centres (k, d). A border is the valley's ratio plus its errors: 0 is a clear one,
    DEEPEST or more is none. Along Fisher's direction lie the rows of the two segments; in the tube
    all rows about the line between the centres as near to it as half of these, so that its
    cross-section is the same everywhere.
    """
    k = len(centres)
    distances = squared_distances(rows.T, centres)
    labels = nearest(distances)[0]
    sizes = np.bincount(labels, minlength=k)
    members = [np.flatnonzero(labels == i) for i in range(k)]
    scatters = [find_scatter(rows[some]) for some in members]
    found, tubes = np.ones((k, k)), np.ones((k, k))
    for i, j in combinations(range(k), 2):
        if min(sizes[i], sizes[j]) < FEWEST:
            continue
        both = np.concatenate([members[i], members[j]])
        length = float(np.square(centres[j] - centres[i]).sum())
        places = (distances[i] - distances[j] + length) / (2 * length)
        aside = distances[i] - places**2 * length
        in_tube = places[aside <= np.median(aside[both]) + 1e-9 * length]
        direction = find_direction(scatters[i] + scatters[j], centres[j] - centres[i], len(both))
        apart = (rows[both] - centres[i]) @ direction
        is_second = np.arange(len(both)) >= sizes[i]
        for matrix, some, own in ((found, apart, apart), (tubes, in_tube, places[both])):
            ratio, error = find_valley(some, find_width(own, is_second))
            matrix[i, j] = matrix[j, i] = ratio + ERRORS * error
    return found, tubes, sizes


def count_natural(borders: np.ndarray, sizes: np.ndarray, smallest_share: float) -> int:
    """Groups of segments without a border between them, directly or through others.

    borders (k, k), sizes (k,). Groups of a smaller share of the rows are slivers and do not count.
    """
    reached = borders >= DEEPEST
    np.fill_diagonal(reached, True)
    for middle in range(len(sizes)):
        reached |= reached[:, [middle]] & reached[[middle]]
    groups = {tuple(row) for row in reached}
    shares = [sizes[list(group)].sum() / sizes.sum() for group in groups]
    return max(1, sum(bool(share >= smallest_share) for share in shares))


def measure_borders(rows: np.ndarray, centres: Sequence[np.ndarray], smallest_share: float) -> list[Border]:
    """The border test for k = 1, 2, 3, …, by centres (k, d), on rows (n, d) whose ties are spread.

    Segments that meet at an edge or a corner, as those of a box do, seem to have a border: fewer
    customers lie where they touch. In a tube there are as many. Where no number of segments has
    borders in tubes, none has any.
    """
    found, in_tubes = [Border(1, 1, 1.0, 1.0)], [1]
    for one in centres[1:]:
        borders, tubes, sizes = find_borders(rows, one)
        between = borders[np.tril_indices(len(one), -1)]
        natural = count_natural(borders, sizes, smallest_share)
        found.append(Border(len(one), natural, float(between.min()), float(between.max())))
        in_tubes.append(count_natural(tubes, sizes, smallest_share))
    return found if settle(in_tubes) > 1 else [one._replace(natural=1) for one in found]


def settle(natural: Sequence[int]) -> int:
    """Where the number of natural segments, for k = 1, 2, 3, …, stops rising.

    The first k after which none of the next three has more; a single look at one k may miss a
    border that k-means at that k happened to straddle.

    >>> settle([1, 2, 3, 3, 3, 3, 4])
    3
    >>> settle([1, 1, 3, 3, 2, 3])
    3
    """
    for i, count in enumerate(natural):
        if max(natural[i + 1 : i + 4], default=count) <= count:
            return count
    return max(natural)
