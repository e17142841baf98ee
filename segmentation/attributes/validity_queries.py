"""Queries that decide which rows of a second table hold on a date, and which contradict each other.

Only ids with several rows are compared. The queries are run in joining.py.
"""

from collections.abc import Sequence
from datetime import date, datetime, time

from config.attributes import Attributes
from schemas.part import Part
from segmentation.rows.summarising.placed_rows import ROWS, bind_rows
from segmentation.rows.summarising.sql_terms import AggregationQuery, SqlTerms

_PLACE = ("source_file", "source_row")
# What the queries add to a table's rows: names that no column of a table has, thanks to the blanks.
BEGINS, ENDS, HOLDS, IS_COPY, REASON = ('" begins"', '" ends"', '" holds"', '" is copy"', '" reason"')
CONFLICT = "conflicting rows of one customer"
OVERLAP = "overlapping validity"


class ValidityQueries(SqlTerms):
    """The queries of one table for one date, over stage files of its good rows.

    A row holds on the date if it holds at its first moment, 00:00 in the definition's time zone.
    """

    def __init__(self, attributes: Attributes, as_of: date, parts: Sequence[Part]) -> None:
        """`parts` are those of the table's good rows."""
        super().__init__(attributes.rows, {**bind_rows(parts), "midnight": datetime.combine(as_of, time())})
        self.attributes = attributes
        names = [name for name in attributes.columns if name != attributes.id]
        self.compared = ", ".join(["customer_id", *map(self.column, names)])

    @property
    def _begins(self) -> str:
        name = self.attributes.valid_from
        return f"coalesce({self.column(name)}, '-infinity'::TIMESTAMP)" if name else "'-infinity'::TIMESTAMP"

    @property
    def _ends(self) -> str:
        name = self.attributes.valid_to
        return f"coalesce({self.column(name)}, 'infinity'::TIMESTAMP)" if name else "'infinity'::TIMESTAMP"

    @property
    def _holds(self) -> str:
        """SQL: has the row begun, and not ended, where no other row of its id is looked at?"""
        return f"({self._begins} <= $midnight AND {self._ends} > $midnight)"

    def repeated_query(self) -> AggregationQuery:
        """The ids that more than one row has."""
        return self.query(
            "SELECT customer_id FROM read_parquet($files) GROUP BY customer_id HAVING count(*) > 1"
        )

    def judged_query(self, repeated: Sequence[str]) -> AggregationQuery:
        """The rows of these ids: is it a copy of an equal row, why is it refused, does it hold?"""
        self.values["repeated"] = list(repeated)
        place = ", ".join(_PLACE)
        rows = (
            f"SELECT e.*, {self._begins} AS {BEGINS}, {self._ends} AS {ENDS}, row_number() OVER "
            f"(PARTITION BY {self.compared} ORDER BY {place}) > 1 AS {IS_COPY} "
            f"FROM {ROWS} e SEMI JOIN read_parquet($repeated) r USING (customer_id)"
        )
        has_begun = f"FILTER (WHERE NOT {IS_COPY} AND {BEGINS} <= $midnight)"
        is_newest = f"{BEGINS} = max({BEGINS}) {has_begun} OVER (PARTITION BY customer_id)"
        # Without its own end, a row holds until the next one of its id begins.
        holds = self._holds + (f" AND {is_newest}" if self._is_replaced else "")
        return self.query(
            f"SELECT *, CASE WHEN NOT {IS_COPY} AND {self._contradicts()} THEN {self.bind(self.reason)} END "
            f"AS {REASON}, coalesce({holds}, FALSE) AS {HOLDS} FROM ({rows}) ORDER BY {place}"
        )

    @property
    def _is_replaced(self) -> bool:
        return self.attributes.valid_from is not None and self.attributes.valid_to is None

    @property
    def reason(self) -> str:
        """Why rows of one id that contradict each other are refused."""
        return CONFLICT if self.attributes.valid_from is None else OVERLAP

    def _contradicts(self) -> str:
        """SQL: does a row of the same id, other than a copy, hold at a moment at which this one holds?"""
        if self.attributes.valid_to is None:
            partition = f"customer_id, {BEGINS}" if self.attributes.valid_from else "customer_id"
            return f"count(*) FILTER (WHERE NOT {IS_COPY}) OVER (PARTITION BY {partition}) > 1"
        order = f"PARTITION BY customer_id ORDER BY {BEGINS}, {ENDS}, {', '.join(_PLACE)}"
        rows_before = f"({order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        rows_after = f"({order} ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
        distinct = f"FILTER (WHERE NOT {IS_COPY}) OVER"
        return (
            f"(coalesce(max({ENDS}) {distinct} {rows_before} > {BEGINS}, FALSE) "
            f"OR coalesce(min({BEGINS}) {distinct} {rows_after} < {ENDS}, FALSE))"
        )

    def current_query(
        self, columns: Sequence[str], repeated: Sequence[str], judged: Sequence[str]
    ) -> AggregationQuery:
        """The rows that hold, one of each id, ascending: customer_id, these columns and BEGINS."""
        names = ", ".join(["customer_id", *map(self.column, columns)])
        single_names = f"{names}, {self._begins} AS {BEGINS}"
        if not repeated:
            return self.query(
                f"SELECT {single_names} FROM read_parquet($files) WHERE {self._holds} ORDER BY customer_id"
            )
        self.values |= {"repeated": list(repeated), "judged": list(judged)}
        single = (
            f"SELECT {single_names} FROM read_parquet($files) e ANTI JOIN read_parquet($repeated) r "
            f"USING (customer_id) WHERE {self._holds}"
        )
        compared = (
            f"SELECT {names}, {BEGINS} FROM read_parquet($judged) "
            f"WHERE {HOLDS} AND NOT {IS_COPY} AND {REASON} IS NULL"
        )
        return self.query(f"SELECT * FROM ({single} UNION ALL {compared}) ORDER BY customer_id")


# What makes ids equal that two systems write differently: in words, and as SQL.
FORMS = {
    "leading zeros are removed": "ltrim(id, '0')",
    "a .0 at the end is removed": "regexp_replace(id, '\\.0+$', '')",
    "upper and lower case are treated alike": "lower(id)",
    "blanks are removed": "replace(id, ' ', '')",
    "letters and signs around the digits are removed": "nullif(regexp_replace(id, '[^0-9]', '', 'g'), '')",
}


def forms_query(customers: Sequence[str], current: Sequence[str]) -> AggregationQuery:
    """One row: customers without attributes, then how many of them would match in each form of ids."""
    ids = "SELECT customer_id AS id FROM read_parquet({}) a ANTI JOIN read_parquet({}) b USING (customer_id)"
    counts = [
        f"(SELECT count(*) FROM (SELECT {form} AS form FROM missing) m "
        f"SEMI JOIN (SELECT {form} AS form FROM spare) s USING (form)) AS f{number}"
        for number, form in enumerate(FORMS.values())
    ]
    sql = (
        f"WITH missing AS MATERIALIZED ({ids.format('$customers', '$current')}), "
        f"spare AS MATERIALIZED ({ids.format('$current', '$customers')}) "
        f"SELECT (SELECT count(*) FROM missing) AS missing, {', '.join(counts)}"
    )
    return AggregationQuery(sql, {"customers": list(customers), "current": list(current)})
