"""The border test finds a border where there are fewer customers in between, and nowhere else."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from scipy.stats import gaussian_kde

from segmentation.k.borders import (
    ERRORS,
    NO_BORDER,
    count_natural,
    fisher_direction,
    measure_borders,
    measure_pairs,
    plateau,
    scatter_matrix,
)
from segmentation.k.density import compute_bandwidth, measure_valley, spread_ties


class Line(NamedTuple):
    """Rows on the line between two centres, which are at 0 and 1, and which rows are the second segment's."""

    positions: np.ndarray
    is_second: np.ndarray


def draw_line(rng: np.random.Generator, distance: float, n: int) -> Line:
    """Two unit normal segments `distance` apart."""
    is_shifted = rng.random(n) < 0.5
    positions = (rng.normal(size=n) + is_shifted * distance) / distance
    return Line(positions, positions > 0.5)


@pytest.mark.parametrize(("distance", "is_border"), [(1.5, False), (2.2, False), (3.2, True), (5.0, True)])
def test_a_border_is_a_valley_of_density(distance: float, is_border: bool) -> None:
    """Two round segments have a border from about 2.7 standard deviations on."""
    line = draw_line(np.random.default_rng(1), distance, 8000)
    ratio, error = measure_valley(line.positions, compute_bandwidth(*line))
    assert (ratio + ERRORS * error < NO_BORDER) == is_border
    assert 0.0 <= ratio <= 1.0


def test_the_valley_is_that_of_a_kernel_density() -> None:
    """The ratio agrees with scipy's density of the same bandwidth, evaluated on a fine grid."""
    positions, is_second = draw_line(np.random.default_rng(2), 3.5, 3000)
    valley = measure_valley(positions, compute_bandwidth(positions, is_second))
    sides = [positions[is_second], positions[~is_second]]
    deviations = [1.4826 * np.median(np.abs(side - np.median(side))) for side in sides]
    bandwidth = 1.06 * min(deviations) * (2 * min(len(side) for side in sides)) ** -0.2
    kde = gaussian_kde(positions, bw_method=bandwidth / positions.std(ddof=1))
    density = kde(np.linspace(-0.3, 1.3, 801))
    middle = len(density) // 2
    left, right = density[: middle + 1].argmax(), middle + density[middle:].argmax()
    expected = density[left : right + 1].min() / min(density[left], density[right])
    assert valley.ratio == pytest.approx(expected, abs=0.01)


def test_the_direction_is_fishers() -> None:
    """It equals scikit-learn's linear discriminant with the same shrinkage; the centres are at 0 and 1."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rng = np.random.default_rng(8)
    labels = np.arange(20_000) % 2
    cigars = rng.normal(size=(20_000, 3)) @ np.array([[3, 2.9, 0], [0, 0.4, 0], [0, 0, 1]])
    rows = cigars + labels[:, None] * np.array([2.0, -2.0, 1.0])
    centres = np.array([rows[labels == i].mean(axis=0) for i in (0, 1)])
    within = sum(scatter_matrix(rows[labels == i]) for i in (0, 1))
    direction = fisher_direction(np.asarray(within), centres[1] - centres[0], len(rows))
    shrinkage = 0.05 + 4 * 3 / len(rows)
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=[0.5, 0.5]).fit(rows, labels)
    cosine = direction @ lda.coef_[0] / np.linalg.norm(direction) / np.linalg.norm(lda.coef_[0])
    assert cosine > 0.99
    assert ((centres - centres[0]) @ direction).tolist() == pytest.approx([0, 1], abs=1e-12)


def test_segments_of_correlated_features_are_separated() -> None:
    """Two long parallel clouds have no valley on the line between their centres, but a clear one across."""
    rng = np.random.default_rng(9)
    labels = np.arange(8000) % 2
    rows = np.stack([4 * rng.normal(size=8000) + 4 * labels, rng.normal(size=8000) + 4 * labels], axis=1)
    centres = np.array([rows[labels == i].mean(axis=0) for i in (0, 1)])
    difference = centres[1] - centres[0]
    along_line = (rows - centres[0]) @ difference / np.square(difference).sum()
    assert measure_valley(along_line, compute_bandwidth(along_line, labels == 1)).ratio > NO_BORDER
    within = np.asarray(sum(scatter_matrix(rows[labels == i]) for i in (0, 1)))
    along_fisher = (rows - centres[0]) @ fisher_direction(within, difference, 8000)
    assert measure_valley(along_fisher, compute_bandwidth(along_fisher, labels == 1)).ratio < 0.5


def test_where_there_is_no_row_near_a_centre_there_is_no_border() -> None:
    """Rows beyond both ends of the line leave no peak and so no valley, and nothing overflows."""
    for positions in (np.full(100, 9.0), np.array([-0.49, -0.49, 1.49, 1.49]), np.empty(0)):
        assert measure_valley(positions, 0.02) == (1.0, 0.0)


def test_fewer_customers_give_a_larger_error() -> None:
    """The error falls roughly with the square root of the number of rows."""
    lines = [draw_line(np.random.default_rng(3), 3.0, n) for n in (200, 20_000)]
    errors = [measure_valley(line.positions, compute_bandwidth(*line)).error for line in lines]
    assert 3 < errors[0] / errors[1] < 12


def test_a_single_cloud_is_one_natural_segment() -> None:
    """However k-means cuts a round cloud, its pieces have no borders."""
    from sklearn.cluster import KMeans

    rows = np.random.default_rng(4).normal(size=(5000, 3))
    centres = [KMeans(k, n_init=2, random_state=0).fit(rows).cluster_centers_ for k in range(1, 9)]
    assert [border.natural for border in measure_borders(rows, centres, 0.01)] == [1] * 8


@pytest.mark.slow
def test_the_pieces_of_a_box_have_no_borders_though_they_meet_at_corners() -> None:
    """Along the line only, the pieces of a box in six dimensions seem separate; in tubes they do not."""
    from sklearn.cluster import KMeans

    rows = np.random.default_rng(0).uniform(size=(3000, 6))
    centres = [KMeans(k, n_init=3, random_state=0).fit(rows).cluster_centers_ for k in range(1, 13)]
    pairs = [measure_pairs(rows, division) for division in centres[1:]]
    assert max(count_natural(pair.borders, pair.sizes, 0.01) for pair in pairs) > 1
    assert [border.natural for border in measure_borders(rows, centres, 0.01)] == [1] * 12


def test_three_segments_stay_three_when_cut_finer() -> None:
    """Cut into more than three, the pieces of a segment are joined again."""
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(5)
    rows = rng.normal(size=(6000, 2)) + np.array([[0, 0], [7, 0], [0, 7]])[rng.integers(0, 3, 6000)]
    centres = [KMeans(k, n_init=3, random_state=0).fit(rows).cluster_centers_ for k in range(1, 8)]
    borders = measure_borders(rows, centres, 0.01)
    natural = [border.natural for border in borders]
    assert natural[2:] == [3] * 5
    assert plateau(natural) == 3
    assert borders[2].clearest <= borders[2].faintest < 0.5
    assert natural[0] == 1


def test_counts_have_no_borders_between_numbers() -> None:
    """Small counts have few values; spread over their cells they are one crowd."""
    rows = np.random.default_rng(6).poisson(2.0, (4000, 1)).astype(float)
    centres = [np.array([[2.0]]), np.array([[1.0], [3.0]])]
    assert measure_borders(rows, centres, 0.01)[1].natural == 2
    assert measure_borders(spread_ties(rows, 0), centres, 0.01)[1].natural == 1


def test_ties_are_spread_evenly_over_their_cell() -> None:
    """A cell reaches halfway to the values before and after; values without ties do not move."""
    column = np.repeat([0.0, 1.0, 2.0], 1000)
    spread = spread_ties(column[:, None], 7)[:, 0]
    for value in (0.0, 1.0, 2.0):
        cell = np.sort(spread[column == value])
        assert cell == pytest.approx(np.linspace(value - 0.5, value + 0.5, 1000), abs=2e-3)
    distinct = np.random.default_rng(0).normal(size=(100, 2))
    assert (spread_ties(distinct, 7) == distinct).all()
    skewed = spread_ties(np.repeat([0.0, 1.0, 100.0], 50)[:, None], 7)[:, 0]
    assert skewed[50:100].max() < 3  # three times as far as on its other side, not halfway to 100
    assert (spread_ties(np.ones((5, 1)), 7) == 1).all()


@pytest.mark.parametrize("seed", range(20))
def test_natural_segments_are_connected_components(seed: int) -> None:
    """They equal scipy's connected components; slivers do not count."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 10))
    borders = rng.uniform(0, 1.4, (k, k))
    borders = (borders + borders.T) / 2
    sizes = rng.integers(1, 100, k)
    groups = connected_components(borders >= NO_BORDER)[1]
    assert count_natural(borders, sizes, 0.0) == groups.max() + 1
    shares = np.bincount(groups, sizes) / sizes.sum()
    assert count_natural(borders, sizes, 0.2) == max(1, int((shares >= 0.2).sum()))


def test_a_handful_of_rows_has_no_border() -> None:
    """A segment of fewer than eight rows gives no evidence of a border."""
    rows = np.concatenate([np.zeros((100, 2)), np.full((7, 2), 50.0)])
    pairs = measure_pairs(rows, np.array([[0.0, 0.0], [50.0, 50.0]]))
    assert pairs.borders[0, 1] == pairs.in_tubes[0, 1] == 1.0
    assert pairs.sizes.tolist() == [100, 7]


@pytest.mark.parametrize(
    ("natural", "expected"),
    [([1], 1), ([1, 1, 1, 1, 2, 2], 1), ([1, 2, 2, 3, 2, 3], 3), ([1, 2, 3, 4], 4), ([1, 1, 1, 2], 2)],
)
def test_the_plateau_starts_where_the_next_three_k_bring_no_more(natural: list[int], expected: int) -> None:
    """A rise after more than three k is noise, and a dip is a division that straddled a border."""
    assert plateau(natural) == expected
