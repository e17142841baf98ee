"""The calendar of the sample orders: busy and quiet days, closed days, lost files and slow drifts.

Who orders is in segmentation/samples/lifecycles.py, what they order in segmentation/samples/order_lines.py.
Days are counted from EPOCH.
"""

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from segmentation.samples.draws import draw_bits, make_draw_key, take_share

EPOCH = date(2000, 1, 1)
FIRST, LAST = date(2001, 1, 1), date(2099, 12, 31)
_CLOSED = ((1, 1), (5, 1), (12, 25), (12, 26))
_WEEK = np.array([0.85, 0.80, 0.85, 0.90, 1.05, 1.40, 1.15])  # Monday first
_YEAR = np.array([0.85, 0.85, 0.95, 0.95, 1.0, 0.95, 0.85, 0.85, 1.0, 1.05, 1.25, 1.55])
_REFERENCE = (date(2025, 1, 1) - EPOCH).days  # the day on which drifts are 1
_LOST_SHARE = 1 / 60


def to_day_number(day: date) -> int:
    """Days since EPOCH."""
    return (day - EPOCH).days


def to_date(number: int) -> date:
    """The date `number` days after EPOCH."""
    return EPOCH + timedelta(days=number)


def is_closed(day: date) -> bool:
    """Is it a public holiday? Nobody orders then, and no file is written."""
    return (day.month, day.day) in _CLOSED


def is_lost(day: date, seed: int) -> bool:
    """Did the export fail on this day? About one file in sixty is lost."""
    return bool(take_share(draw_bits(make_draw_key(seed, "outage"), to_day_number(day)), 0)[0] < _LOST_SHARE)


def has_file(day: date, seed: int) -> bool:
    """Is there an order file for this day?"""
    return not is_closed(day) and not is_lost(day, seed)


def shop_time(numbers: np.ndarray | int) -> np.ndarray:
    """Trade before the start of each day, in days of mean trade: float64, same shape.

    Customers order at even intervals of this time, so they order more on busy days and in later years.
    """
    trade: np.ndarray = _cumulative_trade()[np.asarray(numbers)]
    return trade


@lru_cache(maxsize=1)
def _cumulative_trade() -> np.ndarray:
    """Trade before each day from EPOCH to a year after LAST: float64, exact sums of millionths."""
    days = [to_date(number) for number in range(to_day_number(LAST) + 366)]
    weights = np.array([_WEEK[day.weekday()] * _YEAR[day.month - 1] * (not is_closed(day)) for day in days])
    # Ordering grows, by 2 % a year around the reference day and by 20 % in all.
    growth = 1 + 0.2 * np.tanh((np.arange(len(days)) - _REFERENCE) / 3652.5)
    # Whole millionths, because tanh may differ in its last bit between machines, which could move an order to
    # another day.
    return np.concatenate([[0], np.cumsum(np.round(weights * growth * 1e6).astype(np.int64))]) / 1e6


def price_level(numbers: np.ndarray) -> np.ndarray:
    """Price level of each day: 1 at the start of 2025, rising by 3 % a year; float64 (n,)."""
    level: np.ndarray = 1.03 ** ((numbers - _REFERENCE) / 365.25)
    return level


def app_share(numbers: np.ndarray) -> np.ndarray:
    """Share of orders placed in the app on each day, which keeps growing: float64 (n,)."""
    share: np.ndarray = 0.1 + 0.5 / (1 + np.exp(-(numbers - _REFERENCE) / 1500.0))
    return share
