"""Matching tonight's clusters with last night's segments, and what became of each."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segmentation.identity.matching import (
    SAME_SEGMENT,
    Contingency,
    choose_ids,
    detect_events,
    jaccard_similarity,
    match_segments,
)

FAR = np.full((9, 9), 9.0)
APART = np.ones(9)


def crossing(
    shared: list[list[int]], left: list[int] | None = None, joined: list[int] | None = None
) -> Contingency:
    """A cross-table; nobody left or joined unless said."""
    table = np.array(shared)
    none = (np.zeros(size, np.int64) for size in table.shape)
    first, second = none
    return Contingency(
        table,
        np.array(left) if left else first,
        np.array(joined) if joined else second,
    )


def matched(shared: list[list[int]]) -> list[int | None]:
    """By customers alone."""
    k0, k1 = np.array(shared).shape
    return match_segments(crossing(shared), FAR[:k0, :k1], APART[:k0])


def told(shared: list[list[int]]) -> list[tuple[str, str | None, str | None]]:
    """Events, with S01, S02 … last night and whatever follows from the matching tonight."""
    of = matched(shared)
    before = [f"S{i + 1:02d}" for i in range(len(shared))]
    after = choose_ids(of, before, len(before))
    events = detect_events(crossing(shared), of, before, after)
    return [(one.event, one.from_segment_id, one.segment_id) for one in events]


def test_permuted_clusters_are_the_same_segments() -> None:
    """Raw labels mean nothing."""
    assert matched([[0, 90, 3], [4, 1, 80], [70, 0, 0]]) == [2, 0, 1]


@given(arrays(np.int64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.integers(30, 500)))
def test_the_assignment_is_the_best_of_all(shared: np.ndarray) -> None:
    """Against trying every way: no other one has a larger sum of similarities that count."""
    alike = jaccard_similarity(shared)
    gain = np.where(alike >= SAME_SEGMENT, alike, 0.0)
    k0, k1 = shared.shape
    found = match_segments(Contingency(shared, np.zeros(k0), np.zeros(k1)), FAR[:k0, :k1], APART[:k0])
    reached = sum(gain[i, j] for j, i in enumerate(found) if i is not None)
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
    of = match_segments(Contingency(shared, np.zeros(3), np.zeros(3)), FAR[:3, :3], APART[:3])
    order = [2, 0, 1]
    turned = match_segments(Contingency(shared[:, order], np.zeros(3), np.zeros(3)), FAR[:3, :3], APART[:3])
    assert turned == [of[i] for i in order]


def test_few_customers_are_matched_by_centre() -> None:
    """Below thirty shared customers a segment is still itself if its centre hardly moved."""
    table = crossing([[100, 0], [0, 8]])
    near = np.array([[0.1, 5.0], [5.0, 0.4]])
    assert match_segments(table, near, np.array([1.0, 1.0])) == [0, 1]
    nobody = crossing([[100, 0], [0, 0]], left=[0, 8], joined=[0, 9])
    assert match_segments(nobody, near, np.array([1.0, 1.0])) == [0, 1]
    assert match_segments(nobody, near + 0.2, np.array([1.0, 1.0])) == [0, None], "it moved by more than half the way"


def test_ids_follow_the_last_one_given() -> None:
    """Dead ids are not given again."""
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
    ids=["survived", "split", "chip", "merged", "mostly merged", "scattered", "who lives on is not merged"],
)  # fmt: skip
def test_what_became_of_each(
    shared: list[list[int]], events: list[tuple[str, str | None, str | None]]
) -> None:
    """MONIC's events: shares of one half for a match, a quarter for a piece."""
    assert told(shared) == events


@given(arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 5)), elements=st.integers(0, 300)))
def test_every_segment_is_told_of(shared: np.ndarray) -> None:
    """Each of last night's is in one event at least, each of tonight's too, and shares are true."""
    k0, k1 = shared.shape
    table = Contingency(shared, np.zeros(k0, np.int64), np.zeros(k1, np.int64))
    of = match_segments(table, FAR[:k0, :k1], APART[:k0])
    before = [f"S{i + 1:02d}" for i in range(k0)]
    after = choose_ids(of, before, k0)
    found = detect_events(table, of, before, after)
    assert {one.from_segment_id for one in found} - {None} == set(before)
    assert {one.segment_id for one in found} - {None} == set(after)
    for one in found:
        if one.from_segment_id and one.segment_id:
            i, j = before.index(one.from_segment_id), after.index(one.segment_id)
            assert one.shared == shared[i, j]
        assert (one.event == "died") == (one.segment_id is None)
        assert (one.event == "born") == (one.from_segment_id is None)
