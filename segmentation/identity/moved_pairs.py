"""Who moved from which segment to which: counted by pair, with the feature that carried most of them.

The feature of each customer is chosen in move_reasons.py. The page shows them in
segmentation/report/sections/moves.py.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count as numbers
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.identity import MovedPair
from schemas.part import Part
from segmentation.features.order_statistics import select_ranks
from segmentation.identity.previous_segments import Moves, PreviousSegments
from segmentation.partitions import map_parts
from segmentation.parts import read_part, write_part

FEWEST = 5  # customers whose values are summed up: of fewer, the page would show single customers' values


class MovedSegments(NamedTuple):
    """Segment ids by position, last night's and tonight's; new_positions (k0,): see LabelMapping."""

    previous_ids: Sequence[str]
    segment_ids: Sequence[str]
    new_positions: np.ndarray


class _MoverFiles(NamedTuple):
    """A part's number and files: see PreviousSegments, and tonight's labels."""

    number: int
    reasons: Part
    previous: Part
    labels: Part


def keep_movers(
    previous: PreviousSegments, labels: Sequence[Part], segments: MovedSegments, folder: Path
) -> tuple[Part, ...]:
    """The reasons of those who are in another segment now, part by part, with the number of their pair.

    A pair is last night's position times the number of tonight's segments, plus tonight's position.
    """
    files = map(_MoverFiles, numbers(), previous.reasons, previous.parts, labels)
    return tuple(map_parts(partial(_keep_part, segments=segments, folder=folder), files))


def _keep_part(files: _MoverFiles, segments: MovedSegments, folder: Path) -> Part:
    table = read_part(files.reasons)
    source, label = np.zeros(0, np.int64), np.zeros(0, np.int64)
    if table.num_rows:  # most parts of a quiet night have nobody to look up
        rows = table["row"].to_numpy()
        source = read_part(files.previous, ["previous"])["previous"].to_numpy()[rows]
        label = read_part(files.labels, ["label"])["label"].to_numpy()[rows].astype(np.int64)
    has_moved = segments.new_positions[source] != label
    pair = source * len(segments.segment_ids) + label
    movers = table.append_column("pair", pa.array(pair)).filter(pa.array(has_moved))
    return write_part(folder / f"moved-{files.number:05d}.parquet", movers)


def summarise_pairs(moves: Moves, parts: Sequence[Part], segments: MovedSegments) -> tuple[MovedPair, ...]:
    """Each pair of segments with movers, most customers first. parts: from `keep_movers`."""
    shared = moves.contingency.shared
    has_moved = np.ones(shared.shape, bool)
    alive = np.flatnonzero(segments.new_positions >= 0)
    has_moved[alive, segments.new_positions[alive]] = False
    features = choose_pair_features(parts)
    values = measure_values(parts, features)
    pairs = []
    for source, label in np.argwhere(has_moved & (shared > 0)).tolist():
        pair = source * shared.shape[1] + label
        feature = features.get(pair)
        pairs.append(
            MovedPair(
                from_segment_id=segments.previous_ids[source],
                segment_id=segments.segment_ids[label],
                customers=int(shared[source, label]),
                by_behaviour=int(moves.behaviour[source, label]),
                feature=feature.name if feature else None,
                by_feature=feature.customers if feature else 0,
                before=values[pair][0] if pair in values else None,
                after=values[pair][1] if pair in values else None,
            )
        )
    return tuple(sorted(pairs, key=lambda pair: (-pair.customers, pair.from_segment_id, pair.segment_id)))


class PairFeature(NamedTuple):
    """The feature that carried most of a pair's customers. is_number: its values are numbers or ranks."""

    name: str
    customers: int
    is_number: bool


def choose_pair_features(parts: Sequence[Part]) -> dict[int, PairFeature]:
    """The commonest first feature of each pair; of equally common ones, the first by name."""
    counts: Counter[tuple[int, str]] = Counter()
    numeric: set[str] = set()
    for part in parts:
        table = read_part(part, ["pair", "moved_by", "before_number", "after_number"])
        table = table.filter(pc.is_valid(table["moved_by"]))
        groups = table.group_by(["pair", "moved_by"]).aggregate([("moved_by", "count")]).to_pylist()
        counts.update({(row["pair"], row["moved_by"]): row["moved_by_count"] for row in groups})
        numeric |= {*table.filter(_has_numbers(table))["moved_by"].unique().to_pylist()}
    commonest: dict[int, PairFeature] = {}
    for (pair, name), count in sorted(counts.items(), key=lambda item: (-item[1], item[0][1])):
        commonest.setdefault(pair, PairFeature(name, count, name in numeric))
    return commonest


def measure_values(
    parts: Sequence[Part], features: dict[int, PairFeature]
) -> dict[int, tuple[float | str, float | str]]:
    """Each pair's values before and after: lower medians of a number, the commonest change of a category.

    Over the customers that the pair's feature carried, without those who lack a value. A pair with fewer than
    FEWEST of them has no values.
    """
    numeric = [pair for pair, feature in features.items() if feature.is_number]
    sizes = np.zeros(len(numeric), np.int64)
    for _, groups in _list_numbers(parts, features, numeric):
        sizes += np.bincount(groups, minlength=len(numeric))
    is_large = sizes >= FEWEST
    measured = [pair for pair, is_measured in zip(numeric, is_large, strict=True) if is_measured]
    values: dict[int, tuple[float | str, float | str]] = {}
    if measured:
        ranks = np.repeat((sizes[is_large, None] - 1) // 2, 2, axis=1)
        medians = select_ranks(
            lambda kernel: (kernel(*part) for part in _list_numbers(parts, features, measured)), ranks, 2
        )
        values |= {
            pair: (float(low), float(high)) for pair, (low, high) in zip(measured, medians, strict=True)
        }
    return values | _count_changes(parts, {pair: f for pair, f in features.items() if not f.is_number})


def _list_numbers(
    parts: Sequence[Part], features: dict[int, PairFeature], pairs: Sequence[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Values before and after (2, n) of the pairs' features, and the place of each customer's pair (n,)."""
    names = pa.array([features[pair].name for pair in pairs], pa.string())
    for part in parts:
        table = read_part(part, ["pair", "moved_by", "before_number", "after_number"])
        place = pc.index_in(table["pair"], value_set=pa.array(pairs, pa.int64()))
        is_carried = pc.equal(names.take(place.combine_chunks()), table["moved_by"])
        keep = pc.fill_null(pc.and_(is_carried, _has_numbers(table)), False)
        carried = table.filter(keep)
        matrix = np.stack([carried[name].to_numpy() for name in ("before_number", "after_number")])
        yield matrix, place.filter(keep).to_numpy().astype(np.int64)


def _has_numbers(table: pa.Table) -> pa.ChunkedArray:
    finite = [pc.is_finite(table[name]) for name in ("before_number", "after_number")]
    return pc.fill_null(pc.and_(*finite), False)


def _count_changes(parts: Sequence[Part], features: dict[int, PairFeature]) -> dict[int, tuple[str, str]]:
    """The commonest change of each pair whose feature is a category; of equal ones, the first by name."""
    counts: Counter[tuple[int, str, str]] = Counter()
    for part in parts if features else ():
        table = read_part(part, ["pair", "moved_by", "before", "after"])
        keys = ["pair", "moved_by", "before", "after"]
        for row in table.group_by(keys).aggregate([([], "count_all")]).to_pylist():
            feature = features.get(row["pair"])
            if feature is not None and feature.name == row["moved_by"]:
                counts[row["pair"], row["before"] or "", row["after"] or ""] += row["count_all"]
    commonest: dict[int, tuple[str, str]] = {}
    for (pair, *values), count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count >= FEWEST:
            commonest.setdefault(pair, (values[0], values[1]))
    return commonest
