"""The border test: found where there are fewer customers between, and nowhere else."""

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components
from scipy.stats import gaussian_kde

from segmentation.k.borders import (
    DEEPEST,
    ERRORS,
    count_natural,
    find_borders,
    find_direction,
    find_scatter,
    find_valley,
    find_width,
    measure_borders,
    settle,
    spread_ties,
)


def along(rng: np.random.Generator, distance: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Two unit normal segments `distance` apart, on the line between their centres; who is whose."""
    second = rng.random(n) < 0.5
    places = (rng.normal(size=n) + second * distance) / distance
    return places, places > 0.5


@pytest.mark.parametrize(("distance", "is_border"), [(1.5, False), (2.2, False), (3.2, True), (5.0, True)])
def test_a_border_is_a_valley_of_density(distance: float, is_border: bool) -> None:
    """Two round segments have a border from about 2.7 standard deviations on."""
    places, second = along(np.random.default_rng(1), distance, 8000)
    ratio, error = find_valley(places, find_width(places, second))
    assert (ratio + ERRORS * error < DEEPEST) == is_border
    assert 0.0 <= ratio <= 1.0


def test_the_valley_is_that_of_a_kernel_density() -> None:
    """The ratio agrees with scipy's density of the same bandwidth, evaluated on a fine grid."""
    places, second = along(np.random.default_rng(2), 3.5, 3000)
    ratio, _ = find_valley(places, find_width(places, second))
    deviations = [1.4826 * np.median(np.abs(places[s] - np.median(places[s]))) for s in (second, ~second)]
    width = 1.06 * min(deviations) * (2 * min(second.sum(), (~second).sum())) ** -0.2
    density = gaussian_kde(places, bw_method=width / places.std(ddof=1))(np.linspace(-0.3, 1.3, 801))
    middle = len(density) // 2
    one, other = density[: middle + 1].argmax(), middle + density[middle:].argmax()
    wanted = density[one : other + 1].min() / min(density[one], density[other])
    assert ratio == pytest.approx(wanted, abs=0.01)


def test_the_direction_is_fishers() -> None:
    """As scikit-learn's linear discriminant with the same shrinkage; the centres lie at 0 and 1."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    rng = np.random.default_rng(8)
    labels = np.arange(20_000) % 2
    cigars = rng.normal(size=(20_000, 3)) @ np.array([[3, 2.9, 0], [0, 0.4, 0], [0, 0, 1]])
    rows = cigars + labels[:, None] * np.array([2.0, -2.0, 1.0])
    centres = np.array([rows[labels == i].mean(axis=0) for i in (0, 1)])
    within = sum(find_scatter(rows[labels == i]) for i in (0, 1))
    direction = find_direction(np.asarray(within), centres[1] - centres[0], len(rows))
    shrinkage = 0.05 + 4 * 3 / len(rows)
    lda = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=[0.5, 0.5]).fit(rows, labels)
    cosine = direction @ lda.coef_[0] / np.linalg.norm(direction) / np.linalg.norm(lda.coef_[0])
    assert cosine > 0.99
    assert ((centres - centres[0]) @ direction).tolist() == pytest.approx([0, 1], abs=1e-12)


def test_segments_of_correlated_features_are_parted() -> None:
    """Two long clouds side by side: no valley on the line between their centres, a clear one across it."""
    rng = np.random.default_rng(9)
    second = np.arange(8000) % 2
    rows = np.stack([4 * rng.normal(size=8000) + 4 * second, rng.normal(size=8000) + 4 * second], axis=1)
    centres = np.array([rows[second == i].mean(axis=0) for i in (0, 1)])
    places = (rows - centres[0]) @ (centres[1] - centres[0]) / np.square(centres[1] - centres[0]).sum()
    assert find_valley(places, find_width(places, second == 1))[0] > DEEPEST
    labels_by_truth = find_direction(
        np.asarray(sum(find_scatter(rows[second == i]) for i in (0, 1))), centres[1] - centres[0], 8000
    )
    apart = (rows - centres[0]) @ labels_by_truth
    assert find_valley(apart, find_width(apart, second == 1))[0] < 0.5


def test_where_there_is_no_row_near_a_centre_there_is_no_border() -> None:
    """Rows beyond both ends of the line leave no peak to have a valley beside; no overflow either."""
    for places in (np.full(100, 9.0), np.array([-0.49, -0.49, 1.49, 1.49]), np.empty(0)):
        assert find_valley(places, 0.02) == (1.0, 0.0)


def test_fewer_customers_are_less_sure() -> None:
    """The error falls with the square root of the number of rows, roughly."""
    drawn = [along(np.random.default_rng(3), 3.0, n) for n in (200, 20_000)]
    errors = [find_valley(places, find_width(places, second))[1] for places, second in drawn]
    assert 3 < errors[0] / errors[1] < 12


def test_one_cloud_cut_in_any_number_is_one() -> None:
    """However k-means cuts a round cloud, its pieces have no borders."""
    from sklearn.cluster import KMeans

    rows = np.random.default_rng(4).normal(size=(5000, 3))
    centres = [KMeans(k, n_init=2, random_state=0).fit(rows).cluster_centers_ for k in range(1, 9)]
    assert [one.natural for one in measure_borders(rows, centres, 0.01)] == [1] * 8


def test_the_pieces_of_a_box_have_no_borders_though_they_meet_at_corners() -> None:
    """Seen along the line only, the pieces of a box in six dimensions seem apart; in tubes they are not."""
    from sklearn.cluster import KMeans

    rows = np.random.default_rng(0).uniform(size=(3000, 6))
    centres = [KMeans(k, n_init=3, random_state=0).fit(rows).cluster_centers_ for k in range(1, 13)]
    along_lines = [count_natural(*find_borders(rows, one)[::2], 0.01) for one in centres[1:]]
    assert max(along_lines) > 1
    assert [one.natural for one in measure_borders(rows, centres, 0.01)] == [1] * 12


def test_three_segments_stay_three_when_cut_finer() -> None:
    """Cut in more than three, the pieces of one segment are joined again."""
    from sklearn.cluster import KMeans

    rng = np.random.default_rng(5)
    rows = rng.normal(size=(6000, 2)) + np.array([[0, 0], [7, 0], [0, 7]])[rng.integers(0, 3, 6000)]
    centres = [KMeans(k, n_init=3, random_state=0).fit(rows).cluster_centers_ for k in range(1, 8)]
    found = measure_borders(rows, centres, 0.01)
    assert [one.natural for one in found[2:]] == [3] * 5
    assert settle([one.natural for one in found]) == 3
    assert found[2].clearest <= found[2].faintest < 0.5
    assert found[0].natural == 1


def test_counts_have_no_borders_between_numbers() -> None:
    """Small counts lie on few values; spread over their cells they are one crowd."""
    rows = np.random.default_rng(6).poisson(2.0, (4000, 1)).astype(float)
    centres = [np.array([[2.0]]), np.array([[1.0], [3.0]])]
    assert measure_borders(rows, centres, 0.01)[1].natural == 2
    assert measure_borders(spread_ties(rows, 0), centres, 0.01)[1].natural == 1


def test_ties_are_spread_evenly_over_their_cell() -> None:
    """From half-way to the value before to half-way to the next; values without equals hardly move."""
    column = np.repeat([0.0, 1.0, 2.0], 1000)
    spread = spread_ties(column[:, None], 7)[:, 0]
    for value in (0.0, 1.0, 2.0):
        own = np.sort(spread[column == value])
        assert own == pytest.approx(np.linspace(value - 0.5, value + 0.5, 1000), abs=2e-3)
    alone = np.random.default_rng(0).normal(size=(100, 2))
    assert (spread_ties(alone, 7) == alone).all()
    far = spread_ties(np.repeat([0.0, 1.0, 100.0], 50)[:, None], 7)[:, 0]
    assert far[50:100].max() < 3  # three times as far as on its other side, not half-way to 100
    assert (spread_ties(np.ones((5, 1)), 7) == 1).all()


@pytest.mark.parametrize("seed", range(20))
def test_natural_segments_are_connected_components(seed: int) -> None:
    """Groups joined directly or through others, as scipy finds them; slivers do not count."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 10))
    borders = rng.uniform(0, 1.4, (k, k))
    borders = (borders + borders.T) / 2
    sizes = rng.integers(1, 100, k)
    groups = connected_components(borders >= DEEPEST)[1]
    assert count_natural(borders, sizes, 0.0) == groups.max() + 1
    shares = np.bincount(groups, sizes) / sizes.sum()
    assert count_natural(borders, sizes, 0.2) == max(1, int((shares >= 0.2).sum()))


def test_a_handful_of_rows_has_no_border() -> None:
    """A segment of fewer than eight rows is no evidence of a border."""
    rows = np.concatenate([np.zeros((100, 2)), np.full((7, 2), 50.0)])
    borders, tubes, sizes = find_borders(rows, np.array([[0.0, 0.0], [50.0, 50.0]]))
    assert borders[0, 1] == tubes[0, 1] == 1.0
    assert sizes.tolist() == [100, 7]


@pytest.mark.parametrize(
    ("natural", "wanted"),
    [([1], 1), ([1, 1, 1, 1, 2, 2], 1), ([1, 2, 2, 3, 2, 3], 3), ([1, 2, 3, 4], 4), ([1, 1, 1, 2], 2)],
)
def test_the_number_settles_where_the_next_three_bring_no_more(natural: list[int], wanted: int) -> None:
    """A later rise beyond three k is noise; a dip is a cut that straddled a border."""
    assert settle(natural) == wanted
