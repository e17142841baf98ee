"""Rows of attributes under ids that were merged into others: they count for the ids that stay.

Which rows hold on the date is decided before, in validity_queries.py, id by id: rows of two merged accounts
are two views of one customer and contradict nothing. Reading the mergers is in aliases.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.part import Part
from segmentation.attributes.validity_queries import BEGINS
from segmentation.partitions import write_parts
from segmentation.parts import rechunk
from segmentation.rows.summarising.engine import run_query
from segmentation.rows.summarising.kept_rows import QuerySession, list_paths
from segmentation.rows.summarising.sql_terms import AggregationQuery


class FollowedRows(NamedTuple):
    """One row of each id that stays; how many of them are of a merged id, and how many of those are not used.

    superseded: the id that stays has a row of its own, or a newer merged id has one.
    """

    parts: tuple[Part, ...]
    renamed: int = 0
    superseded: int = 0


def follow_merged_rows(
    current: tuple[Part, ...], aliases: Part | None, session: QuerySession
) -> FollowedRows:
    """The rows that hold under the ids that stay. current: one row of each id, with the column BEGINS."""
    if aliases is None or not aliases.rows or not current:
        return FollowedRows(current)
    files = {"current": list_paths(current), "aliases": list_paths([aliases])}
    (counts,) = run_query(session.connection, AggregationQuery(_COUNT, files))
    count = counts["count"][0].as_py()
    if not count:
        return FollowedRows(current)
    tables = rechunk(run_query(session.connection, AggregationQuery(_FOLLOW, files)))
    parts = write_parts(session.folder, "followed", tables)
    superseded = _count_rows(current) - _count_rows(parts)
    return FollowedRows(parts, count - superseded, superseded)


def _count_rows(parts: Sequence[Part]) -> int:
    return sum(part.rows for part in parts)


_COUNT = (
    "SELECT count(*) AS count FROM read_parquet($current) c "
    "SEMI JOIN read_parquet($aliases) a ON c.customer_id = a.old"
)
# The newest row by its own date, else the newest merger. Without an id that stays, a customer is erased.
_FOLLOW = (
    "WITH renamed AS ("
    'SELECT c.* REPLACE (a.new AS customer_id), a.since AS " since", c.customer_id AS " old" '
    "FROM read_parquet($current) c JOIN read_parquet($aliases) a ON c.customer_id = a.old "
    "WHERE a.new IS NOT NULL), "
    'newest AS (SELECT * EXCLUDE (" since", " old") FROM renamed QUALIFY row_number() OVER '
    f'(PARTITION BY customer_id ORDER BY {BEGINS} DESC, " since" DESC NULLS LAST, " old") = 1) '
    "SELECT * FROM (SELECT c.* FROM read_parquet($current) c "
    "ANTI JOIN read_parquet($aliases) a ON c.customer_id = a.old "
    "UNION ALL SELECT n.* FROM newest n ANTI JOIN read_parquet($current) c USING (customer_id)) "
    "ORDER BY customer_id"
)  # fmt: skip
