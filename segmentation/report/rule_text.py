"""Rules as text for people and as SQL for other systems, over the columns of segments.parquet.

Identifiers are quoted and texts escaped: levels and column names come from tables. Learning rules:
segmentation/report/learning.py.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import ceil

from schemas.numbers import Encoding
from schemas.words import Condition, SegmentWords
from segmentation.report.traits import Trait


def format_rule(
    rule: Sequence[Condition], encodings: Mapping[str, Encoding], trait_of: Mapping[str, Trait]
) -> str:
    """`revenue >= 1200 and recency_days < 40`; a category as `city = Bonn` or `not city = Bonn`."""
    return " and ".join(
        _format_condition(condition, encodings[condition.feature], trait_of[condition.feature])
        for condition in rule
    )


def _format_condition(condition: Condition, encoding: Encoding, trait: Trait) -> str:
    if encoding.kind in ("level", "other", "missing") or trait.is_indicator:
        return encoding.name if condition.at_least else f"not {encoding.name}"
    sign = ">=" if condition.at_least else "<"
    if encoding.kind == "rank":
        position = min(ceil(condition.threshold), len(encoding.levels) - 1)
        return f"{encoding.name} {sign} {encoding.levels[position]}"
    return f"{encoding.name} {sign} {format_threshold(condition.threshold)}"


def format_threshold(value: float) -> str:
    """A number as SQL and people write it, with the digits that it has.

    >>> format_threshold(1200.0), format_threshold(0.05), format_threshold(-2.5), format_threshold(1e22)
    ('1200', '0.05', '-2.5', '1e22')
    """
    exact = Decimal(repr(value))
    if value and not -7 <= exact.adjusted() <= 18:
        return f"{exact.normalize():e}".replace("e+", "e")
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def write_case(words: Sequence[SegmentWords], encodings: Mapping[str, Encoding]) -> str:
    """One CASE with a WHEN for each segment that has a rule, the most precise first; empty without rules."""
    lines = [
        f"WHEN {write_condition(segment.rule, encodings)} THEN {quote_text(segment.segment_id)}"
        for segment in words
        if segment.rule
    ]
    return "\n".join(["CASE", *(f"  {line}" for line in lines), "END"]) if lines else ""


def write_condition(rule: Sequence[Condition], encodings: Mapping[str, Encoding]) -> str:
    """A rule as an SQL condition that is true or false for every row, never null."""
    return " AND ".join(_write_one(condition, encodings[condition.feature]) for condition in rule)


def quote_name(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text as an SQL literal.

    >>> quote_text("Rock 'n' Roll")
    "'Rock ''n'' Roll'"
    """
    return "'" + text.replace("'", "''") + "'"


def _write_one(condition: Condition, encoding: Encoding) -> str:
    """One threshold over the original column: missing values count as the model fills them."""
    column, is_true = quote_name(encoding.column), condition.at_least
    if encoding.kind == "missing":
        return f"{column} IS {'' if is_true else 'NOT '}NULL"
    if encoding.fill is not None:
        column = f"COALESCE({column}, {_write_fill(encoding)})"
    if encoding.kind == "level":
        return f"{column} {'=' if is_true else '<>'} {quote_text(encoding.levels[0])}"
    if encoding.kind == "other":
        return _write_list(column, encoding.levels, is_in=not is_true)
    if encoding.kind == "rank":
        return _write_list(column, encoding.levels[ceil(condition.threshold) :], is_in=is_true)
    return f"{column} {'>=' if is_true else '<'} {format_threshold(condition.threshold)}"


def _write_list(column: str, levels: Sequence[str], is_in: bool) -> str:
    if not levels:
        return "FALSE" if is_in else "TRUE"
    return f"{column} {'' if is_in else 'NOT '}IN ({', '.join(map(quote_text, levels))})"


def _write_fill(encoding: Encoding) -> str:
    if isinstance(encoding.fill, str):
        return quote_text(encoding.fill)
    return format_threshold(float(encoding.fill or 0.0))
