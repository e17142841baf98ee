"""Whether a division holds when the customers are drawn again: prediction strength and bootstrap Jaccard.

The arithmetic takes labels only. The fits to resamples, which it needs, are here too.
"""

from typing import NamedTuple

import numpy as np

from config.clauses import FitOptions
from segmentation.features.grid import squared_distances
from segmentation.features.moments import round_significant
from segmentation.k.evaluation_sample import EvaluationSample, label_nearest
from segmentation.k.fits import WeightedRows, fit_kmeans, refine_centres
from segmentation.k.growing import ROUGH_FIT, grow_centres
from segmentation.partitions import map_parts

STRENGTH_ROWS = 2_000
HALVINGS = 2
_STRENGTH_FIT = FitOptions(starts=3, max_iter=100)
BOOTSTRAPS = 12
START_ROWS = 3_000  # of a resample, for the rough fits; with fewer, they miss the optimum more often
# More passes, or a smaller tolerance, change no Jaccard by more than 0.02.
_BOOTSTRAP_FIT = FitOptions(max_iter=30, tolerance=1e-3)


class Resamples(NamedTuple):
    """The sample's distinct rows (m, d), and how often each resample drew them (b, m).

    starts: each resample's rough fits, centres (k, d) for k = 1, 2, 3, …
    sample: the rows on which the first of them were fitted.
    """

    rows: np.ndarray
    counts: np.ndarray
    starts: list[list[np.ndarray]]
    sample: WeightedRows


def contingency_table(
    labels: np.ndarray, second: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Rows by pair of labels, float64 (k1, k2), for labels 0..k1-1 and 0..k2-1 of the same rows.

    weights (m,): how often each row counts. Labels without rows keep their row or column, unlike in
    scikit-learn's contingency_matrix.
    """
    k1, k2 = int(labels.max()) + 1, int(second.max()) + 1
    counts = np.bincount(labels * k2 + second, weights, minlength=k1 * k2)
    return counts.reshape(k1, k2).astype(np.float64)


def prediction_strength(labels: np.ndarray, foreign: np.ndarray) -> float:
    """The least share, over segments, of pairs of rows that the other half's centres also put together.

    labels (m,): of a half's rows by its own fit; foreign (m,): by the centres of the other half.
    Tibshirani, Walther (2005). A segment of one row counts as 1.

    >>> prediction_strength(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]))
    0.0
    """
    table = contingency_table(labels, foreign)
    sizes = table.sum(axis=1)
    pairs = sizes * (sizes - 1)
    joined = (table * (table - 1)).sum(axis=1)
    return float(np.divide(joined, pairs, out=np.ones(len(sizes)), where=pairs > 0).min())


def bootstrap_jaccard(
    labels: np.ndarray, refitted: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """For each segment (k,), the best Jaccard similarity to a segment of a fit to a resample.

    labels (m,) and refitted (m,): of the rows that the resample drew; weights (m,): how often. Hennig
    (2007): above 0.75 the segment exists, above 0.85 it is stable. 0 for a segment without rows.

    >>> bootstrap_jaccard(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))
    array([0.66666667, 0.5       ])
    """
    table = contingency_table(labels, refitted, weights)
    union = table.sum(axis=1)[:, None] + table.sum(axis=0) - table
    best: np.ndarray = np.divide(table, union, out=np.zeros_like(table), where=union > 0).max(axis=1)
    return best


def evaluate_strength(k: int, sample: EvaluationSample) -> float:
    """Prediction strength of k: the mean over random halvings, in both directions."""
    strengths = []
    for salt in range(HALVINGS):
        rows = sample.draw(STRENGTH_ROWS, salt)
        halves = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        # A half with fewer distinct rows than segments cannot confirm them, and k-means would refuse it.
        if min(len(np.unique(half, axis=0)) for half in halves) < k:
            return 0.0
        fits = [fit_kmeans(half, k, _STRENGTH_FIT, sample.seed) for half in halves]
        for half, fit, foreign in zip(halves, fits, fits[::-1], strict=True):
            strengths.append(prediction_strength(fit.labels, label_nearest(half, foreign.centres)))
    return float(np.mean(strengths))


def draw_resamples(sample: EvaluationSample, largest: int) -> Resamples:
    """Draw the sample's rows again, BOOTSTRAPS times, and fit START_ROWS of each roughly for every k."""
    rows, places = np.unique(sample.rows, axis=0, return_inverse=True)
    n = len(sample.rows)
    draws = [places[np.random.default_rng([sample.seed, 11, i]).integers(0, n, n)] for i in range(BOOTSTRAPS)]

    def draw_start(i: int) -> WeightedRows:
        drawn, counts = np.unique(draws[i][:START_ROWS], return_counts=True)
        return WeightedRows(rows[drawn], counts.astype(np.float64))

    def fit_start(i: int) -> list[np.ndarray]:
        start = draw_start(i)
        return grow_centres(start, min(largest, len(start.rows)), [sample.seed, 23, i])

    counts = np.array([np.bincount(draw, minlength=len(rows)) for draw in draws], np.float64)
    return Resamples(rows, counts, list(map_parts(fit_start, range(BOOTSTRAPS))), draw_start(0))


def choose_starts(resamples: Resamples, centres: np.ndarray) -> list[np.ndarray]:
    """For each resample the centres (k, d) to start from: of all rough fits, and the division's, the best.

    A dozen shared starts find as good an optimum as eight of the resample's own, for a tenth of their cost.
    """
    k = len(centres)
    starts = [rough[k - 1] for rough in resamples.starts if len(rough) >= k]
    if len(resamples.sample.rows) >= k:
        # Rough too: the division itself, fitted to all rows, would look better than the others.
        starts.append(refine_centres(resamples.sample, centres, ROUGH_FIT).centres)
    nearest = [squared_distances(resamples.rows.T, start).min(axis=0) for start in starts]
    inertia = resamples.counts @ np.array(nearest).T
    return [starts[best] for best in inertia.argmin(axis=1)]


def evaluate_stability(centres: np.ndarray, resamples: Resamples) -> tuple[float, ...]:
    """Bootstrap Jaccard of each segment: the mean over the resamples."""
    k = len(centres)
    # As above: k-means needs k distinct rows, and rough fits have fewer than the resamples.
    if max(map(len, resamples.starts)) < k or np.count_nonzero(resamples.counts, axis=1).min() < k:
        return (0.0,) * k
    labels = label_nearest(resamples.rows, centres)
    similarities = []
    for counts, start in zip(resamples.counts, choose_starts(resamples, centres), strict=True):
        drawn = np.flatnonzero(counts)
        weights = counts[drawn]
        refitted = refine_centres(WeightedRows(resamples.rows[drawn], weights), start, _BOOTSTRAP_FIT).labels
        # The last segments have no entry where the resample drew none of their rows.
        similarities.append(np.pad(bootstrap_jaccard(labels[drawn], refitted, weights), (0, k))[:k])
    return tuple(map(round_significant, np.mean(similarities, axis=0)))
