"""Factual names as text: `high revenue, recent`, or `revenue 500 to 1,200 GBP` where a part has a range.

Which parts a name has is decided in factual_names.py.
"""

from collections.abc import Mapping, Sequence

from schemas.words import NamePart
from segmentation.report.formatting import format_amount, format_share
from segmentation.report.words.traits import Trait

ALL_CUSTOMERS, AVERAGE = "all customers", "near the average"


def format_factual_names(
    names: Sequence[Sequence[NamePart]], traits: Mapping[str, Trait], units: Mapping[str, str]
) -> list[str]:
    """Each segment's name as text. Equal ones, possible only where no figure differs, get their number.

    >>> from segmentation.report.words.traits import make_number
    >>> names = [[NamePart(feature="spend", grade=2)]]
    >>> format_factual_names(names, {"spend": make_number("spend")}, {"spend": ""})
    ['very high spend']
    """
    empty = ALL_CUSTOMERS if len(names) == 1 else AVERAGE
    texts = [
        ", ".join(_format_part(part, traits[part.feature], units[part.feature]) for part in parts) or empty
        for parts in names
    ]
    return [
        text if texts.count(text) == 1 else f"{text}, group {texts[: i + 1].count(text)}"
        for i, text in enumerate(texts)
    ]


def _format_part(part: NamePart, trait: Trait, unit: str) -> str:
    if not part.is_range:
        return trait.describe(part.grade)
    # Recency days 100 to 250 days says its unit twice.
    label = trait.label
    if unit and label.lower().endswith(f" {unit.lower()}"):
        label = label[: -len(unit) - 1]

    def format_limit(limit: float | None, unit: str) -> str:
        return format_share(limit or 0.0) if trait.is_indicator else format_amount(limit or 0.0, unit)

    unit = "" if trait.levels else unit
    if part.at_least is None:
        return f"{label} below {format_limit(part.below, unit)}"
    if part.below is None:
        return f"{label} from {format_limit(part.at_least, unit)}"
    return f"{label} {format_limit(part.at_least, '')} to {format_limit(part.below, unit)}"
