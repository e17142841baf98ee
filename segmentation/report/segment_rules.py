"""Rules of one or two thresholds that describe a segment, with precision and recall.

A rule is inferred from a sample and scored on all customers. It is for reading, and for trying out in
another system. Only the model decides who is in a segment.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import ceil
from typing import NamedTuple

import numpy as np

from segmentation.report.factual_names import Trait

_MIN_GAIN = 0.01  # rise of F1 that justifies a second condition
_FIRST_CONDITIONS = 6  # best single conditions to which a second one is tried


class Condition(NamedTuple):
    """One threshold: the feature at position `feature` is at least it, or below it."""

    feature: int
    at_least: bool
    threshold: float

    def matches(self, matrix: np.ndarray) -> np.ndarray:
        """Which customers of (d, n) meet it: bool (n,)."""
        above: np.ndarray = matrix[self.feature] >= self.threshold
        return above if self.at_least else ~above


Rule = tuple[Condition, ...]


class RuleScore(NamedTuple):
    """A rule on all customers. precision: None if no customer matches."""

    rule: Rule
    precision: float | None
    recall: float


class _Candidate(NamedTuple):
    """A condition and the F1 it would give a rule."""

    f1: float
    condition: Condition


def infer_rules(matrix: np.ndarray, labels: np.ndarray, segments: int) -> list[Rule]:
    """The rule with the highest F1 for each segment; empty for a segment of everyone or nobody.

    matrix: features of a sample in original units (d, n). labels: segment positions (n,).
    """
    # Sorted once per feature. Every segment and second condition reuses the order.
    orders = np.argsort(matrix, axis=1, kind="stable")
    return [_infer_rule(matrix, orders, labels == segment) for segment in range(segments)]


def matches_rule(rule: Rule, matrix: np.ndarray) -> np.ndarray:
    """Which customers of (d, n) meet all conditions: bool (n,)."""
    is_match: np.ndarray = np.all([condition.matches(matrix) for condition in rule], axis=0)
    return is_match


def count_matches(matrix: np.ndarray, labels: np.ndarray, rules: Sequence[Rule]) -> np.ndarray:
    """For each rule, the customers of a part who match it, and those of them in its segment: int64 (k, 2)."""
    counts = np.zeros((len(rules), 2), np.int64)
    for segment, rule in enumerate(rules):
        if rule:
            is_match = matches_rule(rule, matrix)
            counts[segment] = np.count_nonzero(is_match), np.count_nonzero(labels[is_match] == segment)
    return counts


def score_rules(rules: Sequence[Rule], counts: np.ndarray, sizes: Sequence[int]) -> list[RuleScore]:
    """Precision and recall. counts: the sum of `count_matches` over all parts."""
    return [
        RuleScore(rule, float(correct / matches) if matches else None, float(correct / size) if rule else 0.0)
        for rule, (matches, correct), size in zip(rules, counts, sizes, strict=True)
    ]


def format_rule(rule: Rule, traits: Sequence[Trait]) -> str:
    """`revenue >= 1200 and recency_days < 40`; a category as `city = Bonn` or `not city = Bonn`."""
    return " and ".join(_format_condition(condition, traits[condition.feature]) for condition in rule)


def _format_condition(condition: Condition, trait: Trait) -> str:
    if trait.is_indicator:
        return trait.high if condition.at_least else trait.low
    sign = ">=" if condition.at_least else "<"
    if trait.levels:
        return f"{trait.name} {sign} {trait.levels[min(ceil(condition.threshold), len(trait.levels) - 1)]}"
    return f"{trait.name} {sign} {condition.threshold:.12g}"


def _infer_rule(matrix: np.ndarray, orders: np.ndarray, in_segment: np.ndarray) -> Rule:
    if in_segment.all() or not in_segment.any():
        return ()
    everyone = np.ones(len(in_segment), bool)
    singles = sorted(_list_candidates(matrix, orders, in_segment, everyone), key=_best_first)
    best: Rule = (singles[0].condition,) if singles else ()
    best_f1 = singles[0].f1 if singles else 0.0
    for single in singles[:_FIRST_CONDITIONS]:
        is_match = single.condition.matches(matrix)
        for second in _list_candidates(matrix, orders, in_segment, is_match):
            if second.f1 > best_f1 + (_MIN_GAIN if len(best) == 1 else 0.0):
                best = tuple(sorted((single.condition, second.condition), key=_by_feature))
                best_f1 = second.f1
    return best


def _best_first(candidate: _Candidate) -> tuple[float, Condition]:
    return -candidate.f1, candidate.condition


def _by_feature(condition: Condition) -> tuple[int, bool]:
    return condition.feature, not condition.at_least


def _list_candidates(
    matrix: np.ndarray, orders: np.ndarray, in_segment: np.ndarray, eligible: np.ndarray
) -> Iterator[_Candidate]:
    """The best condition of each feature and direction among the eligible customers."""
    total = np.count_nonzero(in_segment)
    for feature, order in enumerate(orders):
        ordered = order[eligible[order]]
        values = matrix[feature, ordered]
        cuts = np.flatnonzero(values[1:] > values[:-1]) + 1  # between two different values
        if not len(cuts):
            continue
        correct_below = np.concatenate([[0], np.cumsum(in_segment[ordered])])
        for at_least in (True, False):
            correct = correct_below[-1] - correct_below[cuts] if at_least else correct_below[cuts]
            matches = len(ordered) - cuts if at_least else cuts
            # 2 precision recall / (precision + recall), without the division by zero
            # where nothing is correct.
            f1 = 2 * correct / (matches + total)
            i = int(np.argmax(f1))
            low, high = float(values[cuts[i] - 1]), float(values[cuts[i]])
            threshold = shortest_number_between(low, high)
            yield _Candidate(float(f1[i]), Condition(feature, at_least, threshold))


def shortest_number_between(low: float, high: float) -> float:
    """The number with the fewest digits that is above low and at most high: both finite, low < high.

    >>> shortest_number_between(59.93, 60.21)
    60.0
    """
    if low < 0.0 < high:
        return 0.0
    for digits in range(1, 18):
        for bound in (high, low):
            # Decimal, because in binary 0.1 * 3 is not the number that people would type.
            step = Decimal(1).scaleb(Decimal(bound).adjusted() - digits + 1) if bound else Decimal(0)
            if not step:
                continue
            rounded = float((Decimal(high) / step).to_integral_value(rounding="ROUND_FLOOR") * step)
            if low < rounded <= high:
                return rounded
    return high
