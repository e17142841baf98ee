"""Stage align: which cluster is which of last night's segments; stable ids; who came from where.

Matching is segmentation/identity/aligning.py's, pairing customers segmentation/identity/origins.py's.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.identity import Aligned, Memory
from schemas.records import Customers, Fitted, Ingested, Night, Part, Scaled
from segmentation.features.grid import squared_distances
from segmentation.identity.aligning import Crossing, find_events, match, name_clusters
from segmentation.identity.origins import count_churn, count_crossing, find_origins, make_migration
from segmentation.identity.relabelling import Cast, Quartet, relabel
from segmentation.model import Model, read_model
from segmentation.partitions import over_parts
from segmentation.parts import start_folder
from segmentation.store.given_ids import reserve_ids
from segmentation.store.layout import find_home
from segmentation.store.objects import as_place
from tasks.fit import carry_over
from tasks.runtime.stage import stage


def rank_ids(names: Sequence[str]) -> np.ndarray:
    """Positions (k,) of the ids in ascending order of their numbers.

    >>> rank_ids(["S02", "S10", "S01"])
    array([1, 2, 0])
    """
    return np.argsort(np.argsort([int(name[1:]) for name in names]))


def measure_distances(model: Model, scaled: Scaled, fitted: Fitted) -> tuple[np.ndarray, np.ndarray]:
    """From last night's centres to tonight's (k0, k), and to the next of last night's (k0,)."""
    now = np.array([segment.centre for segment in fitted.segments])
    was = carry_over(model, scaled)
    if was is None:
        k0 = len(model.centres)
        return np.full((k0, len(now)), np.inf), np.zeros(k0)
    among = np.sqrt(np.maximum(squared_distances(was.T, was), 0.0))
    np.fill_diagonal(among, np.inf)
    apart = among.min(axis=1) if len(was) > 1 else np.ones(1)
    return np.sqrt(np.maximum(squared_distances(now.T, was), 0.0)), apart


def put_in_order(fitted: Fitted, names: Sequence[str]) -> Fitted:
    """The segments under their ids, ascending by number."""
    order = np.argsort(rank_ids(names))
    segments = [fitted.segments[i].model_copy(update={"segment_id": names[i]}) for i in order]
    return fitted.model_copy(update={"segments": tuple(segments)})


def make_cast(night: Night, shared: np.ndarray, fitted: Fitted, matches: Sequence[int | None]) -> Cast:
    """How tonight's clusters, their ids given, become segments. shared (k0, k): customers of both nights."""
    order = rank_ids([segment.segment_id for segment in fitted.segments])
    kept, may_wait = np.full(len(shared), -1), np.zeros(len(order), bool)
    for j, (position, of) in enumerate(zip(order, matches, strict=True)):
        if of is not None:
            kept[of], may_wait[position] = position, shared[of, j] > 0
    centres = np.array([segment.centre for segment in fitted.segments])
    names = sorted((segment.segment_id for segment in fitted.segments), key=lambda name: int(name[1:]))
    refit = night.segmentation.refit
    nights = refit.nights if refit.mode == "combine" else 0
    is_new = fitted.how != "scored"
    return Cast(order, kept, may_wait, tuple(names), centres[np.argsort(order)], nights, is_new)


def relabel_all(quartets: Sequence[Quartet], cast: Cast, folder: Path) -> list[tuple[Part, Part]]:
    """Every part's labels under new positions, and its contested customers."""
    stems = [f"{i:05d}.parquet" for i in range(len(quartets))]
    paths = [(folder / f"labels-{stem}", folder / f"contested-{stem}") for stem in stems]
    return list(over_parts(partial(relabel, cast=cast), zip(quartets, paths, strict=True)))


def resize(fitted: Fitted, sizes: np.ndarray) -> Fitted:
    """The segments with these customers each: contested ones are not where the model has them."""
    total = int(sizes.sum())
    segments = [
        one.model_copy(update={"size": int(size), "share": int(size) / total})
        for one, size in zip(fitted.segments, sizes, strict=True)
    ]
    return fitted.model_copy(update={"segments": tuple(segments)})


def give_ids(
    night: Night, rows: Ingested, matches: Sequence[int | None], before: Sequence[str]
) -> int | None:
    """Reserve ids for new segments: how many had been given before them, None if there are none."""
    count = sum(of is None for of in matches)
    return reserve_ids(find_home(night), rows.key.edition, count, before) if count else None


class Tonight(NamedTuple):
    """What earlier stages made of the customers."""

    rows: Ingested
    customers: Customers
    scaled: Scaled
    fitted: Fitted


def continue_segments(night: Night, tonight: Tonight, memory: Memory) -> Aligned:
    """Match tonight's clusters with last night's segments, and account for every customer of both nights."""
    rows, customers, scaled, fitted = tonight
    folder, before = start_folder(night.staging / "align"), as_place(str(memory.folder))
    model, k = read_model(before / "model.json"), len(fitted.segments)
    names, origins = model.segment_ids, None
    crossing = Crossing(*(np.zeros(shape, np.int64) for shape in ((len(names), k), len(names), k)))
    if night.segmentation.rows.id is not None:  # else rows stand for themselves, and only centres tell
        pairs = list(zip(customers.parts, memory.labels, strict=True))
        origins = find_origins(pairs, before, names, folder)
        crossing, _ = count_crossing(origins, fitted.parts, k)
    matches: list[int | None] = list(range(k))  # the same model, in its order: whoever moved, moved
    if fitted.how != "scored":
        matches = match(crossing, *measure_distances(model, scaled, fitted))
    given = give_ids(night, rows, matches, names)
    given_names = name_clusters(matches, names, given or 0)
    segments = zip(fitted.segments, given_names, strict=True)
    named = [one.model_copy(update={"segment_id": name}) for one, name in segments]
    cast = make_cast(night, crossing.shared, fitted.model_copy(update={"segments": tuple(named)}), matches)

    were = origins.parts if origins else (None,) * len(fitted.parts)
    four = zip(customers.parts, scaled.parts, fitted.parts, were, strict=True)
    labels, contested = zip(*relabel_all([Quartet(*one) for one in four], cast, folder), strict=True)
    moved = put_in_order(fitted, given_names).model_copy(update={"parts": labels})
    of = [matches[i] for i in np.argsort(cast.order)]
    if origins is None:
        events = find_events(crossing, of, names, cast.names)  # without a customer to count
        return Aligned(fitted=moved, ids_before=given, before=names, events=tuple(events))
    crossing, behaviour = count_crossing(origins, labels, k)
    return Aligned(
        fitted=resize(moved, crossing.shared.sum(axis=0) + crossing.joined),
        ids_before=given,
        before=names,
        origins=origins.parts,
        left=origins.left,
        contested=contested,
        migration=make_migration(crossing),
        churn=count_churn(crossing, behaviour, cast.kept),
        events=tuple(find_events(crossing, of, names, cast.names)),
    )


@stage("align {night.as_of}")
def align(
    night: Night, rows: Ingested, customers: Customers, scaled: Scaled, fitted: Fitted, memory: Memory
) -> Aligned:
    """Give tonight's clusters their stable ids."""
    if memory.is_cold:
        unknown = [None] * len(fitted.segments)
        given = give_ids(night, rows, unknown, ())
        names = name_clusters(unknown, (), given or 0)
        found = Aligned(fitted=put_in_order(fitted, names), ids_before=given)
    else:
        found = continue_segments(night, Tonight(rows, customers, scaled, fitted), memory)
    return found
