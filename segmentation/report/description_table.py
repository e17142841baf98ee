"""The rows of descriptions.parquet: the factual name and the rule of every segment.

Names are chosen in factual_names.py, rules are inferred and scored in segment_rules.py. The customers they
need are read here.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.clustering import Segment
from schemas.numbers import ColumnScale
from segmentation.features.moments import round_significant
from segmentation.features.sampling import DrawablePart, draw_keys
from segmentation.partitions import map_parts
from segmentation.report.factual_names import Trait, choose_factual_names
from segmentation.report.profile_table import LabelledMatrix, LabelledPart, read_labelled_part
from segmentation.report.segment_rules import Rule, count_matches, format_rule, infer_rules, score_rules

_MAX_SAMPLED = 5_000  # customers in the sample for inferring rules


class DescriptionInputs(NamedTuple):
    """The segments in order, their customers and their profiles."""

    parts: Sequence[LabelledPart]
    segments: Sequence[Segment]
    profiles: pd.DataFrame


def describe_segments(
    inputs: DescriptionInputs, columns: Sequence[ColumnScale], traits: dict[str, Trait], seed: int
) -> pd.DataFrame:
    """One row per segment: its factual name, and its rule with precision and recall over all customers."""
    segments = inputs.segments
    features = [column.feature for column in columns if not column.excluded]
    feature_traits = [traits[feature] for feature in features]
    ids, sizes = [segment.segment_id for segment in segments], [segment.size for segment in segments]
    table = inputs.profiles.pivot_table("difference", "segment_id", "feature", sort=False)
    differences = table.reindex(index=ids, columns=features, fill_value=0.0).to_numpy()
    sample = draw_rule_sample(inputs.parts, features, seed)
    rules = infer_rules(sample.matrix, sample.labels, len(segments))
    count_part = partial(_count_part, features=features, rules=rules)
    scores = score_rules(rules, np.sum([*map_parts(count_part, inputs.parts)], axis=0), sizes)
    return pd.DataFrame(
        {
            "segment_id": ids,
            "name": choose_factual_names(differences, feature_traits),
            "size": sizes,
            "share": [segment.share for segment in segments],
            "rule": [format_rule(score.rule, feature_traits) or None for score in scores],
            "rule_precision": [_to_float(score.precision) for score in scores],
            "rule_recall": [_to_float(score.recall if score.rule else None) for score in scores],
        }
    )


def _to_float(share: float | None) -> float:
    return np.nan if share is None else round_significant(share)


def _count_part(part: LabelledPart, features: Sequence[str], rules: Sequence[Rule]) -> np.ndarray:
    customers = read_labelled_part(part, features)
    return count_matches(customers.matrix, customers.labels, rules)


def draw_rule_sample(parts: Sequence[LabelledPart], features: Sequence[str], seed: int) -> LabelledMatrix:
    """At most 5,000 customers, the same for the same input however it is cut into parts."""
    total = sum(part.customers.rows for part in parts)
    # 0.9, so that a draw rarely exceeds the maximum: the excess would be cut from the last parts.
    share = 1.0 if total <= _MAX_SAMPLED else 0.9 * _MAX_SAMPLED / total
    samples, first = list[LabelledMatrix](), 0
    for part in parts:
        # By position in canonical order and not by id: also tables without ids have it.
        is_drawn = draw_keys(DrawablePart(part.customers, None, first), seed) < share
        first += part.customers.rows
        if is_drawn.any():
            matrix, labels = read_labelled_part(part, features)
            samples.append(LabelledMatrix(matrix[:, is_drawn], labels[is_drawn]))
    return LabelledMatrix(
        np.concatenate([sample.matrix for sample in samples], axis=1)[:, :_MAX_SAMPLED],
        np.concatenate([sample.labels for sample in samples])[:_MAX_SAMPLED],
    )
