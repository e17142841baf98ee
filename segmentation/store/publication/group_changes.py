"""The groups that customers of changes.parquet come from or leave to, with `groups` in the definition.

Who changed segment is in change_tables.py. Which group a customer is in: segmentation/groups/assignment.py.
"""

from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from schemas.known_customers import LAPSED, NEW
from schemas.part import Part
from segmentation.parts import read_part

_OUTSIDE = pa.array([NEW, LAPSED], pa.string())


def fill_in_groups(changes: Iterable[pa.Table], known_parts: Sequence[Part]) -> Iterator[pa.Table]:
    """The changes, in which new or lapsed are in place of the segment that a customer has not, or had not.

    Both ascend by customer_id. known_parts: those of all known customers; without any, nothing is filled in.
    """
    if not known_parts:
        yield from changes
        return
    parts = iter(known_parts)
    waiting: pa.Table | None = None
    for table in changes:
        current, previous = (pa.nulls(table.num_rows, pa.string()) for _ in range(2))
        while table.num_rows:
            if waiting is None:
                part = next(parts, None)
                if part is None:
                    break
                waiting = read_part(part, ["customer_id", "group", "previous_group"])
            place = pc.index_in(table["customer_id"], value_set=waiting["customer_id"].combine_chunks())
            current, previous = (
                pc.coalesce(groups, waiting[name].combine_chunks().take(place.combine_chunks()))
                for groups, name in ((current, "group"), (previous, "previous_group"))
            )
            # What is left of this part may be about the next table.
            if pc.greater(waiting["customer_id"][-1], table["customer_id"][-1]).as_py():
                break
            waiting = None
        yield _fill_in(_fill_in(table, "from_segment_id", previous), "segment_id", current)


def _fill_in(table: pa.Table, name: str, groups: pa.Array) -> pa.Table:
    """The column with the group in place of null, where the customer was in a group."""
    outside = pc.if_else(pc.is_in(groups, value_set=_OUTSIDE), groups, pa.scalar(None, pa.string()))
    values = pc.coalesce(table[name], pa.chunked_array([outside]))
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(name), values)
