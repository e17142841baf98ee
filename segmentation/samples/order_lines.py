"""The lines of the sample orders on one day: what was ordered, what was sent back, and a little dirt.

Who orders when is segmentation/samples/lives.py's; files are written by segmentation/samples/orders.py.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.samples.draws import draw, make_key, take_share, take_spread
from segmentation.samples.lives import KINDS, UNIX_EPOCH, Orders, find_lives, find_orders, name_customers
from segmentation.samples.rhythm import app_share, price_level, to_date

GROUPS = ("accessories", "books", "clothing", "garden", "kitchen", "music", "sports", "toys")
CHANNELS = ("store", "app", "web")
STAINS = ("no customer", "unreadable quantity", "price of zero", "line repeated", "time of another day")
STAIN_SHARE = 0.0002  # of each of them
RETURN_SHARE = 0.05
FAVOURITE_SHARE = 0.5  # of orders that begin with the customer's favourite group
_GROUP_PRICES = np.array([0.7, 0.8, 1.2, 1.1, 1.0, 0.9, 1.3, 0.8])
_UNIT_PRICES = np.array([kind.unit_price for kind in KINDS])
_MOST_LINES = np.array([kind.most_lines for kind in KINDS])
_STORE_SHARE = 0.25
_OPENS, _OPEN_SECONDS = 25_200, 54_000  # from 07:00 to 22:00
_FIRST_LAG, _LAGS = 3, 18  # sent back 3 to 20 days later


class Lines(NamedTuple):
    """Order lines; arrays (n,), `order` being the position of each line's order."""

    order: np.ndarray
    bits: np.ndarray
    second: np.ndarray  # of the day
    channel: np.ndarray
    group: np.ndarray
    quantity: np.ndarray  # below 0 in what is sent back
    unit_price: np.ndarray


def day_table(day: int, places: np.ndarray, drawn: np.ndarray, seed: int) -> pa.Table:
    """What the customers of some places order and send back on a day, in order of time, dirt and all.

    day: days since EPOCH. drawn: the places' bits, from draw_places. Null where a line has no
    customer, or a quantity that nobody can read.
    """
    placed = find_orders(find_lives(places, drawn, day), day)
    # Every customer takes the same time each time: one day of each customer's can be sent back today.
    lag = _FIRST_LAG + (take_share(drawn, 3) * _LAGS).astype(np.int64)
    is_sent_back = take_share(draw(drawn ^ make_key(seed, "return"), day), 0) < RETURN_SHARE
    which = np.flatnonzero(is_sent_back)
    ordered_on = day - lag[which]
    sent_back = find_orders(find_lives(places[which], drawn[which], ordered_on), ordered_on)

    lines = [make_lines(placed), return_lines(sent_back)]
    seconds = np.concatenate([one.second for one in lines])
    table = pa.concat_tables(
        [
            _to_table(orders, one, letter)
            for orders, one, letter in zip((placed, sent_back), lines, "OR", strict=True)
        ]
    )
    times = (day + UNIX_EPOCH) * 86_400 + seconds
    table = table.add_column(2, "ordered_at", pa.array(times).cast(pa.timestamp("s")))
    bits = np.concatenate([draw(one.bits, 2 + number) for number, one in enumerate(lines)])
    order = np.argsort(seconds, kind="stable")
    return _soil(table.take(pa.array(order)), bits[order])


def make_lines(orders: Orders) -> Lines:
    """The lines of orders, each order's together: one to most_lines of its customer's segment."""
    drawn = draw(draw(orders.lives.bits, 2), orders.number)
    segment = orders.lives.segment(orders.day)
    counts = 1 + (take_share(drawn, 0) * _MOST_LINES[segment]).astype(np.int64)
    order = np.repeat(np.arange(len(counts)), counts)
    line = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)

    from_store = take_share(drawn, 1) < _STORE_SHARE
    more = draw(drawn, -1)
    from_app = take_share(more, 0) < app_share(orders.day)
    channel = np.where(from_store, 0, np.where(from_app, 1, 2))
    second = _OPENS + ((take_share(drawn, 2) + take_share(drawn, 3)) / 2 * _OPEN_SECONDS).astype(np.int64)

    bits = draw(drawn[order], line)
    # The lines of an order are of different groups, so that only dirt repeats a line.
    is_favourite = take_share(more, 1) < FAVOURITE_SHARE
    begin = np.where(is_favourite, take_share(orders.lives.bits, 0), take_share(more, 2)) * len(GROUPS)
    step = 1 + 2 * (4 * take_share(more, 3)).astype(np.int64)
    group = (begin.astype(np.int64)[order] + line * step[order]) % len(GROUPS)
    level = _UNIT_PRICES[segment] * take_spread(draw(orders.lives.bits, 3), 0, 0.4) * price_level(orders.day)
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
    """What of orders is sent back: the first line of each, with its quantity below 0, at another time."""
    lines = make_lines(orders)
    is_first = np.diff(lines.order, prepend=-1) > 0
    lines = Lines(*(column[is_first] for column in lines))
    second = _OPENS + (take_share(draw(lines.bits, 1), 0) * _OPEN_SECONDS).astype(np.int64)
    return lines._replace(quantity=-lines.quantity, second=second)


def _to_table(orders: Orders, lines: Lines, letter: str) -> pa.Table:
    """Lines as a table without their time. An order id is the letter, the order's day, place and number."""
    days = np.unique(orders.day)
    texts = pa.array([to_date(int(one)).strftime("%y%m%d") for one in days], pa.string())
    ordered_on = texts.take(pa.array(np.searchsorted(days, orders.day)))
    places = pc.utf8_lpad(pa.array(orders.lives.place + 1).cast(pa.string()), 8, "0")
    suffix = pa.array(1 + orders.second.astype(np.int64)).cast(pa.string())
    order_ids = pc.binary_join_element_wise(
        pc.binary_join_element_wise(letter, ordered_on, ""), places, suffix, "-"
    )
    order = pa.array(lines.order)
    return pa.table(
        {
            "order_id": order_ids.take(order),
            "customer_id": name_customers(orders.lives).take(order),
            "product_group": pa.array(GROUPS).take(pa.array(lines.group)),
            "quantity": pa.array(lines.quantity),
            "unit_price": pa.array(lines.unit_price),
            "channel": pa.array(CHANNELS).take(pa.array(lines.channel)),
        }
    )


def _soil(table: pa.Table, bits: np.ndarray) -> pa.Table:
    """Damage a few lines, as real exports are damaged: each of STAINS befalls its share of them."""
    shares = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    stain = np.minimum((shares / STAIN_SHARE).astype(np.int64), len(STAINS))
    hit = {name: pa.array(stain == number) for number, name in enumerate(STAINS)}
    # The clock of a till that stands a day ahead, or a month back.
    days = np.where(bits & np.uint64(1), 1, -30) * 86_400
    moved = pc.add(table["ordered_at"].cast(pa.int64()), pa.array(days)).cast(pa.timestamp("s"))
    stained = {
        "customer_id": pc.if_else(hit["no customer"], None, table["customer_id"]),
        "ordered_at": pc.if_else(hit["time of another day"], moved, table["ordered_at"]),
        "quantity": pc.if_else(hit["unreadable quantity"], None, table["quantity"]),
        "unit_price": pc.if_else(hit["price of zero"], 0.0, table["unit_price"]),
    }
    columns = [stained.get(name, table[name]) for name in table.column_names]
    repeats = np.where(stain == STAINS.index("line repeated"), 2, 1)
    rows = pa.array(np.repeat(np.arange(table.num_rows), repeats))
    return pa.table(columns, names=table.column_names).take(rows).combine_chunks()
