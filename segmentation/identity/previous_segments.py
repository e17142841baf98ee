"""The segment each customer was in last night, and the contingency table of both nights.

Joining the customers is in segmentation/identity/join.py, matching segments in matching.py.
"""

import math
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.identity import Churn
from schemas.model import Model
from schemas.part import Part
from segmentation.identity.join import (
    JoinedPart,
    cut_ranges,
    join_rows,
    look_up_positions,
    read_ids,
    read_published,
)
from segmentation.identity.matching import Contingency
from segmentation.identity.merged_customers import read_merged
from segmentation.identity.move_reasons import REASONS, Movers, list_distance_columns, tabulate_movers
from segmentation.partitions import map_parts
from segmentation.parts import read_part, write_part
from segmentation.rows.casting.merged_ids import MergedIds
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import SEGMENTS

CONTESTED = "contested.parquet"


class RescoredPart(NamedTuple):
    """A part of tonight's customers, and the labels that last night's model gives them."""

    customers: Part
    labels: Part


class PreviousSegments(NamedTuple):
    """Where tonight's customers were, part by part; who left; and how many left each segment (k0,).

    `parts` have the columns `previous`, the position of last night's segment or -1; `is_behaviour`, whether
    last night's model places the customer elsewhere tonight; `wanted` and `nights`, the segment that new
    models want to move the customer to and for how many nights, or -1 and 0. `reasons` have a row for each
    customer that last night's model places elsewhere: see move_reasons.py.
    """

    parts: tuple[Part, ...]
    left: tuple[Part, ...]
    left_by_segment: np.ndarray
    reasons: tuple[Part, ...] = ()


class PreviousTables(NamedTuple):
    """Last night's edition: its folder, its model, and whether customers were contested."""

    folder: AnyPath
    model: Model
    has_contested: bool = False
    merged: MergedIds | None = None  # ids that were given up since

    def read(self, file: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """A table of the edition, under the ids that stay."""
        path = self.folder / file
        return read_merged(path, columns, self.merged) if self.merged else read_published(path, columns)


class Moves(NamedTuple):
    """The contingency table, and the customers (k0, k) that last night's model would move too."""

    contingency: Contingency
    behaviour: np.ndarray


class _RangeOfIds(NamedTuple):
    """A part of tonight's customers, and the rows of last night's tables in its range of ids."""

    number: int
    part: RescoredPart
    ids: pa.Table
    earlier: pa.Table
    contested: pa.Table | None


class _PairedPart(NamedTuple):
    """One part's files: see PreviousSegments."""

    previous: Part
    left: Part
    left_by_segment: np.ndarray
    reasons: Part


def look_up_previous_segments(
    parts: Sequence[RescoredPart], edition: PreviousTables, folder: Path
) -> PreviousSegments:
    """Join tonight's customers with those of last night's edition. Writes the parts to `folder`."""
    pair = partial(_pair_part, model=edition.model, folder=folder)
    paired = list(map_parts(pair, _list_ranges(parts, edition)))
    return PreviousSegments(
        tuple(part.previous for part in paired),
        tuple(part.left for part in paired),
        np.sum([part.left_by_segment for part in paired], axis=0),
        tuple(part.reasons for part in paired),
    )


def _list_ranges(parts: Sequence[RescoredPart], edition: PreviousTables) -> Iterator[_RangeOfIds]:
    customers = [part.customers for part in parts]
    columns = ["segment_id", *list_distance_columns(edition.model)]
    ranges = cut_ranges(read_ids(customers), edition.read(SEGMENTS, columns))
    contests: Iterator[tuple[pa.Table, pa.Table | None]] = repeat((pa.table({}), None))
    if edition.has_contested:
        contests = cut_ranges(read_ids(customers), edition.read(CONTESTED, ["wanted", "nights"]))
    for number, (part, (ids, earlier), (_, contested)) in enumerate(
        zip(parts, ranges, contests, strict=False)
    ):
        yield _RangeOfIds(number, part, ids, earlier, contested)


def _pair_part(customers: _RangeOfIds, model: Model, folder: Path) -> _PairedPart:
    part, join = customers.part, join_rows(customers.ids, customers.earlier)
    contest = None if customers.contested is None else join_rows(customers.ids, customers.contested)
    labels = read_part(part.labels, ["label"])["label"].to_numpy()
    previous = _tabulate_previous(labels, join, contest, model.segment_ids)
    positions = look_up_positions(join.left["segment_id"], model.segment_ids)
    left = pa.table({"customer_id": join.left["customer_id"].cast(pa.string()), "previous": positions})
    reasons = _explain_moves(part, join, previous, model)
    return _PairedPart(
        previous=write_part(folder / f"previous-{customers.number:05d}.parquet", previous),
        left=write_part(folder / f"left-{customers.number:05d}.parquet", left),
        left_by_segment=np.bincount(positions[positions >= 0], minlength=len(model.segment_ids)),
        reasons=write_part(folder / f"reasons-{customers.number:05d}.parquet", reasons),
    )


def _explain_moves(part: RescoredPart, join: JoinedPart, previous: pa.Table, model: Model) -> pa.Table:
    """Why last night's model places some customers of a part elsewhere tonight."""
    labels = read_part(part.labels, ["label"])["label"].to_numpy()
    source = previous["previous"].to_numpy()
    # Customers with a label of -1 cannot be placed by the model, so it cannot say why they moved.
    rows = np.flatnonzero(previous["is_behaviour"].to_numpy() & (source >= 0) & (labels >= 0))
    if not len(rows):
        return REASONS.empty_table()
    features = list_distance_columns(model)
    earlier = join.earlier.select(features).take(pa.array(join.place[rows]))
    current = read_part(part.customers, features).take(pa.array(rows))
    return tabulate_movers(model, Movers(rows, source[rows], labels[rows], earlier, current))


def _tabulate_previous(
    labels: np.ndarray, join: JoinedPart, contest: JoinedPart | None, segment_ids: Sequence[str]
) -> pa.Table:
    previous = _take(look_up_positions(join.earlier["segment_id"], segment_ids), join.place, -1)
    target, nights = np.full_like(previous, -1), np.zeros_like(previous)
    if contest is not None:
        target = _take(look_up_positions(contest.earlier["wanted"], segment_ids), contest.place, -1)
        nights = _take(contest.earlier["nights"].to_numpy(), contest.place, 0)
    # Contested customers were kept out of the segment that last night's model gives them: no new behaviour.
    is_contested = (nights > 0) & (target == labels)
    is_behaviour = (labels != previous) & ~is_contested
    return pa.table({"previous": previous, "is_behaviour": is_behaviour, "wanted": target, "nights": nights})


def _take(values: np.ndarray, place: np.ndarray, missing: int) -> np.ndarray:
    if not len(values):
        return np.full(len(place), missing, np.int64)
    return np.where(place >= 0, values[np.maximum(place, 0)], missing).astype(np.int64)


def count_contingency(previous: PreviousSegments, labels: Sequence[Part], k: int) -> Moves:
    """Count customers by last night's segment and tonight's label, and those who moved by behaviour."""
    count = partial(_count_part, shape=(len(previous.left_by_segment) + 1, 2, k))
    counts = np.sum([*map_parts(count, zip(previous.parts, labels, strict=True))], axis=0)
    totals = counts.sum(axis=1)
    return Moves(Contingency(totals[1:], previous.left_by_segment, totals[0]), counts[1:, 1])


def _count_part(pair: tuple[Part, Part], shape: tuple[int, int, int]) -> np.ndarray:
    last_night = read_part(pair[0], ["previous", "is_behaviour"])
    label = read_part(pair[1], ["label"])["label"].to_numpy()
    # One bincount for all three dimensions. Plus one, because -1 means no segment last night.
    key = (last_night["previous"].to_numpy() + 1) * 2 + last_night["is_behaviour"].to_numpy()
    return np.bincount(key * shape[2] + label, minlength=math.prod(shape)).reshape(shape)


def count_nobody(k0: int, k: int) -> Moves:
    """The same counts where customers cannot be recognised."""
    empty = np.zeros((k0, k), np.int64)
    return Moves(Contingency(empty, empty.sum(axis=1), empty.sum(axis=0)), empty)


def migration_matrix(contingency: Contingency) -> tuple[tuple[int, ...], ...]:
    """Rows: last night's segments, then customers who joined. Columns: tonight's, then who left."""
    top = np.column_stack([contingency.shared, contingency.left])
    return tuple(map(tuple, np.vstack([top, np.append(contingency.joined, 0)]).tolist()))


def count_churn(moves: Moves, new_positions: np.ndarray) -> Churn:
    """Every customer of both nights, once. new_positions (k0,): see LabelMapping."""
    contingency, behaviour = moves
    is_stay = np.zeros(contingency.shared.shape, bool)
    alive = np.flatnonzero(new_positions >= 0)
    is_stay[alive, new_positions[alive]] = True
    stayed = int(contingency.shared[is_stay].sum())
    by_behaviour = int(behaviour[~is_stay].sum())
    return Churn(
        stayed=stayed,
        behaviour=by_behaviour,
        model=int(contingency.shared.sum()) - stayed - by_behaviour,
        joined=int(contingency.joined.sum()),
        left=int(contingency.left.sum()),
    )
