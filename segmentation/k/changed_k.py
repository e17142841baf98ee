"""Last night's centres with segments merged or split, to start from when the number of segments changes.

A new fit of a crowd moves customers everywhere, since many divisions are nearly as good. From merged or split
centres, most customers stay. Whether the solution is good enough is decided in tasks/fit.py.
"""

from itertools import combinations

import numpy as np

from config.clauses import FitOptions
from segmentation.k.evaluation_sample import label_nearest
from segmentation.k.fits import WeightedRows, fit_weighted


def change_k(centres: np.ndarray, sample: WeightedRows, k: int, options: FitOptions, seed: int) -> np.ndarray:
    """Centres (k, d) made from centres (k0, d) by merging or splitting one at a time, whichever costs least.

    Without enough distinct rows in any segment, fewer than k.

    >>> rows = np.array([[0.0], [1.0], [9.0], [10.0]])
    >>> change_k(np.array([[0.0], [1.0], [9.5]]), WeightedRows(rows, np.ones(4)), 2, FitOptions(), 0)
    array([[9.5],
           [0.5]])
    """
    while len(centres) > k:
        centres = merge_nearest(centres, sample)
    while len(centres) < k:
        split = split_widest(centres, sample, options, seed)
        if split is None:
            break
        centres = split
    return centres


def merge_nearest(centres: np.ndarray, sample: WeightedRows) -> np.ndarray:
    """Join the two segments that raise inertia least, at their mean (Ward 1963).

    Merging segments of weights w1 and w2 raises it by w1 w2 / (w1 + w2) |c1 - c2|^2.
    """
    labels = label_nearest(sample.rows, centres)
    weights = np.bincount(labels, sample.weights, minlength=len(centres))

    def compute_rise(pair: tuple[int, int]) -> float:
        first, second = pair
        total = weights[first] + weights[second]
        square = float(np.square(centres[first] - centres[second]).sum())
        return float(weights[first] * weights[second] / total) * square if total else 0.0

    pair = min(combinations(range(len(centres)), 2), key=compute_rise)
    both = weights[list(pair)]
    mean = np.average(centres[list(pair)], axis=0, weights=both if both.sum() else None)
    return np.vstack([np.delete(centres, pair, axis=0), mean])


def split_widest(
    centres: np.ndarray, sample: WeightedRows, options: FitOptions, seed: int
) -> np.ndarray | None:
    """Split the segment whose division in two lowers inertia most; None if each has one distinct row."""
    labels = label_nearest(sample.rows, centres)
    best, gain = None, 0.0
    for segment in range(len(centres)):
        inside = labels == segment
        rows, weights = sample.rows[inside], sample.weights[inside]
        if len(np.unique(rows, axis=0)) < 2:
            continue
        whole = float(weights @ np.square(rows - np.average(rows, axis=0, weights=weights)).sum(axis=1))
        halves = fit_weighted(WeightedRows(rows, weights), 2, options, seed)
        if whole - halves.inertia > gain:
            best = np.vstack([np.delete(centres, segment, axis=0), halves.centres])
            gain = whole - halves.inertia
    return best
