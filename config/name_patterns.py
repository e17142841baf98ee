"""Patterns of dates in file names: which strptime directives they may hold, and the span each pattern names.

Reading a date from a name is in segmentation/sources/dated_names.py.
"""

import re
from typing import Literal

Unit = Literal["day", "week", "month", "year"]

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# The strptime directives allowed in `date_in_name`, each with the regex it becomes.
DATE_DIRECTIVES = {
    "%Y": r"\d{4}",
    "%y": r"\d{2}",
    "%m": r"\d{2}",
    "%b": rf"(?i:{_MONTHS})",
    "%B": rf"(?i:(?:{_MONTHS})[a-z]*)",
    "%d": r"\d{2}",
    "%j": r"\d{3}",
    "%G": r"\d{4}",
    "%V": r"\d{2}",
    "%u": r"[1-7]",
    # The time of day: an hour's file is opened with its day.
    "%H": r"\d{2}",
    "%M": r"\d{2}",
    "%S": r"\d{2}",
}
MONTH_NAMES = _MONTHS.split("|")
_UNITS: dict[frozenset[str], Unit] = {
    frozenset("Ymd"): "day",
    frozenset("Yj"): "day",
    frozenset("GVu"): "day",
    frozenset("GV"): "week",
    frozenset("Ym"): "month",
    frozenset("Y"): "year",
}
_TIME = {"%H", "%M", "%S"}
# Other directives for the same number.
_SAME = {"%y": "%Y", "%b": "%m", "%B": "%m"}


def list_directives(pattern: str) -> list[str]:
    """The directives of a pattern, in its order.

    >>> list_directives("%Y/%m/%Y-%m-%d.csv")
    ['%Y', '%m', '%Y', '%m', '%d']
    """
    return re.findall("%.?", pattern, re.DOTALL)


def get_unit(pattern: str) -> Unit:
    """The span that a name of this pattern covers. ValueError if it is not a day, week, month or year.

    >>> get_unit("%Y-%m"), get_unit("%G-W%V")
    ('month', 'week')
    """
    directives = set(list_directives(pattern))
    if directives - DATE_DIRECTIVES.keys():
        raise ValueError(f"date_in_name may contain {', '.join(DATE_DIRECTIVES)} and plain text")
    parts = frozenset(_SAME.get(directive, directive)[1] for directive in directives - _TIME)
    unit = _UNITS.get(parts)
    if unit is None:
        raise ValueError(
            "date_in_name needs the year: %Y alone (a year), with %m (a month), with %m and %d or with %j "
            "(a day), or %G with %V (a week)"
        )
    return unit
