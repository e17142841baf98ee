"""Customers of two nights side by side: who stayed, who joined, who left, in one pass over both.

Both tables are sorted by customer id, so neither is held whole. Which segment is which is
segmentation/identity/matching.py's.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.part import Part
from segmentation.parts import read_part
from segmentation.store.objects import AnyPath

BATCH = 65_536


class JoinedPart(NamedTuple):
    """A part's customers and last night's within the same range of ids.

    earlier: last night's rows; place (n,) int64: each customer's row in it, -1 for none; left: the rows
    of those who are not there tonight.
    """

    earlier: pa.Table
    place: np.ndarray
    left: pa.Table


def read_published(path: AnyPath, columns: Sequence[str]) -> Iterator[pa.Table]:
    """A published table in batches, at least one: customer_id and these columns, in the order of the ids."""
    names = ["customer_id", *columns]
    with path.open("rb") as file:
        table = pq.ParquetFile(file)
        yield pa.schema([table.schema_arrow.field(name) for name in names]).empty_table()
        for batch in table.iter_batches(BATCH, columns=names):
            yield pa.Table.from_batches([batch])


def join_parts(parts: Sequence[Part], earlier: Iterator[pa.Table]) -> Iterator[JoinedPart]:
    """Part by part, tonight's customers with last night's, at least one. Both ascend by id, bytewise."""
    waiting = next(earlier)
    for number, part in enumerate(parts):
        ids = read_part(part, ["customer_id"])["customer_id"].combine_chunks()
        is_last = number == len(parts) - 1
        while is_last or not waiting.num_rows or _ends_within(waiting, ids[-1]):
            batch = next(earlier, None)
            if batch is None:
                break
            waiting = pa.concat_tables([waiting, batch])
        known = waiting["customer_id"]
        end = len(known) if is_last else pc.sum(pc.less_equal(known, ids[-1])).as_py() or 0
        here, waiting = waiting.slice(0, end), waiting.slice(end)
        yield _pair_ids(ids, here)


def _ends_within(table: pa.Table, end: pa.Scalar) -> bool:
    return bool(pc.less_equal(table["customer_id"][-1], end).as_py())


def _pair_ids(ids: pa.Array, here: pa.Table) -> JoinedPart:
    known = here["customer_id"].cast(pa.string()).combine_chunks()
    place = pc.fill_null(pc.index_in(ids, value_set=known), -1).to_numpy(zero_copy_only=False)
    left = here.filter(pc.invert(pc.is_in(known, value_set=ids)))
    return JoinedPart(here, place.astype(np.int64), left)


def look_up_positions(names: pa.ChunkedArray, known: Sequence[str]) -> np.ndarray:
    """Of each name (n,) its position among the known ones, -1 for another: int64 (n,)."""
    found = pc.index_in(names.cast(pa.string()), value_set=pa.array(list(known), pa.string()))
    place: np.ndarray = pc.fill_null(found, -1).to_numpy()
    return place.astype(np.int64)
