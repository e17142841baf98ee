"""Held-out R squared, AUC, the permutation test and intervals agree with scikit-learn and scipy."""

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from config.definition import Definition
from segmentation.outcomes.groupings import Grouping, choose_cell_features, is_rfm, label_cells
from segmentation.outcomes.held_out import (
    FOLDS,
    SIGNIFICANT,
    assign_folds,
    bootstrap_r2,
    compute_auc,
    compute_p_value,
    compute_r2,
    estimate_auc_error,
    estimate_r2_error,
    measure_skill,
    predict_held_out,
)
from segmentation.outcomes.intervals import estimate_lift, estimate_mean, estimate_rate
from tests.nights import PLAN

N = 1200


def group(labels: np.ndarray) -> Grouping:
    """These labels as segments."""
    return Grouping("segments", "these segments", labels, int(labels.max()) + 1)


@pytest.fixture(scope="module")
def draws() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of four segments, an outcome that depends on them, and folds."""
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 4, N)
    return labels, labels * 0.7 + rng.normal(size=N), assign_folds(rng.random(N))


def test_predictions_are_those_of_cross_validation(draws: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """A segment's mean over the other folds is what a linear model on indicators predicts."""
    labels, values, folds = draws
    prediction = predict_held_out(values, group(labels), folds)
    split = PredefinedSplit(folds)
    expected = cross_val_predict(LinearRegression(fit_intercept=False), np.eye(4)[labels], values, cv=split)
    everyone = cross_val_predict(LinearRegression(fit_intercept=False), np.ones((N, 1)), values, cv=split)
    np.testing.assert_allclose(prediction.group, expected, rtol=1e-9)
    np.testing.assert_allclose(prediction.everyone, everyone, rtol=1e-9)
    r2 = compute_r2(values, prediction)
    assert r2 == pytest.approx(1 - np.sum((values - expected) ** 2) / np.sum((values - everyone) ** 2))


def test_auc_is_that_of_each_fold(draws: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Weighted by pairs, it is the mean of scikit-learn's AUC of the folds."""
    labels, values, folds = draws
    rates = (values > 1.5).astype(float)
    prediction = predict_held_out(rates, group(labels), folds)
    inside = [folds == fold for fold in range(FOLDS)]
    pairs = [rates[fold].sum() * (1 - rates[fold]).sum() for fold in inside]
    areas = [roc_auc_score(rates[fold], prediction.group[fold]) for fold in inside]
    assert compute_auc(rates, prediction, folds) == pytest.approx(np.average(areas, weights=pairs))
    assert compute_auc(np.ones(N), prediction, folds) is None


def test_standard_errors_agree_with_other_estimates(
    draws: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    """That of R squared with the bootstrap's interval, that of the AUC with Hanley and McNeil's formula."""
    labels, values, folds = draws
    prediction = predict_held_out(values, group(labels), folds)
    interval = bootstrap_r2(values, prediction, 7)
    assert interval is not None
    error = estimate_r2_error(values, prediction)
    assert error == pytest.approx((interval.high - interval.low) / (2 * 1.96), rel=0.15)
    rates = (values > np.median(values)).astype(float)
    prediction = predict_held_out(rates, group(labels), folds)
    area, half = compute_auc(rates, prediction, folds) or 0, len(rates) / 2
    spread = area / (2 - area) - area**2 + 2 * area**2 / (1 + area) - area**2
    expected = ((area * (1 - area) + (half - 1) * spread) / half**2) ** 0.5
    # Ten folds give an error of their own, of about a quarter.
    assert estimate_auc_error(rates, prediction, folds) == pytest.approx(expected, rel=0.6)


def test_many_small_groups_do_not_seem_to_say_something() -> None:
    """400 random groups explain a third of any outcome by their own means, and nothing held out."""
    rng = np.random.default_rng(5)
    grouping, values = group(rng.integers(0, 400, N)), rng.normal(size=N)
    skill = measure_skill(values, grouping, assign_folds(rng.random(N)), is_rate=False, seed=1)
    assert skill.r2 is not None and skill.r2 < 0.02
    assert skill.r2_interval is not None and skill.r2_interval.low <= skill.r2 <= skill.r2_interval.high


def test_the_permutation_test_is_that_of_kruskal_and_wallis() -> None:
    """Where both are exact enough the p-values agree, with ties and outliers too."""
    rng = np.random.default_rng(6)
    labels = rng.integers(0, 3, 300)
    values = np.exp(rng.normal(size=300) + 0.17 * labels).round(1)
    expected = stats.kruskal(*(values[labels == label] for label in range(3))).pvalue
    assert 0.01 < expected < 0.5
    assert compute_p_value(values, group(labels), 1) == pytest.approx(expected, abs=0.035)


def test_shuffled_outcomes_are_rarely_significant() -> None:
    """Of 60 outcomes that have nothing to do with the segments, at most three pass the test."""
    rng = np.random.default_rng(7)
    labels = rng.integers(0, 5, 200)
    p_values = [compute_p_value(rng.lognormal(size=200), group(labels), seed) for seed in range(60)]
    assert sum(p_value <= SIGNIFICANT for p_value in p_values) <= 3
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(("positives", "n"), [(0, 12), (8, 10), (470, 1000)])
def test_rates_have_wilsons_interval(positives: int, n: int) -> None:
    """It agrees with scipy's."""
    interval = estimate_rate(positives, n)
    expected = stats.binomtest(positives, n).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_means_have_the_usual_intervals() -> None:
    """Of many values Student's; of few skewed ones a bootstrap interval that does not go below zero."""
    rng = np.random.default_rng(8)
    large = rng.normal(5, 2, 3000)
    expected = stats.ttest_1samp(large, 0).confidence_interval()
    interval = estimate_mean(large, 1)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    skewed = np.array([0.0] * 19 + [5000.0])
    assert estimate_mean(skewed, 1).low >= 0
    bootstrap = stats.bootstrap((large[:60],), np.mean, method="percentile", rng=1).confidence_interval
    interval = estimate_mean(large[:60], 1)
    assert (interval.low, interval.high) == pytest.approx((bootstrap.low, bootstrap.high), abs=0.06)


def test_lifts_spread_as_much_as_their_interval_says() -> None:
    """Over many samples, 95 % of the intervals hold the true lift, although the segment is a part of all."""
    rng = np.random.default_rng(9)
    hits = []
    for _ in range(300):
        is_inside = rng.random(800) < 0.3
        values = rng.exponential(np.where(is_inside, 2.0, 1.0))
        lift = estimate_lift(values, is_inside)
        assert lift is not None and lift[1] is not None
        hits.append(lift[1].low <= 2.0 / 1.3 <= lift[1].high)
    assert np.mean(hits) == pytest.approx(0.95, abs=0.035)
    assert estimate_lift(np.zeros(10), np.arange(10) < 5) is None


def test_cells_are_quintiles() -> None:
    """Two features without ties make 25 cells of about equal size; a constant feature makes no difference."""
    rng = np.random.default_rng(10)
    features = rng.random((5000, 2))
    cells = label_cells(features)
    assert np.bincount(cells).size == 25 and np.bincount(cells).min() > 150
    constant = np.column_stack([features, np.ones(5000)])
    assert (label_cells(constant) == cells).all()


def test_cells_are_of_the_columns_with_scores() -> None:
    """Where the definition has RFM scores of features, cells are of these and are called so."""
    columns = {name: {"type": "float"} for name in ("days", "age", "orders", "spend")}
    content = {**PLAN, "rows": {"id": "id", "columns": columns}, "features": list(columns)}
    rfm = {"recency": "days", "frequency": "orders", "monetary": "spend"}
    plain, scored = Definition.model_validate(content), Definition.model_validate({**content, "rfm": rfm})
    assert choose_cell_features(scored) == list(rfm.values()) != choose_cell_features(plain)
    assert is_rfm(scored, choose_cell_features(scored)) and not is_rfm(plain, choose_cell_features(plain))
