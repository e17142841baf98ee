"""The sample on which each k is evaluated, and labels of its rows.

Drawing it from all customers is in segmentation/features/sampling.py.
"""

from typing import NamedTuple

import numpy as np

from segmentation.features.grid import nearest_centres, squared_distances
from segmentation.k.fits import WeightedRows


class EvaluationSample(NamedTuple):
    """Uniformly drawn rows (n, d), scaled.

    exact: all distinct rows with their counts, where these are few; silhouettes are measured on them.
    smallest_share: segments with a smaller share of the rows are slivers.
    """

    rows: np.ndarray
    exact: WeightedRows | None
    smallest_share: float
    seed: int

    def draw(self, size: int, salt: int) -> np.ndarray:
        """At most `size` of the rows, without replacement. Another salt draws other rows."""
        # The salt is part of the seed, so a measure's rows do not depend on which measures
        # were computed before.
        rng = np.random.default_rng([self.seed, salt])
        return self.rows[rng.permutation(len(self.rows))[:size]]


def label_nearest(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest of centres (k, d) to each of rows (n, d): int32 (n,)."""
    labels: np.ndarray = nearest_centres(squared_distances(rows.T, centres))[0]
    return labels


def renumber(labels: np.ndarray) -> np.ndarray:
    """Labels 0, 1, 2, … without gaps, in the same order.

    >>> renumber(np.array([4, 0, 4]))
    array([1, 0, 1])
    """
    return np.unique(labels, return_inverse=True)[1]
