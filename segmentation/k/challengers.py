"""k-means and the other algorithms: how each is fitted to a sample, and the memory it takes, told before.

All are scikit-learn's. Labels are 0..k-1, and -1 for customers in no segment. Measuring and
comparing them is segmentation/k/comparing.py's.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from config.plans import FitPlan
from segmentation.k.choosing import find_knee
from segmentation.k.fits import fit_kmeans

FLOAT = 8
WORKSPACE = 8 * 10**6  # bytes that scikit-learn takes for blocks of rows, however few there are


class Settled(NamedTuple):
    """Labels (n,) int, and what was settled on the way, in words."""

    labels: np.ndarray
    note: str


class Challenger(NamedTuple):
    """An algorithm: its name, the numbers it holds for n rows of d features and k segments, its fit."""

    name: str
    numbers: Callable[[int, int, int], int]
    fit: Callable[[np.ndarray, int, int], Settled]

    def needs(self, n: int, d: int, k: int) -> int:
        """Bytes for n rows of d features and k segments."""
        return WORKSPACE + FLOAT * self.numbers(n, d, k)


def fit_means(rows: np.ndarray, k: int, seed: int) -> Settled:
    """k-means as in the sweep, on this sample alone."""
    plan = FitPlan()
    return Settled(fit_kmeans(rows, k, plan, seed).labels, f"best of {plan.starts} starts")


def fit_mixture(rows: np.ndarray, k: int, seed: int) -> Settled:
    """Gaussian mixture by expectation maximisation, full covariances; the likeliest component."""
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(k, n_init=2, random_state=seed, reg_covar=1e-6).fit(rows)
    return Settled(model.predict(rows), f"BIC {model.bic(rows):,.0f}")


def fit_agglomerative(rows: np.ndarray, k: int, seed: int) -> Settled:
    """Ward's agglomeration, cut at k."""
    from sklearn.cluster import AgglomerativeClustering

    return Settled(AgglomerativeClustering(k, linkage="ward").fit_predict(rows), "Ward linkage")


def find_reach(rows: np.ndarray, neighbours: int) -> float:
    """DBSCAN's radius: the knee of the sorted distances to the n-th neighbour (Ester and others 1996).

    Where copies hide the distances, to the nearest other row; 1.0 where all rows are the same.
    """
    from sklearn.neighbors import NearestNeighbors

    distinct = np.unique(rows, axis=0)
    for those, count in ((rows, neighbours), (distinct, min(2, len(distinct)))):
        found = NearestNeighbors(n_neighbors=count).fit(those).kneighbors(those)[0][:, -1]
        falling = np.sort(found)[::-1]
        reach = float(falling[find_knee(np.arange(len(falling)), falling)])
        if reach > 0:
            return reach
    return 1.0


def fit_dbscan(rows: np.ndarray, k: int, seed: int) -> Settled:
    """DBSCAN with 2 d neighbours, at least 10, and the reach at the knee of their distances."""
    from sklearn.cluster import DBSCAN

    neighbours = min(max(10, 2 * rows.shape[1]), len(rows))
    reach = find_reach(rows, neighbours)
    labels = DBSCAN(eps=reach, min_samples=neighbours).fit_predict(rows)
    return Settled(labels, f"reach {reach:.3g}, {neighbours} neighbours")


def fit_hdbscan(rows: np.ndarray, k: int, seed: int) -> Settled:
    """HDBSCAN with segments of 1 % of the rows at least."""
    from sklearn.cluster import HDBSCAN

    least = max(5, len(rows) // 100)
    return Settled(
        HDBSCAN(min_cluster_size=least, copy=True).fit_predict(rows), f"segments of at least {least} rows"
    )


def fit_mean_shift(rows: np.ndarray, k: int, seed: int) -> Settled:
    """Mean shift from binned seeds, its bandwidth estimated from 1,000 rows."""
    from sklearn.cluster import MeanShift, estimate_bandwidth

    width = float(estimate_bandwidth(rows, quantile=0.2, n_samples=min(1000, len(rows)), random_state=seed))
    model = MeanShift(bandwidth=width or 1.0, bin_seeding=True, max_iter=100)
    return Settled(model.fit_predict(rows), f"bandwidth {width or 1.0:.3g}")


def fit_birch(rows: np.ndarray, k: int, seed: int) -> Settled:
    """BIRCH, whose leaves are then joined to k."""
    from sklearn.cluster import Birch

    model = Birch(n_clusters=None, threshold=0.3).fit(rows)
    leaves = len(model.subcluster_centers_)
    if leaves > k:
        model.set_params(n_clusters=k).partial_fit()  # joins the leaves, and nothing else
    return Settled(model.predict(rows), f"{leaves:,} leaves")


def fit_minibatch(rows: np.ndarray, k: int, seed: int) -> Settled:
    """k-means on random batches of 1,024 rows."""
    from sklearn.cluster import MiniBatchKMeans

    model = MiniBatchKMeans(k, batch_size=1024, n_init=3, random_state=seed)
    return Settled(model.fit_predict(rows), "batches of 1,024")


CHALLENGERS = {
    one.name: one
    for one in (
        Challenger("k-means", lambda n, d, k: 3 * n * d + 2 * n * k, fit_means),
        Challenger("gaussian-mixture", lambda n, d, k: 6 * n * (k + d) + 4 * k * d * d, fit_mixture),
        # Distances of all pairs, and scikit-learn's copy of them.
        Challenger("agglomerative", lambda n, d, k: n * n + 4 * n * d, fit_agglomerative),
        # The neighbours of each row within reach: of many copies of few rows, nearly all pairs.
        Challenger("dbscan", lambda n, d, k: n * n + 4 * n * d, fit_dbscan),
        Challenger("hdbscan", lambda n, d, k: n * (16 * d + 400), fit_hdbscan),
        Challenger("mean-shift", lambda n, d, k: 8 * n * d + 64 * n, fit_mean_shift),
        # Leaves, at worst one per row, and the distances between them.
        Challenger("birch", lambda n, d, k: n * n + 8 * n * d, fit_birch),
        Challenger("minibatch-k-means", lambda n, d, k: 3 * n * d + n * k, fit_minibatch),
    )
}


def rows_within(one: Challenger, shape: tuple[int, int, int], limit: int) -> int:
    """The most rows, up to n, whose estimate is within the limit of bytes. shape: n, d, k."""
    n, d, k = shape
    low, high = 0, n
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one.needs(middle, d, k) <= limit else (low, middle - 1)
    return low
