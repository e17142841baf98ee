"""Rows of customers that come in order, one of each customer, as most exports are: they need no sorting.

Rows in any other order are routed to buckets and deduplicated in tasks/summarise.py.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from schemas.part import Part
from segmentation.partitions import map_parts, write_parts
from segmentation.parts import read_part, rechunk


class _Ids(NamedTuple):
    """The first and the last id of a part, and whether each id is above the one before."""

    first: str
    last: str
    ascend: bool


def have_ascending_ids(parts: Sequence[Part]) -> bool:
    """Is each id above the one before, over all parts? The first part that is out of order decides."""
    last = ""
    for ids in map_parts(_look_at_ids, parts):
        # Python compares texts by code point, which is the order of their UTF-8 bytes and so Arrow's.
        if not ids.ascend or ids.first <= last:
            return False
        last = ids.last
    return True


def _look_at_ids(part: Part) -> _Ids:
    ids = read_part(part, ["customer_id"])["customer_id"].combine_chunks()
    ascend = pc.all(pc.less(ids[:-1], ids[1:])).as_py() is not False
    return _Ids(ids[0].as_py(), ids[-1].as_py(), ascend)


def keep_sorted_rows(
    parts: Sequence[Part], columns: Sequence[str] | None, rows: int, folder: Path
) -> tuple[Part, ...]:
    """These columns in full parts, of `rows` rows: in the same files, if all but the last are full."""
    selected = [part.model_copy(update={"columns": columns and tuple(columns)}) for part in parts]
    if all(part.rows == rows for part in parts[:-1]) and parts[-1].rows <= rows:
        return tuple(selected)
    return write_parts(folder, "customers", rechunk(map_parts(read_part, selected), rows))
