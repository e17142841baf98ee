"""Stage 6, fit: exact Lloyd passes over all customers from the chosen candidate, then labels.

k-means on the sample is tasks/sweep.py's; the arithmetic of a pass is segmentation/grid.py's.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from schemas.evidence import Choice
from schemas.records import Candidate, Fitted, Night, Part, Scaled, Segment
from segmentation.grid import cluster_sums, move_centres
from segmentation.model import assign
from segmentation.partitions import over_parts
from segmentation.parts import read_part, start_folder, to_matrix, write_part
from tasks.artifacts import show_segments
from tasks.options import stage


def pass_over(part: Part, centres: np.ndarray, quantum: float) -> tuple[np.ndarray, np.ndarray, int]:
    """One part's contribution to a Lloyd pass: sums (k, d), counts (k,), inertia in quantum^2."""
    return cluster_sums(to_matrix(read_part(part)), centres, quantum)


def refine(
    parts: Sequence[Part], centres: np.ndarray, quantum: float, limits: tuple[int, float]
) -> tuple[np.ndarray, int, bool]:
    """Lloyd passes until the centres move less than asked: centres (k, d), passes, converged?

    limits: most passes, and the squared move of all centres that counts as rest.
    """
    most, rest = limits
    for number in range(1, most + 1):
        sums, counts, _ = _one_pass(parts, centres, quantum)
        moved = move_centres(sums, counts, centres, quantum)
        shift = float(np.square(moved - centres).sum())
        centres = moved
        if shift <= rest:
            return centres, number, True
    return centres, most, False


def _one_pass(
    parts: Sequence[Part], centres: np.ndarray, quantum: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Totals over all parts. Exact, so the order of parts does not matter."""
    sums, counts, inertia = np.zeros(centres.shape), np.zeros(len(centres), np.int64), 0
    for part_sums, part_counts, part_inertia in over_parts(
        partial(pass_over, centres=centres, quantum=quantum), parts
    ):
        sums += part_sums
        counts += part_counts
        inertia += part_inertia
    return sums, counts, inertia


def canonical_order(sizes: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Positions of the clusters by size, largest first, then by centre: int64 (k,)."""
    return np.lexsort((*centres.T[::-1], -sizes))


def label_part(part: Part, centres: np.ndarray) -> pa.Table:
    """Segment and runner-up (positions, -1 for none), distance and margin of one part's customers."""
    return pa.table(assign(to_matrix(read_part(part)), centres)._asdict())


@stage("fit {night.as_of} k={choice.k}")
def fit(night: Night, scaled: Scaled, candidates: list[Candidate], choice: Choice) -> Fitted:
    """Refine the chosen candidate on all customers, name the segments, write every label."""
    folder = start_folder(night.staging / "fit")
    start = next(np.array(one.centres) for one in candidates if one.k == choice.k)
    plan = night.segmentation.fit
    # scikit-learn's tol: relative to the mean variance of the features
    limits = (plan.max_iter, plan.tolerance * scaled.variance)
    centres, passes, converged = refine(scaled.parts, start, scaled.quantum, limits)

    _, sizes, inertia = _one_pass(scaled.parts, centres, scaled.quantum)
    order = canonical_order(sizes, centres)[: np.count_nonzero(sizes)]  # empty clusters come last
    centres, sizes = centres[order], sizes[order]
    ids = [f"S{i:02d}" for i in range(1, len(centres) + 1)]
    tables = over_parts(partial(label_part, centres=centres), scaled.parts)
    parts = tuple(write_part(folder / f"labels-{i:05d}.parquet", table) for i, table in enumerate(tables))

    segments = tuple(
        Segment(segment_id=name, size=int(size), share=int(size) / int(sizes.sum()), centre=tuple(centre))
        for name, size, centre in zip(ids, sizes, centres.tolist(), strict=True)
    )
    fitted = Fitted(
        segments=segments,
        inertia=inertia * scaled.quantum**2,
        passes=passes,
        converged=converged,
        parts=parts,
    )
    show_segments(night, fitted)
    return fitted
