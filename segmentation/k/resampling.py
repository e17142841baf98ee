"""Whether a division holds when the customers are drawn again: prediction strength and bootstrap Jaccard.

The arithmetic takes labels only. The fits to resamples, which it needs, are here too.
"""

import numpy as np

from config.clauses import FitOptions
from segmentation.features.moments import round_significant
from segmentation.k.evaluation_sample import EvaluationSample, label_nearest
from segmentation.k.fits import fit_kmeans

STRENGTH_ROWS = 2_000
HALVINGS = 2
_STRENGTH_FIT = FitOptions(starts=3, max_iter=100)
# All rows of the sample, and as many starts as the published fit has: with 2,000 rows and three starts, half
# of the divisions of Online Retail that hold seemed not to, because fits ended in other optima.
BOOTSTRAPS = 12
_BOOTSTRAP_FIT = FitOptions(max_iter=100)


def contingency_table(labels: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rows by pair of labels, float64 (k1, k2), for labels 0..k1-1 and 0..k2-1 of the same rows.

    Labels without rows keep their row or column, unlike in scikit-learn's contingency_matrix.
    """
    k1, k2 = int(labels.max()) + 1, int(second.max()) + 1
    counts = np.bincount(labels * k2 + second, minlength=k1 * k2)
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


def bootstrap_jaccard(labels: np.ndarray, refitted: np.ndarray) -> np.ndarray:
    """For each segment (k,), the best Jaccard similarity to a segment of a fit to a resample.

    labels (m,) and refitted (m,): of the rows that the resample drew. Hennig (2007): above 0.75 the
    segment exists, above 0.85 it is stable. 0 for a segment without rows.

    >>> bootstrap_jaccard(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))
    array([0.66666667, 0.5       ])
    """
    table = contingency_table(labels, refitted)
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


def evaluate_stability(centres: np.ndarray, sample: EvaluationSample) -> tuple[float, ...]:
    """Bootstrap Jaccard of each segment: the mean over the resamples."""
    rows = sample.rows
    labels, k = label_nearest(rows, centres), len(centres)
    similarities = []
    for i in range(BOOTSTRAPS):
        resample = np.random.default_rng([sample.seed, 11, i]).integers(0, len(rows), len(rows))
        # As above: k-means needs k distinct rows.
        if len(np.unique(rows[resample], axis=0)) < k:
            return (0.0,) * k
        refitted = fit_kmeans(rows[resample], k, _BOOTSTRAP_FIT, i).labels
        # The last segments have no entry where the resample drew none of their rows.
        similarities.append(np.pad(bootstrap_jaccard(labels[resample], refitted), (0, k))[:k])
    return tuple(map(round_significant, np.mean(similarities, axis=0)))
