"""Ids that were merged into others, in memory: every old id and the id that stays in the end.

Reading the table is in segmentation/attributes/aliases.py.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class MergedIds(NamedTuple):
    """Old ids and, at the same place, the ids that stay: strings (n,). No old id stays.

    since: when each old id was given up, int64 (n,), in microseconds; None where that is not needed.
    """

    old: pa.StringArray
    new: pa.StringArray
    since: pa.Int64Array | None = None

    def apply(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """The ids, with the one that stays in place of each old one."""
        place = pc.index_in(ids, value_set=self.old)
        # Most batches have none of the old ids.
        if place.null_count == len(place):
            return ids
        return pc.if_else(pc.is_null(place), ids, self.new.take(place.combine_chunks()))


def follow_merges(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The place of the last id of each chain of mergers, int64 (n,); -1 for a chain that is a circle.

    old (n,): distinct places of ids; new (n,): where each was merged into.

    >>> follow_merges(np.array([1, 2, 5]), np.array([2, 3, 5])).tolist()
    [3, 3, -1]
    """
    target = dict(zip(old.tolist(), new.tolist(), strict=True))
    last: dict[int, int] = {}
    for start in target:
        path: dict[int, None] = {}
        place = start
        while place in target and place not in last and place not in path:
            path[place] = None
            place = target[place]
        end = last.get(place, -1 if place in target else place)
        last |= dict.fromkeys(path, end)
    return np.array([last[place] for place in old.tolist()], np.int64)
