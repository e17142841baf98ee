"""The fixed-point grid's arithmetic against exact oracles. Passes over parts are tested in test_fit.py."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from segmentation.features.grid import (
    BLOCK,
    blocks,
    cluster_sums,
    compute_quantum,
    exact_sum,
    move_centres,
    nearest_centres,
    snap,
    squared_distances,
    sum_divisions,
)

RANDOM = np.random.default_rng(7)


def draw_grid(d: int, n: int, largest: float = 1000.0) -> tuple[np.ndarray, float]:
    """Values (d, n) on their grid, and its quantum."""
    quantum = compute_quantum(largest, d)
    return snap(RANDOM.uniform(-largest, largest, (d, n)), quantum), quantum


def exact_distance(x: np.ndarray, centre: np.ndarray) -> Fraction:
    """Squared distance in rational arithmetic."""
    return sum(((Fraction(a) - Fraction(c)) ** 2 for a, c in zip(x, centre, strict=True)), Fraction(0))


@pytest.mark.parametrize("features", [1, 2, 3, 8, 30, 200])
@pytest.mark.parametrize("largest", [1e-9, 0.7, 1.0, 892.0, 3e12])
def test_quantum_leaves_room_for_exact_distances(features: int, largest: float) -> None:
    """The quantum is a power of two, fits float32, and keeps 4 d b^2 within 2^53."""
    quantum = compute_quantum(largest, features)
    widest = Fraction(largest) / Fraction(quantum)
    assert np.frexp(quantum)[0] == 0.5
    assert widest <= 2**24
    assert 4 * features * widest**2 <= 2**53
    assert features > 8 or widest >= 2**23


def test_quantum_of_nothing_is_one() -> None:
    """A matrix of zeros gets the quantum 1."""
    assert compute_quantum(0.0, 3) == 1.0


def test_snap_is_nearest_multiple_half_to_even() -> None:
    """Snapping rounds to the nearest multiple, half to even, and leaves values on the grid unchanged."""
    values = np.array([0.125, 0.375, -0.375, 0.4, 0.0])
    assert snap(values, 0.25).tolist() == [0.0, 0.5, -0.5, 0.5, 0.0]
    x, quantum = draw_grid(3, 50)
    assert np.array_equal(snap(x, quantum), x)
    assert snap(np.empty((2, 0)), 0.5).shape == (2, 0)


def test_snapped_values_survive_float32() -> None:
    """Every value on the grid is a float32."""
    x, _ = draw_grid(5, 1000, 3e7)
    assert np.array_equal(x.astype(np.float32).astype(np.float64), x)


@pytest.mark.parametrize("d", [1, 3, 17])
def test_squared_distances_are_exact(d: int) -> None:
    """Every squared distance equals the one in rational arithmetic, bit by bit."""
    x, quantum = draw_grid(d, 20)
    centres = np.vstack([snap(RANDOM.uniform(-1000, 1000, (4, d)), quantum), x[:, 0], -x[:, 0]])
    distances = squared_distances(x, centres)
    for i, centre in enumerate(centres):
        for j in range(x.shape[1]):
            assert Fraction(distances[i, j]) == exact_distance(x[:, j], centre)


def test_distance_to_itself_is_zero_far_from_the_origin() -> None:
    """Nothing cancels: a point far out has distance 0 to a centre at the same place."""
    x, _ = draw_grid(8, 100)
    x += 0.0
    assert not squared_distances(x, x.T).diagonal().any()


def test_distances_to_other_features_are_refused() -> None:
    """Centres with another number of features raise ValueError."""
    with pytest.raises(ValueError, match="mismatch"):
        squared_distances(np.zeros((2, 5)), np.zeros((3, 4)))


def test_nearest_takes_the_lowest_of_ties() -> None:
    """The smallest value wins, the first of equals."""
    distances = np.array([[2.0, 1.0, 3.0, 0.0], [1.0, 1.0, 3.0, 0.0], [1.0, 0.5, 3.0, 0.0]])
    labels, best = nearest_centres(distances)
    assert labels.tolist() == [1, 2, 0, 0]
    assert best.tolist() == [1.0, 0.5, 3.0, 0.0]
    assert labels.dtype == np.int32


def test_nearest_agrees_with_argmin_and_leaves_its_input() -> None:
    """Labels are numpy's argmin, and the distances are not changed."""
    distances = RANDOM.integers(0, 5, (6, 500)).astype(np.float64)
    original = distances.copy()
    labels, best = nearest_centres(distances)
    assert np.array_equal(labels, distances.argmin(axis=0))
    assert np.array_equal(best, distances.min(axis=0))
    assert np.array_equal(distances, original)


def test_exact_sum_equals_that_of_integers() -> None:
    """The sum equals that of Python's integers, even where float64 would round."""
    units = [2**53 - 1, 2**52 + 1, 1, 0, 2**26, 2**26 - 1] * 50
    assert exact_sum(np.array(units, np.float64) * 0.25, 0.25) == sum(units)
    assert exact_sum(np.empty(0), 0.25) == 0


def test_exact_sum_needs_a_unit() -> None:
    """A unit of 0 raises an error."""
    with np.errstate(all="ignore"), pytest.raises((OverflowError, ValueError)):
        exact_sum(np.array([1.0]), 0.0)


def test_blocks_cover_all_columns_once() -> None:
    """Blocks are at most BLOCK wide and together are the matrix."""
    x = np.arange(2.0 * (2 * BLOCK + 3)).reshape(2, -1)
    assert [block.shape[1] for block in blocks(x)] == [BLOCK, BLOCK, 3]
    assert np.array_equal(np.concatenate(blocks(x), axis=1), x)
    assert blocks(np.empty((2, 0))) == []


def test_sums_of_divisions_are_exact() -> None:
    """Inertia, sizes and values of several sets of centres at once equal those of a loop."""
    x, quantum = draw_grid(2, 40)
    sets = [snap(RANDOM.uniform(-1000, 1000, (k, 2)), quantum) for k in (1, 3, 5)]
    expected = []
    for centres in sets:
        total = sum(min(exact_distance(column, c) for c in centres) for column in x.T)
        expected.append(total / Fraction(quantum) ** 2)
    values = RANDOM.integers(0, 100, 40).astype(float)
    for centres, sums, inertia in zip(sets, sum_divisions(x, sets, quantum, values), expected, strict=True):
        nearest = [min(range(len(centres)), key=lambda i: exact_distance(row, centres[i])) for row in x.T]
        assert sums.inertia == inertia
        assert sums.sizes.tolist() == [nearest.count(i) for i in range(len(centres))]
        assert sums.values.tolist() == [values[np.equal(nearest, i)].sum() for i in range(len(centres))]
    assert [sums.inertia for sums in sum_divisions(x[:, :0], sets, quantum)] == [0, 0, 0]


def test_cluster_sums_do_not_depend_on_order() -> None:
    """Sums, counts and inertia have the same bits for every order of the rows, across blocks too."""
    x, quantum = draw_grid(3, BLOCK + 100)
    centres = x[:, :4].T.copy()
    expected = cluster_sums(x, centres, quantum)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(x.shape[1])
        shuffled = cluster_sums(x[:, order], centres, quantum)
        assert np.array_equal(shuffled.sums, expected.sums)
        assert np.array_equal(shuffled.counts, expected.counts)
        assert shuffled.inertia == expected.inertia


def test_cluster_sums_of_every_small_order() -> None:
    """All 120 orders of five rows give one result, and halves add up to the whole."""
    x, quantum = draw_grid(2, 5)
    centres = x[:, :2].T.copy()
    results = {
        (sums.tobytes(), counts.tobytes(), inertia)
        for order in permutations(range(5))
        for sums, counts, inertia in [cluster_sums(x[:, list(order)], centres, quantum)]
    }
    assert len(results) == 1
    whole, left, right = (cluster_sums(part, centres, quantum) for part in (x, x[:, :2], x[:, 2:]))
    assert np.array_equal(whole.sums, left.sums + right.sums)
    assert whole.inertia == left.inertia + right.inertia


def test_one_pass_is_one_lloyd_step() -> None:
    """Sums and counts give the centres of scikit-learn's KMeans after one iteration."""
    x, quantum = draw_grid(3, 2000)
    start = x[:, :5].T.copy()
    sums, counts, inertia = cluster_sums(x, start, quantum)
    moved = move_centres(sums, counts, start, quantum)
    oracle = KMeans(5, init=start, n_init=1, max_iter=1, tol=0.0).fit(x.T)
    labels = squared_distances(x, start).argmin(axis=0)
    means = np.stack([x[:, labels == i].mean(axis=1) for i in range(5)])
    assert np.abs(moved - means).max() <= quantum / 2 * (1 + 1e-9)
    assert np.abs(moved - oracle.cluster_centers_).max() <= quantum
    assert inertia * quantum**2 == pytest.approx(((x.T - start[labels]) ** 2).sum(), rel=1e-12)


def test_centre_without_members_stays() -> None:
    """A centre without nearest customers keeps its place, and nothing is divided by 0."""
    centres = np.array([[0.0], [100.0]])
    sums, counts, _ = cluster_sums(np.array([[1.0, 2.0]]), centres, 0.25)
    assert counts.tolist() == [2, 0]
    assert move_centres(sums, counts, centres, 0.25).tolist() == [[1.5], [100.0]]
