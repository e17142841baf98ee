"""Exact order statistics against numpy's sort."""

from collections.abc import Iterator

import numpy as np
import pytest

from segmentation.features.order_statistics import Batches, from_keys, select_ranks, to_keys

EXTREMES = np.array(
    [-np.inf, -1e308, -1.5, -1.0, -2.2e-308, -5e-324, 0.0, 5e-324, 2.2e-308, 1.0, 1.0 + 2**-52, 1e308, np.inf]
)


def in_batches(matrix: np.ndarray, labels: np.ndarray, size: int) -> Batches:
    """Passes over the columns of matrix, `size` at a time."""

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, matrix.shape[1], size):
            yield matrix[:, start : start + size], labels[start : start + size]

    return batches


def test_keys_sort_as_values_do() -> None:
    """Keys ascend with the values, through infinities, negatives, zero and subnormals, and come back."""
    keys = to_keys(EXTREMES)
    assert (keys[1:] > keys[:-1]).all()
    assert np.array_equal(from_keys(keys), EXTREMES)


def test_negative_zero_counts_as_zero() -> None:
    """-0.0 and 0.0 share a key and come back as 0.0."""
    keys = to_keys(np.array([-0.0, 0.0]))
    assert keys[0] == keys[1]
    assert not np.signbit(from_keys(keys)).any()


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_every_rank_is_selected(size: int) -> None:
    """Every rank of every group and column equals np.sort's, with ties and extreme values."""
    random = np.random.default_rng(3)
    matrix = np.stack([random.choice(EXTREMES, 60), random.integers(-3, 3, 60).astype(float)])
    labels = np.array([0] * 17 + [1] * 43)
    random.shuffle(labels)
    ordered = [np.sort(matrix[:, labels == g], axis=1) for g in (0, 1)]
    for rank in range(17):
        ranks = np.array([[rank, 16 - rank], [2 * rank, 42 - rank]])
        selected = select_ranks(in_batches(matrix, labels, size), ranks, 2)
        expected = [[ordered[g][j, ranks[g, j]] for j in (0, 1)] for g in (0, 1)]
        assert np.array_equal(selected, expected)


def test_a_single_row_has_rank_0() -> None:
    """One row has its value at rank 0."""
    selected = select_ranks(in_batches(np.array([[-3.5]]), np.array([0]), 1), np.array([[0]]), 1)
    assert selected.tolist() == [[-3.5]]


def test_values_that_differ_in_the_last_bit_are_distinguished() -> None:
    """Adjacent float64 values have different ranks."""
    values = np.nextafter(1.0, [0.0, 1.0, 2.0])[None, :]
    selected = [
        select_ranks(in_batches(values, np.zeros(3, int), 2), np.array([[r]]), 1)[0, 0] for r in range(3)
    ]
    assert selected == sorted(values[0].tolist())


@pytest.mark.parametrize("rank", [-1, 3])
def test_rank_outside_its_group_is_refused(rank: int) -> None:
    """A rank below 0 or not below the group's size raises IndexError."""
    with pytest.raises(IndexError, match="outside its group"):
        select_ranks(in_batches(np.zeros((1, 3)), np.zeros(3, int), 3), np.array([[rank]]), 1)


def test_empty_group_has_no_ranks() -> None:
    """A group without rows raises IndexError."""
    with pytest.raises(IndexError, match="outside its group"):
        select_ranks(in_batches(np.zeros((1, 3)), np.zeros(3, int), 3), np.array([[0], [0]]), 1)
