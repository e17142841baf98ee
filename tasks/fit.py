"""Stage fit: last night's model, or exact Lloyd passes over all customers; then labels.

k-means on the sample is tasks/sweep.py's; the arithmetic of a pass is segmentation/features/grid.py's.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.evidence import Choice
from schemas.identity import Memory
from schemas.numbers import Training
from schemas.records import Candidate, Fitted, Night, Part, Scaled, Segment
from segmentation.features.grid import cluster_sums, move_centres, snap
from segmentation.features.moments import significant
from segmentation.features.training import make_bins
from segmentation.features.transforms import to_scaled
from segmentation.model import Model, assign, read_model
from segmentation.partitions import fold_parts, over_parts
from segmentation.parts import read_part, start_folder, to_matrix, write_part
from segmentation.store.objects import as_place
from tasks.runtime.stage import stage


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
    for part_sums, part_counts, part_inertia in fold_parts(
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


def carry_over(model: Model, scaled: Scaled) -> np.ndarray | None:
    """Last night's centres (k, d') in tonight's scaled units; None if the numbers are not the same."""
    if [one.name for one in model.encodings] != [one.name for one in scaled.encodings]:
        return None
    if model.columns == scaled.columns:
        return model.centre_matrix()
    return snap(to_scaled(model.original_centres().T, scaled.columns).T, scaled.quantum)


class Solution(NamedTuple):
    """Centres (k, d') at rest, the customers of each (k,), inertia, and how it was found."""

    centres: np.ndarray
    sizes: np.ndarray
    inertia: float
    passes: int
    converged: bool
    how: str
    why: tuple[str, ...]


def solve(night: Night, scaled: Scaled, start: np.ndarray, course: tuple[str, tuple[str, ...]]) -> Solution:
    """Lloyd passes from a start, none where last night's model is kept. course: how, and why."""
    how, why = course
    plan = night.segmentation.fit
    centres, passes, converged = start, 0, True
    if how != "scored":
        # scikit-learn's tol: relative to the mean variance of the features
        limits = (plan.max_iter, plan.tolerance * scaled.variance)
        centres, passes, converged = refine(scaled.parts, start, scaled.quantum, limits)
    _, sizes, inertia = _one_pass(scaled.parts, centres, scaled.quantum)
    return Solution(centres, sizes, inertia * scaled.quantum**2, passes, converged, how, why)


def continue_from(night: Night, scaled: Scaled, choice: Choice, memory: Memory) -> Solution | str:
    """The solution that last night's model leads to, or why it does not serve.

    Where k is about to change, a refit waits if it can: a model of the old k would shuffle customers, only
    to have them shuffled again.
    """
    segmentation = night.segmentation
    if memory.is_cold or choice.k != memory.k:
        return "a first model" if memory.is_cold else f"k changes from {memory.k} to {choice.k}"
    if memory.refits and segmentation.refit.mode == "cold":
        return "refit.mode is cold"
    start = carry_over(read_model(as_place(str(memory.folder)) / "model.json"), scaled)
    if start is None:
        return "the features' levels changed"
    waits = memory.refits and not memory.rescales and choice.wanted_k is not None
    why = (f"a refit waits until it is settled whether k = {choice.wanted_k}",) if waits else ()
    how = "warm" if memory.refits and not waits else "scored"
    found = solve(night, scaled, start, (how, (*why, *memory.reasons)))
    if (found.sizes < segmentation.k.smallest_share * found.sizes.sum()).any() or not found.sizes.all():
        return "last night's model leaves a segment with hardly any customers"
    best = next(point.inertia for point in choice.curve if point.k == choice.k)
    if (
        how == "warm"
        and choice.wanted_k is None
        and found.inertia > (1 + segmentation.refit.max_inertia_rise) * best
    ):
        return "last night's centres lead to a solution that is clearly worse than a new one"
    return found


@stage("fit {night.as_of} k={choice.k}")
def fit(night: Night, scaled: Scaled, candidates: list[Candidate], choice: Choice, memory: Memory) -> Fitted:
    """Keep last night's model, refine it, or refine the chosen candidate; write every label."""
    folder = start_folder(night.staging / "fit")
    found = continue_from(night, scaled, choice, memory)
    if isinstance(found, str):
        start = next(np.array(one.centres) for one in candidates if one.k == choice.k)
        found = solve(night, scaled, start, ("cold", (found, *(memory.reasons if memory.refits else ()))))

    order = np.arange(len(found.sizes))  # last night's, where it goes on
    if found.how == "cold":
        order = canonical_order(found.sizes, found.centres)[
            : np.count_nonzero(found.sizes)
        ]  # empty ones last
    centres, sizes = found.centres[order], found.sizes[order]
    tables = over_parts(partial(label_part, centres=centres), scaled.parts)
    parts = tuple(write_part(folder / f"labels-{i:05d}.parquet", table) for i, table in enumerate(tables))
    segments = tuple(
        Segment(segment_id=f"S{i:02d}", size=int(n), share=int(n) / int(sizes.sum()), centre=tuple(centre))
        for i, (n, centre) in enumerate(zip(sizes, centres.tolist(), strict=True), start=1)
    )
    return Fitted(
        segments=segments,
        inertia=found.inertia,
        passes=found.passes,
        converged=found.converged,
        how=found.how,
        why=found.why,
        trained=find_training(night, scaled, found, memory),
        parts=parts,
    )


def find_training(night: Night, scaled: Scaled, found: Solution, memory: Memory) -> Training:
    """What the model was trained on: tonight's customers, unless it is last night's."""
    if found.how == "scored":
        return read_model(as_place(str(memory.folder)) / "model.json").trained
    names = [one.feature for one in scaled.columns if not one.aside]
    customers = int(found.sizes.sum())
    since = night.as_of
    if not memory.rescales:
        since = read_model(as_place(str(memory.folder)) / "model.json").trained.since
    return Training(
        as_of=night.as_of,
        since=since,
        customers=customers,
        inertia=significant(found.inertia / customers),
        bins=make_bins(names, to_matrix(read_part(scaled.sample.even))),
    )
