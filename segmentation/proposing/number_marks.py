"""Detecting how a CSV file writes its numbers: thousands, currency signs, negatives.

Runs read only the marks that source.csv declares. Delimiters and decimal marks are detected in
segmentation/proposing/dialects.py.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from segmentation.rows.casting.number_estimates import CURRENCY_SIGNS

# With the full-width yen sign, and the backslash, which is the narrow one in Japanese encodings.
_SIGNS = CURRENCY_SIGNS + "\uffe5\\"
_CODES = (
    *("EUR", "USD", "GBP", "CHF", "JPY", "CAD", "AUD", "SEK", "NOK", "DKK", "PLN", "BRL", "INR", "CNY"),
    *("R$", "US$", "C$", "A$", "kr", "zł", "Rs", "Rs.", "Kč", "Ft", "円", "元"),
)
_MARK = "|".join(re.escape(mark) for mark in sorted((*_SIGNS, *_CODES), key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<open>\()?[+-]?\s?(?P<before>{_MARK})?\s?[+-]?(?P<digits>\d[\d.,'’\s]*?|[.,]\d+)"
    rf"\s?(?P<after>{_MARK})?(?P<trailing>-)?(?P<close>\))?"
)
# Thousands marks by the decimal mark they go with.
_GROUPS = {
    ".": re.compile(r"\d{1,3}(?:([,'’\s])\d{3})(?:\1\d{3})*(\.\d+)?"),
    ",": re.compile(r"\d{1,3}(?:([.'’\s])\d{3})(?:\1\d{3})*(,\d+)?"),
}
_MOST = 0.9  # of a column's cells must be numbers, so that marks in texts do not count


class NumberMarks(NamedTuple):
    """The keys of source.csv about numbers, as values of the model."""

    thousands: str | None
    currency_marks: tuple[str, ...]
    negative: tuple[str, ...]


def detect_marks(columns: Iterable[Sequence[str]], decimal: str) -> NumberMarks:
    """The marks in columns of numbers. Each column is its cells, without the header.

    >>> detect_marks([["$1,204.50", "$7.00", "($3.00)"]], ".")
    NumberMarks(thousands=',', currency_marks=('$',), negative=('minus', 'parentheses'))
    """
    thousands: list[str] = []
    currencies: set[str] = set()
    negatives: set[str] = set()
    for column in columns:
        cells = [cell.strip() for cell in column if cell.strip()]
        matches = [match for match in map(_NUMBER.fullmatch, cells) if match and _is_balanced(match)]
        if not cells or len(matches) < _MOST * len(cells):
            continue
        thousands += _list_thousands([match["digits"] for match in matches], decimal)
        currencies |= {mark for match in matches for mark in (match["before"], match["after"]) if mark}
        negatives |= {"trailing" for match in matches if match["trailing"]}
        negatives |= {"parentheses" for match in matches if match["open"]}
    return NumberMarks(
        thousands=max(sorted(set(thousands)), key=thousands.count, default=None),
        currency_marks=tuple(sorted(currencies)),
        negative=("minus", *sorted(negatives, reverse=True)),
    )


def _is_balanced(match: re.Match[str]) -> bool:
    return (match["open"] is None) == (match["close"] is None)


def _list_thousands(digits: Sequence[str], decimal: str) -> list[str]:
    """The thousands marks of one column. Blanks in every cell are rather a code, such as a phone number."""
    groups = [match for match in map(_GROUPS[decimal].fullmatch, digits) if match]
    has_fraction = any(match[2] for match in groups)
    if has_fraction or len(groups) < len(digits) or (groups and groups[0][1] == ","):
        return [match[1] for match in groups]
    return []
