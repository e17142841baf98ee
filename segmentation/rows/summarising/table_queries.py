"""Queries over all rows of a table that count: which of them repeat a value, and which break a rule.

The rows themselves are dropped or quarantined in table_rules.py.
"""

from collections.abc import Sequence
from typing import Literal

from config.columns import Rows
from schemas.part import Part
from segmentation.rows.summarising.placed_rows import ROWS, bind_rows
from segmentation.rows.summarising.sql_terms import AggregationQuery, SqlTerms

_PLACE = ("source_file", "source_row")


class RepeatQueries(SqlTerms):
    """The queries of columns whose values no two rows share. Missing values repeat nothing."""

    def __init__(self, rows: Rows, columns: Sequence[str], parts: Sequence[Part]) -> None:
        """`parts` are those of the rows that count."""
        super().__init__(rows, bind_rows(parts))
        self.columns = [self.column(name) for name in columns]
        self.key = ", ".join(self.columns)

    def repeated_query(self) -> AggregationQuery:
        """The values that more than one row has."""
        # The columns alone: most nights no value is repeated, and nothing else is read.
        present = " AND ".join(f"{column} IS NOT NULL" for column in self.columns)
        return self.query(
            f"SELECT {self.key} FROM read_parquet($files) WHERE {present} GROUP BY ALL HAVING count(*) > 1"
        )

    def places_query(
        self, repeated: Sequence[str], keep: Literal["first", "last"] | None
    ) -> AggregationQuery:
        """The places of the rows that have these values; of each value, one row is kept, or none."""
        self.values["repeated"] = list(repeated)
        places = (
            f"SELECT source_file, source_row FROM {ROWS} e "
            f"SEMI JOIN read_parquet($repeated) r USING ({self.key})"
        )
        if keep is not None:
            order = ", ".join(f"{name} {'DESC' if keep == 'last' else 'ASC'}" for name in _PLACE)
            places += f" QUALIFY row_number() OVER (PARTITION BY {self.key} ORDER BY {order}) > 1"
        return self.query(places)


def refused_query(parts: Sequence[Part], broken: Sequence[tuple[str, Sequence[str]]]) -> AggregationQuery:
    """The rows that break a rule: `rule`, the first one's number, its `reason`, and all `reasons`.

    `broken` has the reason of each rule, and files with the places of rows that break it.
    """
    values = bind_rows(parts)
    pieces = []
    for number, (reason, places) in enumerate(broken):
        values |= {f"places_{number}_": list(places), f"reason_{number}_": reason}
        pieces.append(
            f"SELECT source_file, source_row, {number} AS rule, $reason_{number}_ AS reason "
            f"FROM read_parquet($places_{number}_)"
        )
    return AggregationQuery(
        f"SELECT e.*, b.rule, b.reason, b.reasons FROM {ROWS} e JOIN ("
        "SELECT source_file, source_row, min(rule) AS rule, arg_min(reason, rule) AS reason, "
        f"string_agg(reason, '; ' ORDER BY rule) AS reasons FROM ({' UNION ALL '.join(pieces)}) "
        "GROUP BY source_file, source_row) b USING (source_file, source_row) "
        "ORDER BY e.source_file, e.source_row",
        values,
    )


def dropped_query(part: Part, places: Sequence[str]) -> AggregationQuery:
    """The places of one part's rows that are among these."""
    return AggregationQuery(
        f"SELECT source_file, source_row FROM {ROWS} e "
        "SEMI JOIN read_parquet($places) p USING (source_file, source_row)",
        {**bind_rows([part]), "places": list(places)},
    )
