"""Where each customer was last night, and the cross-table of both nights.

Who is whose pair is segmentation/identity/join.py's, which segment is which aligning.py's.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.identity import Churn
from schemas.part import Part
from segmentation.identity.join import JoinedPart, join_parts, look_up_positions, read_published
from segmentation.identity.matching import Contingency
from segmentation.parts import read_part, write_part
from segmentation.store.layout import SEGMENTS
from segmentation.store.objects import AnyPath

CONTESTED = "contested.parquet"


class PreviousSegments(NamedTuple):
    """Parts of where tonight's customers were, parts of who left, and how many left each segment (k0,).

    The first hold `previous`, the position of last night's segment or -1; `is_behaviour`, whether last
    night's model places the customer elsewhere tonight; `wanted` and `nights`, where a new model has
    asked to move the customer to, and for how many nights, or -1 and 0.
    """

    parts: tuple[Part, ...]
    left: tuple[Part, ...]
    left_by_segment: np.ndarray


def look_up_previous_segments(
    parts: Sequence[tuple[Part, Part]], before: AnyPath, names: Sequence[str], folder: Path
) -> PreviousSegments:
    """Pair tonight's customers with those of the edition in the folder `before`.

    parts: the customers, and where last night's model places them; names: last night's segment ids.
    """
    customers = [part for part, _ in parts]
    pairs = join_parts(customers, read_published(before / SEGMENTS, ["segment_id"]))
    contests: Iterator[JoinedPart | None] = repeat(None)
    if (before / CONTESTED).is_file():
        contests = iter(join_parts(customers, read_published(before / CONTESTED, ["wanted", "nights"])))
    found, left = [], []
    gone = np.zeros(len(names), np.int64)
    for i, ((_, recalled), paired, contest) in enumerate(zip(parts, pairs, contests, strict=False)):
        labels = read_part(recalled)["label"].to_numpy()
        found.append(write_part(folder / f"origins-{i:05d}.parquet", _tell(labels, paired, contest, names)))
        of = look_up_positions(paired.left["segment_id"], names)
        gone += np.bincount(of[of >= 0], minlength=len(names))
        ids = paired.left["customer_id"].cast(pa.string())
        left.append(
            write_part(folder / f"left-{i:05d}.parquet", pa.table({"customer_id": ids, "previous": of}))
        )
    return PreviousSegments(tuple(found), tuple(left), gone)


def _tell(labels: np.ndarray, paired: JoinedPart, contest: JoinedPart | None, names: Sequence[str]) -> pa.Table:
    previous = _take(look_up_positions(paired.earlier["segment_id"], names), paired.place, -1)
    wanted, nights = np.full_like(previous, -1), np.zeros_like(previous)
    if contest is not None:
        wanted = _take(look_up_positions(contest.earlier["wanted"], names), contest.place, -1)
        nights = _take(contest.earlier["nights"].to_numpy(), contest.place, 0)
    asked_before = (nights > 0) & (wanted == labels)
    is_behaviour = (labels != previous) & ~asked_before
    return pa.table({"previous": previous, "is_behaviour": is_behaviour, "wanted": wanted, "nights": nights})


def _take(values: np.ndarray, place: np.ndarray, missing: int) -> np.ndarray:
    if not len(values):
        return np.full(len(place), missing, np.int64)
    return np.where(place >= 0, values[np.maximum(place, 0)], missing).astype(np.int64)


def count_contingency(origins: PreviousSegments, labels: Sequence[Part], k: int) -> tuple[Contingency, np.ndarray]:
    """The cross-table of segments by last night's and tonight's, and of those who moved by behaviour."""
    k0 = len(origins.left_by_segment)
    counts = np.zeros((k0 + 1, 2, k), np.int64)
    for origin, label in zip(origins.parts, labels, strict=True):
        was, now = read_part(origin), read_part(label, ["label"])["label"].to_numpy()
        key = (was["previous"].to_numpy() + 1) * 2 + was["is_behaviour"].to_numpy()
        counts += np.bincount(key * k + now, minlength=counts.size).reshape(counts.shape)
    both = counts.sum(axis=1)
    return Contingency(both[1:], origins.left_by_segment, both[0]), counts[1:, 1]


def migration_matrix(crossing: Contingency) -> tuple[tuple[int, ...], ...]:
    """Rows: last night's segments, then who joined; columns: tonight's, then who left."""
    top = np.column_stack([crossing.shared, crossing.left])
    return tuple(map(tuple, np.vstack([top, np.append(crossing.joined, 0)]).tolist()))


def count_churn(crossing: Contingency, behaviour: np.ndarray, kept: np.ndarray) -> Churn:
    """Every customer of both nights, once. behaviour (k0, k); kept (k0,): tonight's position or -1."""
    staying = np.zeros(crossing.shared.shape, bool)
    alive = np.flatnonzero(kept >= 0)
    staying[alive, kept[alive]] = True
    stayed = int(crossing.shared[staying].sum())
    by_behaviour = int(behaviour[~staying].sum())
    return Churn(
        stayed=stayed,
        behaviour=by_behaviour,
        model=int(crossing.shared.sum()) - stayed - by_behaviour,
        joined=int(crossing.joined.sum()),
        left=int(crossing.left.sum()),
    )
