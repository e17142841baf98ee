"""The customers of the sample orders: who is a customer on a day, in which latent segment, and who orders.

A shop has places, and each place has one customer after another. A customer joins, changes segment
(about a third of them do), leaves, and is later replaced. Everything is a pure function of seed, place
and day. What customers buy is in segmentation/samples/order_lines.py, when the shop is busy in
segmentation/samples/order_calendar.py.
"""

from typing import NamedTuple, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.samples.draws import draw_bits, make_draw_key, take_share, take_spread
from segmentation.samples.order_calendar import shop_time


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
_CHANGING = 0.35  # share of customers who change their segment, once
UNIX_EPOCH = 10_957  # days from 1970-01-01 to EPOCH
_JITTER = 0.7  # each even interval has one order, somewhere within this first part of it


class Lifecycles(NamedTuple):
    """The customers of some places on some day. Arrays are (n,), and days are counted from EPOCH."""

    place: np.ndarray
    generation: np.ndarray
    bits: np.ndarray  # uint64: the customer's other random numbers are drawn from these
    joined: np.ndarray
    left: np.ndarray  # the first day on which the customer is no longer one
    changed: np.ndarray  # the first day in the second segment; never, if at or after `left`
    first_kind: np.ndarray  # index into KINDS
    second_kind: np.ndarray

    def pick(self, index: np.ndarray) -> Self:
        """The customers that a mask or an array of positions selects."""
        return type(self)(*(column[index] for column in self))

    def segment(self, days: np.ndarray | int) -> np.ndarray:
        """The latent segment on the days, as an index into KINDS."""
        return np.where(days < self.changed, self.first_kind, self.second_kind)


class Orders(NamedTuple):
    """Orders of customers, arrays (n,). `second` marks a customer's second order of the day."""

    customers: Lifecycles
    day: np.ndarray
    number: np.ndarray
    second: np.ndarray


def draw_places(places: np.ndarray, seed: int) -> np.ndarray:
    """64 random bits per place: uint64 (n,). Fields 0 to 2 are used here, field 3 for returns."""
    return draw_bits(make_draw_key(seed, "place"), places)


def compute_lifecycles(places: np.ndarray, place_bits: np.ndarray, days: np.ndarray | int) -> Lifecycles:
    """The customer who has, or last had, each place on the days. `place_bits` are from draw_places."""
    span = _SHORTEST + (take_share(place_bits, 0) * (_LONGEST - _SHORTEST)).astype(np.int64)
    # Places start at random phases; otherwise all of their customers would join on the same day.
    shift = ((take_share(place_bits, 1) + take_share(place_bits, 2)) % 1.0 * span).astype(np.int64)
    generation, age = np.divmod(days + shift, span)
    joined = days - age
    bits = draw_bits(place_bits, generation)
    length = (span * (0.88 + 0.1 * take_share(bits, 0))).astype(np.int64)
    first_kind = np.searchsorted(_BORDERS, take_share(bits, 1))
    changes = take_share(bits, 2) < _CHANGING
    days_to_change = (length * (0.2 + 0.6 * take_share(bits, 3))).astype(np.int64)
    # At least 1 and less than the number of kinds, so a change always leads to another kind.
    step = 1 + (take_share(bits, 2) / _CHANGING * (len(KINDS) - 1)).astype(np.int64)
    return Lifecycles(
        place=places,
        generation=generation,
        bits=bits,
        joined=joined,
        left=joined + length,
        changed=joined + np.where(changes, days_to_change, length),
        first_kind=first_kind,
        second_kind=np.where(changes, (first_kind + step) % len(KINDS), first_kind),
    )


def compute_orders(customers: Lifecycles, days: np.ndarray | int) -> Orders:
    """The orders that the customers place on the days, in the order of their places.

    Shop time is divided into intervals of 365.25 / rate per customer, with a phase per customer, and
    each interval has one order. A day is shorter than any interval, so it touches two at most.
    """
    traits = draw_bits(customers.bits, 1)
    rate = _RATES[customers.segment(days)] / 365.25 * take_spread(traits, 0, 0.3)
    days = np.broadcast_to(np.asarray(days), customers.place.shape)
    begin = shop_time(days) * rate + take_share(traits, 2)
    end = shop_time(days + 1) * rate + take_share(traits, 2)
    number = np.floor(begin).astype(np.int64)
    is_customer = days < customers.left
    moment = number + _JITTER * take_share(draw_bits(customers.bits, number), 0)
    is_first = is_customer & (begin <= moment) & (moment < end)
    candidates = np.flatnonzero(is_customer & (end > number + 1))
    next_number = number[candidates] + 1
    moment = next_number + _JITTER * take_share(draw_bits(customers.bits[candidates], next_number), 0)
    later = candidates[moment < end[candidates]]
    positions = np.concatenate([np.flatnonzero(is_first), later])
    is_later = np.repeat([False, True], [len(positions) - len(later), len(later)])
    order = np.lexsort((is_later, positions))
    positions, is_later = positions[order], is_later[order]
    second = is_later & is_first[positions]
    return Orders(customers.pick(positions), days[positions], number[positions] + is_later, second)


def name_customers(customers: Lifecycles) -> pa.Array:
    """Customer ids, from the place's number and its customer's number: text (n,)."""
    places = pc.utf8_lpad(pa.array(customers.place + 1).cast(pa.string()), 8, "0")
    numbers = pa.array(customers.generation).cast(pa.string())
    return pc.binary_join_element_wise("C", places, "-", numbers, "")


def truth_table(customers: Lifecycles, day: int) -> pa.Table:
    """The truth about customers at the end of a day: current and previous segment, and three dates."""
    names = np.array([kind.name for kind in KINDS])
    has_left = customers.left <= day
    # The truth about a customer who has left is that of the last day.
    last = np.minimum(day, customers.left - 1)
    has_changed = (customers.changed <= last) & (customers.changed < customers.left)

    def as_date(days: np.ndarray, is_known: np.ndarray) -> pa.Array:
        unix_days = (days + UNIX_EPOCH).astype(np.int32)
        return pa.array(unix_days, pa.int32(), mask=~is_known).cast(pa.date32())

    return pa.table(
        {
            "customer_id": name_customers(customers),
            "segment": pa.array(names[customers.segment(last)]),
            "previous_segment": pa.array(names[customers.first_kind], mask=~has_changed),
            "joined_on": as_date(customers.joined, np.full(len(has_left), True)),
            "changed_on": as_date(customers.changed, has_changed),
            "left_on": as_date(customers.left, has_left),
            "has_left": pa.array(has_left),
        }
    )
