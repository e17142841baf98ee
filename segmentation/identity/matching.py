"""Matching tonight's clusters with last night's segments, and what became of each segment.

Pure functions of the contingency table of customers, which is counted in previous_segments.py. Events are
those of MONIC (Spiliopoulou, Ntoutsi, Theodoridis, Schult, 2006), by shares of the customers of both nights.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from schemas.identity import Event

SAME_SEGMENT = 0.4  # Jaccard similarity of their shared customers from which on two are the same segment
SPLIT_SHARE = 0.25  # of a segment's customers: less is not a piece of a split
MATCH_SHARE = 0.5  # of a segment's customers: MONIC's threshold of a match
# Among a handful of customers, a few who move decide the similarity.
FEW_SHARED = 30  # shared customers below which centres are compared instead
NEAR_CENTRE = 0.5  # of the distance to the next segment: a centre that moved less is still that segment's


class Contingency(NamedTuple):
    """Customers by last night's segment and tonight's cluster, all int64.

    shared (k0, k): customers of both nights. left (k0,): last night only. joined (k,): tonight only.
    """

    shared: np.ndarray
    left: np.ndarray
    joined: np.ndarray


def jaccard_similarity(shared: np.ndarray) -> np.ndarray:
    """Jaccard similarity (k0, k) of last night's segments and tonight's, among shared customers.

    0 for two segments without any shared customers.

    >>> jaccard_similarity(np.array([[6, 2], [0, 4]]))
    array([[0.75      , 0.16666667],
           [0.        , 0.66666667]])
    """
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0) - shared
    similarity: np.ndarray = np.divide(shared, union, out=np.zeros(shared.shape), where=union > 0)
    return similarity


def match_segments(contingency: Contingency, distances: np.ndarray, nearest: np.ndarray) -> list[int | None]:
    """For each of tonight's clusters, the position of last night's segment that it is; None if it is new.

    First by shared customers: the assignment with the largest sum of similarities, where those below
    SAME_SEGMENT count as 0. Then by centre, among segments and clusters with few shared customers:
    distances (k0, k) between centres, nearest (k0,) from each old centre to the next old one.
    """
    shared = contingency.shared
    matches: list[int | None] = [None] * shared.shape[1]
    similarity = jaccard_similarity(shared)
    for i, j in assign_pairs(np.where(similarity >= SAME_SEGMENT, similarity, 0.0)):
        matches[j] = i
    # Tables without ids, and segments that lost nearly everyone, can only be compared by centre.
    unmatched = [i for i in range(len(shared)) if i not in matches and shared[i].sum() < FEW_SHARED]
    new = [j for j, match in enumerate(matches) if match is None and shared[:, j].sum() < FEW_SHARED]
    reach = NEAR_CENTRE * nearest[unmatched][:, None]
    for row, column in assign_pairs(np.maximum(reach - distances[np.ix_(unmatched, new)], 0.0)):
        matches[new[column]] = unmatched[row]
    return matches


def assign_pairs(gain: np.ndarray) -> list[tuple[int, int]]:
    """The pairs with the largest total gain (Hungarian assignment), without pairs that gain nothing."""
    if not gain.size:
        return []
    # Greedy matching could give a segment's id to its second best cluster; the assignment
    # is the best in total.
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if gain[i, j] > 0]


def choose_ids(matches: Sequence[int | None], previous_ids: Sequence[str], issued: int) -> list[str]:
    """Tonight's segment ids. New segments get the next numbers after the `issued` ids so far.

    >>> choose_ids([1, None, 0], ["S01", "S02"], 4)
    ['S02', 'S05', 'S01']
    """
    segment_ids = []
    for match in matches:
        issued += match is None
        segment_ids.append(f"S{issued:02d}" if match is None else previous_ids[match])
    return segment_ids


class _Transition(NamedTuple):
    """An event between last night's segment i and tonight's j; one of them may be missing."""

    kind: str
    i: int | None
    j: int | None


def detect_events(
    contingency: Contingency,
    matches: Sequence[int | None],
    previous_ids: Sequence[str],
    segment_ids: Sequence[str],
) -> list[Event]:
    """What became of each of last night's segments, and where each of tonight's comes from."""
    shared = contingency.shared
    old_sizes, new_sizes = shared.sum(axis=1), shared.sum(axis=0)
    events = []
    for kind, i, j in _list_transitions(shared, matches):
        count = int(shared[i, j]) if i is not None and j is not None else 0
        fields = {
            "event": kind,
            "from_segment_id": None if i is None else previous_ids[i],
            "segment_id": None if j is None else segment_ids[j],
            "shared": count,
            "share_of_from": count / int(old_sizes[i]) if i is not None and old_sizes[i] else None,
            "share_of_segment": count / int(new_sizes[j]) if j is not None and new_sizes[j] else None,
        }
        events.append(Event.model_validate(fields))
    return events


def _list_transitions(shared: np.ndarray, matches: Sequence[int | None]) -> list[_Transition]:
    """All transitions: by last night's segment, then the segments that were born."""
    k0, k = shared.shape
    sources = _list_sources(shared, matches)
    transitions = []
    for i in range(k0):
        successors = _list_successors(shared, matches, sources, i)
        transitions += successors or [_Transition("died", i, None)]
    continued = {transition.j for transition in transitions}
    return transitions + [_Transition("born", None, j) for j in range(k) if j not in continued]


def _list_sources(shared: np.ndarray, matches: Sequence[int | None]) -> list[list[int]]:
    """For each of tonight's segments, those of last night that mostly went into it.

    Only a segment that does not live on can be merged into another.
    """
    k0, k = shared.shape
    dead = {*range(k0)} - {*matches}
    sizes = shared.sum(axis=1)
    return [
        [i for i in range(k0) if (matches[j] == i or i in dead) and _is_most(shared[i, j], sizes[i])]
        for j in range(k)
    ]


def _list_successors(
    shared: np.ndarray, matches: Sequence[int | None], sources: Sequence[Sequence[int]], i: int
) -> list[_Transition]:
    """What became of segment i: it survived, was split, was merged, or (empty) died."""
    size, new_sizes = shared[i].sum(), shared.sum(axis=0)
    news = range(len(new_sizes))
    survivors = [j for j in news if matches[j] == i]
    pieces = survivors + [
        j
        for j in news
        if matches[j] is None
        and shared[i, j] >= SPLIT_SHARE * size > 0
        and _is_most(shared[i, j], new_sizes[j])
    ]
    merged = [j for j in news if i in sources[j] and len(sources[j]) > 1]
    kind, targets = ("split", pieces) if len(pieces) > 1 else ("survived", survivors)
    successors = [_Transition(kind, i, j) for j in targets if j not in merged]
    successors += [_Transition("merged", i, j) for j in merged]
    return successors or [_Transition("merged", i, j) for j in news if i in sources[j]]


def _is_most(part: int, total: int) -> bool:
    return bool(total > 0 and part >= MATCH_SHARE * total)
