"""Factual names of segments, from what sets each apart: `high revenue, recent`.

Names set by people: segmentation/identity/given_names.py. No data is read here.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from config.definition import Definition
from schemas.numbers import Encoding

# Standardised differences from which a feature is part of a name, and from which it is "very" high or low.
NOTABLE, STRONG = 0.25, 1.5
_LOW_AND_HIGH_WORDS = {
    "days_since_last": ("recent", "not recent"),
    "days_since_first": ("new", "long-standing"),
}
# Columns of these names usually hold what the operation computes from events.
_OPERATION_BY_PREFIX = {"recency": "days_since_last", "tenure": "days_since_first"}


class Trait(NamedTuple):
    """The words for a feature.

    is_indicator: the feature is 1 or 0, and its name says what 1 means (`city = Bonn`).
    levels: what 0, 1, 2 … mean for an ordered category, else empty.
    """

    name: str
    low: str
    high: str
    is_indicator: bool
    levels: tuple[str, ...] = ()

    def describe(self, difference: float) -> str:
        """The words for a standardised difference.

        >>> revenue = Trait("revenue", "low revenue", "high revenue", is_indicator=False)
        >>> revenue.describe(0.5), revenue.describe(-2.0)
        ('high revenue', 'very low revenue')
        """
        words = self.high if difference > 0 else self.low
        is_graded = not self.is_indicator and words.endswith(self.name.replace("_", " "))
        return f"very {words}" if is_graded and abs(difference) >= STRONG else words


def build_traits(definition: Definition, encodings: Sequence[Encoding]) -> dict[str, Trait]:
    """The words for each feature, by its name."""
    features = definition.summary.features if definition.summary else {}
    traits = {}
    for encoding in encodings:
        name, column = encoding.name, encoding.column
        prefix = name.split("_")[0].lower()
        operation = (
            (features[column].op or "") if column in features else _OPERATION_BY_PREFIX.get(prefix, "")
        )
        is_indicator = encoding.kind in ("level", "other", "missing")
        words = name.replace("_", " ")
        low, high = (f"not {name}", name) if is_indicator else (f"low {words}", f"high {words}")
        low, high = _LOW_AND_HIGH_WORDS.get(operation, (low, high))
        levels = encoding.levels if encoding.kind == "rank" else ()
        traits[name] = Trait(name, low, high, is_indicator, levels)
    return traits


def choose_factual_names(differences: np.ndarray, traits: Sequence[Trait]) -> tuple[str, ...]:
    """One name for each segment, unique if the features differ.

    differences: standardised mean differences (k, d). A name consists of the two features that differ most.
    Segments with equal names get further features, then their rank by one feature in brackets.
    """
    if len(differences) == 1:
        return ("all customers",)
    words = [_list_notable_words(row, traits) for row in differences]
    names = [", ".join(segment_words[:2]) or "near the average" for segment_words in words]
    for length in range(3, len(traits) + 1):
        names = [
            ", ".join(segment_words[:length])
            if names.count(name) > 1 and len(segment_words) >= length
            else name
            for segment_words, name in zip(words, names, strict=True)
        ]
    return tuple(_add_ranks(names, differences, traits))


def _add_ranks(names: Sequence[str], differences: np.ndarray, traits: Sequence[Trait]) -> list[str]:
    """Names that occur several times get their rank by the feature in which those segments differ most."""
    unique = list(names)
    for name in {name for name in names if names.count(name) > 1}:
        segments = np.array([segment for segment, duplicate in enumerate(names) if duplicate == name])
        # The rank by the feature with the widest range is the easiest one to see in the data.
        feature = int(np.argmax(np.ptp(differences[segments], axis=0)))
        ranked = segments[np.argsort(differences[segments, feature], kind="stable")]
        for rank, segment in enumerate(ranked):
            feature_name = traits[feature].name.replace("_", " ")
            unique[segment] = f"{name} ({_format_rank(rank, len(segments), feature_name)})"
    return unique


def _format_rank(rank: int, count: int, feature: str) -> str:
    if count == 2:
        return f"the {('lower', 'higher')[rank]} {feature} of the two"
    if rank == 0:
        return f"the lowest {feature} of {count}"
    return f"the highest {feature} of {count}" if rank == count - 1 else f"{rank + 1} of {count} by {feature}"


def _list_notable_words(differences: np.ndarray, traits: Sequence[Trait]) -> list[str]:
    """The words for a segment's notable features, the one that differs most first."""
    order = np.argsort(-np.abs(differences), kind="stable")
    return [
        traits[feature].describe(float(differences[feature]))
        for feature in order
        if abs(differences[feature]) >= NOTABLE
    ]
