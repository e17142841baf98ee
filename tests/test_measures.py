"""Each measure of a division against scikit-learn, a published example, or a plain loop."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_iris
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_samples

from config.clauses import FitOptions
from segmentation.k.fits import WeightedRows, fit_kmeans
from segmentation.k.gap import Gap, draw_reference, first_within_error, gap_statistic
from segmentation.k.indices import calinski_harabasz, davies_bouldin
from segmentation.k.resampling import bootstrap_jaccard, contingency_table, prediction_strength
from segmentation.k.silhouettes import compute_silhouettes, mean_by_segment


class Division(NamedTuple):
    """Distinct rows (n, d), how often each occurs, and labels (n,) of 2 to 6 segments that all have rows."""

    rows: np.ndarray
    counts: np.ndarray
    labels: np.ndarray


def draw_division(seed: int) -> Division:
    """A random division."""
    rng = np.random.default_rng(seed)
    n, k, d = int(rng.integers(20, 200)), int(rng.integers(2, 7)), int(rng.integers(1, 6))
    labels = rng.permutation(np.arange(n) % k)
    rows = rng.normal(size=(n, d)) + labels[:, None] * rng.uniform(0, 3)
    return Division(rows, rng.integers(1, 4, n), labels)


@pytest.mark.parametrize("seed", range(10))
def test_measures_are_scikit_learns_on_repeated_rows(seed: int) -> None:
    """Weights count as repetitions: the silhouette of each row and both indices agree to 1e-9."""
    rows, counts, labels = draw_division(seed)
    weights = counts.astype(float)
    repeated, repeated_labels = np.repeat(rows, counts, axis=0), np.repeat(labels, counts)
    expected = silhouette_samples(cdist(repeated, repeated), repeated_labels, metric="precomputed")
    (values,) = compute_silhouettes(WeightedRows(rows, weights), [labels])
    assert np.repeat(values, counts) == pytest.approx(expected, abs=1e-9)
    assert np.average(values, weights=weights) == pytest.approx(expected.mean(), abs=1e-9)
    for segment, mean in enumerate(mean_by_segment(values, weights, labels)):
        assert mean == pytest.approx(expected[repeated_labels == segment].mean(), abs=1e-9)
    assert calinski_harabasz(repeated, repeated_labels) == pytest.approx(
        calinski_harabasz_score(repeated, repeated_labels), rel=1e-9
    )
    assert davies_bouldin(repeated, repeated_labels) == pytest.approx(
        davies_bouldin_score(repeated, repeated_labels), rel=1e-9
    )


def test_calinski_harabasz_is_between_over_within_variance() -> None:
    """(3 * 4^2 + 3 * 4^2) / 1 over (4 * 1^2) / 4, by hand: two segments of three rows each."""
    rows = np.array([[-5.0], [-4.0], [-3.0], [3.0], [4.0], [5.0]])
    assert calinski_harabasz(rows, np.repeat([0, 1], 3)) == pytest.approx(96.0)


def test_silhouettes_of_many_divisions_and_blocks_do_not_mix() -> None:
    """Distances are shared and computed in blocks; each division has the values that it has alone."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(1300, 2))
    divisions = [rng.integers(0, k, 1300) for k in (2, 5, 9)]
    silhouettes = compute_silhouettes(WeightedRows(rows, np.ones(1300)), divisions)
    for labels, values in zip(divisions, silhouettes, strict=True):
        assert values == pytest.approx(silhouette_samples(rows, labels), abs=1e-9)


def test_a_segment_of_one_row_and_a_single_segment_have_silhouette_zero() -> None:
    """That is Rousseeuw's definition; nothing divides by 0 where all rows are equal."""
    rows = np.array([[0.0], [1.0], [9.0]])
    labels = np.array([0, 0, 1])
    lone, single = compute_silhouettes(WeightedRows(rows, np.ones(3)), [labels, np.zeros(3, int)])
    assert lone[2] == 0.0
    assert single.tolist() == [0.0, 0.0, 0.0]
    equal = WeightedRows(np.zeros((3, 1)), np.ones(3))
    assert compute_silhouettes(equal, [labels])[0].tolist() == [0.0, 0.0, 0.0]


def test_indices_where_nothing_varies() -> None:
    """One segment, or a segment per row, has no value; segments without width have scikit-learn's limits."""
    rows, labels = np.array([[0.0], [0.0], [5.0], [5.0]]), np.array([0, 0, 1, 1])
    assert np.isnan(calinski_harabasz(rows, np.zeros(4, int)))
    assert np.isnan(calinski_harabasz(rows, np.arange(4)))
    assert np.isnan(davies_bouldin(rows, np.zeros(4, int)))
    assert calinski_harabasz(rows, labels) == calinski_harabasz_score(rows, labels) == 1.0
    assert davies_bouldin(rows, labels) == davies_bouldin_score(rows, labels) == 0.0


@pytest.mark.parametrize(("factor", "expected"), [(0.25, 3), (1.0, 3), (2.0, 1), (4.0, 1)])
def test_the_rule_of_tibshirani_on_the_example_of_rs_cluster_package(factor: float, expected: int) -> None:
    """The curve of ?maxSE in R's cluster: method Tibs2001SEmax by SE.factor; the global maximum is at 6."""
    gap = np.array([2.0, 3, 5, 4, 7, 8, 5, 4])
    error = factor * np.array([1.0, 1, 2, 1, 1, 3, 1, 1]) / 2
    assert first_within_error(Gap(gap, error)) + 1 == expected
    assert gap.argmax() + 1 == 6


class ClusGap(NamedTuple):
    """R's clusGap for k = 1..8: gap and SE.sim, and the k by the methods Tibs2001SEmax and globalmax."""

    gap: list[float]
    error: list[float]
    first: int
    largest: int


# On Fisher's iris data: clusGap(as.matrix(iris[, 1:4]), K.max = 8, B = 2000, d.power = 2) with kmeans of 50
# starts, in both reference spaces. R 4.2.2, cluster 2.1.4.
CLUSGAP = {
    "scaledPCA": ClusGap(
        [0.0765105, 0.5912913, 0.8755447, 1.0043298, 1.0452696, 1.0657948, 1.0614393, 1.0845302],
        [0.0624204, 0.0478351, 0.0431720, 0.0422946, 0.0407934, 0.0391856, 0.0383297, 0.0372947],
        first=5,
        largest=8,
    ),
    "original": ClusGap(
        [0.0784085, 0.9857980, 1.4374584, 1.5777823, 1.6443471, 1.7096485, 1.7501567, 1.8037309],
        [0.0476046, 0.0387834, 0.0367206, 0.0370550, 0.0372879, 0.0380783, 0.0385242, 0.0389048],
        first=8,
        largest=8,
    ),
}


@pytest.mark.parametrize("space", CLUSGAP)
def test_the_gap_is_that_of_clusgap(space: str) -> None:
    """On the iris data gaps and their errors are those of R's clusGap, and the rule chooses its k."""
    expected = CLUSGAP[space]
    iris, options = load_iris().data, FitOptions(starts=5)

    def fit_logs(rows: np.ndarray) -> list[float]:
        return [float(np.log(fit_kmeans(rows, k, options, 0).inertia)) for k in range(1, 9)]

    references = [
        draw_reference(iris, np.random.default_rng(seed), space == "scaledPCA") for seed in range(60)
    ]
    curve = gap_statistic(np.array(fit_logs(iris)), np.array([fit_logs(rows) for rows in references]))
    error = np.array(expected.error)
    # A mean of 60 references is within four of its standard errors.
    assert np.all(np.abs(curve.gap - expected.gap) < 4 * error / np.sqrt(60))
    assert curve.error == pytest.approx(error, rel=0.4)
    assert first_within_error(Gap(np.array(expected.gap), error)) + 1 == expected.first
    assert curve.gap.argmax() + 1 == expected.largest


def test_the_gap_is_the_references_mean_less_the_data() -> None:
    """The error is that of a mean of B references, as Tibshirani, Walther and Hastie define it."""
    references = np.array([[3.0, 2.0], [5.0, 2.0]])
    curve = gap_statistic(np.array([1.0, 1.5]), references)
    assert curve.gap.tolist() == [3.0, 0.5]
    assert curve.error == pytest.approx([np.sqrt(1.5), 0.0])
    assert first_within_error(Gap(np.array([0.0, 1.0, 2.0]), np.zeros(3))) == 2


@pytest.mark.parametrize("by_components", [False, True])
def test_a_reference_fills_the_box_of_the_rows(by_components: bool) -> None:
    """It is uniform over the features' box or the principal components' box, and keeps the mean."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 2)) @ np.array([[3.0, 3.0], [0.0, 0.1]]) + 7
    reference = draw_reference(rows, rng, by_components)
    assert reference.shape == rows.shape
    correlation = abs(np.corrcoef(reference.T)[0, 1])
    assert correlation > 0.9 if by_components else correlation < 0.1
    assert reference.mean(axis=0) == pytest.approx(rows.mean(axis=0), abs=1.5)


@pytest.mark.parametrize("seed", range(5))
def test_prediction_strength_counts_pairs(seed: int) -> None:
    """It is the least share, over segments, of pairs that stay together, by a loop over all pairs."""
    rng = np.random.default_rng(seed)
    labels, foreign = rng.integers(0, 3, 40), rng.integers(0, 4, 40)
    shares = []
    for segment in range(3):
        pairs = list(combinations(np.flatnonzero(labels == segment), 2))
        shares.append(np.mean([foreign[i] == foreign[j] for i, j in pairs]))
    assert prediction_strength(labels, foreign) == pytest.approx(min(shares), abs=1e-12)
    assert prediction_strength(labels, labels) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_jaccard_is_that_of_the_best_matching_segment(seed: int) -> None:
    """It is intersection over union of sets of rows, by Python's sets."""
    rng = np.random.default_rng(seed)
    labels, refitted = rng.integers(0, 4, 60), rng.integers(0, 3, 60)
    candidates = [{*np.flatnonzero(refitted == segment).tolist()} for segment in range(3)]
    for segment, jaccard in enumerate(bootstrap_jaccard(labels, refitted)):
        rows = {*np.flatnonzero(labels == segment).tolist()}
        expected = max(len(rows & candidate) / len(rows | candidate) for candidate in candidates)
        assert jaccard == pytest.approx(expected, abs=1e-12)
    assert contingency_table(labels, refitted).sum() == 60
