"""Stage sweep: k-means on the sample, a task per k; then one exact pass over all customers.

Choosing among the candidates is in tasks/choose.py.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from schemas.clustering import Candidate, Scaled
from schemas.evidence import Curve, CurvePoint
from schemas.night import Night
from schemas.part import Part
from segmentation.features.grid import DivisionSums, snap, sum_divisions
from segmentation.features.moments import round_significant
from segmentation.k.fits import fit_weighted, read_weighted
from segmentation.partitions import map_part_files
from segmentation.parts import read_part, to_matrix
from segmentation.report.words.value_feature import infer_value_feature
from tasks.runtime.stage import stage


class ValuedPart(NamedTuple):
    """One part's scaled features, and the same customers' numbers in original units."""

    scaled: Part
    numbers: Part


def measure_candidates(
    part: ValuedPart, centres: Sequence[np.ndarray], quantum: float, value: str | None
) -> list[DivisionSums]:
    """One part's inertia, sizes and sums of the value feature, for each set of centres (k, d)."""
    values = None if value is None else to_matrix(read_part(part.numbers, [value]))[0]
    return sum_divisions(to_matrix(read_part(part.scaled)), list(centres), quantum, values)


@stage("sweep {night.as_of} k={k}")
def sweep(night: Night, scaled: Scaled, k: int) -> Candidate:
    """Fit one k to the sample, and put its centres on the grid."""
    solution = fit_weighted(read_weighted(scaled.sample.part), k, night.definition.fit, night.definition.seed)
    centres = snap(solution.centres, scaled.quantum)
    return Candidate(k=k, centres=tuple(map(tuple, centres.tolist())), passes=solution.passes)


@stage("sweep {night.as_of} over all customers")
def measure_inertia(night: Night, scaled: Scaled, candidates: list[Candidate]) -> Curve:
    """The exact inertia of every candidate over all customers, and what its segments hold, in one pass."""
    centres = [np.array(candidate.centres) for candidate in candidates]
    value = infer_value_feature(night.definition)
    kernel = partial(measure_candidates, centres=centres, quantum=scaled.quantum, value=value)
    parts = [ValuedPart(*pair) for pair in zip(scaled.parts, scaled.numbers, strict=True)]
    totals: list[DivisionSums] = []
    for sums in map_part_files(kernel, parts):
        totals = [add_sums(*pair) for pair in zip(totals, sums, strict=True)] if totals else sums
    points = [
        CurvePoint(
            k=candidate.k,
            inertia=total.inertia * scaled.quantum**2,
            sizes=tuple(total.sizes.tolist()),
            values=() if value is None else tuple(map(round_significant, total.values.tolist())),
        )
        for candidate, total in zip(candidates, totals, strict=True)
    ]
    return Curve(points=tuple(points))


def add_sums(total: DivisionSums, sums: DivisionSums) -> DivisionSums:
    """Sums over two sets of customers. Inertia is whole numbers of quantum^2, so it is exact in any order."""
    return DivisionSums(total.inertia + sums.inertia, total.sizes + sums.sizes, total.values + sums.values)
