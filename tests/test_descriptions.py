"""Factual names and rules of segments."""

import numpy as np
import pytest

from segmentation.report.factual_names import Trait, choose_factual_names
from segmentation.report.segment_rules import (
    Condition,
    count_matches,
    format_rule,
    infer_rules,
    matches_rule,
    score_rules,
    shortest_number_between,
)

REVENUE = Trait("revenue", "low revenue", "high revenue", is_indicator=False)
RECENCY = Trait("recency_days", "recent", "not recent", is_indicator=False)
BONN = Trait("city = Bonn", "not city = Bonn", "city = Bonn", is_indicator=True)
PLACE = Trait("place", "low place", "high place", is_indicator=False, levels=("village", "town", "city"))


def test_a_name_says_what_sets_the_segment_apart() -> None:
    """The feature that differs most comes first; one that hardly differs is left out."""
    differences = np.array([[0.5, -2.0, 0.1], [-1.6, 0.2, 0.4], [0.1, 0.0, 0.2]])
    assert choose_factual_names(differences, (REVENUE, RECENCY, BONN)) == (
        "recent, high revenue",
        "very low revenue, city = Bonn",
        "near the average",
    )


def test_one_segment_is_everyone() -> None:
    """A single segment is called `all customers`."""
    assert choose_factual_names(np.zeros((1, 2)), (REVENUE, RECENCY)) == ("all customers",)


def test_names_are_unique() -> None:
    """Equal names get a third feature, or a rank by the feature that differs most."""
    third_feature_differs = np.array([[2.0, -1.0, 0.5], [1.9, -1.1, -0.5], [-2.0, 1.0, 0.0]])
    names = choose_factual_names(third_feature_differs, (REVENUE, RECENCY, BONN))
    assert names[:2] == (
        "very high revenue, recent, city = Bonn",
        "very high revenue, recent, not city = Bonn",
    )
    values_differ = np.array([[1.6, -1.0], [2.6, -1.1], [3.6, -1.2], [-2.0, 1.0]])
    assert choose_factual_names(values_differ, (REVENUE, RECENCY))[:3] == (
        "very high revenue, recent (the lowest revenue of 3)",
        "very high revenue, recent (2 of 3 by revenue)",
        "very high revenue, recent (the highest revenue of 3)",
    )


def test_a_rule_recovers_planted_thresholds() -> None:
    """A box of customers is described by two conditions, with precision and recall of all customers."""
    random = np.random.default_rng(3)
    matrix = random.uniform(0, 100, (3, 2000))
    labels = ((matrix[0] >= 60) & (matrix[2] < 30)).astype(np.int64)
    rules = infer_rules(matrix, labels, 2)
    assert [(condition.feature, condition.at_least) for condition in rules[1]] == [(0, True), (2, False)]
    assert [condition.threshold for condition in rules[1]] == pytest.approx([60, 30], abs=0.5)
    scores = score_rules(rules, count_matches(matrix, labels, rules), np.bincount(labels).tolist())
    assert (scores[1].precision, scores[1].recall) == (1.0, 1.0)
    assert scores[0].precision and scores[0].precision > 0.85


def test_precision_and_recall_are_shares_of_customers() -> None:
    """Three of the four customers who match are in the segment of five."""
    matrix = np.array([[9.0, 8, 7, 6, 1, 2, 3, 4]])
    labels = np.array([0, 0, 0, 1, 0, 0, 1, 1])
    rules = [(Condition(0, True, 5.0),), ()]
    scores = score_rules(rules, count_matches(matrix, labels, rules), [5, 3])
    assert (scores[0].precision, scores[0].recall) == (0.75, 0.6)
    assert scores[1] == ((), None, 0.0)


def test_a_second_condition_needs_a_gain() -> None:
    """A segment that one threshold describes exactly gets one condition."""
    matrix = np.vstack([np.arange(100.0), np.arange(100.0) % 7])
    rules = infer_rules(matrix, (matrix[0] >= 40).astype(np.int64), 2)
    assert rules == [(Condition(0, False, 40.0),), (Condition(0, True, 40.0),)]
    assert format_rule(rules[0], (REVENUE, RECENCY)) == "revenue < 40"
    assert np.count_nonzero(matches_rule(rules[0], matrix)) == 40


def test_no_rule_for_everyone_or_nobody_or_constant_features() -> None:
    """Then the rule is empty."""
    assert infer_rules(np.arange(6.0)[None], np.zeros(6, np.int64), 2) == [(), ()]
    assert infer_rules(np.ones((2, 6)), np.arange(6) % 2, 2) == [(), ()]


def test_a_rule_is_readable() -> None:
    """Numbers have thresholds; categories and levels have their names."""
    rule = (Condition(0, True, 1200.0), Condition(1, False, 0.5), Condition(2, True, 0.5))
    assert (
        format_rule(rule, (REVENUE, BONN, PLACE)) == "revenue >= 1200 and not city = Bonn and place >= town"
    )


@pytest.mark.parametrize(
    ("low", "high", "shortest"),
    [(59.93, 60.21, 60.0), (0.0, 1.0, 1.0), (-3.0, 4.0, 0.0), (-12.6, -12.2, -12.2), (1e-9, 2e-9, 2e-9)],
)
def test_a_threshold_is_the_shortest_number_between(low: float, high: float, shortest: float) -> None:
    """It has as few digits as possible, because people read it."""
    assert shortest_number_between(low, high) == shortest


def test_the_threshold_of_two_neighbouring_numbers_is_the_greater() -> None:
    """No number is between them, and a rule compares with >= or <."""
    high = float(np.nextafter(1.0, 2.0))
    assert shortest_number_between(1.0, high) == high
