"""Stage sweep: k-means on the sample for each k, a task each; then one exact pass scores them all.

Choosing among the k belongs in tasks/choose.py.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from schemas.evidence import Curve, CurvePoint
from schemas.records import Candidate, Night, Part, Scaled
from segmentation.features.grid import inertia_units, snap
from segmentation.features.sampling import WEIGHT
from segmentation.k.fits import Weighted, fit_weighted
from segmentation.partitions import fold_parts
from segmentation.parts import read_part, to_matrix
from tasks.runtime.stage import stage


def score_part(part: Part, centres: Sequence[np.ndarray], quantum: float) -> list[int]:
    """One part's inertia for each set of centres, exactly, in quantum^2."""
    return inertia_units(to_matrix(read_part(part)), list(centres), quantum)


@stage("sweep {night.as_of} k={k}")
def sweep(night: Night, scaled: Scaled, k: int) -> Candidate:
    """Fit one k to the sample; its centres are put on the grid."""
    sample = read_part(scaled.sample.part)
    rows = to_matrix(sample.drop_columns(WEIGHT)).T
    segmentation = night.segmentation
    weighted = Weighted(rows, sample[WEIGHT].to_numpy())
    found = fit_weighted(weighted, k, segmentation.fit, segmentation.seed)

    snapped = snap(found.centres, scaled.quantum)
    return Candidate(k=k, centres=tuple(map(tuple, snapped.tolist())), passes=found.passes)


@stage("score {night.as_of}")
def score(night: Night, scaled: Scaled, candidates: list[Candidate]) -> Curve:
    """The exact inertia of every candidate over all customers, in one pass."""
    centres = [np.array(one.centres) for one in candidates]
    kernel = partial(score_part, centres=centres, quantum=scaled.quantum)
    totals = [sum(column) for column in zip(*fold_parts(kernel, scaled.parts), strict=True)]

    points = [
        CurvePoint(k=one.k, inertia=total * scaled.quantum**2)
        for one, total in zip(candidates, totals, strict=True)
    ]
    return Curve(points=tuple(points))
