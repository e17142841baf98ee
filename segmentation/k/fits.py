"""k-means on a sample: the only place that calls scikit-learn's KMeans.

Passes of Lloyd's algorithm over all customers are in segmentation/features/grid.py.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from config.clauses import FitOptions
from schemas.part import Part
from segmentation.features.sampling import WEIGHT
from segmentation.parts import read_part, to_matrix


class WeightedRows(NamedTuple):
    """Rows (n, d), each counting as weights (n,) rows."""

    rows: np.ndarray
    weights: np.ndarray


def read_weighted(part: Part) -> WeightedRows:
    """The sample on which k-means is fitted, of a stage file with a column of weights."""
    table = read_part(part)
    return WeightedRows(to_matrix(table.drop_columns(WEIGHT)).T, table[WEIGHT].to_numpy())


class KMeansFit(NamedTuple):
    """Centres (k, d), labels (n,) int32, inertia, and the number of passes."""

    centres: np.ndarray
    labels: np.ndarray
    inertia: float
    passes: int


@lru_cache(maxsize=1)
def get_thread_pools() -> ThreadpoolController:
    """The thread pools of the numeric libraries. Looked up once: it takes 3 ms, as long as a small fit."""
    import sklearn.cluster  # noqa: F401 - loads a pool of its own

    return ThreadpoolController()


def fit_kmeans(rows: np.ndarray, k: int, options: FitOptions, seed: int) -> KMeansFit:
    """k-means on rows (n, d), each counting once."""
    return fit_weighted(WeightedRows(rows, np.ones(len(rows))), k, options, seed)


def fit_weighted(sample: WeightedRows, k: int, options: FitOptions, seed: int) -> KMeansFit:
    """Weighted k-means: the best of `options.starts` starts. Needs at least k distinct rows."""
    return _run_kmeans(
        sample, options, n_clusters=k, init=options.init, n_init=options.starts, random_state=seed
    )


def refine_centres(sample: WeightedRows, centres: np.ndarray, options: FitOptions) -> KMeansFit:
    """Weighted k-means from centres (k, d). Needs at least k distinct rows."""
    return _run_kmeans(sample, options, n_clusters=len(centres), init=centres, n_init=1)


def _run_kmeans(sample: WeightedRows, options: FitOptions, **start: object) -> KMeansFit:
    """Run scikit-learn's Lloyd on one thread.

    Callers fit many at a time, and OpenMP inside each small fit costs five times the CPU.
    """
    from sklearn.cluster import (
        KMeans,  # takes a second to import, which --help and refusals need not wait for
    )

    kmeans = KMeans(max_iter=options.max_iter, tol=options.tolerance, **start)
    # Measured for k = 1..12 on 100,000 rows: 0.81 CPU seconds with one thread per k, 4.70 with OpenMP inside.
    with get_thread_pools().limit(limits=1):
        kmeans.fit(sample.rows, sample_weight=sample.weights)
    return KMeansFit(kmeans.cluster_centers_, kmeans.labels_, float(kmeans.inertia_), int(kmeans.n_iter_))
