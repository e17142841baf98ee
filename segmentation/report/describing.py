"""The rows of descriptions.parquet: what each segment is called until a person names it, and its rule.

Names are segmentation/report/factual_names.py's, rules segmentation/report/rules.py's; here both
meet the customers.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.numbers import ColumnScale
from schemas.records import Segment
from segmentation.features.moments import significant
from segmentation.features.sampling import Slice, draw_keys
from segmentation.partitions import over_parts
from segmentation.report.factual_names import Trait, name_segments
from segmentation.report.profiles import Labelled, read_labelled
from segmentation.report.rules import Rule, count_rules, find_rules, measure, tell_rule

MOST_POINTS = 5_000  # customers that rules are looked for on


class Described(NamedTuple):
    """What is described: segments in order, and their customers."""

    pairs: Sequence[Labelled]
    segments: Sequence[Segment]
    profiles: pd.DataFrame


def describe_segments(
    described: Described, columns: Sequence[ColumnScale], traits: dict[str, Trait], seed: int
) -> pd.DataFrame:
    """One row per segment: its factual name, and its rule with precision and recall over all customers."""
    pairs, segments, profiles = described
    features = [one.feature for one in columns if not one.aside]
    words = [traits[name] for name in features]
    ids = [segment.segment_id for segment in segments]
    table = profiles.pivot_table("difference", "segment_id", "feature", sort=False)
    names = name_segments(table.reindex(index=ids, columns=features, fill_value=0.0).to_numpy(), words)
    rules = find_rules(*draw_points(pairs, features, seed), len(segments))
    count = partial(_count_part, features=features, rules=rules)
    counts = np.sum([*over_parts(count, pairs)], axis=0)
    found = measure(rules, counts, [segment.size for segment in segments])
    return pd.DataFrame(
        {
            "segment_id": ids,
            "name": names,
            "size": [segment.size for segment in segments],
            "share": [segment.share for segment in segments],
            "rule": [tell_rule(one.rule, words) or None for one in found],
            "rule_precision": [_or_null(one.precision) for one in found],
            "rule_recall": [_or_null(one.recall if one.rule else None) for one in found],
        }
    )


def _or_null(value: float | None) -> float:
    return np.nan if value is None else significant(value)


def _count_part(pair: Labelled, features: Sequence[str], rules: Sequence[Rule]) -> np.ndarray:
    return count_rules(*read_labelled(pair, features), rules)


def draw_points(
    pairs: Sequence[Labelled], features: Sequence[str], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """At most MOST_POINTS customers, the same for the same input: features (d, n), segments (n,)."""
    total = sum(pair.customers.rows for pair in pairs)
    share = 1.0 if total <= MOST_POINTS else 0.9 * MOST_POINTS / total
    found, first = [], 0
    for pair in pairs:
        keys = draw_keys(Slice(pair.customers, None, first), seed)
        first += pair.customers.rows
        if (keys < share).any():
            matrix, labels = read_labelled(pair, features)
            found.append((matrix[:, keys < share], labels[keys < share]))
    matrix = np.concatenate([one for one, _ in found], axis=1)
    return matrix[:, :MOST_POINTS], np.concatenate([labels for _, labels in found])[:MOST_POINTS]
