"""What an event table's columns have to do with each other, measured on every row.

Does an order belong to one customer and one day? Does an amount vary within an order? When was each customer
active? Which columns these are is guessed in segmentation/proposing/event_columns.py, and what follows from
the facts is decided in segmentation/proposing/money.py and segmentation/proposing/windows.py.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Column, Rows
from segmentation.keys import hash_texts, mix
from segmentation.proposing.event_columns import EventCandidates
from segmentation.proposing.file_days import count_strays, list_spans
from segmentation.proposing.sketches import (
    NO_ROWS,
    NO_VALUES,
    Agreement,
    Distinct,
    agree,
    merge_agreements,
    merge_sketches,
    sketch,
)
from segmentation.proposing.surveying import SurveyedTable
from segmentation.proposing.time_formats import time_contract
from segmentation.rows.casting.text_columns import Dialect, cast_column, cast_id
from segmentation.rows.casting.time_parts import DAY
from segmentation.rows.reading.source_batches import read_files

_TEXT, _AMOUNT = Column(type="text", nullable=True), Column(type="float", nullable=True)
_SIGN = np.uint64(1 << 63)  # turns the order of int64 into that of uint64
_NAMED_CONFLICTS, _UNNAMED_CONFLICTS = 0.2, 0.01  # of the rows, whose order has several customers or days


class EventFacts(NamedTuple):
    """What was measured. `amounts` has one sketch per candidate: order by value, over its rows with one.

    `activity` has the first and last time per customer as order-preserving uint64; see `to_micros`.
    """

    order: str | None
    is_order_named: bool
    has_lines: bool  # do orders have several rows?
    amounts: dict[str, Agreement]
    activity: Agreement
    strays: np.ndarray  # rows of other days than their file's name says, see file_days.py


class _Batch(NamedTuple):
    """Rows with an id and a time: hashes of the ids, times in microseconds, and the other columns."""

    ids: np.ndarray
    times: np.ndarray
    table: pa.Table
    file: int


def measure_facts(table: SurveyedTable, candidates: EventCandidates, dialect: Dialect) -> EventFacts:
    """Choose the order's column, then measure the amounts within it and customers' activity."""
    order, is_named = choose_order(table, candidates, dialect)
    spans = list_spans([file.input.name for file in table.files], table.date_in_name)
    strays = count_strays(np.empty(0, np.int64), None)
    activity, lines = NO_ROWS, NO_ROWS
    amounts = dict.fromkeys(candidates.amounts, NO_ROWS)
    for batch in _read(table, candidates, [*candidates.amounts, *([order] if order else [])], dialect):
        strays += count_strays(batch.times // DAY, spans[batch.file])
        # Merged at once, here and below, so that memory stays bounded.
        activity = merge_agreements(activity, agree(batch.ids, batch.times.view(np.uint64) ^ _SIGN))
        if order is None:
            continue
        orders = mix(hash_texts(_fill(batch.table[order])) ^ mix(batch.ids))
        has_order = np.asarray(pc.is_valid(batch.table[order]))
        lines = merge_agreements(lines, agree(orders[has_order], batch.ids[has_order]))
        for name, agreement in amounts.items():
            values = batch.table[name].to_numpy()
            present = np.isfinite(values) & has_order
            keys = mix((values[present] + 0.0).view(np.uint64))
            amounts[name] = merge_agreements(agreement, agree(orders[present], keys))
    return EventFacts(
        order=order,
        is_order_named=is_named,
        has_lines=lines.repeated > 0,
        amounts=amounts,
        activity=activity,
        strays=strays,
    )


class OrderChoice(NamedTuple):
    """The column that numbers orders, if any, and whether its name says so."""

    column: str | None
    is_named: bool


def choose_order(table: SurveyedTable, candidates: EventCandidates, dialect: Dialect) -> OrderChoice:
    """The first candidate whose values each belong to one day of a customer.

    A column that is not named for it must have one customer, too, and tell apart whatever a customer did
    on different days.
    """
    if not candidates.orders:
        return OrderChoice(None, False)  # without another pass over the table
    agreements = dict.fromkeys(candidates.orders, NO_ROWS)
    visits = NO_VALUES
    for batch in _read(table, candidates, candidates.orders, dialect):
        days = (batch.times // DAY).view(np.uint64)
        keys = mix(batch.ids ^ mix(days))
        visits = merge_sketches(visits, sketch(keys))
        for name, agreement in agreements.items():
            present = np.asarray(pc.is_valid(batch.table[name]))
            orders = hash_texts(_fill(batch.table[name]))
            customers = batch.ids[present]
            if name in candidates.named_orders:
                # Orders may be numbered per customer; a line's position in its order fails all the same.
                orders, values = mix(orders[present] ^ mix(customers)), mix(days[present])
            else:
                orders, values = orders[present], keys[present]
            agreements[name] = merge_agreements(agreement, agree(orders, values))
    for name, agreement in agreements.items():
        is_named = name in candidates.named_orders
        if _numbers_orders(agreement, table.profiles[name].distinct, visits, is_named):
            return OrderChoice(name, is_named)
    return OrderChoice(None, False)


def _numbers_orders(agreement: Agreement, orders: Distinct, visits: Distinct, is_named: bool) -> bool:
    if is_named:
        return agreement.conflicting <= _NAMED_CONFLICTS
    return agreement.conflicting <= _UNNAMED_CONFLICTS and orders.values >= 0.9 * visits.values


def _read(
    table: SurveyedTable, candidates: EventCandidates, names: Sequence[str], dialect: Dialect
) -> Iterator[_Batch]:
    contract = time_contract(table.times[candidates.time].patterns)
    columns = {candidates.time: Column.model_validate({**contract, "nullable": True})}
    columns |= {name: _AMOUNT if name in candidates.amounts else _TEXT for name in names}
    rows = Rows(id=candidates.id, columns=columns)
    for batch in read_files(table.files, rows, dialect.csv):
        raw = batch.raw.table
        if not raw.num_rows:
            continue
        cast = {name: cast_column(name, raw[name], columns[name], dialect).values for name in columns}
        ids = cast_id(candidates.id, raw[candidates.id], dialect).values
        usable = pc.and_(pc.is_valid(cast[candidates.time]), pc.is_valid(ids))
        usable = pc.and_(usable, pc.fill_null(pc.not_equal(ids, ""), False))
        usable_rows = pa.table({**cast, "": ids}).filter(usable)
        times = usable_rows[candidates.time].cast(pa.int64()).to_numpy()
        yield _Batch(hash_texts(_fill(usable_rows[""])), times, usable_rows, batch.file)


def _fill(texts: pa.ChunkedArray) -> pa.StringArray:
    filled = pc.fill_null(texts.cast(pa.string()), "")
    return filled.combine_chunks()


def to_micros(keys: np.ndarray) -> np.ndarray:
    """Times of `activity` as microseconds since 1970, int64 (n,)."""
    return (keys ^ _SIGN).view(np.int64)
