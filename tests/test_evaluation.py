"""All evidence from one sample: equal for any number of threads, and exact where the sample is whole."""

from typing import NamedTuple

import numpy as np
import pytest
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from config.clauses import FitOptions
from config.settings import read_settings
from schemas.evidence import SWEEP_COLUMNS
from segmentation.k.borders import BEYOND
from segmentation.k.evaluation import FAMILIES, Evaluation, join_families
from segmentation.k.evaluation_sample import EvaluationSample, label_nearest
from segmentation.k.fits import WeightedRows, fit_kmeans
from segmentation.k.indices import INDICES


class Groups(NamedTuple):
    """A sample of three separate groups, and centres for k = 1..5."""

    sample: EvaluationSample
    centres: list[np.ndarray]


@pytest.fixture(scope="module")
def groups() -> Groups:
    """1,500 rows."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(1500, 2)) + np.array([[0, 0], [9, 0], [0, 9]])[np.arange(1500) % 3]
    centres = [fit_kmeans(rows, k, FitOptions(starts=4), 1).centres for k in range(1, 6)]
    return Groups(EvaluationSample(rows, None, 0.01, 42), centres)


def evaluate_all(sample: EvaluationSample, centres: list[np.ndarray]) -> Evaluation:
    """All families joined, as the flow does it."""
    return join_families(evaluate(sample, centres) for evaluate in FAMILIES.values())


def test_every_measure_is_best_for_groups_that_are_separate(groups: Groups) -> None:
    """Each measure's rule takes three, and each segment reappears in every resample."""
    measures, natural = evaluate_all(*groups)
    by_k = {point.k: point for point in measures}
    assert max(by_k, key=lambda k: by_k[k].silhouette or -1) == 3
    assert max(by_k, key=lambda k: by_k[k].calinski_harabasz or -1) == 3
    assert min(by_k, key=lambda k: by_k[k].davies_bouldin or 9) == 3
    assert max(by_k, key=lambda k: by_k[k].gap or -1) == 3
    assert (by_k[3].prediction_strength or 0) > 0.99
    assert by_k[3].stability > 0.99
    assert by_k[4].stability < by_k[3].stability
    assert natural[2:] == [3] * (len(natural) - 2)
    assert len(natural) == 5 + BEYOND
    assert (by_k[1].silhouette, by_k[1].prediction_strength, by_k[1].jaccard) == (None, None, ())


def test_measures_are_scikit_learns_where_the_sample_is_whole(groups: Groups) -> None:
    """1,500 rows are measured whole: the numbers equal scikit-learn's to nine digits."""
    rows = groups.sample.rows
    measures, _ = evaluate_all(*groups)
    for point, centres in zip(measures[1:], groups.centres[1:], strict=True):
        labels = label_nearest(rows, centres)
        assert point.silhouette == pytest.approx(silhouette_score(rows, labels), rel=1e-9)
        assert point.calinski_harabasz == pytest.approx(calinski_harabasz_score(rows, labels), rel=1e-9)
        assert point.davies_bouldin == pytest.approx(davies_bouldin_score(rows, labels), rel=1e-9)


def test_the_evidence_is_the_same_for_any_number_of_threads(
    groups: Groups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread or five give every number alike, to the last digit."""
    evaluations = []
    for threads in ("1", "5"):
        monkeypatch.setenv("RESEGMENT_THREADS", threads)
        read_settings.cache_clear()
        evaluations.append(evaluate_all(*groups))
    assert evaluations[0] == evaluations[1]


def test_few_distinct_rows_with_counts_give_the_exact_silhouette() -> None:
    """The silhouette of 6,000 customers on 40 distinct rows is that of all of them."""
    rng = np.random.default_rng(5)
    distinct = np.r_[rng.normal(0, 1, (20, 2)), rng.normal(6, 1, (20, 2))]
    place = rng.integers(0, 40, 6000)
    rows, counts = distinct[place], np.bincount(place, minlength=40).astype(float)
    centres = [rows.mean(axis=0)[None], np.array([[0.0, 0.0], [6.0, 6.0]])]
    sample = EvaluationSample(rows[:2000], WeightedRows(distinct, counts), 0.01, 42)
    measures, _ = evaluate_all(sample, centres)
    expected = silhouette_score(rows, label_nearest(rows, centres[1]))
    assert measures[1].silhouette == pytest.approx(expected, rel=1e-9)


def test_every_index_has_a_column() -> None:
    """An index is published in the column of its name, and votes for a k."""
    assert all(SWEEP_COLUMNS[name].prefers for name in INDICES)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_very_few_customers_are_not_an_error(n: int) -> None:
    """With fewer rows than a measure needs it has no value."""
    rows = np.arange(2.0 * n).reshape(n, 2)
    centres = [fit_kmeans(rows, k, FitOptions(), 1).centres for k in range(1, min(n, 3) + 1)]
    measures, natural = evaluate_all(EvaluationSample(rows, None, 0.01, 42), centres)
    assert [point.k for point in measures] == list(range(1, min(n, 3) + 1))
    assert set(natural) == {1}
