"""Each measure of a division against scikit-learn, a published example, or a plain loop."""

from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

from segmentation.k.gap import Gap, draw_reference, first_within_error, gap_statistic, largest
from segmentation.k.indices import calinski_harabasz, davies_bouldin
from segmentation.k.resampling import crosstab, jaccard, prediction_strength
from segmentation.k.silhouettes import mean_by_segment, silhouettes


def divided(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct rows, how often each occurs, and labels that every one of 2 to 6 segments has."""
    rng = np.random.default_rng(seed)
    n, k, d = int(rng.integers(20, 200)), int(rng.integers(2, 7)), int(rng.integers(1, 6))
    labels = rng.permutation(np.arange(n) % k)
    rows = rng.normal(size=(n, d)) + labels[:, None] * rng.uniform(0, 3)
    return rows, rng.integers(1, 4, n), labels


@pytest.mark.parametrize("seed", range(10))
def test_measures_are_scikit_learns_on_repeated_rows(seed: int) -> None:
    """Weights are repetitions: silhouette of each row and both indices agree to 1e-9."""
    rows, counts, labels = divided(seed)
    weights = counts.astype(float)
    repeated, again = np.repeat(rows, counts, axis=0), np.repeat(labels, counts)
    wanted = silhouette_samples(cdist(repeated, repeated), again, metric="precomputed")
    (found,) = silhouettes(rows, weights, [labels])
    assert np.repeat(found, counts) == pytest.approx(wanted, abs=1e-9)
    assert np.average(found, weights=weights) == pytest.approx(wanted.mean(), abs=1e-9)
    for segment, mean in enumerate(mean_by_segment(found, weights, labels)):
        assert mean == pytest.approx(wanted[again == segment].mean(), abs=1e-9)
    assert calinski_harabasz(rows, weights, labels) == pytest.approx(
        calinski_harabasz_score(repeated, again), rel=1e-9
    )
    assert davies_bouldin(rows, weights, labels) == pytest.approx(
        davies_bouldin_score(repeated, again), rel=1e-9
    )


def test_silhouettes_of_many_divisions_and_blocks_are_each_their_own() -> None:
    """Distances are shared and taken in blocks; each division has the values that it has alone."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(1300, 2))
    divisions = [rng.integers(0, k, 1300) for k in (2, 5, 9)]
    together = silhouettes(rows, np.ones(1300), divisions)
    for labels, values in zip(divisions, together, strict=True):
        assert values == pytest.approx(silhouette_samples(rows, labels), abs=1e-9)


def test_a_segment_of_one_row_and_a_single_segment_have_silhouette_zero() -> None:
    """As Rousseeuw has it; and nothing divides by 0 where all rows are equal."""
    rows = np.array([[0.0], [1.0], [9.0]])
    lone, single = silhouettes(rows, np.ones(3), [np.array([0, 0, 1]), np.array([0, 0, 0])])
    assert lone[2] == 0.0
    assert single.tolist() == [0.0, 0.0, 0.0]
    assert silhouettes(np.zeros((3, 1)), np.ones(3), [np.array([0, 0, 1])])[0].tolist() == [0.0, 0.0, 0.0]


def test_indices_where_nothing_varies() -> None:
    """One segment has no value; segments without width have the limits that scikit-learn gives."""
    rows, ones = np.array([[0.0], [0.0], [5.0], [5.0]]), np.ones(4)
    labels = np.array([0, 0, 1, 1])
    assert np.isnan(calinski_harabasz(rows, ones, np.zeros(4, int)))
    assert np.isnan(davies_bouldin(rows, ones, np.zeros(4, int)))
    assert calinski_harabasz(rows, ones, labels) == calinski_harabasz_score(rows, labels) == 1.0
    assert davies_bouldin(rows, ones, labels) == davies_bouldin_score(rows, labels) == 0.0


@pytest.mark.parametrize(("factor", "wanted"), [(0.25, 3), (1.0, 3), (2.0, 1), (4.0, 1)])
def test_the_rule_of_tibshirani_on_the_example_of_rs_cluster_package(factor: float, wanted: int) -> None:
    """The curve of ?maxSE in R's cluster: method Tibs2001SEmax by SE.factor; the global maximum is at 6."""
    gap = np.array([2.0, 3, 5, 4, 7, 8, 5, 4])
    error = factor * np.array([1.0, 1, 2, 1, 1, 3, 1, 1]) / 2
    assert first_within_error(Gap(gap, error)) + 1 == wanted
    assert largest(Gap(gap, error)) + 1 == 6


def test_the_gap_is_the_references_mean_less_the_data() -> None:
    """With the error of a mean of B references as Tibshirani, Walther and Hastie give it."""
    references = np.array([[3.0, 2.0], [5.0, 2.0]])
    found = gap_statistic(np.array([1.0, 1.5]), references)
    assert found.gap.tolist() == [3.0, 0.5]
    assert found.error == pytest.approx([np.sqrt(1.5), 0.0])
    assert first_within_error(Gap(np.array([0.0, 1.0, 2.0]), np.zeros(3))) == 2


@pytest.mark.parametrize("turned", [False, True])
def test_a_reference_fills_the_box_of_the_rows(turned: bool) -> None:
    """Uniform over the features' box, or over that of the principal components; the mean stays."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 2)) @ np.array([[3.0, 3.0], [0.0, 0.1]]) + 7
    found = draw_reference(rows, rng, turned)
    assert found.shape == rows.shape
    slim = abs(np.corrcoef(found.T)[0, 1])
    assert slim > 0.9 if turned else slim < 0.1
    assert found.mean(axis=0) == pytest.approx(rows.mean(axis=0), abs=1.5)


@pytest.mark.parametrize("seed", range(5))
def test_prediction_strength_counts_pairs(seed: int) -> None:
    """The worst segment's share of pairs that stay together, by a loop over all pairs."""
    rng = np.random.default_rng(seed)
    own, foreign = rng.integers(0, 3, 40), rng.integers(0, 4, 40)
    shares = []
    for segment in range(3):
        pairs = list(combinations(np.flatnonzero(own == segment), 2))
        shares.append(np.mean([foreign[i] == foreign[j] for i, j in pairs]))
    assert prediction_strength(own, foreign) == pytest.approx(min(shares), abs=1e-12)
    assert prediction_strength(own, own) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_jaccard_is_that_of_the_best_matching_segment(seed: int) -> None:
    """Intersection over union of sets of rows, by Python's sets."""
    rng = np.random.default_rng(seed)
    labels, again = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    sets = [{*np.flatnonzero(again == other).tolist()} for other in range(3)]
    for segment, found in enumerate(jaccard(labels, again)):
        own = {*np.flatnonzero(labels == segment).tolist()}
        assert found == pytest.approx(max(len(own & one) / len(own | one) for one in sets), abs=1e-12)
    assert crosstab(labels, again).sum() == 60
