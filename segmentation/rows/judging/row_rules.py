"""The definition's `where` rules applied to a batch of rows.

The same conditions as SQL over events are in segmentation/rows/summarising/aggregation.py.
"""

import math

import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows
from config.comparisons import ColumnComparison, RowComparison
from config.conditions import ColumnCondition, RowRule
from config.expressions import ColumnName, Expression, Negative, Number
from schemas.contract import BrokenRule

_COMPARISONS = {"ge": pc.greater_equal, "gt": pc.greater, "le": pc.less_equal, "lt": pc.less}
_MARKS = {
    **{">=": pc.greater_equal, ">": pc.greater, "<=": pc.less_equal, "<": pc.less},
    **{"==": pc.equal, "!=": pc.not_equal},
}
_OPERATIONS = {"+": pc.add, "-": pc.subtract, "*": pc.multiply, "/": pc.divide}


def evaluate_condition(values: pa.ChunkedArray, condition: ColumnCondition) -> pa.ChunkedArray:
    """Does each value meet the condition? Null where the value is null."""
    test = condition.test
    value = getattr(condition, test)
    if test in _COMPARISONS:
        return _compare_with(values, test, value)
    if test in ("starts_with", "not_starts_with"):
        is_met = pc.starts_with(values, value)
    else:
        # is_in says false for null, where comparisons say null. With not_in, false would become true.
        is_met = pc.if_else(pc.is_valid(values), pc.is_in(values, pa.array(list(value), values.type)), None)
    return pc.invert(is_met) if test.startswith("not_") else is_met


def _compare_with(values: pa.ChunkedArray, test: str, limit: float) -> pa.ChunkedArray:
    """Compare numbers with a limit, whole ones exactly: as floats, large ones are rounded."""
    if not pa.types.is_integer(values.type):
        return _COMPARISONS[test](values, limit)
    bound = math.ceil(limit) if test in ("ge", "lt") else math.floor(limit)
    if -(2**63) <= bound < 2**63:
        return _COMPARISONS[test](values, pa.scalar(bound, pa.int64()))
    return _COMPARISONS[test](pc.cast(values, pa.float64(), safe=False), limit)


def evaluate_number(table: pa.Table, tree: Expression) -> pa.ChunkedArray | pa.Scalar:
    """An expression for each row in float64. Null where a value is missing, or the result is not a number."""
    if isinstance(tree, Number):
        return pa.scalar(tree.value, pa.float64())
    if isinstance(tree, ColumnName):
        # safe=False: whole numbers beyond 2^53 are rounded.
        return pc.cast(table[tree.name], pa.float64(), safe=False)
    if isinstance(tree, Negative):
        return pc.negate(evaluate_number(table, tree.operand))
    result = _OPERATIONS[tree.mark](evaluate_number(table, tree.left), evaluate_number(table, tree.right))
    return pc.if_else(pc.is_finite(result), result, pa.scalar(None, pa.float64()))


def evaluate_comparison(table: pa.Table, comparison: ColumnComparison) -> pa.ChunkedArray:
    """Does each row meet the comparison? Null where a side is null."""
    left, right = comparison.left, comparison.right
    if isinstance(left, ColumnName) and isinstance(right, ColumnName):
        sides = table[left.name], table[right.name]
        # Whole numbers are compared as such: as floats, large ones that differ would be equal.
        if sides[0].type == sides[1].type:
            return _MARKS[comparison.mark](*sides)
    return _MARKS[comparison.mark](evaluate_number(table, left), evaluate_number(table, right))


def _evaluate_rule(table: pa.Table, rule: RowRule | RowComparison) -> pa.ChunkedArray:
    if isinstance(rule, RowComparison):
        return evaluate_comparison(table, rule.comparison)
    return evaluate_condition(table[rule.column], rule)


def detect_broken_rules(table: pa.Table, rows: Rows) -> list[BrokenRule]:
    """The rows that break each rule of rows.where. Missing values break no rule."""
    return [
        BrokenRule(
            rule.column if isinstance(rule, RowRule) else ", ".join(rule.comparison.columns),
            rule.reason,
            pc.invert(pc.fill_null(_evaluate_rule(table, rule), True)).to_numpy(),
        )
        for rule in rows.where
    ]
