"""Ways to group customers that segments have to beat: random groups, quintile cells, the previous edition.

Whether they do is computed in held_out.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from config.definition import Definition
from schemas.validation import GroupingKind
from segmentation.features.quintiles import GROUPS, compute_cuts, score_quintiles
from segmentation.outcomes.outcome_sample import OutcomeSample
from segmentation.report.formatting import join_words
from segmentation.report.words.value_feature import infer_value_feature

MOST_CELL_FEATURES = 3
JOINED = "(joined)"


class Grouping(NamedTuple):
    """A group for each customer: labels int64 (n,) from 0 to groups - 1."""

    kind: GroupingKind
    label: str
    labels: np.ndarray
    groups: int


def choose_cell_features(definition: Definition) -> list[str]:
    """The features of quintile cells: those of `rfm`, or recency, frequency and money of events.

    Where these are missing, the value feature and then the first numbers.

    RFM cells are the customary alternative to clusters (Hughes 1994; Fader, Hardie, Lee 2005).
    """
    columns = definition.customer_columns
    numbers = [name for name in definition.features if columns[name].type in ("int", "float")]
    if definition.rfm and set(definition.rfm.by_score.values()) <= set(numbers):
        return list(definition.rfm.by_score.values())
    value = infer_value_feature(definition)
    preferred = [value] if value in numbers else []
    if definition.summary is not None:
        summary = definition.summary.features  # numbers from attributes are not in it
        ops = {name: summary[name].op for name in numbers if name in summary}
        recency = [name for name, op in ops.items() if op == "days_since_last"]
        frequency = [name for name, op in ops.items() if op in ("count", "count_distinct")]
        preferred = [*recency[:1], *frequency[:1], *preferred]
    return list(dict.fromkeys([*preferred, *numbers]))[:MOST_CELL_FEATURES]


def is_rfm(definition: Definition, features: Sequence[str]) -> bool:
    """Are these recency, frequency and money?"""
    if definition.rfm and list(features) == list(definition.rfm.by_score.values()):
        return True
    summary = definition.summary
    if summary is None or len(features) != MOST_CELL_FEATURES:
        return False
    ops = [summary.features[name].op for name in features if name in summary.features]
    return ops in (["days_since_last", "count", "sum"], ["days_since_last", "count_distinct", "sum"])


def label_cells(features: np.ndarray) -> np.ndarray:
    """The quintile cell of each row of features (n, d): int64 (n,), at most 5^d different ones.

    Equal values are in one quintile, so there are fewer with many ties.
    """
    cells = np.zeros(len(features), np.int64)
    for values in features.T:
        cells = cells * GROUPS + score_quintiles(values, compute_cuts(values)) - 1
    return np.unique(cells, return_inverse=True)[1].astype(np.int64)


def list_groupings(
    sample: OutcomeSample, labels: np.ndarray, definition: Definition, features: Sequence[str]
) -> list[Grouping]:
    """The segments, labels (n,), and the groupings they are compared with."""
    groups = int(labels.max()) + 1
    groupings = [Grouping("segments", "these segments", labels, groups)]
    if any(previous is not None for previous in sample.previous_ids):
        names = [JOINED if previous is None else previous for previous in sample.previous_ids]
        distinct, earlier = np.unique(np.array(names), return_inverse=True)
        groupings.append(
            Grouping("previous", "segments of the previous edition", earlier.astype(np.int64), len(distinct))
        )
    if features:
        cells = label_cells(sample.features)
        label = (
            "RFM quintile cells"
            if is_rfm(definition, features)
            else f"quintile cells of {join_words(features)}"
        )
        groupings.append(Grouping("cells", label, cells, int(cells.max()) + 1))
    # Customers are in random order already.
    groupings.append(Grouping("random", "random groups of the same sizes", np.sort(labels), groups))
    return groupings


def list_division_groupings(sample: OutcomeSample, ks: Sequence[int]) -> list[Grouping]:
    """The edition's other divisions, into ks segments. A segment may have no customer of the sample."""
    return [
        Grouping("division", f"{k} segments instead", column.astype(np.int64), k)
        for k, column in zip(ks, sample.divisions.T, strict=True)
    ]
