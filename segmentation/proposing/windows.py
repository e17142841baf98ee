"""How many days of events to propose, and the date of the first run: most customers must be seen.

Customers' first and last times are measured in segmentation/proposing/event_facts.py.
"""

from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from segmentation.proposing.event_facts import to_micros
from segmentation.proposing.sketches import Agreement
from segmentation.rows.casting.time_parts import DAY

USUAL_DAYS = 365
LONGER_DAYS = (730, 1095, 1826, 3652, 36_600)
ENOUGH = 0.5  # of the customers must have an event within the window
# The last events of a table may be typing errors: this far after all others, they do not count.
_GAP_DAYS = 180
_STRAY = 0.005


class WindowChoice(NamedTuple):
    """The window to propose, and the share of customers with an event in it."""

    days: int
    as_of: date
    covered: float
    stray: int  # customers of the sample whose last event comes too late to be true

    @property
    def start(self) -> date:
        """The first day of the window."""
        return self.as_of - timedelta(days=self.days)


def choose_window(activity: Agreement) -> WindowChoice:
    """A year before the last event, or the first longer window that covers at least half of the customers."""
    last_days = np.sort(to_micros(activity.high) // DAY)
    end, stray = _choose_end(last_days)
    as_of = end + 1
    for days in (USUAL_DAYS, *LONGER_DAYS):
        covered = float(((last_days >= as_of - days) & (last_days < as_of)).mean())
        if covered >= ENOUGH:
            break
    return WindowChoice(days, datetime.fromtimestamp(as_of * 86_400, UTC).date(), covered, stray)


class _End(NamedTuple):
    """The last day, counted from 1970, and how many customers are after it."""

    day: int
    stray: int


def _choose_end(last_days: np.ndarray) -> _End:
    """The last day before a long gap near the end; without one, the last day."""
    allowance = max(1, int(_STRAY * len(last_days)))
    tail = last_days[-allowance - 1 :]
    gaps = np.flatnonzero(np.diff(tail) > _GAP_DAYS)
    # Three customers are too few to call any of them an exception.
    if len(last_days) < 20 or not len(gaps):
        return _End(int(last_days[-1]), 0)
    return _End(int(tail[gaps[0]]), len(tail) - 1 - int(gaps[0]))
