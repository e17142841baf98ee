"""Stage sweep: k-means on the sample, a task per k; then one exact pass over all customers.

Choosing among the candidates is in tasks/choose.py.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from schemas.clustering import Candidate, Scaled
from schemas.evidence import Curve, CurvePoint
from schemas.night import Night
from schemas.part import Part
from segmentation.features.grid import inertia_units, snap
from segmentation.features.sampling import WEIGHT
from segmentation.k.fits import WeightedRows, fit_weighted
from segmentation.partitions import map_part_files
from segmentation.parts import read_part, to_matrix
from tasks.runtime.stage import stage


def measure_candidates(part: Part, centres: Sequence[np.ndarray], quantum: float) -> list[int]:
    """One part's inertia for each set of centres (k, d), exactly, in quantum^2."""
    return inertia_units(to_matrix(read_part(part)), list(centres), quantum)


@stage("sweep {night.as_of} k={k}")
def sweep(night: Night, scaled: Scaled, k: int) -> Candidate:
    """Fit one k to the sample, and put its centres on the grid."""
    sample = read_part(scaled.sample.part)
    rows = to_matrix(sample.drop_columns(WEIGHT)).T
    weighted = WeightedRows(rows, sample[WEIGHT].to_numpy())
    solution = fit_weighted(weighted, k, night.definition.fit, night.definition.seed)
    centres = snap(solution.centres, scaled.quantum)
    return Candidate(k=k, centres=tuple(map(tuple, centres.tolist())), passes=solution.passes)


@stage("sweep {night.as_of} over all customers")
def measure_inertia(night: Night, scaled: Scaled, candidates: list[Candidate]) -> Curve:
    """The exact inertia of every candidate over all customers, in one pass."""
    centres = [np.array(candidate.centres) for candidate in candidates]
    kernel = partial(measure_candidates, centres=centres, quantum=scaled.quantum)
    # Whole numbers of quantum^2, so the sum is exact in any order.
    totals = [sum(units) for units in zip(*map_part_files(kernel, scaled.parts), strict=True)]
    points = [
        CurvePoint(k=candidate.k, inertia=total * scaled.quantum**2)
        for candidate, total in zip(candidates, totals, strict=True)
    ]
    return Curve(points=tuple(points))
