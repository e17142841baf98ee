"""Joining the customers of two nights by id: who stayed, who joined, who left, in one pass over both.

Both tables are sorted by customer id, so neither is held in memory whole. Segments are matched in
segmentation/identity/matching.py.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.part import Part
from segmentation.partitions import map_parts
from segmentation.parts import choose_part_rows, open_parquet, read_part
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import damaged

BATCH = 65_536
_SLICE = 4_096  # ids compared at once: their texts fit in the processor's cache


class JoinedPart(NamedTuple):
    """A part's customers and last night's rows in the same range of ids.

    earlier: last night's rows. place (n,) int64: each customer's row in it, -1 for no row. left: the rows
    of customers who are not there tonight.
    """

    earlier: pa.Table
    place: np.ndarray
    left: pa.Table


def read_published(path: AnyPath, columns: Sequence[str]) -> Iterator[pa.Table]:
    """A published table in batches, at least one: customer_id and these columns, in the order of the ids.

    Refused if it cannot be read, or has a page that is not as it was written.
    """
    names = ["customer_id", *columns]
    try:
        yield from _read_batches(path, names)
    except (OSError, pa.ArrowException) as error:
        raise damaged(
            path,
            f"cannot be read ({type(error).__name__})",
            "the table as it was sealed, since it was checked when this run began",
            "see 'resegment audit', and run again",
        ) from None


def _read_batches(path: AnyPath, names: list[str]) -> Iterator[pa.Table]:
    with open_parquet(path, page_checksum_verification=True) as table:
        # The empty table first: a published table without rows still has columns and types.
        yield pa.schema([table.schema_arrow.field(name) for name in names]).empty_table()
        # An object is a Python file, which threads must not keep: see open_parquet.
        read = partial(table.iter_batches, columns=names, use_threads=isinstance(path, Path))
        size = min(BATCH, choose_part_rows(len(names)))
        # Group by group, because Arrow keeps the bytes of all groups that one iterator reads.
        for group in range(table.num_row_groups):
            for batch in read(size, row_groups=[group]):
                yield pa.Table.from_batches([batch])


def join_parts(parts: Sequence[Part], earlier: Iterator[pa.Table]) -> Iterator[JoinedPart]:
    """Join tonight's parts, at least one, with last night's batches: see join_tables."""
    return (joined for _, joined in join_tables(read_ids(parts), earlier))


def join_tables(
    tables: Iterable[pa.Table], earlier: Iterator[pa.Table]
) -> Iterator[tuple[pa.Table, JoinedPart]]:
    """Each table, with its customers joined to an earlier night's tables. Both ascend by id, bytewise.

    No table but the last one may be empty. Earlier rows with larger ids than the last table's belong to it.
    """
    return ((table, join_rows(table, rows)) for table, rows in cut_ranges(tables, earlier))


def read_ids(parts: Sequence[Part]) -> Iterator[pa.Table]:
    """The customer ids of each part."""
    return map_parts(partial(read_part, columns=["customer_id"]), parts)


def cut_ranges(
    tables: Iterable[pa.Table], earlier: Iterator[pa.Table]
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Each table, with the earlier rows in the same range of ids: see join_tables."""
    waiting = next(earlier)
    for table, is_last in _mark_last(tables):
        while is_last or not waiting.num_rows or _ends_within(waiting, table["customer_id"][-1]):
            batch = next(earlier, None)
            if batch is None:
                break
            waiting = pa.concat_tables([waiting, batch])
        # Customers who left are in no part of tonight's; the part whose range of ids they
        # fall into counts them.
        rows, waiting = (
            (waiting, waiting.slice(0, 0)) if is_last else split_at_id(waiting, table["customer_id"][-1])
        )
        yield table, rows


def split_at_id(table: pa.Table, last: pa.Scalar | str) -> tuple[pa.Table, pa.Table]:
    """The rows with ids up to `last`, and the rows after them. The table ascends by id, bytewise."""
    count = pc.sum(pc.less_equal(table["customer_id"], last)).as_py() or 0
    return table.slice(0, count), table.slice(count)


def _mark_last(tables: Iterable[pa.Table]) -> Iterator[tuple[pa.Table, bool]]:
    """Each table, and whether it is the last one."""
    pending = None
    for table in tables:
        if pending is not None:
            yield pending, False
        pending = table
    if pending is not None:
        yield pending, True


def _ends_within(table: pa.Table, end: pa.Scalar) -> bool:
    return bool(pc.less_equal(table["customer_id"][-1], end).as_py())


def join_rows(table: pa.Table, earlier: pa.Table) -> JoinedPart:
    """Customers joined to the earlier rows in their range of ids."""
    ids, earlier_ids = (side["customer_id"].cast(pa.string()).combine_chunks() for side in (table, earlier))
    place = pair_ids(ids, earlier_ids)
    has_left = np.ones(len(earlier_ids), bool)
    has_left[place[place >= 0]] = False
    return JoinedPart(earlier, place, earlier.filter(pa.array(has_left)))


def pair_ids(ids: pa.Array, earlier: pa.Array) -> np.ndarray:
    """Each id's place among the earlier ones, -1 for none: int64 (n,). Both ascend bytewise, without repeats.

    Most slices of two nights are equal, which is 100 times cheaper to see than to look ids up.
    """
    place, start = np.full(len(ids), -1), 0
    for first in range(0, len(ids), _SLICE):
        piece = ids.slice(first, _SLICE)
        positions, stop = np.arange(start, start + len(piece)), start + len(piece)
        if not piece.equals(earlier.slice(start, len(piece))):
            # Python compares texts by code points, which is the order of their UTF-8 bytes.
            stop = bisect_right(earlier, piece[-1].as_py(), lo=start, key=pa.StringScalar.as_py)
            matches = pc.index_in(piece, value_set=earlier.slice(start, stop - start))
            positions = pc.fill_null(pc.add(matches.cast(pa.int64()), start), -1).to_numpy()
        place[first : first + len(piece)], start = positions, stop
    return place


def look_up_positions(names: pa.ChunkedArray, candidates: Sequence[str]) -> np.ndarray:
    """The position of each name (n,) among the candidates, -1 for any other name: int64 (n,)."""
    indices = pc.index_in(names.cast(pa.string()), value_set=pa.array(list(candidates), pa.string()))
    positions: np.ndarray = pc.fill_null(indices, -1).to_numpy()
    return positions.astype(np.int64)
