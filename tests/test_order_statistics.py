"""Exact order statistics against numpy's sort."""

import tracemalloc
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from segmentation.features import order_statistics
from segmentation.features.order_statistics import Pass, R, from_keys, select_ranks, to_keys

EXTREMES = np.array(
    [-np.inf, -1e308, -1.5, -1.0, -2.2e-308, -5e-324, 0.0, 5e-324, 2.2e-308, 1.0, 1.0 + 2**-52, 1e308, np.inf]
)


def in_batches(matrix: np.ndarray, labels: np.ndarray, size: int) -> Pass:
    """Passes over the columns of matrix, `size` at a time."""

    def read(kernel: Callable[[np.ndarray, np.ndarray], R]) -> Iterator[R]:
        for start in range(0, matrix.shape[1], size):
            yield kernel(matrix[:, start : start + size], labels[start : start + size])

    return read


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


def test_medians_of_100_features_take_little_memory() -> None:
    """Exact medians by segment and over everyone, of skewed, whole, equal and nearly equal numbers."""
    random = np.random.default_rng(5)
    matrix, labels = random.lognormal(3, 1, (100, 20_000)), random.integers(0, 5, 20_000)
    matrix[:20] = np.round(matrix[:20])
    matrix[20:30], matrix[30:40] = 0.0, 1.7e9 + random.integers(0, 10**7, (10, 20_000))
    sizes = np.append(np.bincount(labels), len(labels))
    ranks = np.repeat(((sizes - 1) // 2)[:, None], 100, axis=1)
    tracemalloc.start()
    selected = select_ranks(in_batches(matrix, labels, 5_000), ranks, 100, has_all=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    groups = [*(matrix[:, labels == group] for group in range(5)), matrix]
    expected = [np.quantile(group, 0.5, axis=1, method="inverted_cdf") for group in groups]
    assert np.array_equal(selected, expected)
    assert peak < 200e6


def test_many_different_values_are_counted_in_more_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a limit that one round exceeds, fewer bits a round lead to the same values."""
    monkeypatch.setattr(order_statistics, "MOST_COUNTED", 0)
    matrix = 1.7e9 + np.random.default_rng(6).random((2, 5_000))
    ranks = np.array([[10, 4_000]])
    selected = select_ranks(in_batches(matrix, np.zeros(5_000, int), 700), ranks, 2)
    assert selected.tolist() == [[np.sort(matrix[0])[10], np.sort(matrix[1])[4_000]]]


@pytest.mark.parametrize("rank", [-1, 3])
def test_rank_outside_its_group_is_refused(rank: int) -> None:
    """A rank below 0 or not below the group's size raises IndexError."""
    with pytest.raises(IndexError, match="outside its group"):
        select_ranks(in_batches(np.zeros((1, 3)), np.zeros(3, int), 3), np.array([[rank]]), 1)


def test_empty_group_has_no_ranks() -> None:
    """A group without rows raises IndexError."""
    with pytest.raises(IndexError, match="outside its group"):
        select_ranks(in_batches(np.zeros((1, 3)), np.zeros(3, int), 3), np.array([[0], [0]]), 1)
