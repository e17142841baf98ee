"""The rows of descriptions.parquet: the factual name and the rule of every segment, measured tonight.

Names and rules are learnt in learning.py and kept in the model. The customers that they need are read here.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.clustering import Segment
from schemas.numbers import Encoding
from schemas.words import SegmentWords, Words
from segmentation.features.moments import round_significant
from segmentation.features.sampling import draw_keys, list_drawable
from segmentation.partitions import map_parts
from segmentation.report.labelled_parts import LabelledMatrix, LabelledPart, read_labelled_part
from segmentation.report.words.learning import SIMPLE, locate_rules
from segmentation.report.words.name_text import format_factual_names
from segmentation.report.words.rule_text import format_rule, write_case
from segmentation.report.words.segment_rules import (
    MatchCounts,
    Rule,
    RuleOverlap,
    RuleScore,
    count_matches,
    count_overlaps,
    merge_counts,
    score_rules,
)
from segmentation.report.words.traits import Trait

_MAX_SAMPLED = 20_000  # customers in the sample from which words are learnt


class DescriptionInputs(NamedTuple):
    """The segments in order with their words, their customers, and what each number is."""

    parts: Sequence[LabelledPart]
    segments: Sequence[Segment]
    words: Words
    encodings: Sequence[Encoding]
    traits: Mapping[str, Trait]


class RuleMatches(NamedTuple):
    """How the published rules match customers together, and these rules as one SQL statement.

    statement: empty without any rule. overlap: in customers.
    """

    statement: str
    overlap: RuleOverlap


class Descriptions(NamedTuple):
    """The rows of descriptions.parquet, and how the rules match customers together."""

    table: pd.DataFrame
    matches: RuleMatches


def describe_segments(inputs: DescriptionInputs) -> Descriptions:
    """Each segment's factual name, and its rule with precision and recall over all customers."""
    encodings = {encoding.name: encoding for encoding in inputs.encodings}
    units = {name: encoding.unit for name, encoding in encodings.items()}
    words = inputs.words.segments
    counts = count_rules(inputs)
    scores = score_rules(counts)
    # A rule that misses three in ten, or finds three in ten wrongly, does not describe its segment.
    simple = [
        segment if segment.rule and score.is_at_least(SIMPLE) else segment.model_copy(update={"rule": ()})
        for segment, score in zip(words, scores, strict=True)
    ]
    shares = [_to_shares(*pair) for pair in zip(simple, scores, strict=True)]
    table = pd.DataFrame(
        {
            "segment_id": [segment.segment_id for segment in words],
            "name": format_factual_names([segment.name for segment in words], inputs.traits, units),
            "size": [segment.size for segment in inputs.segments],
            "share": [segment.share for segment in inputs.segments],
            "rule": [format_rule(segment.rule, encodings, inputs.traits) or None for segment in simple],
            "rule_precision": [precision for precision, _ in shares],
            "rule_recall": [recall for _, recall in shares],
            "rule_sql": [write_case([segment], encodings) or None for segment in simple],
        }
    )
    # The best first: a customer who matches several rules gets the segment of the first.
    order = sorted((i for i in range(len(simple)) if simple[i].rule), key=lambda i: (-simple[i].f1, i))
    statement = write_case([simple[i] for i in order], encodings)
    return Descriptions(table, RuleMatches(statement, count_overlaps(counts, order)))


def _to_shares(segment: SegmentWords, score: RuleScore) -> tuple[float, float]:
    """Precision and recall of a rule that is published; NaN without one."""
    if not segment.rule or score.precision is None:
        return np.nan, np.nan
    return round_significant(score.precision), round_significant(score.recall)


def count_rules(inputs: DescriptionInputs) -> MatchCounts:
    """All customers by the rules they match, in one pass over the numbers that the rules have."""
    words = inputs.words
    features = sorted({condition.feature for segment in words.segments for condition in segment.rule})
    # A table without columns has no rows either, so without rules any number does.
    features = features or [inputs.encodings[0].name]
    count = partial(_count_part, features=features, rules=locate_rules(words, features))
    return merge_counts(list(map_parts(count, inputs.parts)))


def _count_part(part: LabelledPart, features: Sequence[str], rules: Sequence[Rule]) -> MatchCounts:
    customers = read_labelled_part(part, features)
    return count_matches(customers.matrix, customers.labels, rules)


def draw_rule_sample(parts: Sequence[LabelledPart], features: Sequence[str], seed: int) -> LabelledMatrix:
    """At most 20,000 customers, the same for the same input however it is cut into parts."""
    total = sum(part.customers.rows for part in parts)
    # 0.9, so that a draw rarely exceeds the maximum: the excess would be cut from the last parts.
    share = 1.0 if total <= _MAX_SAMPLED else 0.9 * _MAX_SAMPLED / total
    # By position in canonical order and not by id: also tables without ids have it.
    drawable = list_drawable([part.customers for part in parts], ())
    samples = list[LabelledMatrix]()
    for part, drawable_part in zip(parts, drawable, strict=True):
        is_drawn = draw_keys(drawable_part, seed) < share
        if is_drawn.any():
            matrix, labels = read_labelled_part(part, features)
            samples.append(LabelledMatrix(matrix[:, is_drawn], labels[is_drawn]))
    return LabelledMatrix(
        np.concatenate([sample.matrix for sample in samples], axis=1)[:, :_MAX_SAMPLED],
        np.concatenate([sample.labels for sample in samples])[:_MAX_SAMPLED],
    )
