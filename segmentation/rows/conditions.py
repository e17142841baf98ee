"""Conditions on rows: which rows of a batch meet one, and which break the definition's rules.

The same conditions as queries over events are in segmentation/rows/aggregation.py.
"""

import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows
from config.conditions import Condition
from schemas.contract import BrokenRule

_COMPARISONS = {"ge": pc.greater_equal, "gt": pc.greater, "le": pc.less_equal, "lt": pc.less}


def meets(values: pa.ChunkedArray, condition: Condition) -> pa.ChunkedArray:
    """Does each value meet the condition? Null where the value is."""
    test = condition.test
    value = getattr(condition, test)
    if test in _COMPARISONS:
        return _COMPARISONS[test](values, value)
    if test in ("starts_with", "not_starts_with"):
        found = pc.starts_with(values, value)
    else:
        found = pc.if_else(pc.is_valid(values), pc.is_in(values, pa.array(list(value), values.type)), None)
    return pc.invert(found) if test.startswith("not_") else found


def find_broken(table: pa.Table, rows: Rows) -> list[BrokenRule]:
    """Which rows break each rule of rows.where. A missing value breaks none."""
    return [
        BrokenRule(
            rule.column,
            rule.reason,
            pc.invert(pc.fill_null(meets(table[rule.column], rule), True)).to_numpy(),
        )
        for rule in rows.where
    ]
