"""Queries that turn events into one row per customer, built from the parsed definition.

Columns, expressions and conditions become SQL in sql_terms.py. Running the queries
belongs in engine.py.
"""

import math
from collections.abc import Sequence
from datetime import date

from config.definition import Definition
from config.event_summary import PICKING_OPERATIONS, SummaryFeature
from config.expressions import parse_expression
from schemas.part import Part
from segmentation.rows.summarising.placed_rows import ROWS, bind_rows
from segmentation.rows.summarising.sql_terms import AggregationQuery, SqlTerms, quote_identifier

# Sums are 128-bit integers. Arrow accepts them below 10^38, which is more than 2^126.
SUM_BITS = 126


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


def pick_values(i: int, op: str) -> str:
    """SQL of one customer's last, first or most frequent value of x{i}. Missing values are skipped.

    Of values at the same time, the smallest one is taken; of values as frequent as each other, the one with
    the latest event, then the smallest. Texts are compared by their UTF-8 bytes. So the order of rows does
    not matter.
    """
    # Sorted, because a sort spills to disk, and the state of arg_max with texts does not.
    values = f"SELECT id, x{i} AS f{i}, time FROM events WHERE x{i} IS NOT NULL"
    order = {"last": f"time DESC, f{i}", "first": f"time, f{i}"}.get(op, f"events DESC, time DESC, f{i}")
    if op == "mode":
        values = f"SELECT id, f{i}, count(*) AS events, max(time) AS time FROM ({values}) GROUP BY id, f{i}"
    return f"SELECT id, f{i} FROM ({values}) QUALIFY row_number() OVER (PARTITION BY id ORDER BY {order}) = 1"


class Aggregation(SqlTerms):
    """The queries of one definition for one as_of, over stage files of events."""

    def __init__(self, definition: Definition, as_of: date, parts: Sequence[Part]) -> None:
        """`parts` are those of good events.

        Only the definition's features and profile are computed, and what they are computed from. They come
        first, so that column i of the result is the definition's i-th kept column.
        """
        summary = definition.summary
        if summary is None:
            raise ValueError("a definition of grain customer has nothing to aggregate")
        super().__init__(definition.rows, {**bind_rows(parts), "as_of": as_of})
        kept_columns = [name for name in definition.kept_columns if name in summary.features]
        order = summary.order_features(kept_columns)
        names = dict.fromkeys((*kept_columns, *order))
        self.features = [(name, summary.features[name]) for name in names]
        self.kept_count = len(kept_columns)
        self.formulas = [number for name in order if self.features[number := [*names].index(name)][1].tree]
        columns = ["customer_id AS id", f"CAST({quote_identifier(self.rows.time or '')} AS DATE) AS day"]
        for i, (_, feature) in enumerate(self.features):
            if (value := self._value(feature)) is not None:
                columns.append(f"{value} AS x{i}")
            if feature.once_per is not None:
                columns.append(f"{self.order_id(feature.once_per)} AS o{i}")
        if any(feature.op in PICKING_OPERATIONS for _, feature in self.features):
            columns.append(f"{quote_identifier(self.rows.time or '')} AS time")
        self.columns = columns
        # A materialised CTE would copy all events to memory before they are grouped.
        self.events = f"events AS NOT MATERIALIZED (SELECT {', '.join(columns)} FROM read_parquet($files))"

    def ranges_query(self) -> AggregationQuery:
        """One row: the number of events, then max |x| for each summed feature and 0 for the others."""
        sizes = [
            f"coalesce(max(abs({self._finite(i)})), 0.0)" if self._is_summed(i) else "0.0"
            for i in range(len(self.features))
        ]
        largest = [f"CAST({size} AS DOUBLE) AS largest{i}" for i, size in enumerate(sizes)]
        return self.query(
            f"WITH {self.events} SELECT {', '.join(['count(*) AS events', *largest])} FROM events"
        )

    def customers_query(self, scales: Sequence[float]) -> AggregationQuery:
        """One row per customer: customer_id, events, f0, f1, …, sorted by the id's UTF-8 bytes.

        `scales` has one value of choose_scale per feature. A feature is null for a customer if none of
        the customer's events has a value.
        """
        results, joins, totals = [], [], []
        for i, (_, feature) in enumerate(self.features):
            self.values[f"scale{i}_"] = float(scales[i])
            if feature.op is None:
                continue
            if (query := self._sorted_values(i, feature)) is not None:
                joins.append(f"LEFT JOIN ({query}) m{i} ON m{i}.id = s.id")
            else:
                totals.append(f"{self._aggregate(i, feature)} AS f{i}")
            results.append(f"{'s' if query is None else f'm{i}'}.f{i}")
        grouped = f"SELECT {', '.join(['id', 'count(*) AS events', *totals])} FROM events GROUP BY id"
        customers = (
            f"SELECT {', '.join(['s.id AS customer_id', 's.events', *results])} "
            f"FROM ({grouped}) s {' '.join(joins)}"
        )
        for i in self.formulas:
            # One level for each, so that a formula may use another one's result.
            customers = f"SELECT *, {self._formula(i)} AS f{i} FROM ({customers})"
        columns = ", ".join(["customer_id", "events", *(f"f{i}" for i in range(self.kept_count))])
        return self.query(f"WITH {self.events} SELECT {columns} FROM ({customers}) ORDER BY customer_id")

    def contradictions_query(self) -> AggregationQuery | None:
        """The events of orders with several values where one is to count once, with the reasons.

        None if no feature counts once per order.
        """
        features: dict[str, int] = {}
        for i, (name, feature) in enumerate(self.features):
            if feature.once_per is not None:
                features.setdefault(f"{feature.column or name}: several values in one {feature.once_per}", i)
        if not features:
            return None
        places = [
            f"SELECT source_file, source_row, {i} AS number, {self.bind(reason)} AS reason FROM events "
            f"JOIN (SELECT id, o{i} FROM events WHERE o{i} IS NOT NULL GROUP BY ALL "
            f"HAVING min({self._finite(i)}) <> max({self._finite(i)})) USING (id, o{i})"
            for reason, i in features.items()
        ]
        reasons = (
            "SELECT source_file, source_row, arg_min(reason, number) AS reason, "
            "string_agg(reason, '; ' ORDER BY number) AS reasons "
            f"FROM ({' UNION ALL '.join(places)}) GROUP BY ALL"
        )
        columns = ", ".join(["source_file", "source_row", *self.columns])
        events = f"events AS NOT MATERIALIZED (SELECT {columns} FROM {ROWS})"
        return self.query(
            f"WITH {events} SELECT e.*, r.reason, r.reasons FROM {ROWS} e "
            f"JOIN ({reasons}) r USING (source_file, source_row) ORDER BY e.source_file, e.source_row"
        )

    def refused_events_query(self, refused_files: Sequence[str]) -> AggregationQuery:
        """The events of refused customers, with the reasons, in the source's order."""
        self.values["refused"] = list(refused_files)
        return self.query(
            f"SELECT e.*, r.reason, r.reasons FROM {ROWS} e JOIN read_parquet($refused) r "
            "USING (customer_id) ORDER BY e.source_file, e.source_row"
        )

    def _value(self, feature: SummaryFeature) -> str | None:
        if feature.where is not None:
            return self.condition(feature.where)
        if feature.expression is not None:
            return self.number(parse_expression(feature.expression))
        if feature.column is None:
            return None
        # Adding 0.0 makes minus zero zero: as two values, they would share out a mode's events.
        is_picked_float = (
            feature.op in PICKING_OPERATIONS and self.rows.columns[feature.column].type == "float"
        )
        return f"({self.column(feature.column)} + 0.0)" if is_picked_float else self.column(feature.column)

    def _sorted_values(self, i: int, feature: SummaryFeature) -> str | None:
        """SQL of id and f{i} for a feature that takes more than one grouping. None for all others."""
        if feature.op == "median":
            return self._median(i)
        if feature.op in PICKING_OPERATIONS:
            return pick_values(i, feature.op)
        return None if feature.once_per is None else self._once_per_order(i, feature)

    def _formula(self, i: int) -> str:
        """SQL of a feature made of other features. Null where one of them is, or the result is not finite."""
        numbers = {name: f"f{number}" for number, (name, _) in enumerate(self.features)}
        tree = self.features[i][1].tree
        result = self.number(tree, numbers) if tree else "NULL"
        return f"(CASE WHEN isfinite({result}) THEN {result} END)"

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
        }[feature.op or ""]

    def _once_per_order(self, i: int, feature: SummaryFeature) -> str:
        """SQL of a sum or mean of one value per order. An event without an order counts by itself."""
        # Within an order all values are equal: contradictions are quarantined before.
        orders = (
            f"SELECT id, max({self._finite(i)}) AS x{i} FROM events WHERE o{i} IS NOT NULL GROUP BY id, o{i} "
            f"UNION ALL SELECT id, x{i} FROM events WHERE o{i} IS NULL"
        )
        return f"SELECT id, {self._aggregate(i, feature)} AS f{i} FROM ({orders}) GROUP BY id"

    def _median(self, i: int) -> str:
        """SQL of the lower median. It sorts, because a sort spills to disk and an aggregate does not."""
        ranks = (
            f"SELECT id, CAST({self._finite(i)} AS DOUBLE) AS x, "
            f"row_number() OVER (PARTITION BY id ORDER BY {self._finite(i)}) AS place, "
            f"count(*) OVER (PARTITION BY id) AS events FROM events WHERE {self._finite(i)} IS NOT NULL"
        )
        return f"SELECT id, x AS f{i} FROM ({ranks}) WHERE place = (events + 1) // 2"
