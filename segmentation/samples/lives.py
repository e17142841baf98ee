"""The customers of the sample orders: who is one on a day, of which latent segment, and when each orders.

A shop has places, and each place one customer after another: joined, for a third of them really
changed, left, and after a while replaced. All is a pure function of seed, place and day. What
they buy is in segmentation/samples/orders.py, when the shop is busy in segmentation/samples/rhythm.py.
"""

from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.samples.draws import draw, make_key, take_share, take_spread
from segmentation.samples.rhythm import shop_time


class Kind(NamedTuple):
    """A latent segment: its share of customers, and how they buy."""

    name: str
    share: float
    orders_a_year: float
    unit_price: float
    most_lines: int


KINDS = (
    Kind("devoted", 0.12, 45.0, 12.0, 4),
    Kind("regular", 0.28, 15.0, 10.0, 4),
    Kind("affluent", 0.15, 7.0, 110.0, 3),
    Kind("occasional", 0.33, 4.5, 9.0, 3),
    Kind("rare", 0.12, 1.3, 7.0, 1),
)
_BORDERS = np.cumsum([kind.share for kind in KINDS])[:-1]
_RATES = np.array([kind.orders_a_year for kind in KINDS])
_SHORTEST, _LONGEST = 2922, 7305  # days from one customer of a place to the next: 8 to 20 years
_CHANGING = 0.35  # share of customers who change their segment once
UNIX_EPOCH = 10_957  # days from 1970-01-01 to EPOCH
_JITTER = 0.7  # orders fall into even intervals, somewhere within this part of them


class Lives(NamedTuple):
    """The customers of some places on some day; arrays (n,). Days are counted from EPOCH."""

    place: np.ndarray
    generation: np.ndarray
    bits: np.ndarray  # uint64: what else is drawn for the customer is drawn from these
    joined: np.ndarray
    left: np.ndarray  # the first day on which the customer is none any more
    changed: np.ndarray  # the first day in the other segment; at or after left: never
    first: np.ndarray  # index into KINDS
    other: np.ndarray

    def pick(self, index: np.ndarray) -> Self:
        """The customers that a mask or positions name."""
        return type(self)(*(column[index] for column in self))

    def segment(self, days: np.ndarray | int) -> np.ndarray:
        """Latent segment on the days: index into KINDS."""
        return np.where(days < self.changed, self.first, self.other)


class Orders(NamedTuple):
    """Orders of customers; arrays (n,). `second` marks a customer's second order of the day."""

    lives: Lives
    day: np.ndarray
    number: np.ndarray
    second: np.ndarray


def draw_places(places: np.ndarray, seed: int) -> np.ndarray:
    """64 random bits of each place: uint64 (n,); fields 0 to 2 are used here, field 3 is for returns."""
    return draw(make_key(seed, "place"), places)


def find_lives(places: np.ndarray, drawn: np.ndarray, days: np.ndarray | int) -> Lives:
    """Who holds, or held last, each place on the days. drawn: the places' bits, from draw_places."""
    span = _SHORTEST + (take_share(drawn, 0) * (_LONGEST - _SHORTEST)).astype(np.int64)
    shift = ((take_share(drawn, 1) + take_share(drawn, 2)) % 1.0 * span).astype(np.int64)
    generation, age = np.divmod(days + shift, span)
    joined = days - age
    bits = draw(drawn, generation)
    length = (span * (0.88 + 0.1 * take_share(bits, 0))).astype(np.int64)
    first = np.searchsorted(_BORDERS, take_share(bits, 1))
    changes = take_share(bits, 2) < _CHANGING
    after = (length * (0.2 + 0.6 * take_share(bits, 3))).astype(np.int64)
    step = 1 + (take_share(bits, 2) / _CHANGING * (len(KINDS) - 1)).astype(np.int64)
    return Lives(
        place=places,
        generation=generation,
        bits=bits,
        joined=joined,
        left=joined + length,
        changed=joined + np.where(changes, after, length),
        first=first,
        other=np.where(changes, (first + step) % len(KINDS), first),
    )


def find_orders(lives: Lives, days: np.ndarray | int) -> Orders:
    """The orders that the customers make on the days, in order of place.

    Shop time is cut into intervals of 365.25 / rate for each customer, with a phase of the
    customer's own, and one order falls into each. A day is shorter than any interval, so that it
    meets two of them at most.
    """
    traits = draw(lives.bits, 1)
    rate = _RATES[lives.segment(days)] / 365.25 * take_spread(traits, 0, 0.3)
    days = np.broadcast_to(np.asarray(days), lives.place.shape)
    begin = shop_time(days) * rate + take_share(traits, 2)
    end = shop_time(days + 1) * rate + take_share(traits, 2)
    number = np.floor(begin).astype(np.int64)
    is_customer = days < lives.left
    at = number + _JITTER * take_share(draw(lives.bits, number), 0)
    is_first = is_customer & (begin <= at) & (at < end)
    maybe = np.flatnonzero(is_customer & (end > number + 1))
    at = number[maybe] + 1 + _JITTER * take_share(draw(lives.bits[maybe], number[maybe] + 1), 0)
    later = maybe[at < end[maybe]]
    chosen = np.concatenate([np.flatnonzero(is_first), later])
    is_later = np.repeat([False, True], [len(chosen) - len(later), len(later)])
    order = np.lexsort((is_later, chosen))
    chosen, is_later = chosen[order], is_later[order]
    second = is_later & is_first[chosen]
    return Orders(lives.pick(chosen), days[chosen], number[chosen] + is_later, second)


def name_customers(lives: Lives) -> pa.Array:
    """Customer ids: the place's number, and which of its customers it is: text (n,)."""
    places = pc.utf8_lpad(pa.array(lives.place + 1).cast(pa.string()), 8, "0")
    return pc.binary_join_element_wise("C", places, "-", pa.array(lives.generation).cast(pa.string()), "")


def truth_table(lives: Lives, day: int) -> pa.Table:
    """The truth about the customers at the end of a day: segment now and before, joined, left, changed."""
    names = np.array([kind.name for kind in KINDS])
    has_left = lives.left <= day
    last = np.minimum(day, lives.left - 1)
    changed = (lives.changed <= last) & (lives.changed < lives.left)

    def as_date(days: np.ndarray, known: np.ndarray) -> pa.Array:
        counted = (days + UNIX_EPOCH).astype(np.int32)
        return pa.array(counted, pa.int32(), mask=~known).cast(pa.date32())

    return pa.table(
        {
            "customer_id": name_customers(lives),
            "segment": pa.array(names[lives.segment(last)]),
            "previous_segment": pa.array(names[lives.first], mask=~changed),
            "joined_on": as_date(lives.joined, np.full(len(has_left), True)),
            "changed_on": as_date(lives.changed, changed),
            "left_on": as_date(lives.left, has_left),
            "has_left": pa.array(has_left),
        }
    )
