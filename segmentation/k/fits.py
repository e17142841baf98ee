"""k-means on a sample: the one place that calls scikit-learn's.

Passes of Lloyd's algorithm over all customers are segmentation/features/grid.py's.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from config.plans import FitPlan


class Weighted(NamedTuple):
    """Rows (n, d) that stand for weights (n,) rows each."""

    rows: np.ndarray
    weights: np.ndarray


class Fit(NamedTuple):
    """Centres (k, d), labels (n,) int32, inertia, and the passes that it took."""

    centres: np.ndarray
    labels: np.ndarray
    inertia: float
    passes: int


@lru_cache(maxsize=1)
def find_pools() -> ThreadpoolController:
    """The thread pools of the numeric libraries, looked for once: it takes 3 ms, as much as a small fit.

    Call it after scikit-learn is imported, which loads them.
    """
    return ThreadpoolController()


def fit_kmeans(rows: np.ndarray, k: int, plan: FitPlan, seed: int) -> Fit:
    """k-means on rows (n, d), each of which counts once."""
    return fit_weighted(Weighted(rows, np.ones(len(rows))), k, plan, seed)


def fit_weighted(sample: Weighted, k: int, plan: FitPlan, seed: int) -> Fit:
    """Weighted k-means, best of plan.starts k-means++ starts.

    n >= k distinct rows are expected. scikit-learn's Lloyd, on one thread: callers fit many at a
    time, and OpenMP inside each small fit costs five times the CPU.
    """
    from sklearn.cluster import KMeans  # a second of import that --help and refusals need not pay

    kmeans = KMeans(
        n_clusters=k, n_init=plan.starts, max_iter=plan.max_iter, tol=plan.tolerance, random_state=seed
    )
    with find_pools().limit(limits=1):
        kmeans.fit(sample.rows, sample_weight=sample.weights)
    return Fit(kmeans.cluster_centers_, kmeans.labels_, float(kmeans.inertia_), int(kmeans.n_iter_))
