"""Rules as text for people and as SQL for other systems, over the columns of segments.parquet.

Identifiers are quoted and texts escaped: levels and column names come from tables. Learning rules:
segmentation/report/words/learning.py.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from math import ceil

from schemas.numbers import Encoding
from schemas.words import Condition, SegmentWords
from segmentation.report.words.traits import Trait


def format_rule(
    rule: Sequence[Condition], encodings: Mapping[str, Encoding], traits: Mapping[str, Trait]
) -> str:
    """`3 <= orders < 7 and revenue >= 700`; a category as `city = Bonn` or `not city = Bonn`."""
    texts = []
    for feature, conditions in groupby(rule, key=lambda condition: condition.feature):
        encoding, pair = encodings[feature], list(conditions)
        if encoding.kind in ("level", "other", "missing") or traits[feature].is_indicator:
            texts.append(encoding.name if pair[0].at_least else f"not {encoding.name}")
        elif encoding.kind == "rank" and (level := _get_only_level(pair, encoding)):
            texts.append(f"{encoding.name} = {level}")
        elif len(pair) == 2:
            low, high = (_format_value(condition.threshold, encoding) for condition in pair)
            texts.append(f"{low} <= {encoding.name} < {high}")
        else:
            sign = ">=" if pair[0].at_least else "<"
            texts.append(f"{encoding.name} {sign} {_format_value(pair[0].threshold, encoding)}")
    return " and ".join(texts)


def _get_only_level(conditions: Sequence[Condition], encoding: Encoding) -> str:
    """The level of an ordered category that meets the conditions; empty if several do."""
    levels = [
        level
        for rank, level in enumerate(encoding.levels)
        if all((rank >= condition.threshold) == condition.at_least for condition in conditions)
    ]
    return levels[0] if len(levels) == 1 else ""


def _format_value(threshold: float, encoding: Encoding) -> str:
    """A number, or the first level of an ordered category that is not below it."""
    if encoding.kind != "rank":
        return format_threshold(threshold)
    return encoding.levels[min(ceil(threshold), len(encoding.levels) - 1)]


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
