"""The first and the last day on which customers had an event, from stage files of events.

Features of events are computed in aggregation.py. What the days are needed for: segmentation/groups/.
"""

from collections.abc import Sequence

from config.columns import Rows
from config.definition import Definition
from schemas.part import Part
from segmentation.partitions import write_parts
from segmentation.parts import rechunk
from segmentation.rows.summarising.engine import run_query
from segmentation.rows.summarising.kept_rows import QuerySession, list_paths
from segmentation.rows.summarising.sql_terms import AggregationQuery, quote_identifier

FIRST_DAY, LAST_DAY = "first_seen\0", "last_seen\0"  # next to features, which may have any name without NUL


def seen_days_query(
    rows: Rows, files: Sequence[str], customers: Sequence[str] | None = None
) -> AggregationQuery:
    """One row per customer: customer_id, first_seen, last_seen, sorted by the id's UTF-8 bytes.

    customers: Parquet parts of the customers to take; None: all who have events.
    """
    time = quote_identifier(rows.time or "")
    values: dict[str, object] = {"files": list(files)}
    only = ""
    if customers is not None:
        values["customers"] = list(customers)
        only = "SEMI JOIN read_parquet($customers) c USING (customer_id) "
    first, last = f"CAST(min({time}) AS DATE)", f"CAST(max({time}) AS DATE)"
    return AggregationQuery(
        f"SELECT customer_id, {first} AS first_seen, {last} AS last_seen "
        f"FROM read_parquet($files) {only}GROUP BY customer_id ORDER BY customer_id",
        values,
    )


def write_seen_days(
    definition: Definition, events: Sequence[Part], customers: Sequence[Part], session: QuerySession
) -> tuple[Part, ...]:
    """The first and last day of these customers, in parts like theirs."""
    query = seen_days_query(definition.rows, list_paths(events), list_paths(customers))
    tables = run_query(session.connection, query)
    return write_parts(session.folder, "seen", rechunk(tables, customers[0].rows))
