"""What a segment is called until a person names it, and the rule that tells its customers from the others."""

import numpy as np
import pytest

from segmentation.report.factual_names import Trait, name_segments
from segmentation.report.rules import (
    Condition,
    count_rules,
    find_rules,
    measure,
    meets,
    shortest_between,
    tell_rule,
)

REVENUE = Trait("revenue", "low revenue", "high revenue", is_yes=False)
RECENCY = Trait("recency_days", "recent", "not recent", is_yes=False)
BONN = Trait("city = Bonn", "not city = Bonn", "city = Bonn", is_yes=True)
PLACE = Trait("place", "low place", "high place", is_yes=False, levels=("village", "town", "city"))


def test_a_name_says_what_sets_the_segment_apart() -> None:
    """The feature that differs most comes first; what hardly differs is not said."""
    differences = np.array([[0.5, -2.0, 0.1], [-1.6, 0.2, 0.4], [0.1, 0.0, 0.2]])
    assert name_segments(differences, (REVENUE, RECENCY, BONN)) == (
        "recent, high revenue",
        "very low revenue, city = Bonn",
        "near the average",
    )


def test_one_segment_is_everyone() -> None:
    """There is nothing to be set apart from."""
    assert name_segments(np.zeros((1, 2)), (REVENUE, RECENCY)) == ("all customers",)


def test_no_two_names_are_alike() -> None:
    """A third feature tells them apart, else their place in the order of what differs most."""
    three = np.array([[2.0, -1.0, 0.5], [1.9, -1.1, -0.5], [-2.0, 1.0, 0.0]])
    names = name_segments(three, (REVENUE, RECENCY, BONN))
    assert names[:2] == (
        "very high revenue, recent, city = Bonn",
        "very high revenue, recent, not city = Bonn",
    )
    two = np.array([[1.6, -1.0], [2.6, -1.1], [3.6, -1.2], [-2.0, 1.0]])
    assert name_segments(two, (REVENUE, RECENCY))[:3] == (
        "very high revenue, recent (the lowest revenue of 3)",
        "very high revenue, recent (2 of 3 by revenue)",
        "very high revenue, recent (the highest revenue of 3)",
    )


def test_a_rule_finds_the_planted_thresholds() -> None:
    """A box of customers is told by two conditions, with precision and recall counted on all of them."""
    random = np.random.default_rng(3)
    matrix = random.uniform(0, 100, (3, 2000))
    labels = ((matrix[0] >= 60) & (matrix[2] < 30)).astype(np.int64)
    rules = find_rules(matrix, labels, 2)
    assert [(one.feature, one.at_least) for one in rules[1]] == [(0, True), (2, False)]
    assert [one.threshold for one in rules[1]] == pytest.approx([60, 30], abs=0.5)
    found = measure(rules, count_rules(matrix, labels, rules), np.bincount(labels).tolist())
    assert (found[1].precision, found[1].recall) == (1.0, 1.0)
    assert found[0].precision and found[0].precision > 0.85


def test_precision_and_recall_are_shares_of_customers() -> None:
    """Of four who meet the rule three are in the segment of five."""
    matrix = np.array([[9.0, 8, 7, 6, 1, 2, 3, 4]])
    labels = np.array([0, 0, 0, 1, 0, 0, 1, 1])
    rules = [(Condition(0, True, 5.0),), ()]
    found = measure(rules, count_rules(matrix, labels, rules), [5, 3])
    assert (found[0].precision, found[0].recall) == (0.75, 0.6)
    assert found[1] == ((), None, 0.0)


def test_one_condition_is_enough_where_it_is() -> None:
    """A second condition has to earn its place."""
    matrix = np.vstack([np.arange(100.0), np.arange(100.0) % 7])
    rules = find_rules(matrix, (matrix[0] >= 40).astype(np.int64), 2)
    assert rules == [(Condition(0, False, 40.0),), (Condition(0, True, 40.0),)]
    assert tell_rule(rules[0], (REVENUE, RECENCY)) == "revenue < 40"
    assert np.count_nonzero(meets(rules[0], matrix)) == 40


def test_no_rule_for_everyone_or_nobody_or_constant_features() -> None:
    """There is nothing to tell apart, or nothing to tell it by."""
    assert find_rules(np.arange(6.0)[None], np.zeros(6, np.int64), 2) == [(), ()]
    assert find_rules(np.ones((2, 6)), np.arange(6) % 2, 2) == [(), ()]


def test_a_rule_in_words() -> None:
    """Numbers by thresholds, levels by their names."""
    rule = (Condition(0, True, 1200.0), Condition(1, False, 0.5), Condition(2, True, 0.5))
    assert tell_rule(rule, (REVENUE, BONN, PLACE)) == "revenue >= 1200 and not city = Bonn and place >= town"


@pytest.mark.parametrize(
    ("low", "high", "shortest"),
    [(59.93, 60.21, 60.0), (0.0, 1.0, 1.0), (-3.0, 4.0, 0.0), (-12.6, -12.2, -12.2), (1e-9, 2e-9, 2e-9)],
)
def test_a_threshold_is_the_shortest_number_between(low: float, high: float, shortest: float) -> None:
    """People read it, so it has no more digits than it needs."""
    assert shortest_between(low, high) == shortest


def test_two_neighbouring_numbers_have_one_between() -> None:
    """The greater one itself: a rule is >= it or < it."""
    high = float(np.nextafter(1.0, 2.0))
    assert shortest_between(1.0, high) == high
