"""Rough k-means for k = 1, 2, 3, …: each from the centres of the k before it and one more.

For starts of fits to resamples. It costs half the CPU time of a k-means++ start for every k, since only one
centre is drawn and fewer passes follow. It ends in a poor optimum more often, so it never stands alone.
"""

from collections.abc import Sequence

import numpy as np

from config.clauses import FitOptions
from segmentation.features.grid import squared_distances
from segmentation.k.fits import WeightedRows, refine_centres

ROUGH_FIT = FitOptions(max_iter=50)


def add_centre(sample: WeightedRows, centres: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Centres (k, d) and one of the rows, as k-means++ draws it (Arthur, Vassilvitskii 2007).

    Rows are drawn in proportion to their squared distance to the nearest centre. Of 2 + ln k of them, the
    one that lowers inertia most is taken, as in scikit-learn.
    """
    rows, weights = sample
    nearest = np.maximum(squared_distances(rows.T, centres).min(axis=0), 0.0)
    cumulative = np.cumsum(weights * nearest)
    draws = rng.random(2 + int(np.log(len(centres) + 1))) * cumulative[-1]
    drawn = rows[np.minimum(np.searchsorted(cumulative, draws), len(rows) - 1)]
    inertia = np.minimum(squared_distances(rows.T, drawn), nearest) @ weights
    return np.vstack([centres, drawn[inertia.argmin()]])


def grow_centres(sample: WeightedRows, largest: int, seed: int | Sequence[int]) -> list[np.ndarray]:
    """Centres (k, d) for k = 1, 2, …, largest. Needs as many distinct rows."""
    rng = np.random.default_rng(seed)
    grown = [np.average(sample.rows, axis=0, weights=sample.weights)[None]]
    while len(grown) < largest:
        grown.append(refine_centres(sample, add_centre(sample, grown[-1], rng), ROUGH_FIT).centres)
    return grown
