"""A cast column and what casting needs to know.

Texts are cast in text_columns.py, columns with types in typed_columns.py.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.sources import Csv

ARROW_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "category": pa.string(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}


class Dialect(NamedTuple):
    """How text is written, and the time zone that timestamps are converted to."""

    csv: Csv
    timezone: str = "UTC"


class CastColumn(NamedTuple):
    """A column in its declared type, null where missing or unreadable.

    `unreadable` marks the values that could not be read: bool (n,), or None without any. `oddities`
    marks values that are suspicious, by the sentence that warns about one of them: bool (n,).
    """

    values: pa.ChunkedArray
    unreadable: np.ndarray | None
    oddities: Mapping[str, np.ndarray] = MappingProxyType({})


def list_odd(masks: Mapping[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    """The masks with at least one mark."""
    return {sentence: mask for sentence, mask in masks.items() if mask is not None and mask.any()}


def to_mask(flags: pa.ChunkedArray) -> np.ndarray | None:
    """The flags as a bool array, null counting as False. None if no flag is set."""
    mask = pc.fill_null(flags, False).to_numpy()
    return mask if mask.any() else None
