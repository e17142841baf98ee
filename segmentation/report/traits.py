"""The words for features: `high revenue`, `very recent`, `mostly contract Two year`.

Which words a segment gets is decided in factual_names.py; what a feature is called, in config/labels.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

from config.columns import Column
from config.definition import Definition
from config.labels import build_labels, humanise_name
from schemas.numbers import Encoding

GRADES = range(-2, 3)  # of numbers: very low, low, average, high, very high
_WORDS_BY_OPERATION = {
    "days_since_last": ("very recent", "recent", "average recency", "not recent", "long inactive"),
    "days_since_first": ("very new", "new", "average tenure", "long-standing", "very long-standing"),
    "age": ("very young", "young", "average age", "older", "much older"),
}
# Columns of these names usually hold what the operation computes from events, or the customer's age.
_OPERATION_BY_PREFIX = {"recency": "days_since_last", "tenure": "days_since_first"}
_AGES = {"age", "age years", "customer age", "age in years"}
# Of 1 or 0, by grade. Shares of the customers decide between them, and "often" is relative to everyone.
_INDICATOR_WORDS = {
    -2: "not {}",
    -1: "less often {}",
    0: "as often {} as others",
    1: "more often {}",
    2: "mostly {}",
    3: "{}",
}


class Trait(NamedTuple):
    """The words for a feature.

    name: of the number, as in profiles. label: what people call it. grades: the words from very low to very
    high; empty for an indicator, a number that is 1 or 0. levels: what 0, 1, 2 … mean for an ordered
    category, else empty.
    """

    name: str
    label: str
    grades: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()

    @property
    def is_indicator(self) -> bool:
        """Is the feature 1 or 0, so that its mean is a share?"""
        return not self.grades

    def describe(self, grade: int) -> str:
        """The words for a grade.

        >>> grade_label("revenue").describe(2), Trait("vip", "VIP").describe(2)
        ('very high revenue', 'mostly VIP')
        """
        return self.grades[grade + 2] if self.grades else _INDICATOR_WORDS[grade].format(self.label)


def grade_label(name: str, label: str = "", levels: tuple[str, ...] = ()) -> Trait:
    """The trait of a number, graded from very low to very high."""
    label = label or name
    words = ("very low", "low", "average", "high", "very high")
    return Trait(name, label, tuple(f"{word} {label}" for word in words), levels)


def build_traits(definition: Definition, encodings: Sequence[Encoding]) -> dict[str, Trait]:
    """The words for each number, by its name."""
    labels, columns = build_labels(definition), definition.customer_columns
    return {
        encoding.name: _build_trait(
            encoding,
            columns[encoding.column],
            labels[encoding.column],
            _infer_operation(definition, encoding),
        )
        for encoding in encodings
    }


def _build_trait(encoding: Encoding, column: Column, label: str, operation: str) -> Trait:
    if encoding.kind == "level":
        return Trait(encoding.name, f"{label} {encoding.levels[0]}")
    if encoding.kind == "other":
        return Trait(encoding.name, f"another {label}")
    if encoding.kind == "missing":
        return Trait(encoding.name, f"without {label}")
    if is_binary(column):
        return Trait(encoding.name, label)
    if words := _WORDS_BY_OPERATION.get(operation):
        return Trait(encoding.name, label, words)
    return grade_label(encoding.name, label, encoding.levels if encoding.kind == "rank" else ())


def is_binary(column: Column) -> bool:
    """Does the contract allow 0 and 1 only, or true and false?"""
    if column.type == "bool":
        return True
    if column.type != "int":
        return False
    return (column.isin is not None and set(column.isin) <= {0, 1}) or (column.ge == 0 and column.le == 1)


def _infer_operation(definition: Definition, encoding: Encoding) -> str:
    """The operation that computes the number, or one that its name suggests."""
    features = definition.summary.features if definition.summary else {}
    if encoding.column in features:
        return features[encoding.column].op or ""
    name = humanise_name(encoding.name)
    return "age" if name in _AGES else _OPERATION_BY_PREFIX.get(name.split()[0], "")
