"""Thresholds that people can read: the fewest digits that lose hardly any of a rule's F1.

Which thresholds a rule has is inferred in segment_rules.py. Thresholds are in original units, so a logarithm
or a clip in the scaling does not change what a threshold means.
"""

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

import numpy as np

_LOSS = 0.005  # of F1, for fewer digits of one threshold
_MOST_DIGITS = 17


class Threshold(NamedTuple):
    """One threshold: the feature at position `feature` is at least `value`, or below it."""

    feature: int
    at_least: bool
    value: float

    def matches(self, matrix: np.ndarray) -> np.ndarray:
        """Which customers of (d, n) meet it: bool (n,)."""
        above: np.ndarray = matrix[self.feature] >= self.value
        return above if self.at_least else ~above


def matches_rule(rule: tuple[Threshold, ...], matrix: np.ndarray) -> np.ndarray:
    """Which customers of (d, n) meet all thresholds, everyone without one: bool (n,)."""
    is_match = np.ones(matrix.shape[1], bool)
    for threshold in rule:
        is_match &= threshold.matches(matrix)
    return is_match


def round_rule(
    rule: tuple[Threshold, ...], matrix: np.ndarray, in_segment: np.ndarray
) -> tuple[Threshold, ...]:
    """The rule with each threshold in turn rounded, as far as that loses at most half a percent of F1.

    matrix: a sample in original units (d, n). in_segment: bool (n,).
    """
    for i, threshold in enumerate(rule):
        limit = compute_f1(matches_rule(rule, matrix), in_segment) - _LOSS
        remaining = matches_rule((*rule[:i], *rule[i + 1 :]), matrix)
        values = matrix[threshold.feature]
        is_whole = bool((values == np.floor(values)).all())
        for value in list_rounded(threshold.value, is_whole):
            rounded = threshold._replace(value=value)
            if compute_f1(remaining & rounded.matches(matrix), in_segment) >= limit:
                rule = (*rule[:i], rounded, *rule[i + 1 :])
                break
    return rule


def compute_f1(is_match: np.ndarray, in_segment: np.ndarray) -> float:
    """The harmonic mean of precision and recall; 0 where nothing matches and nobody is in the segment."""
    total = np.count_nonzero(is_match) + np.count_nonzero(in_segment)
    return 2 * np.count_nonzero(is_match & in_segment) / total if total else 0.0


def list_rounded(value: float, is_whole: bool) -> Iterator[float]:
    """A threshold with one significant digit, two, and so on: the nearest number, then those around it.

    is_whole: the feature has whole numbers only, so its thresholds are whole too.

    >>> list(list_rounded(1234.5, False))[:4], list(list_rounded(2.5, True))
    ([1000.0, 2000.0, 1200.0, 1300.0], [2.0, 3.0])
    """
    exact, earlier = Decimal(value), set[float]()
    for digits in range(1, _MOST_DIGITS + 1):
        step = Decimal(1).scaleb(exact.adjusted() - digits + 1) if exact else Decimal(1)
        if is_whole:
            step = max(step, Decimal(1))
        for rounding in (ROUND_HALF_EVEN, ROUND_FLOOR, ROUND_CEILING):
            rounded = float((exact / step).to_integral_value(rounding=rounding) * step)
            if rounded not in earlier:
                earlier.add(rounded)
                yield rounded


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
