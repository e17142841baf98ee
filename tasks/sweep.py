"""Stage 4, sweep: k-means on the sample for each k, a task each; then one exact pass scores them all.

Choosing among the k belongs in tasks/choose.py.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from schemas.records import Candidate, Curve, CurvePoint, Night, Part, Scaled
from segmentation.grid import inertia_units, snap
from segmentation.partitions import over_parts
from segmentation.parts import read_part, to_matrix
from segmentation.sampling import WEIGHT
from tasks.options import stage


def fit_sample(rows: np.ndarray, weights: np.ndarray, k: int, night: Night) -> tuple[np.ndarray, int]:
    """Weighted k-means on rows (n, d), best of several k-means++ starts: centres (k, d), passes.

    n >= k distinct rows are expected. scikit-learn's Lloyd, on one thread: the sweep is parallel
    over k, and OpenMP inside each small fit costs five times the CPU.
    """
    from sklearn.cluster import KMeans  # a second of import that --help and refusals need not pay

    plan = night.segmentation.fit
    kmeans = KMeans(
        n_clusters=k,
        n_init=plan.starts,
        max_iter=plan.max_iter,
        tol=plan.tolerance,
        random_state=night.segmentation.seed,
    )
    with threadpool_limits(1):
        kmeans.fit(rows, sample_weight=weights)
    return kmeans.cluster_centers_, int(kmeans.n_iter_)


def score_part(part: Part, centres: Sequence[np.ndarray], quantum: float) -> list[int]:
    """One part's inertia for each set of centres, exactly, in quantum^2."""
    return inertia_units(to_matrix(read_part(part)), list(centres), quantum)


@stage("sweep {night.as_of} k={k}")
def sweep(night: Night, scaled: Scaled, k: int) -> Candidate:
    """Fit one k to the sample; its centres are put on the grid."""
    sample = read_part(scaled.sample.part)
    rows = to_matrix(sample.drop_columns(WEIGHT)).T
    centres, passes = fit_sample(rows, sample[WEIGHT].to_numpy(), k, night)

    snapped = snap(centres, scaled.quantum)
    return Candidate(k=k, centres=tuple(map(tuple, snapped.tolist())), passes=passes)


@stage("score {night.as_of}")
def score(night: Night, scaled: Scaled, candidates: list[Candidate]) -> Curve:
    """The exact inertia of every candidate over all customers, in one pass."""
    centres = [np.array(one.centres) for one in candidates]
    kernel = partial(score_part, centres=centres, quantum=scaled.quantum)
    totals = [sum(column) for column in zip(*over_parts(kernel, scaled.parts), strict=True)]

    points = [
        CurvePoint(k=one.k, inertia=total * scaled.quantum**2)
        for one, total in zip(candidates, totals, strict=True)
    ]
    return Curve(points=tuple(points))
