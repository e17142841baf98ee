"""The words for features: `high revenue`, `very recent`, `mostly contract Two year`.

Which words a segment gets is decided in factual_names.py; what a feature is called, in config/labels.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

from config.columns import Column
from config.definition import Definition
from config.labels import build_labels, humanise_name
from schemas.numbers import Encoding

_DEGREES = ("extremely low", "very low", "low", "average", "high", "very high", "extremely high")
_WORDS_BY_OPERATION = {
    "days_since_last": (
        "just active", "very recent", "recent", "average recency",
        "not recent", "long inactive", "longest inactive",
    ),
    "days_since_first": (
        "brand new", "very new", "new", "average tenure",
        "long-standing", "very long-standing", "longest-standing",
    ),
    "age": ("youngest", "very young", "young", "average age", "older", "much older", "oldest"),
}  # fmt: skip
# Columns of these names usually hold what the operation computes from events, or the customer's age.
_OPERATION_BY_PREFIX = {"recency": "days_since_last", "tenure": "days_since_first"}
_AGES = {"age", "age years", "customer age", "age in years"}
# Of 1 or 0: shares of the customers decide between them, and "often" is relative to everyone.
_INDICATOR_WORDS = (
    "", "not {}", "less often {}", "as often {} as others", "more often {}", "mostly {}", "{}",
)  # fmt: skip


class Trait(NamedTuple):
    """The words for a feature.

    name: of the number, as in profiles. label: what people call it. words: by grade, from -3 to 3.
    is_indicator: the feature is 1 or 0, so that its mean is a share. levels: what 0, 1, 2 … mean for an
    ordered category, else empty.
    """

    name: str
    label: str
    words: tuple[str, ...]
    is_indicator: bool = False
    levels: tuple[str, ...] = ()

    def describe(self, grade: int) -> str:
        """The words for a grade.

        >>> make_number("revenue").describe(2), make_indicator("vip", "VIP").describe(2)
        ('very high revenue', 'mostly VIP')
        """
        return self.words[grade + 3]


def make_number(name: str, label: str = "") -> Trait:
    """The trait of a number, graded from extremely low to extremely high."""
    label = label or name
    return Trait(name, label, tuple(f"{degree} {label}" for degree in _DEGREES))


def make_indicator(name: str, label: str = "") -> Trait:
    """The trait of a number that is 1 or 0."""
    label = label or name
    return Trait(name, label, tuple(word.format(label) for word in _INDICATOR_WORDS), is_indicator=True)


def make_rank(name: str, label: str, levels: tuple[str, ...]) -> Trait:
    """The trait of an ordered category: an average of its ranks is near one of its ends.

    >>> make_rank("contract", "contract", ("monthly", "yearly")).describe(-1)
    'contract nearer monthly'
    """
    low, high = levels[0], levels[-1]
    words = (
        f"{label} {low}", f"{label} mostly {low}", f"{label} nearer {low}", f"average {label}",
        f"{label} nearer {high}", f"{label} mostly {high}", f"{label} {high}",
    )  # fmt: skip
    return Trait(name, label, words, levels=levels)


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
        return make_indicator(encoding.name, f"{label} {encoding.levels[0]}")
    if encoding.kind == "other":
        return make_indicator(encoding.name, f"another {label}")
    if encoding.kind == "missing":
        return make_indicator(encoding.name, f"without {label}")
    if encoding.kind == "rank":
        return make_rank(encoding.name, label, encoding.levels)
    if is_binary(column):
        return make_indicator(encoding.name, label)
    words = _WORDS_BY_OPERATION.get(operation)
    return Trait(encoding.name, label, words) if words else make_number(encoding.name, label)


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
