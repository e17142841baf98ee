"""One row per customer: what the definition's policy makes of several rows with one id.

Sorting rows and writing refused ones to quarantine belong in tasks/summarise.py.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import DuplicatePolicy
from config.parameters import Segmentation

SOURCE = ("source_file", "source_row")  # where a row came from; no part of what it says
CONFLICT = "conflicting rows of one customer"
OVERFLOW = "rows of one customer that add up to more than a whole number holds"
_WHOLE = 2.0**63


class Settled(NamedTuple):
    """One bucket after the duplicate policy: customers kept, rows refused, rows merged away."""

    customers: pa.Table
    conflicting: pa.Table
    merged: int
    reason: str = CONFLICT


def settle_duplicates(table: pa.Table, segmentation: Segmentation) -> Settled:
    """One row per customer from rows sorted by id.

    Under quarantine, rows that agree in every declared column are one customer, and rows that
    differ are refused, all of them. first and last go by the source's order.
    """
    if segmentation.rows.on_duplicate == "mean":
        table = _as_floats(table)  # in every bucket, also one where no customer has two rows
    ids = table["customer_id"].combine_chunks()
    nothing = Settled(table, table.slice(0, 0), 0)
    if segmentation.rows.id is None or len(ids) < 2:
        return nothing
    is_new = np.concatenate([[True], pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)])
    if is_new.all():
        return nothing
    policy = segmentation.rows.on_duplicate
    starts = np.flatnonzero(is_new)
    if policy in ("first", "last"):
        keep = starts if policy == "first" else np.append(starts[1:], len(ids)) - 1
        return Settled(table.take(pa.array(keep)), table.slice(0, 0), len(ids) - len(keep))
    if policy == "quarantine":
        return _refuse_conflicts(table, is_new)
    return _aggregate(table, is_new, policy)


def _as_floats(table: pa.Table) -> pa.Table:
    kinds = [
        pa.float64() if pa.types.is_integer(field.type) and field.name not in SOURCE else field.type
        for field in table.schema
    ]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))), safe=False)


def _refuse_conflicts(table: pa.Table, is_new: np.ndarray) -> Settled:
    group = np.cumsum(is_new) - 1
    differs = np.zeros(len(is_new), bool)
    for values in table.drop_columns(list(SOURCE)).columns:
        one, before = values[1:], values[:-1]
        same = pc.fill_null(pc.equal(one, before), False).to_numpy()
        both_null = pc.and_(pc.is_null(one), pc.is_null(before)).to_numpy()
        differs[1:] |= ~same & ~both_null
    differs &= ~is_new
    conflicted = np.bincount(group, differs) > 0
    refused = conflicted[group]
    keep = is_new & ~refused
    merged = int((~refused & ~is_new).sum())
    return Settled(table.filter(pa.array(keep)), table.filter(pa.array(refused)), merged)


def _aggregate(table: pa.Table, is_new: np.ndarray, policy: DuplicatePolicy) -> Settled:
    """sum or mean of each numeric column per customer; the first value of the others.

    Rows of a customer whose sum of whole numbers leaves int64 are refused.

    Values are added in ascending order, so that the last bit does not depend on the rows' order.
    """
    starts, group = np.flatnonzero(is_new), np.cumsum(is_new)
    first = table.take(pa.array(starts))
    too_large = np.zeros(len(starts), bool)
    for position, field in enumerate(table.schema):
        is_whole = pa.types.is_integer(field.type)
        if not (is_whole or pa.types.is_floating(field.type)) or field.name in SOURCE:
            continue
        column = table[field.name].to_numpy()
        there = ~np.isnan(column)  # what is missing is left out, unless all of it is
        known = np.add.reduceat(there, starts, dtype=np.int64)
        ordered = np.where(there, column, 0)[np.lexsort((column, group))]
        total = np.add.reduceat(ordered, starts)
        if is_whole:
            # int64 wraps round in silence: a float sum, off by a few parts in 10^16, tells.
            too_large |= np.abs(np.add.reduceat(ordered.astype(np.float64), starts)) >= _WHOLE
        with np.errstate(invalid="ignore", divide="ignore"):
            values = total / known if policy == "mean" else total
        first = first.set_column(position, field.name, pa.array(values, mask=known == 0))
    refused = too_large[group - 1]
    merged = int((~refused & ~is_new).sum())
    return Settled(first.filter(pa.array(~too_large)), table.filter(pa.array(refused)), merged, OVERFLOW)
