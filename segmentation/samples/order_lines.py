"""The lines of the sample orders on one day: orders, returns, and a few dirty lines.

Who orders when is in segmentation/samples/lifecycles.py. Files are written in segmentation/samples/orders.py.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.samples.draws import draw_bits, make_draw_key, take_share, take_spread
from segmentation.samples.lifecycles import (
    KINDS,
    UNIX_EPOCH,
    Orders,
    compute_lifecycles,
    compute_orders,
    name_customers,
)
from segmentation.samples.order_calendar import app_share, price_level, to_date

GROUPS = ("accessories", "books", "clothing", "garden", "kitchen", "music", "sports", "toys")
CHANNELS = ("store", "app", "web")
STAINS = ("no customer", "unreadable quantity", "price of zero", "line repeated", "time of another day")
STAIN_SHARE = 0.0002  # share of lines for each kind of damage
RETURN_SHARE = 0.05
FAVOURITE_SHARE = 0.5  # share of orders that begin with the customer's favourite group
_GROUP_PRICES = np.array([0.7, 0.8, 1.2, 1.1, 1.0, 0.9, 1.3, 0.8])
_UNIT_PRICES = np.array([kind.unit_price for kind in KINDS])
_MOST_LINES = np.array([kind.most_lines for kind in KINDS])
_STORE_SHARE = 0.25
_OPENS, _OPEN_SECONDS = 25_200, 54_000  # from 07:00 to 22:00
_FIRST_LAG, _LAGS = 3, 18  # returns come 3 to 20 days after the order


class Lines(NamedTuple):
    """Order lines, arrays (n,). `order` is the position of each line's order."""

    order: np.ndarray
    bits: np.ndarray
    second: np.ndarray  # of the day
    channel: np.ndarray
    group: np.ndarray
    quantity: np.ndarray  # negative for returns
    unit_price: np.ndarray


def day_table(day: int, places: np.ndarray, place_bits: np.ndarray, seed: int) -> pa.Table:
    """The order and return lines of some places on a day, sorted by time, with a few dirty lines.

    `day` counts days since EPOCH, and `place_bits` are from draw_places. The customer or the quantity is
    null in lines where it is missing or unreadable.
    """
    orders = compute_orders(compute_lifecycles(places, place_bits, day), day)
    # Each customer always takes equally long, so exactly one of the customer's days can be returned today.
    lag = _FIRST_LAG + (take_share(place_bits, 3) * _LAGS).astype(np.int64)
    is_returning = take_share(draw_bits(place_bits ^ make_draw_key(seed, "return"), day), 0) < RETURN_SHARE
    positions = np.flatnonzero(is_returning)
    ordered_on = day - lag[positions]
    customers = compute_lifecycles(places[positions], place_bits[positions], ordered_on)
    returned = compute_orders(customers, ordered_on)

    order_lines, returns = make_lines(orders), return_lines(returned)
    seconds = np.concatenate([order_lines.second, returns.second])
    table = pa.concat_tables([_to_table(orders, order_lines, "O"), _to_table(returned, returns, "R")])
    times = (day + UNIX_EPOCH) * 86_400 + seconds
    table = table.add_column(2, "ordered_at", pa.array(times).cast(pa.timestamp("s")))
    bits = np.concatenate([draw_bits(order_lines.bits, 2), draw_bits(returns.bits, 3)])
    # Stable: lines of one order have the same second and must stay together.
    order = np.argsort(seconds, kind="stable")
    return _soil(table.take(pa.array(order)), bits[order])


def make_lines(orders: Orders) -> Lines:
    """The lines of orders, grouped by order: one to `most_lines` of the customer's segment."""
    order_bits = draw_bits(draw_bits(orders.customers.bits, 2), orders.number)
    segment = orders.customers.segment(orders.day)
    counts = 1 + (take_share(order_bits, 0) * _MOST_LINES[segment]).astype(np.int64)
    order = np.repeat(np.arange(len(counts)), counts)
    line = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)

    from_store = take_share(order_bits, 1) < _STORE_SHARE
    more_bits = draw_bits(order_bits, -1)
    from_app = take_share(more_bits, 0) < app_share(orders.day)
    channel = np.where(from_store, 0, np.where(from_app, 1, 2))
    second = _OPENS + ((take_share(order_bits, 2) + take_share(order_bits, 3)) / 2 * _OPEN_SECONDS).astype(
        np.int64
    )

    bits = draw_bits(order_bits[order], line)
    # An order's lines have different groups, so that only damage repeats a line.
    is_favourite = take_share(more_bits, 1) < FAVOURITE_SHARE
    begin = np.where(is_favourite, take_share(orders.customers.bits, 0), take_share(more_bits, 2)) * len(
        GROUPS
    )
    # An odd step is coprime to the eight groups, so it repeats none of them.
    step = 1 + 2 * (4 * take_share(more_bits, 3)).astype(np.int64)
    group = (begin.astype(np.int64)[order] + line * step[order]) % len(GROUPS)
    level = (
        _UNIT_PRICES[segment]
        * take_spread(draw_bits(orders.customers.bits, 3), 0, 0.4)
        * price_level(orders.day)
    )
    price = level[order] * _GROUP_PRICES[group] * (0.8 + 0.4 * take_share(bits, 3))
    return Lines(
        order=order,
        bits=bits,
        second=second[order],
        channel=channel[order],
        group=group,
        quantity=1 + (3 * take_share(bits, 2) ** 2).astype(np.int64),
        unit_price=np.maximum(np.round(price, 2), 0.01),
    )


def return_lines(orders: Orders) -> Lines:
    """The returns of orders: the first line of each, with a negative quantity and at another time."""
    lines = make_lines(orders)
    is_first = np.diff(lines.order, prepend=-1) > 0
    lines = Lines(*(column[is_first] for column in lines))
    second = _OPENS + (take_share(draw_bits(lines.bits, 1), 0) * _OPEN_SECONDS).astype(np.int64)
    return lines._replace(quantity=-lines.quantity, second=second)


def _to_table(orders: Orders, lines: Lines, letter: str) -> pa.Table:
    """Lines as a table without times. An order id has the letter, the order's day, place and number."""
    days = np.unique(orders.day)
    texts = pa.array([to_date(int(day)).strftime("%y%m%d") for day in days], pa.string())
    ordered_on = texts.take(pa.array(np.searchsorted(days, orders.day)))
    places = pc.utf8_lpad(pa.array(orders.customers.place + 1).cast(pa.string()), 8, "0")
    suffix = pa.array(1 + orders.second.astype(np.int64)).cast(pa.string())
    order_ids = pc.binary_join_element_wise(
        pc.binary_join_element_wise(letter, ordered_on, ""), places, suffix, "-"
    )
    order = pa.array(lines.order)
    return pa.table(
        {
            "order_id": order_ids.take(order),
            "customer_id": name_customers(orders.customers).take(order),
            "product_group": pa.array(GROUPS).take(pa.array(lines.group)),
            "quantity": pa.array(lines.quantity),
            "unit_price": pa.array(lines.unit_price),
            "channel": pa.array(CHANNELS).take(pa.array(lines.channel)),
        }
    )


def _soil(table: pa.Table, bits: np.ndarray) -> pa.Table:
    """Damage a few lines as real exports do, each kind of STAINS with its share."""
    shares = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    # Each kind has its own range of one number, so a line has at most one kind of damage.
    stain = np.minimum((shares / STAIN_SHARE).astype(np.int64), len(STAINS))
    is_hit = {name: pa.array(stain == number) for number, name in enumerate(STAINS)}
    # The clock of a till is a day fast or a month slow.
    days = np.where(bits & np.uint64(1), 1, -30) * 86_400
    wrong_times = pc.add(table["ordered_at"].cast(pa.int64()), pa.array(days)).cast(pa.timestamp("s"))
    damaged = {
        "customer_id": pc.if_else(is_hit["no customer"], None, table["customer_id"]),
        "ordered_at": pc.if_else(is_hit["time of another day"], wrong_times, table["ordered_at"]),
        "quantity": pc.if_else(is_hit["unreadable quantity"], None, table["quantity"]),
        "unit_price": pc.if_else(is_hit["price of zero"], 0.0, table["unit_price"]),
    }
    columns = [damaged.get(name, table[name]) for name in table.column_names]
    repeats = np.where(stain == STAINS.index("line repeated"), 2, 1)
    rows = pa.array(np.repeat(np.arange(table.num_rows), repeats))
    return pa.table(columns, names=table.column_names).take(rows).combine_chunks()
