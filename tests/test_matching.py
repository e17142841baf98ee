"""Matching tonight's clusters with last night's segments, and what became of each."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.identity import Event
from segmentation.identity.matching import (
    SAME_SEGMENT,
    Contingency,
    choose_ids,
    detect_events,
    jaccard_similarity,
    match_segments,
)

FAR = np.full((9, 9), 9.0)
NEAREST = np.ones(9)
Shared = list[list[int]] | np.ndarray


def make_contingency(shared: Shared, left: Sequence[int] = (), joined: Sequence[int] = ()) -> Contingency:
    """A contingency table; by default nobody left or joined."""
    table = np.array(shared)
    k0, k = table.shape
    return Contingency(table, np.array(left or [0] * k0), np.array(joined or [0] * k))


def match_by_customers(shared: Shared) -> list[int | None]:
    """The matching where all centres are far from each other."""
    contingency = make_contingency(shared)
    k0, k = contingency.shared.shape
    return match_segments(contingency, FAR[:k0, :k], NEAREST[:k0])


def detect(shared: Shared) -> list[Event]:
    """Events, with S01, S02, … last night, and the ids that follow from the matching tonight."""
    matches = match_by_customers(shared)
    previous_ids = [f"S{i + 1:02d}" for i in range(len(shared))]
    segment_ids = choose_ids(matches, previous_ids, len(previous_ids))
    return detect_events(make_contingency(shared), matches, previous_ids, segment_ids)


def test_permuted_clusters_are_the_same_segments() -> None:
    """Raw labels mean nothing."""
    assert match_by_customers([[0, 90, 3], [4, 1, 80], [70, 0, 0]]) == [2, 0, 1]


@given(arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.integers(30, 500)))
def test_the_assignment_is_the_best_of_all(shared: np.ndarray) -> None:
    """No other assignment has a larger sum of similarities that count: all are tried."""
    similarity = jaccard_similarity(shared)
    gain = np.where(similarity >= SAME_SEGMENT, similarity, 0.0)
    k0, k1 = shared.shape
    matches = match_by_customers(shared)
    reached = sum(gain[i, j] for j, i in enumerate(matches) if i is not None)
    size = max(k0, k1)
    padded = np.zeros((size, size))
    padded[:k0, :k1] = gain
    best = max(
        sum(padded[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(size))
    )
    assert reached == pytest.approx(best)


def test_a_matching_permutes_with_its_labels() -> None:
    """The order of clusters does not decide which segment is which."""
    shared = np.array([[60, 30, 0], [0, 10, 80], [45, 0, 0]])
    matches = match_by_customers(shared)
    order = [2, 0, 1]
    assert match_by_customers(shared[:, order]) == [matches[i] for i in order]


def test_few_customers_are_matched_by_centre() -> None:
    """Below thirty shared customers a segment keeps its identity if its centre hardly moved."""
    few_shared = make_contingency([[100, 0], [0, 8]])
    near = np.array([[0.1, 5.0], [5.0, 0.4]])
    assert match_segments(few_shared, near, np.array([1.0, 1.0])) == [0, 1]
    none_shared = make_contingency([[100, 0], [0, 0]], left=[0, 8], joined=[0, 9])
    assert match_segments(none_shared, near, np.array([1.0, 1.0])) == [0, 1]
    matches = match_segments(none_shared, near + 0.2, np.array([1.0, 1.0]))
    assert matches == [0, None], "it moved by more than half the way"


def test_new_ids_follow_the_last_issued_id() -> None:
    """Ids of dead segments are not issued again."""
    assert choose_ids([None, 1, None], ["S02", "S05"], 7) == ["S08", "S05", "S09"]


@pytest.mark.parametrize(
    ("shared", "events"),
    [
        ([[90, 2], [3, 80]], [("survived", "S01", "S01"), ("survived", "S02", "S02")]),
        ([[60, 40]], [("split", "S01", "S01"), ("split", "S01", "S02")]),
        ([[90, 10]], [("survived", "S01", "S01"), ("born", None, "S02")]),
        ([[90], [40]], [("merged", "S01", "S01"), ("merged", "S02", "S01")]),
        ([[90, 0], [30, 9]], [("merged", "S01", "S01"), ("merged", "S02", "S01"), ("born", None, "S03")]),
        ([[90, 0, 0], [0, 80, 0], [14, 13, 13]], [
            ("survived", "S01", "S01"), ("survived", "S02", "S02"),
            ("died", "S03", None), ("born", None, "S04"),
        ]),
        ([[100, 60], [0, 90]], [("survived", "S01", "S01"), ("survived", "S02", "S02")]),
    ],
    ids=["survived", "split", "small piece", "merged", "mostly merged", "scattered", "survivor not merged"],
)  # fmt: skip
def test_the_events_of_each_segment(
    shared: list[list[int]], events: list[tuple[str, str | None, str | None]]
) -> None:
    """MONIC's events: half the customers for a match, a quarter for a piece of a split."""
    assert [(event.event, event.from_segment_id, event.segment_id) for event in detect(shared)] == events


@given(arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 300)))
def test_every_segment_has_an_event(shared: np.ndarray) -> None:
    """Each of last night's and of tonight's segments has at least one event, with the true counts."""
    previous_ids = [f"S{i + 1:02d}" for i in range(len(shared))]
    segment_ids = choose_ids(match_by_customers(shared), previous_ids, len(shared))
    events = detect(shared)
    assert {event.from_segment_id for event in events} - {None} == set(previous_ids)
    assert {event.segment_id for event in events} - {None} == set(segment_ids)
    for event in events:
        if event.from_segment_id and event.segment_id:
            i, j = previous_ids.index(event.from_segment_id), segment_ids.index(event.segment_id)
            assert event.shared == shared[i, j]
        assert (event.event == "died") == (event.segment_id is None)
        assert (event.event == "born") == (event.from_segment_id is None)
