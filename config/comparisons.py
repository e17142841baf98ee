"""Comparisons across the columns of a row, such as `shipped >= ordered`, for the rules of rows.where.

Either side is parsed in config/expressions.py. Tests of one column are in config/conditions.py.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, Self

from pydantic import Field, field_validator, model_validator

from config.clauses import Clause
from config.conditions import Reason, check_reason
from config.expressions import LONGEST_EXPRESSION, ColumnName, Expression, columns_of, parse_expression

ComparisonMark = Literal[">=", ">", "<=", "<", "==", "!="]
# Names in backticks may contain marks.
_MARK = re.compile(r"`[^`]*`|(?P<mark>[<>=!]=|[<>]|=)")
_FAMILIES = {"int": "number", "float": "number", "category": "text"}


class ColumnComparison(NamedTuple):
    """Two expressions and the mark between them."""

    mark: ComparisonMark
    left: Expression
    right: Expression

    @property
    def columns(self) -> list[str]:
        """The columns compared, each one once."""
        return list(dict.fromkeys([*columns_of(self.left), *columns_of(self.right)]))


def parse_comparison(text: str) -> ColumnComparison:
    """Parse a comparison. The ValueError says what is wrong.

    >>> parse_comparison("shipped >= ordered")
    ColumnComparison(mark='>=', left=ColumnName(name='shipped'), right=ColumnName(name='ordered'))
    """
    marks = [match for match in _MARK.finditer(text) if match["mark"]]
    if len(marks) != 1 or marks[0]["mark"] == "=":
        raise ValueError("expected two expressions with one of >=, >, <=, <, == and != between them")
    sides = (text[: marks[0].start()], text[marks[0].end() :])
    left, right = (parse_expression(side) for side in sides)
    mark: ComparisonMark = marks[0]["mark"]  # type: ignore[assignment]
    return ColumnComparison(mark, left, right)


class RowComparison(Clause):
    """A comparison that every row must meet. Rows that do not are quarantined. Missing values pass."""

    test: str = Field(
        max_length=2 * LONGEST_EXPRESSION,
        description="Instead of a column and its test: two expressions compared by >=, >, <=, <, == or !=, "
        "such as shipped >= ordered.",
    )
    reason: Reason

    @field_validator("test")
    @classmethod
    def _test_is_a_comparison(cls, test: str) -> str:
        if not parse_comparison(test).columns:
            raise ValueError("compares no column")
        return test

    @model_validator(mode="after")
    def _reason_is_free(self) -> Self:
        check_reason(self.reason)
        return self

    @property
    def comparison(self) -> ColumnComparison:
        """The test, parsed."""
        return parse_comparison(self.test)

    def misfit(self, kinds: Mapping[str, str]) -> str | None:
        """Why the test does not fit columns of these types. None if it fits."""
        comparison = self.comparison
        for name in comparison.columns:
            if name not in kinds:
                return f"where tests {name}, which is not in rows.columns"
        families = {name: _FAMILIES.get(kinds[name], kinds[name]) for name in comparison.columns}
        sides = (comparison.left, comparison.right)
        if not all(isinstance(side, ColumnName) for side in sides):
            odd = [name for name, family in families.items() if family != "number"]
            return f"where on {odd[0]}: expected a number, not {kinds[odd[0]]}" if odd else None
        if len(set(families.values())) > 1:
            words = " and ".join(f"{name} is {kinds[name]}" for name in families)
            return f"where compares columns of different types: {words}"
        if "bool" in families.values() and comparison.mark not in ("==", "!="):
            return f"where compares columns of type bool by {comparison.mark}; expected == or !="
        return None
