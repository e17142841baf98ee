"""k-means and the other algorithms: how each is fitted to a sample, and an estimate of the memory it takes.

All are scikit-learn's, imported only when they are fitted. Labels are 0..k-1, and -1 for customers in no
segment. Measuring and comparing the algorithms is in segmentation/k/trials.py.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from config.clauses import FitOptions
from segmentation.k.fits import fit_kmeans
from segmentation.k.votes import knee_position

FLOAT = 8  # bytes of a float64
WORKSPACE = 8 * 10**6  # bytes that scikit-learn takes for blocks of rows, even for few rows


class Shape(NamedTuple):
    """n rows of d features, divided into k segments."""

    n: int
    d: int
    k: int


class ChallengerFit(NamedTuple):
    """Labels (n,) int, and the parameters that the algorithm chose for itself, in words."""

    labels: np.ndarray
    note: str


class Challenger(NamedTuple):
    """An algorithm: its name, how many floats it holds at (n, d, k), and its fit of (rows, k, seed)."""

    name: str
    floats: Callable[[int, int, int], int]
    fit: Callable[[np.ndarray, int, int], ChallengerFit]

    def needs(self, n: int, d: int, k: int) -> int:
        """Estimated bytes for n rows of d features and k segments."""
        return WORKSPACE + FLOAT * self.floats(n, d, k)


def fit_means(rows: np.ndarray, k: int, seed: int) -> ChallengerFit:
    """k-means as in the sweep, on this sample alone."""
    options = FitOptions()
    return ChallengerFit(fit_kmeans(rows, k, options, seed).labels, f"best of {options.starts} starts")


def fit_mixture(rows: np.ndarray, k: int, seed: int) -> ChallengerFit:
    """Gaussian mixture by expectation maximisation, full covariances; the most likely component."""
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(k, n_init=2, random_state=seed, reg_covar=1e-6).fit(rows)
    return ChallengerFit(mixture.predict(rows), f"BIC {mixture.bic(rows):,.0f}")


def fit_agglomerative(rows: np.ndarray, k: int, seed: int) -> ChallengerFit:
    """Ward's agglomeration, cut at k."""
    from sklearn.cluster import AgglomerativeClustering

    return ChallengerFit(AgglomerativeClustering(k, linkage="ward").fit_predict(rows), "Ward linkage")


def estimate_radius(rows: np.ndarray, neighbours: int) -> float:
    """DBSCAN's radius: the knee of the sorted distances to the n-th neighbour (Ester and others 1996).

    Where copies make that 0, the knee of the distances between distinct rows; 1.0 if all rows are equal.
    """
    from sklearn.neighbors import NearestNeighbors

    distinct = np.unique(rows, axis=0)
    # Each row is its own first neighbour, so the second is the nearest other row.
    for points, count in ((rows, neighbours), (distinct, min(2, len(distinct)))):
        distances = NearestNeighbors(n_neighbors=count).fit(points).kneighbors(points)[0][:, -1]
        falling = np.sort(distances)[::-1]
        radius = float(falling[knee_position(np.arange(len(falling)), falling)])
        if radius > 0:
            return radius
    return 1.0


def fit_dbscan(rows: np.ndarray, k: int, seed: int) -> ChallengerFit:
    """DBSCAN with 2 d neighbours, at least 10, and the radius at the knee of their distances."""
    from sklearn.cluster import DBSCAN

    neighbours = min(max(10, 2 * rows.shape[1]), len(rows))
    radius = estimate_radius(rows, neighbours)
    labels = DBSCAN(eps=radius, min_samples=neighbours).fit_predict(rows)
    return ChallengerFit(labels, f"reach {radius:.3g}, {neighbours} neighbours")


def fit_hdbscan(rows: np.ndarray, k: int, seed: int) -> ChallengerFit:
    """HDBSCAN with segments of at least 1 % of the rows."""
    from sklearn.cluster import HDBSCAN

    smallest = max(5, len(rows) // 100)
    # scikit-learn 1.9 warns unless copy is given, since its default is about to change to True.
    labels = HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(rows)
    return ChallengerFit(labels, f"segments of at least {smallest} rows")


def fit_mean_shift(rows: np.ndarray, k: int, seed: int) -> ChallengerFit:
    """Mean shift from binned seeds, its bandwidth estimated from 1,000 rows; 1.0 if that is 0."""
    from sklearn.cluster import MeanShift, estimate_bandwidth

    estimate = float(
        estimate_bandwidth(rows, quantile=0.2, n_samples=min(1000, len(rows)), random_state=seed)
    )
    bandwidth = estimate or 1.0
    labels = MeanShift(bandwidth=bandwidth, bin_seeding=True, max_iter=100).fit_predict(rows)
    return ChallengerFit(labels, f"bandwidth {bandwidth:.3g}")


def fit_birch(rows: np.ndarray, k: int, seed: int) -> ChallengerFit:
    """BIRCH, whose leaves are then joined to k segments."""
    from sklearn.cluster import Birch

    birch = Birch(n_clusters=None, threshold=0.3).fit(rows)
    leaves = len(birch.subcluster_centers_)
    # With fewer leaves than segments, joining them would only raise a ConvergenceWarning.
    if leaves > k:
        birch.set_params(n_clusters=k).partial_fit()  # without rows, it only joins the leaves
    return ChallengerFit(birch.predict(rows), f"{leaves:,} leaves")


def fit_minibatch(rows: np.ndarray, k: int, seed: int) -> ChallengerFit:
    """k-means on random batches of 1,024 rows."""
    from sklearn.cluster import MiniBatchKMeans

    kmeans = MiniBatchKMeans(k, batch_size=1024, n_init=3, random_state=seed)
    return ChallengerFit(kmeans.fit_predict(rows), "batches of 1,024")


# tests/test_compare.py checks every estimate against the measured peak, with and without copies of rows.
CHALLENGERS = {
    challenger.name: challenger
    for challenger in (
        Challenger("k-means", lambda n, d, k: 3 * n * d + 2 * n * k, fit_means),
        Challenger("gaussian-mixture", lambda n, d, k: 6 * n * (k + d) + 4 * k * d * d, fit_mixture),
        # Distances of all pairs, and scikit-learn's copy of them.
        Challenger("agglomerative", lambda n, d, k: n * n + 4 * n * d, fit_agglomerative),
        # The neighbours of each row within the radius: among many copies, nearly all pairs.
        Challenger("dbscan", lambda n, d, k: n * n + 4 * n * d, fit_dbscan),
        Challenger("hdbscan", lambda n, d, k: n * (16 * d + 400), fit_hdbscan),
        Challenger("mean-shift", lambda n, d, k: 8 * n * d + 64 * n, fit_mean_shift),
        # Leaves, at worst one per row, and the distances between them.
        Challenger("birch", lambda n, d, k: n * n + 8 * n * d, fit_birch),
        Challenger("minibatch-k-means", lambda n, d, k: 3 * n * d + n * k, fit_minibatch),
    )
}


def rows_within_memory(challenger: Challenger, shape: Shape, limit: int) -> int:
    """The most rows, up to shape.n, whose estimate is at most `limit` bytes."""
    # By bisection: every estimate grows with n, but not all are linear in it.
    low, high = 0, shape.n
    while low < high:
        middle = (low + high + 1) // 2
        fits = challenger.needs(middle, shape.d, shape.k) <= limit
        low, high = (middle, high) if fits else (low, middle - 1)
    return low
