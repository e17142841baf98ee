"""Queries that choose one of several rows of a key, by the definition's `on_duplicate` policy.

The rows themselves are dropped or quarantined in kept_events.py. Rows that ingest refused,
or that lie outside the window, take part too: segmentation/rows/judging/versions.py keeps their keys.
"""

from collections.abc import Sequence

from config.columns import Rows
from schemas.part import Part
from segmentation.rows.summarising.placed_rows import ROWS, bind_rows
from segmentation.rows.summarising.sql_terms import AggregationQuery, SqlTerms

_PLACE = ("source_file", "source_row")


class KeyQueries(SqlTerms):
    """The queries of one definition with a key, over stage files of good events and of replacing rows."""

    def __init__(self, rows: Rows, parts: Sequence[Part], replacing: Sequence[str]) -> None:
        """`parts` are those of good events, `replacing` files of the other rows' keys; it may be empty."""
        super().__init__(rows, {**bind_rows(parts), "replacing": list(replacing)})
        self.key = ", ".join(self.column(name) for name in rows.key or ())
        self.versions = ", ".join(dict.fromkeys(map(self.column, (*rows.key_columns, *_PLACE))))

    def _all_rows(self, columns: str, suffix: str = "") -> str:
        """These columns of good rows, and what replacing rows have of them. `suffix` restricts both."""
        good = f"SELECT {columns}, TRUE AS is_good FROM {ROWS}{suffix}"
        if not self.values["replacing"]:
            return good
        refused = f"SELECT {self.versions}, FALSE AS is_good FROM read_parquet($replacing){suffix}"
        return f"{good} UNION ALL BY NAME {refused}"

    def repeated_query(self) -> AggregationQuery:
        """The keys that more than one row has, at least one of them good."""
        # A plain aggregate over the key alone: most nights no key is repeated, and nothing else is read.
        return self.query(
            f"SELECT {self.key} FROM ({self._all_rows(self.versions)}) GROUP BY ALL "
            "HAVING count(*) > 1 AND bool_or(is_good)"
        )

    def dropped_query(self, repeated: Sequence[str]) -> AggregationQuery:
        """The places of the good rows that do not count, and whether the rows of their key `differ`."""
        self.values["repeated"] = list(repeated)
        semi_join = f" e SEMI JOIN read_parquet($repeated) r USING ({self.key})"
        if self.rows.on_duplicate == "quarantine":
            columns = [name for name in self.rows.columns if name != self.rows.id]
            compared = [self.column(name) for name in (self.rows.id or "", *columns)]
            all_rows = self._all_rows(", ".join([*compared, *_PLACE]), semi_join)
            differ, order = self._differ(compared), ", ".join(_PLACE)
        else:
            all_rows, differ = self._all_rows(self.versions, semi_join), "FALSE"
            direction = "DESC" if self.rows.on_duplicate == "last" else "ASC"
            decisive = [self.column(self.rows.order_by)] if self.rows.order_by else []
            # Places break ties, so that the winner never depends on threads.
            order = ", ".join(f"{name} {direction}" for name in (*decisive, *_PLACE))
        ranked = (
            f"SELECT source_file, source_row, is_good, {differ} AS differ, "
            f"row_number() OVER (PARTITION BY {self.key} ORDER BY {order}) AS place FROM ({all_rows})"
        )
        return self.query(
            f"SELECT source_file, source_row, differ FROM ({ranked}) WHERE is_good AND (differ OR place > 1)"
        )

    def _differ(self, columns: Sequence[str]) -> str:
        """SQL: do the rows of a key differ? A row that is not good differs from one that is."""
        window = f"OVER (PARTITION BY {self.key})"
        tests = [
            f"min({column}) {window} IS DISTINCT FROM max({column}) {window} "
            f"OR count({column}) {window} NOT IN (0, count(*) {window})"
            for column in columns
        ]
        return f"(NOT bool_and(is_good) {window} OR {' OR '.join(tests)})"

    def conflicting_query(self, dropped: Sequence[str], reason: str) -> AggregationQuery:
        """The rows whose key has rows that differ, with the reason, in the source's order."""
        self.values["dropped"] = list(dropped)
        text = self.bind(reason)
        return self.query(
            f"SELECT e.*, {text} AS reason, {text} AS reasons FROM {ROWS} e "
            "SEMI JOIN (SELECT * FROM read_parquet($dropped) WHERE differ) d USING (source_file, source_row) "
            "ORDER BY e.source_file, e.source_row"
        )


def remaining_query(parts: Sequence[Part], dropped: Sequence[str]) -> AggregationQuery:
    """The events of these parts without those at the dropped places."""
    sql = f"SELECT e.* FROM {ROWS} e ANTI JOIN read_parquet($dropped) d USING (source_file, source_row)"
    return AggregationQuery(sql, {**bind_rows(parts), "dropped": list(dropped)})
