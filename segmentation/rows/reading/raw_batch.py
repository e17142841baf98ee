"""Rows as they were read, before casting, with the malformed lines between them.

Reading files is in file_batches.py, casting in segmentation/rows/casting/text_columns.py.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

# Quarantine shows what a line was; a line of megabytes would only fill it.
MOST_TEXT = 1 << 16


class Malformed(NamedTuple):
    """A line that is not a row, such as one whose number of fields differs from the header's."""

    row: int
    reason: str
    detail: str
    text: str


class RawBatch(NamedTuple):
    """Rows as read. `rows` are their numbers in the file, from 1, not counting the header."""

    table: pa.Table
    rows: np.ndarray
    malformed: list[Malformed]


def shorten(text: str) -> str:
    """The text of a malformed line as quarantine keeps it."""
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def number_rows(good: int, count: int, malformed: list[int]) -> np.ndarray:
    """Row numbers of `count` good rows that follow `good` good ones, given the numbers of malformed rows.

    >>> number_rows(1, 2, [2, 4])
    array([3, 5])
    """
    order = np.arange(good, good + count)
    good_before = np.array(sorted(malformed), np.int64) - 1 - np.arange(len(malformed))
    return order + 1 + np.searchsorted(good_before, order, side="right")
