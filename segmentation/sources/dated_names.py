"""The dates in file names: the span of days that a name covers.

Which patterns are allowed is in config/name_patterns.py, which files are read in
segmentation/sources/listing.py.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from config.name_patterns import DATE_DIRECTIVES, MONTH_NAMES, get_unit

_CREDIBLE_YEARS = range(1900, 2200)
# Days as people write them, then weeks and months: what a name may say in another form than the definition's.
_DAY_FORMS = (
    *(f"%Y{mark}%m{mark}%d" for mark in ("-", "_", ".", " ", "")),
    *(f"%d{mark}%m{mark}%Y" for mark in ("-", "_", ".", " ", "")),
    *(f"%m{mark}%d{mark}%Y" for mark in ("-", "_", ".", " ", "")),
    *(f"%d{mark}%B{mark}%Y" for mark in ("-", "_", ".", " ", "")),
    *(f"%B{mark}%d{end}%Y" for mark in ("-", "_", " ") for end in (mark, ", ")),
)
_LONGER_FORMS = ("%G-W%V", "%GW%V", "%Y-%m", "%Y_%m", "%Y.%m", "%Y%m", "%B-%Y", "%B_%Y", "%B %Y", "%B%Y")
# Digits that may be something else, where a name has no other date.
_RARE_FORMS = (
    *("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H", "%y%m%d", "%Y-%j", "%Y%j"),
    *("%d-%m-%y", "%d.%m.%y", "%m-%d-%y"),
)
_MAY_BE_SHORT = {"%m", "%d"}


class Span(NamedTuple):
    """Days from `first` to before `end`."""

    first: date
    end: date

    def widen(self, days_before: int, days_after: int) -> "Span":
        """The span with days before and after it."""
        return Span(self.first - timedelta(days_before), self.end + timedelta(days_after))

    def meets(self, other: "Span") -> bool:
        """Do the spans share a day?"""
        return self.first < other.end and other.first < self.end


def span_in_name(name: str, pattern: str) -> Span | None:
    """The days that a name below the source's folder covers, by a strptime pattern; None without a date.

    A pattern without / is sought in the file's name first, then in its folders, from the innermost.

    >>> span_in_name("2026/01/orders.csv", "%Y/%m")
    Span(first=datetime.date(2026, 1, 1), end=datetime.date(2026, 2, 1))
    """
    parts = [name] if "/" in pattern else reversed(name.split("/"))
    return next((span for part in parts if (span := _search(part, pattern)) is not None), None)


def detect_spans(name: str) -> list[Span]:
    """The days that a name may say in any common form: several, where day and month can be exchanged."""
    for forms in (_DAY_FORMS, _LONGER_FORMS, _RARE_FORMS):
        spans = {span for form in forms if (span := _search(name, form, only_whole=True)) is not None}
        if spans:
            return sorted(spans)
    return []


def _search(text: str, pattern: str, only_whole: bool = False) -> Span | None:
    """The first date whose digits are not part of a longer number; else the first one, if that is enough.

    Later dates extend the span, as in `orders_2026-01-01_2026-01-31.csv`.
    """
    whole: list[Span] = []
    partial: list[Span] = []
    for match in _compile(pattern).finditer(text):
        span = _make_span(match.groupdict(), pattern)
        if span is not None:
            start, end = match.span("date")
            is_cut = text[end - 1 : end].isdigit() and text[end : end + 1].isdigit()
            is_cut = is_cut or (text[start].isdigit() and text[start - 1 : start].isdigit())
            (partial if is_cut else whole).append(span)
    if whole:
        return Span(whole[0].first, max(span.end for span in whole))
    return partial[0] if partial and not only_whole else None


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    """The pattern as a regex that matches at every position, with a group for each directive."""
    named, parts = set[str](), []
    tokens = re.split(r"(%[A-Za-z])", pattern)
    for number, part in enumerate(tokens):
        directive = DATE_DIRECTIVES.get(part)
        if directive is None:
            parts.append(re.escape(part))
        # A directive that is repeated, as in 2026/2026-01-31.csv, must say the same again.
        elif part in named:
            parts.append(f"(?P={part[1]})")
        else:
            named.add(part)
            # Spark writes month=5: between marks, a number needs no zero before it.
            if part in _MAY_BE_SHORT and _stands_alone(tokens, number):
                directive = r"\d{1,2}"
            parts.append(f"(?P<{part[1]}>{directive})")
    return re.compile(f"(?=(?P<date>{''.join(parts)}))")


def _stands_alone(tokens: Sequence[str], number: int) -> bool:
    """Is the directive with this number apart from others and from digits?"""
    # re.split() gives texts at even positions, which are empty between two directives.
    before, after = tokens[number - 1], tokens[number + 1]
    starts = number == 1 if before == "" else not before[-1].isdigit()
    ends = number == len(tokens) - 2 if after == "" else not after[0].isdigit()
    return starts and ends


def _make_span(groups: Mapping[str, str], pattern: str) -> Span | None:
    numbers = {name: int(text) for name, text in groups.items() if text.isdecimal() and name != "date"}
    year = numbers.get("Y", numbers.get("G", 0))
    if "y" in numbers:
        # As strptime does: 69 to 99 are of the last century.
        year = numbers["y"] + (1900 if numbers["y"] >= 69 else 2000)
    name_of_month = groups.get("b") or groups.get("B") or ""
    if name_of_month:
        numbers["m"] = MONTH_NAMES.index(name_of_month[:3].lower()) + 1
    if year not in _CREDIBLE_YEARS:
        return None
    try:
        return _make_unit(year, numbers, get_unit(pattern))
    except ValueError:
        return None


def _make_unit(year: int, numbers: Mapping[str, int], unit: str) -> Span:
    month = numbers.get("m", 1)
    if unit == "week":
        monday = date.fromisocalendar(year, numbers["V"], 1)
        return Span(monday, monday + timedelta(7))
    if unit == "year":
        return Span(date(year, 1, 1), date(year + 1, 1, 1))
    if unit == "month":
        return Span(date(year, month, 1), date(year + month // 12, month % 12 + 1, 1))
    if "j" in numbers:
        day = date(year, 1, 1) + timedelta(numbers["j"] - 1)
        if day.year != year:
            raise ValueError("no such day of the year")
    elif "V" in numbers:
        day = date.fromisocalendar(year, numbers["V"], numbers["u"])
    else:
        day = date(year, month, numbers["d"])
    return Span(day, day + timedelta(1))
