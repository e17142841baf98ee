"""How a division holds when the customers are drawn again: prediction strength and bootstrap Jaccard.

Both are functions of labels; fitting the resamples is tasks/evaluate.py's.
"""

import numpy as np


def prediction_strength(own: np.ndarray, foreign: np.ndarray) -> float:
    """The worst segment's share of pairs of rows that the other half's centres also put together.

    own (m,): labels of test rows by their own fit; foreign (m,): by the centres of the other half.
    Tibshirani, Walther (2005). Segments of one row count as 1.

    >>> prediction_strength(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]))
    0.0
    """
    table = crosstab(own, foreign)
    sizes = table.sum(axis=1)
    pairs = sizes * (sizes - 1)
    kept = (table * (table - 1)).sum(axis=1)
    return float(np.divide(kept, pairs, out=np.ones(len(sizes)), where=pairs > 0).min())


def jaccard(labels: np.ndarray, again: np.ndarray) -> np.ndarray:
    """For each segment (k,), the best Jaccard similarity to a segment of a fit to a resample.

    labels (m,) and again (m,) of the rows that the resample drew. Hennig (2007): values above 0.75
    speak for a segment that is there, above 0.85 for a stable one. 0 for a segment without rows.

    >>> jaccard(np.array([0, 0, 1, 1]), np.array([1, 1, 0, 1]))
    array([0.66666667, 0.5       ])
    """
    table = crosstab(labels, again)
    union = table.sum(axis=1)[:, None] + table.sum(axis=0) - table
    best: np.ndarray = np.divide(table, union, out=np.zeros_like(table), where=union > 0).max(axis=1)
    return best


def crosstab(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Rows in each pair of labels, float64 (k1, k2), for labels 0..k1-1 and 0..k2-1 of the same rows."""
    k1, k2 = int(one.max()) + 1, int(other.max()) + 1
    counts = np.bincount(one * k2 + other, minlength=k1 * k2)
    return counts.reshape(k1, k2).astype(np.float64)
