"""The definition's `where` rules applied to a batch of rows.

The same conditions as SQL over events are in segmentation/rows/aggregation.py.
"""

import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows
from config.conditions import ColumnCondition
from schemas.contract import BrokenRule

_COMPARISONS = {"ge": pc.greater_equal, "gt": pc.greater, "le": pc.less_equal, "lt": pc.less}


def evaluate_condition(values: pa.ChunkedArray, condition: ColumnCondition) -> pa.ChunkedArray:
    """Does each value meet the condition? Null where the value is null."""
    test = condition.test
    value = getattr(condition, test)
    if test in _COMPARISONS:
        return _COMPARISONS[test](values, value)
    if test in ("starts_with", "not_starts_with"):
        is_met = pc.starts_with(values, value)
    else:
        # is_in says false for null, where comparisons say null. With not_in, false would become true.
        is_met = pc.if_else(pc.is_valid(values), pc.is_in(values, pa.array(list(value), values.type)), None)
    return pc.invert(is_met) if test.startswith("not_") else is_met


def detect_broken_rules(table: pa.Table, rows: Rows) -> list[BrokenRule]:
    """The rows that break each rule of rows.where. Missing values break no rule."""
    return [
        BrokenRule(
            rule.column,
            rule.reason,
            pc.invert(pc.fill_null(evaluate_condition(table[rule.column], rule), True)).to_numpy(),
        )
        for rule in rows.where
    ]
