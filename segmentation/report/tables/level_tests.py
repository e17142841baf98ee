"""Tests of whether segments differ in a profile column by more than chance, adjusted for their number.

The segments were made without these columns, so the tests are not circular. Each returns NaN where there are
too few customers for any answer.
"""

from typing import NamedTuple

import numpy as np

LEAST_EXPECTED = 5.0  # customers in each cell for chi-square (Cochran 1954)
LEAST_RANKED = 5  # values of a segment; fewer take no part in tests of ranks
DRAWS = 2_000  # tables drawn at random where counts are too small for chi-square


class Significance(NamedTuple):
    """The name of a test and its p-value. association: 0 to 1, how far apart the segments are."""

    test: str | None
    p_value: float
    association: float = np.nan


UNTESTED = Significance(None, np.nan)


def compare_table(counts: np.ndarray, seed: int) -> Significance:
    """Are levels and segments independent? counts: int64 (levels, segments).

    Pearson's chi-square, or where counts are small its distribution over DRAWS random tables with the same
    margins. association: Cramér's V = sqrt(chi-square / (n min(levels - 1, segments - 1))).
    """
    from scipy import stats

    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0]
    if min(table.shape, default=0) < 2:
        return UNTESTED
    rows, columns, n = table.sum(axis=1), table.sum(axis=0), int(table.sum())
    expected = np.outer(rows, columns) / n
    statistic = _chi_square(table, expected)
    association = float(np.sqrt(statistic / (n * (min(table.shape) - 1))))
    if expected.min() >= LEAST_EXPECTED:
        freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
        return Significance("chi-square", float(stats.chi2.sf(statistic, freedom)), association)
    random_tables = stats.random_table(rows, columns).rvs(DRAWS, random_state=np.random.default_rng(seed))
    # A drawn table that is as extreme counts, whatever the last bit of its sum.
    extreme = np.count_nonzero(_chi_square(random_tables, expected) >= statistic * (1 - 1e-9))
    return Significance("simulated", float((1 + extreme) / (1 + DRAWS)), association)


def _chi_square(tables: np.ndarray, expected: np.ndarray) -> np.ndarray:
    statistic: np.ndarray = (np.square(tables - expected) / expected).sum(axis=(-2, -1))
    return statistic


def compare_share(inside: int, size: int, total: int, n: int) -> Significance:
    """Do the `inside` of a segment's `size` customers have another share than the others? `total` of n do.

    Chi-square with one degree of freedom, or Fisher's exact test where an expected count is small.
    """
    from scipy import stats

    table = np.array([[inside, size - inside], [total - inside, n - size - total + inside]])
    if 0 in table.sum(axis=0) or 0 in table.sum(axis=1):
        return UNTESTED
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    if expected.min() >= LEAST_EXPECTED:
        return Significance("chi-square", float(stats.chi2.sf(_chi_square(table, expected), 1)))
    return Significance("exact", float(stats.fisher_exact(table).pvalue))


class RankedNumbers(NamedTuple):
    """Ranks of numbers (m,), ties averaged, their segments (m,), and what ties leave of the variance."""

    ranks: np.ndarray
    labels: np.ndarray
    tie_factor: float


def rank_numbers(values: np.ndarray, labels: np.ndarray, segments: int) -> RankedNumbers:
    """The ranks of the values of all segments that have at least LEAST_RANKED of them."""
    from scipy import stats

    is_ranked = (np.bincount(labels, minlength=segments) >= LEAST_RANKED)[labels]
    ranks = stats.rankdata(values[is_ranked])
    n = len(ranks)
    ties = np.unique(values[is_ranked], return_counts=True)[1].astype(np.float64)
    factor = 1.0 - float((ties**3 - ties).sum()) / (float(n) ** 3 - n) if n > 1 else 0.0
    return RankedNumbers(ranks, labels[is_ranked], factor)


def compare_ranks(numbers: RankedNumbers, segments: int) -> Significance:
    """Kruskal and Wallis (1952), corrected for ties. association: sqrt(H / (n - 1))."""
    from scipy import stats

    sizes = np.bincount(numbers.labels, minlength=segments)
    n, groups = int(sizes.sum()), int(np.count_nonzero(sizes))
    if groups < 2 or numbers.tie_factor <= 0:
        return UNTESTED
    sums = np.bincount(numbers.labels, numbers.ranks, segments)[sizes > 0]
    sizes = sizes[sizes > 0]
    between = float((np.square(sums / sizes - (n + 1) / 2) * sizes).sum())
    statistic = 12.0 * between / (n * (n + 1)) / numbers.tie_factor
    return Significance(
        "Kruskal-Wallis",
        float(stats.chi2.sf(statistic, groups - 1)),
        float(np.sqrt(min(1.0, statistic / (n - 1)))),
    )


def compare_segment_ranks(numbers: RankedNumbers, segment: int) -> Significance:
    """Are a segment's numbers larger or smaller than the others'? Mann and Whitney (1947), by the normal."""
    from scipy import stats

    is_inside = numbers.labels == segment
    n, size = len(is_inside), int(np.count_nonzero(is_inside))
    variance = size * (n - size) * (n + 1) / 12 * numbers.tie_factor
    if variance <= 0:
        return UNTESTED
    z = (float(numbers.ranks[is_inside].sum()) - size * (n + 1) / 2) / np.sqrt(variance)
    return Significance("rank sum", float(2 * stats.norm.sf(abs(z))))


def adjust_p_values(p_values: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg (1995): the least false discovery rate at which each p counts. NaN stays.

    >>> adjust_p_values(np.array([0.01, 0.04, np.nan, 0.03])).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    adjusted = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    scaled = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return adjusted
