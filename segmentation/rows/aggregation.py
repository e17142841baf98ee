"""Queries that turn events into one row per customer, built from the parsed definition.

Column names are quoted and constants are bound: no text from a definition reaches the SQL. Running the
queries belongs in segmentation/rows/engine.py.
"""

import math
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from config.conditions import ColumnCondition
from config.definition import Definition
from config.event_summary import SummaryFeature
from config.expressions import ColumnName, Expression, Negative, Number, parse_expression

# Sums are 128-bit integers. Arrow accepts them below 10^38, which is more than 2^126.
SUM_BITS = 126
_COMPARISONS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


class AggregationQuery(NamedTuple):
    """SQL and the values bound to its parameters."""

    sql: str
    values: dict[str, object]


def quote_identifier(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def choose_scale(largest: float, rows: int) -> float:
    """The power of two by which values are multiplied before they are summed as whole numbers.

    Whole numbers add up to the same total in any order; floats do not. `largest` is max |x| over all
    rows and finite. The sum of `rows` values then stays below 2^126, and each value is off by at most
    2^-125 * largest * rows (or 2^-1000). Amounts as people write them are exact.

    >>> choose_scale(1000.0, 1_000_000) == 2.0 ** (126 - 10 - 20)
    True
    """
    if largest == 0:
        return 1.0
    # A power of two only moves the exponent, so multiplying by it rounds nothing.
    exponent = SUM_BITS - math.frexp(largest)[1] - rows.bit_length()
    return 2.0 ** min(max(exponent, -1000), 1000)


class Aggregation:
    """The queries of one definition for one as_of, over stage files of events."""

    def __init__(self, definition: Definition, as_of: date, files: Sequence[str]) -> None:
        """`files` are Parquet parts of good events. Only the definition's features are computed."""
        summary = definition.summary
        if summary is None:
            raise ValueError("a definition of grain customer has nothing to aggregate")
        self.rows = definition.rows
        self.features = [(name, summary.features[name]) for name in definition.features]
        self.values: dict[str, object] = {"files": list(files), "as_of": as_of}
        columns = ["customer_id AS id", f"CAST({quote_identifier(self.rows.time or '')} AS DATE) AS day"]
        for i, (_, feature) in enumerate(self.features):
            if (value := self._value(feature)) is not None:
                columns.append(f"{value} AS x{i}")
        # A materialised CTE would copy all events to memory before they are grouped.
        self.events = f"events AS NOT MATERIALIZED (SELECT {', '.join(columns)} FROM read_parquet($files))"

    def ranges_query(self) -> AggregationQuery:
        """One row: the number of events, then max |x| for each summed feature and 0 for the others."""
        sizes = [
            f"coalesce(max(abs({self._finite(i)})), 0.0)" if self._is_summed(i) else "0.0"
            for i in range(len(self.features))
        ]
        largest = [f"CAST({size} AS DOUBLE) AS largest{i}" for i, size in enumerate(sizes)]
        return self._query(
            f"WITH {self.events} SELECT {', '.join(['count(*) AS events', *largest])} FROM events"
        )

    def customers_query(self, scales: Sequence[float]) -> AggregationQuery:
        """One row per customer: customer_id, events, f0, f1, …, sorted by the id's UTF-8 bytes.

        `scales` has one value of choose_scale per feature. A feature is null for a customer if none of
        the customer's events has a value.
        """
        results, joins = [], []
        for i, (_, feature) in enumerate(self.features):
            self.values[f"scale{i}_"] = float(scales[i])
            if feature.op == "median":
                joins.append(self._median(i))
                results.append(f"m{i}.x AS f{i}")
            else:
                results.append(f"s.f{i}")
        totals = [
            f"{self._aggregate(i, feature)} AS f{i}"
            for i, (_, feature) in enumerate(self.features)
            if feature.op != "median"
        ]
        grouped = f"SELECT {', '.join(['id', 'count(*) AS events', *totals])} FROM events GROUP BY id"
        return self._query(
            f"WITH {self.events} SELECT {', '.join(['s.id AS customer_id', 's.events', *results])} "
            f"FROM ({grouped}) s {' '.join(joins)} ORDER BY s.id"
        )

    def refused_events_query(self, refused_files: Sequence[str]) -> AggregationQuery:
        """The events of refused customers, with the reasons, in the source's order."""
        sql = (
            "SELECT e.*, r.reason, r.reasons FROM read_parquet($files) e JOIN read_parquet($refused) r "
            "USING (customer_id) ORDER BY e.source_file, e.source_row"
        )
        return AggregationQuery(sql, {"files": self.values["files"], "refused": list(refused_files)})

    def _query(self, sql: str) -> AggregationQuery:
        # DuckDB refuses values for parameters that a statement does not have.
        return AggregationQuery(
            sql, {name: value for name, value in self.values.items() if f"${name}" in sql}
        )

    def _bind(self, value: object) -> str:
        # Thanks to the final underscore, $value_1_ is not a substring of $value_11_ (see _query).
        name = f"value_{len(self.values)}_"
        self.values[name] = value
        return f"${name}"

    def _column(self, name: str) -> str:
        return "customer_id" if name == self.rows.id else quote_identifier(name)

    def _value(self, feature: SummaryFeature) -> str | None:
        if feature.where is not None:
            return self._condition(feature.where)
        if feature.expression is not None:
            return self._number(parse_expression(feature.expression))
        return None if feature.column is None else self._column(feature.column)

    def _number(self, tree: Expression) -> str:
        """SQL of an expression in float64. Division by zero gives null."""
        if isinstance(tree, Number):
            return f"CAST({self._bind(tree.value)} AS DOUBLE)"
        if isinstance(tree, ColumnName):
            return f"CAST({quote_identifier(tree.name)} AS DOUBLE)"
        if isinstance(tree, Negative):
            return f"(-({self._number(tree.operand)}))"
        left, right = self._number(tree.left), self._number(tree.right)
        # Null and not infinity: one division by zero should not decide a customer's sum or maximum.
        return f"({left} / nullif({right}, 0))" if tree.mark == "/" else f"({left} {tree.mark} {right})"

    def _condition(self, condition: ColumnCondition) -> str:
        """SQL of a condition: true, false, or null where the column is null."""
        column, test = self._column(condition.column), condition.test
        value = getattr(condition, test)
        if test in ("isin", "not_in"):
            choices = ", ".join(self._bind(choice) for choice in value)
            return f"({column} {'NOT IN' if test == 'not_in' else 'IN'} ({choices}))"
        if test in ("starts_with", "not_starts_with"):
            return f"({'NOT ' if test[:3] == 'not' else ''}starts_with({column}, {self._bind(value)}))"
        return f"({column} {_COMPARISONS[test]} {self._bind(value)})"

    def _finite(self, i: int) -> str:
        """The values of a feature. Non-finite results of an expression count as missing."""
        is_result = self.features[i][1].expression is not None
        return f"(CASE WHEN isfinite(x{i}) THEN x{i} END)" if is_result else f"x{i}"

    def _is_whole(self, i: int) -> bool:
        column = self.features[i][1].column
        return column is not None and self.rows.columns[column].type == "int"

    def _is_summed(self, i: int) -> bool:
        return self.features[i][1].op in ("sum", "mean") and not self._is_whole(i)

    def _aggregate(self, i: int, feature: SummaryFeature) -> str:
        """SQL of one feature over one customer's events."""
        value = self._finite(i)
        # DuckDB already sums whole numbers as 128-bit integers; only floats need a scale.
        whole = f"sum({value})" if self._is_whole(i) else f"sum(CAST({value} * $scale{i}_ AS HUGEINT))"
        total = f"(CAST({whole} AS DOUBLE) / {'1' if self._is_whole(i) else f'$scale{i}_'})"
        # A customer without values spent 0 and has 0 values, but has no mean, minimum or share.
        return {
            "sum": f"coalesce({total}, 0)",
            "mean": f"{total} / nullif(count({value}), 0)",
            "min": f"CAST(min({value}) AS DOUBLE)",
            "max": f"CAST(max({value}) AS DOUBLE)",
            "count": f"count({value if feature.column else '*'})",
            "count_distinct": f"count(DISTINCT x{i})",
            "days_since_last": "date_diff('day', max(day), CAST($as_of AS DATE))",
            "days_since_first": "date_diff('day', min(day), CAST($as_of AS DATE))",
            "share": f"CAST(count(*) FILTER (WHERE x{i}) AS DOUBLE) / nullif(count(x{i}), 0)",
        }[feature.op]

    def _median(self, i: int) -> str:
        """SQL of the lower median. It sorts, because a sort spills to disk and an aggregate does not."""
        ranks = (
            f"SELECT id, CAST({self._finite(i)} AS DOUBLE) AS x, "
            f"row_number() OVER (PARTITION BY id ORDER BY {self._finite(i)}) AS place, "
            f"count(*) OVER (PARTITION BY id) AS events FROM events WHERE {self._finite(i)} IS NOT NULL"
        )
        middle = f"SELECT id, x FROM ({ranks}) WHERE place = (events + 1) // 2"
        return f"LEFT JOIN ({middle}) m{i} ON m{i}.id = s.id"
