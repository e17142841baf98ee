"""All evidence from one sample: the same for any threads, and exact where it is whole."""

import numpy as np
import pytest
from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score, silhouette_score

from config.plans import FitPlan
from config.settings import read_settings
from segmentation.k.fits import Weighted, fit_kmeans
from segmentation.k.weighing import BEYOND, Bench, label_rows, weigh_all


@pytest.fixture(scope="module")
def three() -> tuple[Bench, list[np.ndarray]]:
    """Three groups apart, and centres for k = 1..5."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(1500, 2)) + np.array([[0, 0], [9, 0], [0, 9]])[np.arange(1500) % 3]
    centres = [fit_kmeans(rows, k, FitPlan(starts=4), 1).centres for k in range(1, 6)]
    return Bench(rows, None, 0.01, 42), centres


def test_every_measure_speaks_for_groups_that_lie_apart(three: tuple[Bench, list[np.ndarray]]) -> None:
    """Each measure's own rule takes three; each segment is there again in every resample."""
    measures, natural = weigh_all(*three)
    by_k = {one.k: one for one in measures}
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


def test_measures_are_scikit_learns_where_the_sample_is_whole(three: tuple[Bench, list[np.ndarray]]) -> None:
    """1,500 rows are measured whole: the same numbers, to nine digits."""
    bench, centres = three
    measures, _ = weigh_all(*three)
    for one, own in zip(measures[1:], centres[1:], strict=True):
        labels = label_rows(bench.rows, own)
        assert one.silhouette == pytest.approx(silhouette_score(bench.rows, labels), rel=1e-9)
        assert one.calinski_harabasz == pytest.approx(calinski_harabasz_score(bench.rows, labels), rel=1e-9)
        assert one.davies_bouldin == pytest.approx(davies_bouldin_score(bench.rows, labels), rel=1e-9)


def test_the_evidence_is_the_same_for_any_number_of_threads(
    three: tuple[Bench, list[np.ndarray]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread or five: every number, to the last digit."""
    found = []
    for threads in ("1", "5"):
        monkeypatch.setenv("RESEGMENT_THREADS", threads)
        read_settings.cache_clear()
        found.append(weigh_all(*three))
    assert found[0] == found[1]


def test_few_distinct_rows_with_counts_give_the_exact_silhouette() -> None:
    """The silhouette of 6,000 customers on 40 distinct rows is that of all of them."""
    rng = np.random.default_rng(5)
    distinct = np.r_[rng.normal(0, 1, (20, 2)), rng.normal(6, 1, (20, 2))]
    place = rng.integers(0, 40, 6000)
    rows, counts = distinct[place], np.bincount(place, minlength=40).astype(float)
    centres = [rows.mean(axis=0)[None], np.array([[0.0, 0.0], [6.0, 6.0]])]
    measures, _ = weigh_all(Bench(rows[:2000], Weighted(distinct, counts), 0.01, 42), centres)
    wanted = silhouette_score(rows, label_rows(rows, centres[1]))
    assert measures[1].silhouette == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_hardly_any_customers_are_no_fault(n: int) -> None:
    """With fewer rows than a measure needs it has no value."""
    rows = np.arange(2.0 * n).reshape(n, 2)
    centres = [fit_kmeans(rows, k, FitPlan(), 1).centres for k in range(1, min(n, 3) + 1)]
    measures, natural = weigh_all(Bench(rows, None, 0.01, 42), centres)
    assert [one.k for one in measures] == list(range(1, min(n, 3) + 1))
    assert set(natural) == {1}
