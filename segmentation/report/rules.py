"""Rules of one or two thresholds that tell a segment's customers from the others, with precision and recall.

A rule is found on a sample and measured on all customers. What it is for: to be read, and to be tried in
another system; the segment itself is decided by the model alone.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import ceil
from typing import NamedTuple

import numpy as np

from segmentation.report.factual_names import Trait

WORTH = 0.01  # by how much F1 must rise for a second condition
TRIED = 6  # first conditions that a second one is looked for


class Condition(NamedTuple):
    """One threshold: the feature at position `feature` is at least it, or below it."""

    feature: int
    at_least: bool
    threshold: float

    def met(self, matrix: np.ndarray) -> np.ndarray:
        """Which customers of (d, n) meet it: bool (n,)."""
        above: np.ndarray = matrix[self.feature] >= self.threshold
        return above if self.at_least else ~above


Rule = tuple[Condition, ...]


class Measured(NamedTuple):
    """How a rule does on all customers. None where nobody meets it."""

    rule: Rule
    precision: float | None
    recall: float


def find_rules(matrix: np.ndarray, labels: np.ndarray, segments: int) -> list[Rule]:
    """The rule of the highest F1 for each segment; empty for one that holds everyone or nobody.

    matrix: features of a sample in original units (d, n); labels: segments (n,).
    """
    orders = np.argsort(matrix, axis=1, kind="stable")
    return [_find_rule(matrix, orders, labels == segment) for segment in range(segments)]


def meets(rule: Rule, matrix: np.ndarray) -> np.ndarray:
    """Which customers of (d, n) meet all conditions: bool (n,)."""
    met: np.ndarray = np.all([condition.met(matrix) for condition in rule], axis=0)
    return met


def count_rules(matrix: np.ndarray, labels: np.ndarray, rules: Sequence[Rule]) -> np.ndarray:
    """Of one part, per rule: customers who meet it, and those of them in its segment: int64 (k, 2)."""
    counts = np.zeros((len(rules), 2), np.int64)
    for segment, rule in enumerate(rules):
        if rule:
            met = meets(rule, matrix)
            counts[segment] = np.count_nonzero(met), np.count_nonzero(labels[met] == segment)
    return counts


def measure(rules: Sequence[Rule], counts: np.ndarray, sizes: Sequence[int]) -> list[Measured]:
    """Precision and recall from the counts of all parts."""
    return [
        Measured(rule, float(right / met) if met else None, float(right / size) if rule else 0.0)
        for rule, (met, right), size in zip(rules, counts, sizes, strict=True)
    ]


def tell_rule(rule: Rule, traits: Sequence[Trait]) -> str:
    """`revenue >= 1200 and recency_days < 40`; a level of a category as `city = Bonn`, `not city = Bonn`."""
    return " and ".join(_tell(condition, traits[condition.feature]) for condition in rule)


def _tell(condition: Condition, trait: Trait) -> str:
    if trait.is_yes:
        return trait.high if condition.at_least else trait.low
    sign = ">=" if condition.at_least else "<"
    if trait.levels:
        return f"{trait.name} {sign} {trait.levels[min(ceil(condition.threshold), len(trait.levels) - 1)]}"
    return f"{trait.name} {sign} {condition.threshold:.12g}"


def _find_rule(matrix: np.ndarray, orders: np.ndarray, wanted: np.ndarray) -> Rule:
    if wanted.all() or not wanted.any():
        return ()
    everyone = np.ones(len(wanted), bool)
    singles = sorted(_score_conditions(matrix, orders, wanted, everyone), key=_by_score)
    best: tuple[float, Rule] = (singles[0][0], (singles[0][1],)) if singles else (0.0, ())
    for _, first in singles[:TRIED]:
        for score, second in _score_conditions(matrix, orders, wanted, first.met(matrix)):
            if score > best[0] + (WORTH if len(best[1]) == 1 else 0.0):
                best = score, tuple(sorted((first, second), key=lambda one: (one.feature, not one.at_least)))
    return best[1]


def _by_score(scored: tuple[float, Condition]) -> tuple[float, Condition]:
    return -scored[0], scored[1]


def _score_conditions(
    matrix: np.ndarray, orders: np.ndarray, wanted: np.ndarray, among: np.ndarray
) -> Iterator[tuple[float, Condition]]:
    """Of each feature and direction the condition of the highest F1 among some customers, with that F1."""
    total = np.count_nonzero(wanted)
    for feature, order in enumerate(orders):
        own = order[among[order]]
        values = matrix[feature, own]
        cuts = np.flatnonzero(values[1:] > values[:-1]) + 1  # between two values that differ
        if not len(cuts):
            continue
        below = np.concatenate([[0], np.cumsum(wanted[own])])
        for at_least in (True, False):
            right = below[-1] - below[cuts] if at_least else below[cuts]
            met = len(own) - cuts if at_least else cuts
            scores = 2 * right / (met + total)
            i = int(np.argmax(scores))
            threshold = shortest_between(float(values[cuts[i] - 1]), float(values[cuts[i]]))
            yield float(scores[i]), Condition(feature, at_least, threshold)


def shortest_between(low: float, high: float) -> float:
    """The number with the fewest digits that is above low and at most high: both finite, low < high."""
    if low < 0.0 < high:
        return 0.0
    for digits in range(1, 18):
        for value in (high, low):
            step = Decimal(1).scaleb(Decimal(value).adjusted() - digits + 1) if value else Decimal(0)
            if not step:
                continue
            found = float((Decimal(high) / step).to_integral_value(rounding="ROUND_FLOOR") * step)
            if low < found <= high:
                return found
    return high
