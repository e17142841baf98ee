"""Which of tonight's clusters is which of last night's segments, and what became of each.

Pure functions of a cross-table of customers. Counting it is segmentation/identity/join.py's, giving ids
tasks/align.py's. Events are those of MONIC (Spiliopoulou, Ntoutsi, Theodoridis, Schult, 2006), by
shares of the customers who are there on both nights.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from schemas.identity import Event

SAME_SEGMENT = 0.4  # Jaccard similarity of their shared customers from which on two are the same segment
SPLIT_SHARE = 0.25  # of a segment's customers: less is not a part of a split
MATCH_SHARE = 0.5  # of a segment's customers: MONIC's threshold of a match
FEW_SHARED = 30  # shared customers, below which centres are compared instead
NEAR_CENTRE = 0.5  # of the distance to the next segment: a centre that moved less is still that segment's


class Contingency(NamedTuple):
    """Customers by last night's segment and tonight's cluster, all int64.

    shared (k0, k1): there on both nights; left (k0,): last night only; joined (k1,): tonight only.
    """

    shared: np.ndarray
    left: np.ndarray
    joined: np.ndarray


def jaccard_similarity(shared: np.ndarray) -> np.ndarray:
    """Jaccard similarity (k0, k1) of last night's segments and tonight's, of their shared customers.

    >>> jaccard_similarity(np.array([[6, 2], [0, 4]]))
    array([[0.75      , 0.16666667],
           [0.        , 0.66666667]])
    """
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0) - shared
    found: np.ndarray = np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)
    return found


def match_segments(crossing: Contingency, distances: np.ndarray, apart: np.ndarray) -> list[int | None]:
    """For each of tonight's clusters, which of last night's segments it is, or None: it is new.

    By shared customers first: the assignment with the largest sum of similarities, of which those below
    SAME do not count. Then by centre, among those with hardly any customers to go by: distances
    (k0, k1) between centres, apart (k0,) from each old centre to the nearest other one.
    """
    found: list[int | None] = [None] * crossing.shared.shape[1]
    alike = jaccard_similarity(crossing.shared)
    for i, j in _assign(np.where(alike >= SAME_SEGMENT, alike, 0.0)):
        found[j] = i
    unknown = [i for i in range(len(alike)) if i not in found and crossing.shared[i].sum() < FEW_SHARED]
    new = [j for j, of in enumerate(found) if of is None and crossing.shared[:, j].sum() < FEW_SHARED]
    reach = NEAR_CENTRE * apart[unknown][:, None]
    nearness = np.maximum(reach - distances[np.ix_(unknown, new)], 0.0)
    for a, b in _assign(nearness):
        found[new[b]] = unknown[a]
    return found


def _assign(gain: np.ndarray) -> list[tuple[int, int]]:
    """The pairs with the largest total gain; pairs that gain nothing are left out."""
    if not gain.size:
        return []
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]


def choose_ids(matches: Sequence[int | None], before: Sequence[str], given: int) -> list[str]:
    """Tonight's segment ids. New ones follow the last one given.

    >>> choose_ids([1, None, 0], ["S01", "S02"], 4)
    ['S02', 'S05', 'S01']
    """
    names = []
    for of in matches:
        given += of is None
        names.append(before[of] if of is not None else f"S{given:02d}")
    return names


def detect_events(
    crossing: Contingency, matches: Sequence[int | None], before: Sequence[str], after: Sequence[str]
) -> list[Event]:
    """What became of each of last night's segments, and where each of tonight's comes from."""
    shared, events = crossing.shared, list[Event]()
    of_old, of_new = shared.sum(axis=1), shared.sum(axis=0)

    def tell(kind: str, i: int | None, j: int | None) -> None:
        both = int(shared[i, j]) if i is not None and j is not None else 0
        events.append(
            Event.model_validate(
                {
                    "event": kind,
                    "from_segment_id": None if i is None else before[i],
                    "segment_id": None if j is None else after[j],
                    "shared": both,
                    "share_of_from": both / int(of_old[i]) if i is not None and of_old[i] else None,
                    "share_of_segment": both / int(of_new[j]) if j is not None and of_new[j] else None,
                }
            )
        )

    told = set[int]()
    olds, news = range(len(before)), range(len(after))
    ended = {*olds} - {*matches}  # only a segment that does not live on can be merged into another
    sources = [
        [i for i in olds if (matches[j] == i or i in ended) and _is_most(shared[i, j], of_old[i])]
        for j in news
    ]
    for i in olds:
        kept = [j for j in news if matches[j] == i]
        parted = [j for j in news if matches[j] is None and shared[i, j] >= SPLIT_SHARE * of_old[i] > 0]
        pieces = kept + [j for j in parted if _is_most(shared[i, j], of_new[j])]
        merged = [j for j in news if i in sources[j] and len(sources[j]) > 1]
        ends = [("split", j) for j in pieces] if len(pieces) > 1 else [("survived", j) for j in kept]
        ends = [end for end in ends if end[1] not in merged] + [("merged", j) for j in merged]
        ends = ends or [("merged", j) for j in news if i in sources[j]]
        for kind, j in ends:
            tell(kind, i, j)
            told.add(j)
        if not ends:
            tell("died", i, None)
    for j in news:
        if j not in told:
            tell("born", None, j)
    return events


def _is_most(part: int, whole: int) -> bool:
    return bool(whole > 0 and part >= MATCH_SHARE * whole)
