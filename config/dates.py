"""Dates as people and forms write them: YYYY-MM-DD and nothing else.

Whether a date may be asked for is decided where it is used.
"""

import re
from datetime import date

_WRITTEN = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_date(text: str) -> date:
    """The date that YYYY-MM-DD says. Raises ValueError for weeks (2026-W05-1), 20260131, and all else.

    >>> read_date("2026-01-31")
    datetime.date(2026, 1, 31)
    """
    try:
        if _WRITTEN.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # a month or day that the calendar does not have
    raise ValueError("expected a date as YYYY-MM-DD")
