"""The border test: are there clearly fewer customers between two segments than inside both?

Two neighbouring segments are different only if the density of customers has a valley along the direction
that separates them best. Segments without a valley between them are one natural segment. As k grows, the
number of natural segments rises to the true number and stays there. docs/choosing-k.md explains where this
comes from, how its constants were found, and where it fails. Densities are in segmentation/k/density.py.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from config.clauses import FitOptions
from segmentation.features.grid import nearest_centres, squared_distances
from segmentation.k.density import compute_bandwidth, compute_middle, measure_valley, spread_ties
from segmentation.k.evaluation_sample import EvaluationSample
from segmentation.k.fits import fit_kmeans
from segmentation.partitions import map_parts

# NO_BORDER and ERRORS: among limits of 0.6 to 0.9 and 1 to 3 errors, these gave the most exact k without
# inventing segments in any of 80 simulated crowds (docs/choosing-k.md).
NO_BORDER = 0.72  # valley / lower peak, plus ERRORS standard errors: at or above this, not a border
ERRORS = 1.5
FEWEST_ROWS = 16  # a smaller segment has no density to speak of
BEYOND = 4  # k above k.max that are tried too: natural segments may stop rising only there
_SHRINKAGE = 0.05  # least share of the mean variance in a pooled covariance
# Restarts matter far more than further Lloyd passes.
_FIT = FitOptions(starts=3, max_iter=100)


class Border(NamedTuple):
    """For one k: how many natural segments its segments form, and its clearest and faintest border."""

    k: int
    natural: int
    clearest: float
    faintest: float


class PairBorders(NamedTuple):
    """The border of each pair of segments (k, k), the same in tubes (k, k), and the segments' sizes (k,).

    A border is the valley's ratio plus its errors: 0 is a clear one, NO_BORDER or more is not a border.
    """

    borders: np.ndarray
    in_tubes: np.ndarray
    sizes: np.ndarray


def scatter_matrix(rows: np.ndarray) -> np.ndarray:
    """Sum of squares and products about the mean (d, d) of rows (n, d); zeros without rows."""
    centred = rows - rows.mean(axis=0) if len(rows) else rows
    scatter: np.ndarray = centred.T @ centred
    return scatter


def fisher_direction(scatter: np.ndarray, difference: np.ndarray, n: int) -> np.ndarray:
    """Fisher's (1936) discriminant (d,), scaled so that the centres are at 0 and 1 along it.

    scatter (d, d): within two segments of n rows together; difference (d,): of their centres. It is the
    direction that separates them best; correlated features blur the line between the centres. The
    covariance is shrunk towards its mean variance, the more the fewer rows there are. Without any
    variance, the line between the centres.
    """
    d = len(difference)
    shrinkage = min(1.0, _SHRINKAGE + 4.0 * d / n)
    variance = float(np.trace(scatter)) / (d * n)
    if variance <= 0.0:
        return difference / float(difference @ difference)
    # Without shrinkage, a feature that is constant within both segments would make this matrix singular.
    pooled = (1.0 - shrinkage) * scatter / n + shrinkage * variance * np.eye(d)
    direction = np.linalg.solve(pooled, difference)
    scaled: np.ndarray = direction / float(direction @ difference)
    return scaled


def measure_pairs(rows: np.ndarray, centres: np.ndarray) -> PairBorders:
    """The border of each pair of segments of rows (n, d) by their nearest centres (k, d).

    The density along Fisher's direction is that of the two segments' rows. In a tube it is that of all
    rows as near to the line between the centres as the nearer half of these, so that the tube's
    cross-section is the same everywhere. Pairs with a segment below FEWEST_ROWS have the value 1.
    """
    k = len(centres)
    # Computed once for all pairs: positions in the tube follow from these distances, without the rows.
    distances = squared_distances(rows.T, centres)
    labels = nearest_centres(distances)[0]
    sizes = np.bincount(labels, minlength=k)
    members = [np.flatnonzero(labels == i) for i in range(k)]
    scatters = [scatter_matrix(rows[member]) for member in members]
    borders, tubes = np.ones((k, k)), np.ones((k, k))
    for i, j in combinations(range(k), 2):
        if min(sizes[i], sizes[j]) < FEWEST_ROWS:
            continue
        pair = np.concatenate([members[i], members[j]])
        is_second = np.arange(len(pair)) >= sizes[i]
        direction = fisher_direction(scatters[i] + scatters[j], centres[j] - centres[i], len(pair))
        along_fisher = rows[pair] @ direction - centres[i] @ direction
        length = float(np.square(centres[j] - centres[i]).sum())
        # |x - a|^2 - |x - b|^2 = 2 (x - a).(b - a) - |b - a|^2, solved for the position between
        # the centres a and b.
        along_line = (distances[i] - distances[j] + length) / (2 * length)
        perpendicular = distances[i] - along_line**2 * length
        # With one feature every perpendicular distance is 0 but for rounding, which the
        # margin keeps from deciding.
        in_tube = along_line[perpendicular <= compute_middle(perpendicular[pair]) + 1e-9 * length]
        borders[i, j] = borders[j, i] = _border(along_fisher, compute_bandwidth(along_fisher, is_second))
        tubes[i, j] = tubes[j, i] = _border(in_tube, compute_bandwidth(along_line[pair], is_second))
    return PairBorders(borders, tubes, sizes)


def _border(positions: np.ndarray, bandwidth: float) -> float:
    valley = measure_valley(positions, bandwidth)
    return valley.ratio + ERRORS * valley.error


def count_natural(borders: np.ndarray, sizes: np.ndarray, smallest_share: float) -> int:
    """Groups of segments without a border between them, directly or through other segments.

    borders (k, k), sizes (k,). Groups with a smaller share of the rows are slivers and do not count.
    """
    reached = borders >= NO_BORDER
    np.fill_diagonal(reached, True)
    for middle in range(len(sizes)):  # the transitive closure, by Warshall's algorithm
        reached |= reached[:, [middle]] & reached[[middle]]
    # Segments of one group reach the same segments, so their rows of the closure are equal.
    groups = {tuple(row) for row in reached}
    shares = [sizes[list(group)].sum() / sizes.sum() for group in groups]
    return max(1, sum(bool(share >= smallest_share) for share in shares))


def measure_borders(rows: np.ndarray, centres: Sequence[np.ndarray], smallest_share: float) -> list[Border]:
    """The border test for k = 1, 2, 3, …, by centres (k, d), on rows (n, d) whose ties are spread.

    Segments that meet at an edge or a corner, like those of a box, seem to have a border: few customers
    are where they touch. In a tube the density is level. So if no k has borders in tubes, no k has any.
    """
    borders, in_tubes = [Border(1, 1, 1.0, 1.0)], [1]
    for division in centres[1:]:
        pairs = measure_pairs(rows, division)
        between = pairs.borders[np.tril_indices(len(division), -1)]
        natural = count_natural(pairs.borders, pairs.sizes, smallest_share)
        borders.append(Border(len(division), natural, float(between.min()), float(between.max())))
        in_tubes.append(count_natural(pairs.in_tubes, pairs.sizes, smallest_share))
    return borders if plateau(in_tubes) > 1 else [border._replace(natural=1) for border in borders]


def plateau(natural: Sequence[int]) -> int:
    """Where the number of natural segments, for k = 1, 2, 3, …, stops rising.

    The first number that none of the next three k exceeds: a single k may miss a border that its
    division happens to straddle.

    >>> plateau([1, 2, 3, 3, 3, 3, 4])
    3
    >>> plateau([1, 1, 3, 3, 2, 3])
    3
    """
    for i, count in enumerate(natural):
        if max(natural[i + 1 : i + 4], default=count) <= count:
            return count
    return max(natural)


def evaluate_borders(sample: EvaluationSample, centres: Sequence[np.ndarray]) -> list[Border]:
    """The border test for k = 1, 2, …, up to BEYOND above the largest k in centres. Missing k are fitted."""
    by_k = {len(division): division for division in centres}
    distinct = len(np.unique(sample.rows, axis=0))
    # k-means needs at least k distinct rows.
    ks = range(1, min(max(by_k) + BEYOND, max(distinct, max(by_k))) + 1)

    def get_centres(k: int) -> np.ndarray:
        return by_k[k] if k in by_k else fit_kmeans(sample.rows, k, _FIT, sample.seed).centres

    # Only densities need spread ties. The centres stay those of the values as they are.
    spread = spread_ties(sample.rows, sample.seed)
    return measure_borders(spread, list(map_parts(get_centres, ks)), sample.smallest_share)
