"""Known customers whose ids were merged since the previous edition: each is one customer from now on.

Which ids were merged is read in segmentation/attributes/aliases.py. The segments of such customers are looked
up in segmentation/identity/merged_customers.py.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from schemas.known_customers import LAPSED, NEW, SEGMENT
from segmentation.identity.join import split_at_id
from segmentation.rows.casting.merged_ids import MergedIds

# Of two ids of one customer, the group that comes later here counts.
_BY_WEIGHT = pa.array([LAPSED, NEW, SEGMENT], pa.string())


class CountedTables:
    """Tables that are counted as they are read."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self._tables = tables
        self.rows = 0

    def __iter__(self) -> Iterator[pa.Table]:
        for table in self._tables:
            self.rows += table.num_rows
            yield table


def list_given_up(tables: Iterator[pa.Table], merged: MergedIds) -> pa.Table:
    """The known customers with ids that were given up, under the ids that stay, sorted by these."""
    rows = [table.filter(pc.is_in(table["customer_id"], value_set=merged.old)) for table in tables]
    given_up = pa.concat_tables(rows)
    given_up = given_up.set_column(0, "customer_id", merged.apply(given_up["customer_id"]))
    # The id that stays is null if its customer was erased.
    return _unite(given_up.filter(pc.is_valid(given_up["customer_id"])))


def merge_known(tables: Iterator[pa.Table], merged: MergedIds, given_up: pa.Table) -> Iterator[pa.Table]:
    """The known customers under the ids that stay, each once, sorted by id. given_up: of list_given_up."""
    for table in tables:
        remaining = table.filter(pc.invert(pc.is_in(table["customer_id"], value_set=merged.old)))
        if not remaining.num_rows:
            yield remaining
            continue
        due, given_up = split_at_id(given_up, remaining["customer_id"][-1])
        yield _unite(pa.concat_tables([remaining, due])) if due.num_rows else remaining
    yield given_up


def _unite(table: pa.Table) -> pa.Table:
    """One row per customer, sorted by id: the first and the last day, and the weightiest group."""
    weights = pc.index_in(table["group"], value_set=_BY_WEIGHT)
    united = (
        table.set_column(table.column_names.index("group"), "group", weights)
        .group_by("customer_id", use_threads=False)
        .aggregate([("first_seen", "min"), ("last_seen", "max"), ("group", "max")])
        .rename_columns(["customer_id", "first_seen", "last_seen", "group"])
        .sort_by("customer_id")
    )
    groups = _BY_WEIGHT.take(united["group"].combine_chunks())
    return united.set_column(3, "group", groups).cast(table.schema)
