"""Stage align: which cluster is which of last night's segments, stable ids, who came from where and why.

Matching is in segmentation/identity/matching.py, pairing customers of both nights in previous_segments.py.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.clustering import Fitted, Scaled
from schemas.identity import Aligned, MergedCustomers, PreviousEdition
from schemas.model import Model
from schemas.night import Night
from schemas.part import Part
from schemas.rows import Customers
from segmentation.features.grid import squared_distances
from segmentation.features.scaled_parts import Scales
from segmentation.identity.matching import choose_ids, detect_events, match_segments
from segmentation.identity.merged_customers import count_merged, load_merged_ids
from segmentation.identity.moved_pairs import MovedSegments, keep_movers, summarise_pairs
from segmentation.identity.previous_segments import (
    PreviousSegments,
    PreviousTables,
    RescoredPart,
    count_churn,
    count_contingency,
    count_nobody,
    look_up_previous_segments,
    migration_matrix,
)
from segmentation.identity.relabel import LabelMapping, PartFiles, relabel_part
from segmentation.partitions import map_parts
from segmentation.parts import create_empty_folder
from segmentation.store.files.objects import parse_path
from segmentation.store.issued_ids import reserve_ids
from segmentation.store.layout import SEGMENTS, get_home
from tasks.fit import rescale_centres
from tasks.runtime.stage import stage

Matches = Sequence[int | None]  # by tonight's cluster: the position of last night's segment, None if new


def rank_ids(segment_ids: Sequence[str]) -> np.ndarray:
    """Positions (k,) of the ids in ascending order of their numbers.

    >>> rank_ids(["S02", "S10", "S01"])
    array([1, 2, 0])
    """
    # By number, because as text S10 sorts before S2. The second argsort turns an order into positions.
    return np.argsort(np.argsort([int(segment_id[1:]) for segment_id in segment_ids]))


class CentreDistances(NamedTuple):
    """From last night's centres to tonight's (k0, k), and to the nearest other one of last night's (k0,)."""

    to_tonight: np.ndarray
    to_nearest: np.ndarray


def measure_distances(model: Model, scaled: Scaled, fitted: Fitted) -> CentreDistances:
    """Distances between centres in tonight's scaled units; infinite if the numbers are not the same."""
    tonight = np.array([segment.centre for segment in fitted.segments])
    previous = rescale_centres(model, scaled)
    if previous is None:
        k0 = len(model.centres)
        return CentreDistances(np.full((k0, len(tonight)), np.inf), np.zeros(k0))
    # Rescaled centres may be off the grid, where cancellation can leave a small negative square.
    among = np.sqrt(np.maximum(squared_distances(previous.T, previous), 0.0))
    np.fill_diagonal(among, np.inf)
    nearest = among.min(axis=1) if len(previous) > 1 else np.ones(1)
    return CentreDistances(np.sqrt(np.maximum(squared_distances(tonight.T, previous), 0.0)), nearest)


def sort_segments(fitted: Fitted, segment_ids: Sequence[str]) -> Fitted:
    """The segments with their ids, ascending by number."""
    order = np.argsort(rank_ids(segment_ids))
    segments = [fitted.segments[i].model_copy(update={"segment_id": segment_ids[i]}) for i in order]
    return fitted.model_copy(update={"segments": tuple(segments)})


def map_labels(
    night: Night, fitted: Fitted, segment_ids: Sequence[str], matches: Matches, shared: np.ndarray
) -> LabelMapping:
    """How tonight's clusters become segments. shared (k0, k): customers of both nights."""
    order = rank_ids(segment_ids)
    new_positions, may_wait = np.full(len(shared), -1), np.zeros(len(order), bool)
    for cluster, (position, match) in enumerate(zip(order, matches, strict=True)):
        if match is not None:
            new_positions[match], may_wait[position] = position, shared[match, cluster] > 0
    centres = np.array([segment.centre for segment in fitted.segments])
    refit = night.definition.refit
    return LabelMapping(
        order=order,
        new_positions=new_positions,
        may_wait=may_wait,
        names=tuple(sorted(segment_ids, key=lambda segment_id: int(segment_id[1:]))),
        centres=centres[np.argsort(order)],
        nights=refit.nights if refit.mode == "combine" else 0,
        is_new=fitted.method != "scored",
    )


class Relabelled(NamedTuple):
    """Labels by segment position, and the contested customers, in the same parts as the customers."""

    labels: tuple[Part, ...]
    contested: tuple[Part, ...]


def relabel_all(files: Sequence[PartFiles], mapping: LabelMapping, folder: Path) -> Relabelled:
    """Rewrite every part's labels as segment positions."""
    parts = list(map_parts(partial(relabel_part, mapping=mapping, folder=folder), files))
    return Relabelled(tuple(part.labels for part in parts), tuple(part.contested for part in parts))


def resize_segments(fitted: Fitted, sizes: np.ndarray) -> Fitted:
    """The segments with new sizes (k,): contested customers are not where the model places them."""
    total = int(sizes.sum())
    segments = [
        segment.model_copy(update={"size": int(size), "share": int(size) / total})
        for segment, size in zip(fitted.segments, sizes, strict=True)
    ]
    return fitted.model_copy(update={"segments": tuple(segments)})


def reserve_new_ids(
    night: Night, customers: Customers, matches: Matches, previous_ids: Sequence[str]
) -> int | None:
    """Reserve an id for each new segment. Returns how many ids were given before; None without new ones."""
    count = sum(match is None for match in matches)
    edition = customers.ingested.key.edition
    return reserve_ids(get_home(night), edition, count, previous_ids) if count else None


def pair_customers(
    night: Night, customers: Customers, previous: PreviousEdition, folder: Path
) -> PreviousSegments | None:
    """Where tonight's customers were last night; None where rows have no id."""
    if night.definition.rows.id is None or previous.model is None:
        return None
    pairs = [RescoredPart(*pair) for pair in zip(customers.parts, previous.labels, strict=True)]
    merged = load_merged_ids(customers.ingested.aliases)
    edition = PreviousTables(parse_path(str(previous.folder)), previous.model, previous.has_contested, merged)
    return look_up_previous_segments(pairs, edition, folder)


def list_part_files(
    customers: Customers, scaled: Scaled, fitted: Fitted, earlier: PreviousSegments | None
) -> list[PartFiles]:
    """The stage files of each part of the customers."""
    parts = earlier.parts if earlier else (None,) * len(fitted.parts)
    stages = zip(customers.parts, scaled.numbers, fitted.parts, parts, strict=True)
    scales = Scales(scaled.columns, scaled.quantum)
    return [PartFiles(number, *stage_files, scales) for number, stage_files in enumerate(stages)]


def count_merged_customers(customers: Customers, previous: PreviousEdition) -> MergedCustomers | None:
    """How many ids were merged into others, and how many were customers before. None without aliases."""
    merged = load_merged_ids(customers.ingested.aliases)
    if customers.ingested.aliases is None or previous.folder is None:
        return None
    if merged is None:
        return MergedCustomers(ids=0, continued=0)
    return count_merged(parse_path(previous.folder) / SEGMENTS, merged)


def number_segments(night: Night, customers: Customers, fitted: Fitted) -> Aligned:
    """A cold start: every cluster gets a new id, in the fitted order."""
    matches: Matches = [None] * len(fitted.segments)
    ids_before = reserve_new_ids(night, customers, matches, ())
    segment_ids = choose_ids(matches, (), ids_before or 0)
    return Aligned(fitted=sort_segments(fitted, segment_ids), ids_before=ids_before)


@stage("align {night.as_of}")
def align(
    night: Night, customers: Customers, scaled: Scaled, fitted: Fitted, previous: PreviousEdition
) -> Aligned:
    """Match tonight's clusters with last night's segments, and account for every customer of both nights."""
    if previous.model is None:
        return number_segments(night, customers, fitted)
    folder, k = create_empty_folder(night.staging / "align"), len(fitted.segments)
    previous_ids = previous.model.segment_ids
    k0 = len(previous_ids)
    earlier = pair_customers(night, customers, previous, folder)
    moves = count_contingency(earlier, fitted.parts, k) if earlier else count_nobody(k0, k)
    matches: Matches = range(k)  # the same model keeps its order: customers moved, segments did not
    if fitted.method != "scored":
        matches = match_segments(moves.contingency, *measure_distances(previous.model, scaled, fitted))
    # The store gives out ids under its lock. Two ids for one segment would be a nuisance; one id for two
    # would be a lie (decision 14).
    ids_before = reserve_new_ids(night, customers, matches, previous_ids)
    segment_ids = choose_ids(matches, previous_ids, ids_before or 0)
    mapping = map_labels(night, fitted, segment_ids, matches, moves.contingency.shared)

    files = list_part_files(customers, scaled, fitted, earlier)
    labels, contested = relabel_all(files, mapping, folder)
    aligned = Aligned(
        fitted=sort_segments(fitted, segment_ids).model_copy(update={"parts": labels}),
        ids_before=ids_before,
        previous_as_of=previous.as_of,
        previous_ids=previous_ids,
        merged=count_merged_customers(customers, previous),
    )
    matches = [matches[i] for i in np.argsort(mapping.order)]
    if earlier is None:
        events = detect_events(moves.contingency, matches, previous_ids, mapping.names)
        return aligned.model_copy(update={"events": tuple(events)})
    # Counted again with the new labels: contested customers have stayed in last night's segment.
    if labels != fitted.parts:
        moves = count_contingency(earlier, labels, k)
    contingency = moves.contingency
    sizes = contingency.shared.sum(axis=0) + contingency.joined
    segments = MovedSegments(previous_ids, mapping.names, mapping.new_positions)
    move_reasons = keep_movers(earlier, labels, segments, folder)
    return aligned.model_copy(
        update={
            "fitted": resize_segments(aligned.fitted, sizes),
            "previous_segments": earlier.parts,
            "departed": earlier.left,
            "contested": contested,
            "moved": move_reasons,
            "moved_pairs": summarise_pairs(moves, move_reasons, segments),
            "migration": migration_matrix(contingency),
            "churn": count_churn(moves, mapping.new_positions),
            "events": tuple(detect_events(contingency, matches, previous_ids, mapping.names)),
        }
    )
