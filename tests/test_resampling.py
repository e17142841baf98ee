"""Resamples: what they draw, where their fits start, and that stability is that of a plain bootstrap."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from config.clauses import FitOptions
from schemas.evidence import MeasureFamily, Measures
from segmentation.k.evaluation import FAMILIES, join_families
from segmentation.k.evaluation_sample import EvaluationSample, label_nearest
from segmentation.k.fits import WeightedRows, fit_kmeans
from segmentation.k.growing import add_centre, grow_centres
from segmentation.k.resampling import (
    START_ROWS,
    bootstrap_jaccard,
    choose_starts,
    draw_resamples,
    evaluate_stability,
)


def draw_groups(n: int, distance: float) -> np.ndarray:
    """Rows (n, 2) of four round groups on a line, so far from each other."""
    rng = np.random.default_rng(8)
    return rng.normal(size=(n, 2)) + np.array([[distance, 0.0]]) * (np.arange(n) % 4)[:, None]


def measure_inertia(rows: np.ndarray, centres: np.ndarray) -> float:
    """By scipy's distances between all rows and centres."""
    return float(cdist(rows, centres, "sqeuclidean").min(axis=1).sum())


def test_grown_centres_are_nearly_as_good_as_the_best_of_twenty_starts() -> None:
    """At the true number they are the same, at any other within a tenth of inertia."""
    rows = draw_groups(1200, 8.0)
    grown = grow_centres(WeightedRows(rows, np.ones(len(rows))), 7, 3)
    assert [len(centres) for centres in grown] == list(range(1, 8))
    for centres in grown:
        best = fit_kmeans(rows, len(centres), FitOptions(starts=20), 0).inertia
        assert measure_inertia(rows, centres) <= best * (1.001 if len(centres) == 4 else 1.1)


def test_as_many_grown_centres_as_distinct_rows_are_these_rows() -> None:
    """Weights count as repetitions, and no centre is drawn twice."""
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]])
    grown = grow_centres(WeightedRows(rows, np.array([1.0, 2.0, 3.0])), 3, 0)
    assert grown[0][0].tolist() == pytest.approx([17 / 6, 2.5])
    assert sorted(grown[2].tolist()) == rows.tolist()


def test_a_centre_is_not_added_where_no_weight_is() -> None:
    """Rows are drawn by weight times squared distance."""
    sample = WeightedRows(np.array([[0.0], [1.0], [100.0]]), np.array([5.0, 5.0, 0.0]))
    for seed in range(20):
        assert add_centre(sample, np.array([[0.0]]), np.random.default_rng(seed))[1] == [1.0]


def test_weights_of_jaccard_count_as_repetitions() -> None:
    """The similarity is that of the rows repeated."""
    rng = np.random.default_rng(1)
    labels, refitted, counts = rng.integers(0, 3, 50), rng.integers(0, 4, 50), rng.integers(1, 5, 50)
    expected = bootstrap_jaccard(np.repeat(labels, counts), np.repeat(refitted, counts))
    assert bootstrap_jaccard(labels, refitted, counts) == pytest.approx(expected, abs=1e-12)


def test_each_resample_starts_from_the_rough_fit_that_suits_it_best() -> None:
    """Of all resamples' rough fits it is the one with the least inertia, by scipy's distances."""
    sample = EvaluationSample(np.round(draw_groups(800, 1.0), 1), None, 0.01, 5)
    resamples = draw_resamples(sample, 6)
    division = fit_kmeans(sample.rows, 6, FitOptions(), 0).centres
    rough = [*(starts[5] for starts in resamples.starts)]
    assert resamples.counts.sum(axis=1).tolist() == [800.0] * len(resamples.counts)
    for counts, start in zip(resamples.counts, choose_starts(resamples, division), strict=True):
        resample = np.repeat(resamples.rows, counts.astype(int), axis=0)
        least = min(measure_inertia(resample, centres) for centres in rough)
        is_from_division = not any(np.array_equal(start, centres) for centres in rough)
        assert measure_inertia(resample, start) <= least + 1e-9
        assert is_from_division or measure_inertia(resample, start) == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize(("distance", "k"), [(8.0, 4), (3.0, 4), (1.5, 3)])
def test_stability_is_that_of_a_plain_bootstrap(distance: float, k: int) -> None:
    """Within 0.15 of twenty resamples, each with eight k-means++ starts of its own."""
    rows = draw_groups(600, distance)
    sample = EvaluationSample(rows, None, 0.01, 5)
    centres = fit_kmeans(rows, k, FitOptions(), 0).centres
    labels, similarities = label_nearest(rows, centres), []
    for i in range(20):
        resample = np.random.default_rng([77, i]).integers(0, len(rows), len(rows))
        refitted = fit_kmeans(rows[resample], k, FitOptions(), i).labels
        similarities.append(bootstrap_jaccard(labels[resample], refitted))
    expected = np.mean(similarities, axis=0)
    stability = evaluate_stability(centres, draw_resamples(sample, k))
    assert min(stability) == pytest.approx(expected.min(), abs=0.15)
    if (distance, k) == (8.0, 4):
        assert min(stability) > 0.999


def test_more_segments_than_distinct_rows_in_a_resample_have_no_stability() -> None:
    """k-means would refuse them; where only the rough fits' rows are too few, it is also 0."""
    few = EvaluationSample(np.repeat([[0.0], [1.0], [2.0]], 4, axis=0), None, 0.01, 1)
    assert evaluate_stability(np.arange(4.0)[:, None], draw_resamples(few, 4)) == (0.0,) * 4
    rare = np.zeros((3 * START_ROWS, 1))
    rare[0], rare[1:40] = 2.0, 1.0
    resamples = draw_resamples(EvaluationSample(rare, None, 0.01, 1), 3)
    assert len(evaluate_stability(np.arange(3.0)[:, None], resamples)) == 3


def test_each_measure_belongs_to_one_family() -> None:
    """Families have no measure in common, together have all, and come back from JSON as they were."""
    rows = draw_groups(400, 4.0)
    centres = [fit_kmeans(rows, k, FitOptions(), 0).centres for k in (2, 3)]
    families = [evaluate(EvaluationSample(rows, None, 0.01, 1), centres) for evaluate in FAMILIES.values()]
    names = [name for family in families for name in family[2]]
    assert sorted(names) == sorted(set(Measures.model_fields) - {"k"})
    records = [MeasureFamily(name="any", by_k=family) for family in families]
    stored = [MeasureFamily.model_validate_json(record.model_dump_json()) for record in records]
    assert join_families(record.by_k for record in stored) == join_families(families)
