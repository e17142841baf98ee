"""How many days before and after the date in its name a file has rows from, as files dated by their export.

The rows are read in segmentation/proposing/event_facts.py.
"""

import numpy as np

from segmentation.proposing.limits import Margins
from segmentation.rows.judging.row_counts import to_ordinal
from segmentation.sources.dated_names import Span, span_in_name

MOST_DAYS = 7  # rows from further away are mistakes, and not a habit of the export
_FEW_ROWS = 0.001  # of all rows; fewer are strays, of which a night warns


def list_spans(names: list[str], pattern: str | None) -> list[Span | None]:
    """The days that the files' names say."""
    return [None if pattern is None else span_in_name(name, pattern) for name in names]


def count_strays(days: np.ndarray, span: Span | None) -> np.ndarray:
    """Rows by how many days they are before (row 0) or after (row 1) the span: int64 (2, MOST_DAYS + 2).

    Days are counted from 1970, int64 (n,). Column 0 has the other rows, the last one those further away.
    """
    counts = np.zeros((2, MOST_DAYS + 2), np.int64)
    if span is None:
        return counts
    distances = (to_ordinal(span.first) - days, days - to_ordinal(span.end) + 1)
    for side, distance in enumerate(distances):
        counts[side] = np.bincount(np.clip(distance, 0, MOST_DAYS + 1), minlength=MOST_DAYS + 2)
    return counts


def choose_margins(strays: np.ndarray) -> Margins:
    """source.days_before and days_after: the furthest day on each side that more than a few rows are from."""
    days = [0, 0]
    for side in (0, 1):
        far = np.flatnonzero(strays[side, 1:-1] > _FEW_ROWS * strays[side].sum())
        days[side] = int(far[-1]) + 1 if len(far) else 0
    return Margins(*days)
