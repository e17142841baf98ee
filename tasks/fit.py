"""Stage fit: last night's model, or exact Lloyd passes over all customers; then labels.

k-means on the sample is in tasks/sweep.py, the arithmetic of a pass in segmentation/features/grid.py.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa

from schemas.clustering import Fitted, Scaled, Segment
from schemas.evidence import Choice
from schemas.identity import PreviousEdition
from schemas.look import Look
from schemas.model import Model
from schemas.night import Night
from schemas.numbers import Training
from schemas.part import Part
from segmentation.features.grid import ClusterSums, cluster_sums, move_centres, snap
from segmentation.features.moments import round_significant
from segmentation.features.training import compute_bins
from segmentation.features.transforms import to_scaled
from segmentation.identity.refitting import count_emptied
from segmentation.k.changed_k import change_k
from segmentation.k.fits import read_weighted
from segmentation.model import assign, compute_original_centres
from segmentation.partitions import map_part_files, map_to_files
from segmentation.parts import create_empty_folder, read_part, to_matrix
from tasks.runtime.stage import stage

# From merged or split centres, Online Retail's crowd ends 0.1 % above a new fit and moves 24 % of customers
# instead of 43 %. Where a natural segment is missed, inertia is far higher.
MERGED_INERTIA_RISE = 0.01


def sum_part(part: Part, centres: np.ndarray, quantum: float) -> ClusterSums:
    """One part's contribution to a Lloyd pass."""
    return cluster_sums(to_matrix(read_part(part)), centres, quantum)


def sum_clusters(parts: Sequence[Part], centres: np.ndarray, quantum: float) -> ClusterSums:
    """A pass over all parts. Sums are exact on the grid, so the order of parts does not matter."""
    sums, counts, inertia = np.zeros(centres.shape), np.zeros(len(centres), np.int64), 0
    for part in map_part_files(partial(sum_part, centres=centres, quantum=quantum), parts):
        sums += part.sums
        counts += part.counts
        # A Python int, exact at any size.
        inertia += part.inertia
    return ClusterSums(sums, counts, inertia)


class Convergence(NamedTuple):
    """Centres (k, d) after Lloyd passes, the number of passes, and whether the centres came to rest."""

    centres: np.ndarray
    passes: int
    converged: bool


def refine(
    parts: Sequence[Part], start: np.ndarray, *, quantum: float, max_iter: int, tolerance: float
) -> Convergence:
    """Lloyd passes until the squared move of all centres together is at most `tolerance`."""
    centres = start
    for number in range(1, max_iter + 1):
        sums, counts, _ = sum_clusters(parts, centres, quantum)
        new_centres = move_centres(sums, counts, centres, quantum)
        shift = float(np.square(new_centres - centres).sum())
        centres = new_centres
        if shift <= tolerance:
            return Convergence(centres, number, True)
    return Convergence(centres, max_iter, False)


def canonical_order(sizes: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Positions of the clusters by size, largest first, then by centre: int64 (k,)."""
    # k-means numbers its clusters arbitrarily. The last key of lexsort is the primary one.
    return np.lexsort((*centres.T[::-1], -sizes))


def label_part(part: Part, centres: np.ndarray) -> pa.Table:
    """Segment and runner-up (positions, -1 for none), distance and margin of one part's customers."""
    return pa.table(assign(to_matrix(read_part(part)), centres)._asdict())


def label_parts(parts: Sequence[Part], centres: np.ndarray, folder: Path) -> tuple[Part, ...]:
    """The labels of all parts, written to `folder`."""
    return map_to_files(partial(label_part, centres=centres), parts, folder, "labels")


def rescale_centres(model: Model, scaled: Scaled) -> np.ndarray | None:
    """Last night's centres (k, d') in tonight's scaled units; None if the numbers are not the same."""
    if [encoding.name for encoding in model.encodings] != [encoding.name for encoding in scaled.encodings]:
        return None
    if model.columns == scaled.columns:
        return model.centre_matrix()
    return snap(to_scaled(compute_original_centres(model).T, scaled.columns).T, scaled.quantum)


class Solution(NamedTuple):
    """Centres (k, d') at rest, the customers of each (k,), inertia, and how they were fitted."""

    centres: np.ndarray
    sizes: np.ndarray
    inertia: float
    passes: int
    converged: bool
    method: Literal["scored", "warm", "cold"]
    reasons: tuple[str, ...]


def solve(
    night: Night,
    scaled: Scaled,
    start: np.ndarray,
    method: Literal["warm", "cold"],
    reasons: tuple[str, ...],
) -> Solution:
    """Lloyd passes from the start."""
    plan = night.definition.fit
    # scikit-learn's tol is relative to the mean variance of the features, so this is too.
    tolerance = plan.tolerance * scaled.variance
    result = refine(scaled.parts, start, quantum=scaled.quantum, max_iter=plan.max_iter, tolerance=tolerance)
    _, sizes, inertia = sum_clusters(scaled.parts, result.centres, scaled.quantum)
    return Solution(
        result.centres,
        sizes,
        inertia * scaled.quantum**2,
        result.passes,
        result.converged,
        method,
        reasons,
    )


def continue_model(night: Night, scaled: Scaled, choice: Choice, previous: PreviousEdition) -> Solution | str:
    """The solution that last night's model leads to, or the reason for a cold fit.

    Where k is about to change, a refit waits if it can: a model of the old k would move customers, only
    for them to be moved again.
    """
    definition, model = night.definition, previous.model
    if model is None:
        return "a first model"
    if (previous.needs_refit or choice.k != previous.k) and definition.refit.mode == "cold":
        return "refit.mode is cold"
    # Levels are learnt each night, so their numbers may differ; a centre has no value for a new one.
    start = rescale_centres(model, scaled)
    if start is None:
        return "the features' levels changed"
    if choice.k != previous.k:
        return change_model(night, scaled, choice, start)
    waits = previous.needs_refit and not previous.needs_rescale and choice.wanted_k is not None
    if previous.needs_refit and not waits:
        solution = solve(night, scaled, start, "warm", previous.reasons)
    else:
        why = (f"a refit waits until k = {choice.wanted_k} is decided",) if waits else ()
        sizes, reasons = np.array(previous.sizes), (*why, *previous.reasons)
        # What rescoring has measured with the same centres.
        solution = Solution(start, sizes, previous.inertia, 0, True, "scored", reasons)
    if count_emptied(solution.sizes, definition.k.smallest_share):
        return "last night's model leaves a segment with hardly any customers"
    limit = (1 + definition.refit.max_inertia_rise) * choice.inertia
    # Matching cannot repair another optimum: one night in thirty fell into one and moved 45 % of customers.
    if solution.method == "warm" and choice.wanted_k is None and solution.inertia > limit:
        return "last night's centres lead to a clearly worse solution than a new fit"
    return solution


def change_model(night: Night, scaled: Scaled, choice: Choice, centres: np.ndarray) -> Solution | str:
    """The solution for another k from last night's centres, merged or split, or the reason for a cold fit."""
    change, options = f"k changes from {len(centres)} to {choice.k}", night.definition.fit
    sample = read_weighted(scaled.sample.part)
    start = snap(change_k(centres, sample, choice.k, options, night.definition.seed), scaled.quantum)
    how = "merged" if choice.k < len(centres) else "split"
    solution = solve(night, scaled, start, "warm", (f"{change}: last night's segments were {how}",))
    is_worse = solution.inertia > (1 + MERGED_INERTIA_RISE) * choice.inertia
    if len(start) < choice.k or count_emptied(solution.sizes, night.definition.k.smallest_share) or is_worse:
        return f"{change}, and last night's segments, {how}, are worse than a new fit"
    return solution


def describe_training(
    night: Night, scaled: Scaled, solution: Solution, previous: PreviousEdition
) -> Training:
    """What the model was trained on: tonight's customers, unless it is last night's model."""
    if previous.model and solution.method == "scored":
        return previous.model.trained
    names = [column.feature for column in scaled.columns if not column.excluded]
    customers = int(solution.sizes.sum())
    keeps_scaling = previous.model is not None and not previous.needs_rescale
    return Training(
        as_of=night.as_of,
        # The scaling's age, not the model's: refit.max_age_days counts from it.
        since=previous.model.trained.since if previous.model and keeps_scaling else night.as_of,
        customers=customers,
        inertia=round_significant(solution.inertia / customers),
        bins=compute_bins(names, to_matrix(read_part(scaled.sample.uniform))),
    )


def order_clusters(solution: Solution) -> np.ndarray:
    """Positions of the segments: last night's order if its model continues, else canonical, none empty."""
    if solution.method != "cold":
        return np.arange(len(solution.sizes))
    return canonical_order(solution.sizes, solution.centres)[: np.count_nonzero(solution.sizes)]


@stage("fit {night.as_of} k={choice.k}")
def fit(night: Night, scaled: Scaled, look: Look, choice: Choice, previous: PreviousEdition) -> Fitted:
    """Keep last night's model, refine it, or refine the chosen candidate; write every label."""
    folder = create_empty_folder(night.staging / "fit")
    solution = continue_model(night, scaled, choice, previous)
    if isinstance(solution, str):
        start = next(np.array(candidate.centres) for candidate in look.candidates if candidate.k == choice.k)
        reasons = (solution, *(previous.reasons if previous.needs_refit else ()))
        solution = solve(night, scaled, start, "cold", reasons)

    order = order_clusters(solution)
    centres, sizes = solution.centres[order], solution.sizes[order]
    # Rescoring has labelled them with the same centres.
    is_scored = solution.method == "scored"
    parts = previous.labels if is_scored else label_parts(scaled.parts, centres, folder)
    segments = tuple(
        Segment(
            segment_id=f"S{i:02d}", size=int(size), share=int(size) / int(sizes.sum()), centre=tuple(centre)
        )
        for i, (size, centre) in enumerate(zip(sizes, centres.tolist(), strict=True), start=1)
    )
    return Fitted(
        segments=segments,
        method=solution.method,
        reasons=solution.reasons,
        training=describe_training(night, scaled, solution, previous),
        inertia=solution.inertia,
        passes=solution.passes,
        converged=solution.converged,
        parts=parts,
    )
