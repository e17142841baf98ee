"""Parsing dates from people and forms: YYYY-MM-DD only.

Whether a date is allowed is checked where it is used.
"""

import re
from datetime import date

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_iso_date(text: str) -> date:
    """Parse YYYY-MM-DD. Raises ValueError for anything else, including 20260131 and 2026-W05-1.

    >>> parse_iso_date("2026-01-31")
    datetime.date(2026, 1, 31)
    """
    try:
        # Since Python 3.11, date.fromisoformat also reads 20260131 and week dates.
        if _ISO_DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # a month or day that does not exist
    raise ValueError("expected a date as YYYY-MM-DD")
