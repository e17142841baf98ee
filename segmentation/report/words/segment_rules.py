"""Rules of one to four thresholds that describe a segment: inferred from a sample, measured on everyone.

A rule is for reading, and for trying out in another system. Only the model decides who is in a segment. When
rules are learnt: learning.py. As text and SQL: rule_text.py.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from segmentation.report.words.round_thresholds import (
    Threshold,
    matches_rule,
    round_rule,
    shortest_number_between,
)

_MIN_GAIN = 0.01  # rise of F1 that justifies a second condition
_MIN_THIRD_GAIN = 0.03  # a third and a fourth have to be worth the longer sentence
_BEAM = 6  # best rules to which one more condition is tried
_MOST_RULES = 62  # bits of an int64, in which matches are counted
_MOST_FEATURES = 30  # those that separate segments most; among 200, a search would take a minute

Rule = tuple[Threshold, ...]


class _Candidate(NamedTuple):
    """A rule and its F1 on the sample."""

    f1: float
    rule: Rule


def infer_rules(matrix: np.ndarray, labels: np.ndarray, segments: int) -> list[Rule]:
    """The rule with the highest F1 for each segment, rounded; empty for a segment of everyone or nobody.

    matrix: features of a sample in original units (d, n). labels: segment positions (n,).
    """
    if segments > _MOST_RULES:
        return [()] * segments
    # Sorted once per feature. Every segment and further condition reuses the order.
    features = _list_separating(matrix, labels, segments)
    orders = {feature: np.argsort(matrix[feature], kind="stable") for feature in features}
    return [_infer_rule(matrix, orders, labels == segment) for segment in range(segments)]


def _list_separating(matrix: np.ndarray, labels: np.ndarray, segments: int) -> list[int]:
    """The features whose ranks differ most between segments, at most 30, in their order."""
    if len(matrix) <= _MOST_FEATURES:
        return list(range(len(matrix)))
    sizes = np.maximum(np.bincount(labels, minlength=segments), 1)
    spreads = []
    for values in matrix:
        ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float64)
        spreads.append(float(np.ptp(np.bincount(labels, ranks, segments) / sizes)))
    return sorted(int(feature) for feature in np.argsort(-np.array(spreads), kind="stable")[:_MOST_FEATURES])


def _infer_rule(matrix: np.ndarray, orders: dict[int, np.ndarray], in_segment: np.ndarray) -> Rule:
    if in_segment.all() or not in_segment.any():
        return ()
    beam = [_Candidate(0.0, ())]
    best = beam[0]
    for gain in (0.0, _MIN_GAIN, _MIN_THIRD_GAIN, _MIN_THIRD_GAIN):
        longer = {
            _sort(extended.rule): extended
            for candidate in beam
            for extended in _extend(matrix, orders, in_segment, candidate)
        }
        beam = sorted(longer.values(), key=lambda candidate: (-candidate.f1, candidate.rule))[:_BEAM]
        if not beam or beam[0].f1 <= best.f1 + gain:
            break
        best = beam[0]
    return round_rule(best.rule, matrix, in_segment)


def _sort(rule: Rule) -> Rule:
    return tuple(sorted(rule, key=lambda threshold: (threshold.feature, not threshold.at_least)))


def _extend(
    matrix: np.ndarray, orders: dict[int, np.ndarray], in_segment: np.ndarray, candidate: _Candidate
) -> Iterator[_Candidate]:
    """The candidate with one more condition: the best of each feature and direction it does not use yet."""
    rule = candidate.rule
    eligible = matches_rule(rule, matrix)
    used = {(threshold.feature, threshold.at_least) for threshold in rule}
    for extension in _list_candidates(matrix, orders, in_segment, eligible):
        threshold = extension.rule[0]
        if (threshold.feature, threshold.at_least) not in used:
            yield _Candidate(extension.f1, _sort((*rule, threshold)))


def _list_candidates(
    matrix: np.ndarray, orders: dict[int, np.ndarray], in_segment: np.ndarray, eligible: np.ndarray
) -> Iterator[_Candidate]:
    """The best condition of each feature and direction among the eligible customers."""
    total = np.count_nonzero(in_segment)
    for feature, order in orders.items():
        ordered = order[eligible[order]]
        values = matrix[feature, ordered]
        cuts = np.flatnonzero(values[1:] > values[:-1]) + 1  # between two different values
        if not len(cuts):
            continue
        correct_below = np.concatenate([[0], np.cumsum(in_segment[ordered])])
        for at_least in (True, False):
            correct = correct_below[-1] - correct_below[cuts] if at_least else correct_below[cuts]
            matches = len(ordered) - cuts if at_least else cuts
            # 2 precision recall / (precision + recall), without the division by zero where nothing is
            # correct.
            f1 = 2 * correct / (matches + total)
            i = int(np.argmax(f1))
            low, high = float(values[cuts[i] - 1]), float(values[cuts[i]])
            yield _Candidate(
                float(f1[i]), (Threshold(feature, at_least, shortest_number_between(low, high)),)
            )


class MatchCounts(NamedTuple):
    """Customers by the rules that they match, a row each. rules: bit i is rule i. segments: int64 (m, k)."""

    rules: np.ndarray
    segments: np.ndarray


def count_matches(matrix: np.ndarray, labels: np.ndarray, rules: Sequence[Rule]) -> MatchCounts:
    """How the customers of a part match the rules, by segment."""
    bits = np.zeros(len(labels), np.int64)
    for position, rule in enumerate(rules):
        if rule:
            bits |= matches_rule(rule, matrix).astype(np.int64) << position
    unique, inverse = np.unique(bits, return_inverse=True)
    count = len(rules)
    cells = np.bincount(inverse * count + labels, minlength=len(unique) * count)
    return MatchCounts(unique, cells.reshape(len(unique), count))


def merge_counts(parts: Sequence[MatchCounts]) -> MatchCounts:
    """The counts of several parts together."""
    bits, inverse = np.unique(np.concatenate([part.rules for part in parts]), return_inverse=True)
    segments = np.zeros((len(bits), parts[0].segments.shape[1]), np.int64)
    np.add.at(segments, inverse, np.concatenate([part.segments for part in parts]))
    return MatchCounts(bits, segments)


class RuleScore(NamedTuple):
    """A rule on all customers. precision: None if no customer matches."""

    precision: float | None
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both; 0 if no customer matches."""
        total = (self.precision or 0.0) + self.recall
        return 2 * (self.precision or 0.0) * self.recall / total if total else 0.0

    def is_at_least(self, limit: float) -> bool:
        """Are both shares at least the limit?"""
        return self.precision is not None and self.precision >= limit and self.recall >= limit


def score_rules(counts: MatchCounts) -> list[RuleScore]:
    """Each rule's precision and recall; a segment without customers has a recall of 0."""
    scores = []
    for position, size in enumerate(counts.segments.sum(axis=0).tolist()):
        matching = counts.segments[(counts.rules >> position) & 1 == 1]
        matches, correct = int(matching.sum()), int(matching[:, position].sum())
        scores.append(RuleScore(correct / matches if matches else None, correct / size if size else 0.0))
    return scores


class RuleOverlap(NamedTuple):
    """Customers who match no rule, one, or several, and those whose first rule is that of their segment."""

    without: int
    single: int
    several: int
    correct: int


def count_overlaps(counts: MatchCounts, order: Sequence[int]) -> RuleOverlap:
    """How some of the rules match together. order: positions of these rules as they are tried."""
    totals, overlaps, correct = counts.segments.sum(axis=1), [0, 0, 0], 0
    for bits, total, segments in zip(counts.rules.tolist(), totals.tolist(), counts.segments, strict=True):
        matched = [position for position in order if bits >> position & 1]
        overlaps[min(len(matched), 2)] += total
        correct += int(segments[matched[0]]) if matched else 0
    return RuleOverlap(overlaps[0], overlaps[1], overlaps[2], correct)
