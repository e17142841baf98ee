"""Ids that differ in case, blanks or leading zeros only: one customer may have been written in two ways.

Spreadsheets turn 000123 into 123. Ids are never changed here, only counted for a warning.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.rows.judging.sketches import hash_words

_KEPT = 1 << 16  # hashes: half a megabyte, however many customers there are
_LEAST_SHARE, _LEAST = 0.005, 3  # ids that tell case apart have a few such pairs by chance


def warn_of_similar_ids(hashes_by_part: Iterable[np.ndarray]) -> list[str]:
    """A warning about the share of ids that are like another one, from a sample of their hashes."""
    kept, limit = np.empty(0, np.uint64), np.uint64(2**64 - 1)
    for hashes in hashes_by_part:
        kept = np.concatenate([kept, hashes[hashes <= limit]])
        while len(kept) > 2 * _KEPT:
            limit //= np.uint64(2)
            kept = kept[kept <= limit]
    count = len(kept) - len(np.unique(kept))
    if count < _LEAST or count < _LEAST_SHARE * len(kept):
        return []
    return [
        f"about {count / len(kept):.1%} of ids differ from another one in case, blanks or leading zeros "
        "only, as after a spreadsheet: they count as different customers"
    ]


def hash_plain_ids(ids: pa.ChunkedArray) -> np.ndarray:
    """Hashes, uint64 (n,), of ids in lower case, that are equal for ids that are alike."""
    return hash_words(pc.utf8_ltrim(pc.utf8_trim_whitespace(ids), "0").combine_chunks())
