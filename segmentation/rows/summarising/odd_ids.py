"""Warnings about the ids of the customers, from one read of them.

What an id of nobody is: segmentation/rows/casting/missing_words.py. Which ids are alike:
segmentation/rows/judging/similar_ids.py.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from schemas.part import Part
from segmentation.partitions import map_parts
from segmentation.parts import read_part
from segmentation.rows.casting.missing_words import list_missing_ids, warn_of_missing_ids
from segmentation.rows.judging.similar_ids import hash_plain_ids, warn_of_similar_ids


class _OddIds(NamedTuple):
    """Ids of a part that mean nobody, and the hashes by which ids that are alike are found (n,)."""

    missing_ids: list[str]
    hashes: np.ndarray


def warn_of_odd_ids(parts: Sequence[Part]) -> list[str]:
    """Warnings about ids that mean nobody, and about ids that are like another one."""
    missing_ids = set[str]()

    def read_hashes() -> Iterator[np.ndarray]:
        for part in map_parts(_look_at_part, parts):
            missing_ids.update(part.missing_ids)
            yield part.hashes

    similar = warn_of_similar_ids(read_hashes())
    return [*warn_of_missing_ids(missing_ids), *similar]


def _look_at_part(part: Part) -> _OddIds:
    ids = pc.utf8_lower(read_part(part, ["customer_id"])["customer_id"])
    return _OddIds(list_missing_ids(ids), hash_plain_ids(ids))
