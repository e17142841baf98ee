"""The SQL terms of a definition: its columns, expressions and conditions, with their constants bound.

Column names are quoted and constants are bound: no text from a definition reaches the SQL. Whole queries
are built in aggregation.py and key_queries.py.
"""

from collections.abc import Mapping
from typing import NamedTuple

from config.columns import Rows
from config.conditions import ColumnCondition
from config.expressions import ColumnName, Expression, Negative, Number

_COMPARISONS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


class AggregationQuery(NamedTuple):
    """SQL and the values bound to its parameters."""

    sql: str
    values: Mapping[str, object]


def quote_identifier(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class SqlTerms:
    """Terms over stage files of one definition's events. `values` are bound to the query's parameters."""

    def __init__(self, rows: Rows, values: dict[str, object]) -> None:
        """`values` are those of the queries' own parameters, by name."""
        self.rows = rows
        self.values = values

    def query(self, sql: str) -> AggregationQuery:
        """The query with the values that it names."""
        # DuckDB refuses values for parameters that a statement does not have.
        return AggregationQuery(
            sql, {name: value for name, value in self.values.items() if f"${name}" in sql}
        )

    def bind(self, value: object) -> str:
        """A parameter with this value."""
        # Thanks to the final underscore, $value_1_ is not a substring of $value_11_ (see query).
        name = f"value_{len(self.values)}_"
        self.values[name] = value
        return f"${name}"

    def column(self, name: str) -> str:
        """SQL of a column of stage files, where the id is called customer_id."""
        return "customer_id" if name == self.rows.id else quote_identifier(name)

    def order_id(self, name: str) -> str:
        """SQL of an order's id. Empty text counts as missing: it would join unrelated orders."""
        is_text = self.rows.columns[name].type in ("text", "category")
        return f"nullif({self.column(name)}, '')" if is_text else self.column(name)

    def number(self, tree: Expression, columns: Mapping[str, str] | None = None) -> str:
        """SQL of an expression in float64. Division by zero gives null.

        `columns` are the SQL names of what the expression names, if they differ from it.
        """
        if isinstance(tree, Number):
            return f"CAST({self.bind(tree.value)} AS DOUBLE)"
        if isinstance(tree, ColumnName):
            return f"CAST({quote_identifier((columns or {}).get(tree.name, tree.name))} AS DOUBLE)"
        if isinstance(tree, Negative):
            return f"(-({self.number(tree.operand, columns)}))"
        left, right = self.number(tree.left, columns), self.number(tree.right, columns)
        # Null and not infinity: one division by zero should not decide a customer's sum or maximum.
        return f"({left} / nullif({right}, 0))" if tree.mark == "/" else f"({left} {tree.mark} {right})"

    def condition(self, condition: ColumnCondition) -> str:
        """SQL of a condition: true, false, or null where the column is null."""
        column, test = self.column(condition.column), condition.test
        value = getattr(condition, test)
        if test in ("isin", "not_in"):
            choices = ", ".join(self.bind(choice) for choice in value)
            return f"({column} {'NOT IN' if test == 'not_in' else 'IN'} ({choices}))"
        if test in ("starts_with", "not_starts_with"):
            return f"({'NOT ' if test[:3] == 'not' else ''}starts_with({column}, {self.bind(value)}))"
        return f"({column} {_COMPARISONS[test]} {self.bind(value)})"
