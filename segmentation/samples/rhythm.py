"""The calendar of the sample orders: busy and quiet days, closed days, lost files, slow drifts.

Who orders is segmentation/samples/lives.py's, what is ordered segmentation/samples/orders.py's. Days are
counted from EPOCH; all of it is the same wherever and whenever it is asked for.
"""

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from segmentation.samples.draws import draw, make_key, take_share

EPOCH = date(2000, 1, 1)
FIRST, LAST = date(2001, 1, 1), date(2099, 12, 31)
_CLOSED = ((1, 1), (5, 1), (12, 25), (12, 26))
_WEEK = np.array([0.85, 0.80, 0.85, 0.90, 1.05, 1.40, 1.15])  # Monday first
_YEAR = np.array([0.85, 0.85, 0.95, 0.95, 1.0, 0.95, 0.85, 0.85, 1.0, 1.05, 1.25, 1.55])
_TODAY = (date(2025, 1, 1) - EPOCH).days  # where drifts stand at 1
_LOST_SHARE = 1 / 60


def to_number(day: date) -> int:
    """Days since EPOCH."""
    return (day - EPOCH).days


def to_date(number: int) -> date:
    """The date that is so many days after EPOCH."""
    return EPOCH + timedelta(days=number)


def is_closed(day: date) -> bool:
    """Is it a public holiday, on which nobody orders and no file is made?"""
    return (day.month, day.day) in _CLOSED


def is_lost(day: date, seed: int) -> bool:
    """Did the export fail on this day, about one in sixty, so that its orders are never seen?"""
    return bool(take_share(draw(make_key(seed, "outage"), to_number(day)), 0)[0] < _LOST_SHARE)


def has_file(day: date, seed: int) -> bool:
    """Is there an order file of this day?"""
    return not is_closed(day) and not is_lost(day, seed)


def shop_time(numbers: np.ndarray | int) -> np.ndarray:
    """How much trade had passed before each day began, in days of mean trade: float64, same shape.

    Customers order at even intervals of this time, so that they order on busy days, and more in years to
    come.
    """
    passed: np.ndarray = _trade()[np.asarray(numbers)]
    return passed


@lru_cache(maxsize=1)
def _trade() -> np.ndarray:
    """Trade passed before each day from EPOCH to a year after LAST: float64, exact sums of millionths."""
    days = [to_date(number) for number in range(to_number(LAST) + 366)]
    weights = np.array([_WEEK[d.weekday()] * _YEAR[d.month - 1] * (not is_closed(d)) for d in days])
    # Ordering becomes commoner, by 2 % a year now, and never by more than 20 %.
    growth = 1 + 0.2 * np.tanh((np.arange(len(days)) - _TODAY) / 3652.5)
    return np.concatenate([[0], np.cumsum(np.round(weights * growth * 1e6).astype(np.int64))]) / 1e6


def price_level(numbers: np.ndarray) -> np.ndarray:
    """Prices of each day, those of the start of 2025 being 1, rising by 3 % a year: float64 (n,)."""
    level: np.ndarray = 1.03 ** ((numbers - _TODAY) / 365.25)
    return level


def app_share(numbers: np.ndarray) -> np.ndarray:
    """Share of orders that come from the app on each day, ever more of them: float64 (n,)."""
    share: np.ndarray = 0.1 + 0.5 / (1 + np.exp(-(numbers - _TODAY) / 1500.0))
    return share
