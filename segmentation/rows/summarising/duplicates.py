"""Deduplication: one row per customer, by the definition's `on_duplicate` policy.

Sorting rows, and writing refused ones to quarantine, belong in tasks/summarise.py.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import DuplicatePolicy
from config.definition import Definition
from segmentation.rows.casting.merged_ids import MergedIds

# Where a row came from. Two rows that differ only in these are still equal.
SOURCE = ("source_file", "source_row")
CONFLICT = "conflicting rows of one customer"
MERGED_CONFLICT = "conflicting rows of ids that were merged"
OVERFLOW = "rows of one customer that add up to more than a whole number holds"
_WHOLE = 2.0**63


def name_reasons(refused: pa.Table, reason: str, merged: MergedIds | None) -> pa.StringArray:
    """Why each of these rows is refused: of customers with merged ids, their two ids may be the cause."""
    if merged is None or reason != CONFLICT:
        return pa.array([reason] * refused.num_rows, pa.string())
    has_old_ids = pc.is_in(refused["customer_id"].combine_chunks(), value_set=merged.new)
    return pc.if_else(has_old_ids, MERGED_CONFLICT, reason)


def warn_of_merged(reasons: Mapping[str, int]) -> tuple[str, ...]:
    """A warning if rows of merged ids are refused. reasons: refused rows by reason."""
    if not (count := reasons.get(MERGED_CONFLICT, 0)):
        return ()
    return (
        f"{count:,} rows are refused, because ids that were merged into one have rows that differ, and so "
        "these customers are in no segment: take the rows of old ids out of the table, or say with "
        "rows.on_duplicate which row counts",
    )


class Deduplicated(NamedTuple):
    """One bucket after deduplication: its customers, its refused rows, and how many rows were merged."""

    customers: pa.Table
    conflicting: pa.Table
    merged: int
    reason: str = CONFLICT


def deduplicate(table: pa.Table, definition: Definition) -> Deduplicated:
    """One row per customer, from rows sorted by id.

    With `quarantine`, rows that are equal in every declared column become one customer. If any two
    rows of a customer differ, all of that customer's rows are refused. `first` and `last` follow
    the source's order.
    """
    if definition.rows.on_duplicate == "mean":
        # Every bucket must have the same types, even one without duplicates.
        table = _as_floats(table)
    ids = table["customer_id"].combine_chunks()
    unchanged = Deduplicated(table, table.slice(0, 0), 0)
    if definition.rows.id is None or len(ids) < 2:
        return unchanged
    is_new = np.concatenate([[True], pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)])
    if is_new.all():
        return unchanged
    policy = definition.rows.on_duplicate
    starts = np.flatnonzero(is_new)
    if policy in ("first", "last"):
        positions = starts if policy == "first" else np.append(starts[1:], len(ids)) - 1
        return Deduplicated(table.take(pa.array(positions)), table.slice(0, 0), len(ids) - len(positions))
    if policy == "quarantine":
        return _refuse_conflicts(table, is_new)
    return _aggregate(table, is_new, policy)


def _as_floats(table: pa.Table) -> pa.Table:
    kinds = [
        pa.float64() if pa.types.is_integer(field.type) and field.name not in SOURCE else field.type
        for field in table.schema
    ]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True))), safe=False)


def _refuse_conflicts(table: pa.Table, is_new: np.ndarray) -> Deduplicated:
    group = np.cumsum(is_new) - 1
    # Comparing neighbours is enough: if any two rows of a customer differ, two neighbours do.
    differs = np.zeros(len(is_new), bool)
    for column in table.drop_columns(list(SOURCE)).columns:
        values_below, values_above = column[1:], column[:-1]
        is_equal = pc.fill_null(pc.equal(values_below, values_above), False).to_numpy()
        are_both_null = pc.and_(pc.is_null(values_below), pc.is_null(values_above)).to_numpy()
        differs[1:] |= ~is_equal & ~are_both_null
    differs &= ~is_new
    has_conflict = np.bincount(group, differs) > 0
    is_refused = has_conflict[group]
    is_kept = is_new & ~is_refused
    merged = int((~is_refused & ~is_new).sum())
    return Deduplicated(table.filter(pa.array(is_kept)), table.filter(pa.array(is_refused)), merged)


def _aggregate(table: pa.Table, is_new: np.ndarray, policy: DuplicatePolicy) -> Deduplicated:
    """Sum or mean of each numeric column per customer, and the first value of every other column.

    Missing values are skipped; a customer with no value at all gets null. Customers whose sum of
    whole numbers overflows int64 are refused. Values are added in ascending order, so that the last
    bit does not depend on the order of the rows.
    """
    starts, group = np.flatnonzero(is_new), np.cumsum(is_new)
    customers = table.take(pa.array(starts))
    too_large = np.zeros(len(starts), bool)
    for position, field in enumerate(table.schema):
        is_whole = pa.types.is_integer(field.type)
        if not (is_whole or pa.types.is_floating(field.type)) or field.name in SOURCE:
            continue
        numbers = table[field.name].to_numpy()
        is_present = ~np.isnan(numbers)
        present_counts = np.add.reduceat(is_present, starts, dtype=np.int64)
        sorted_values = np.where(is_present, numbers, 0)[np.lexsort((numbers, group))]
        # Missing values count as 0 here, and lexsort has put them last in each group.
        total = np.add.reduceat(sorted_values, starts)
        if is_whole:
            # int64 overflows silently. A float sum, accurate to a few parts in 10^16, shows it.
            too_large |= np.abs(np.add.reduceat(sorted_values.astype(np.float64), starts)) >= _WHOLE
        with np.errstate(invalid="ignore", divide="ignore"):
            results = total / present_counts if policy == "mean" else total
        customers = customers.set_column(position, field.name, pa.array(results, mask=present_counts == 0))
    is_refused = too_large[group - 1]
    merged = int((~is_refused & ~is_new).sum())
    return Deduplicated(
        customers.filter(pa.array(~too_large)), table.filter(pa.array(is_refused)), merged, OVERFLOW
    )
