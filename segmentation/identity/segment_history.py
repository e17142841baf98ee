"""The segments over the last editions, history.parquet: continued from the edition before, night by night.

So an edition's history depends only on the editions that it follows, and a rebuild makes the same bytes. The
history of runs is in the ledger, see resegment/history.py.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa

from schemas.clustering import Segment
from schemas.identity_tables import HISTORY
from segmentation.parts import read_table
from segmentation.store.files.objects import AnyPath

HISTORY_FILE = "history.parquet"
MOST_DATES = 90


def read_segment_history(folder: AnyPath) -> pd.DataFrame | None:
    """An edition's history; None if it has none, or none that can be read."""
    try:
        history: pd.DataFrame = HISTORY.validate(read_table(folder / HISTORY_FILE).to_pandas(), lazy=True)
    except (OSError, pa.ArrowException, pandera.errors.SchemaErrors):
        return None
    return history


def tonight_rows(
    as_of: date, segments: Sequence[Segment], names: Sequence[str], values: Sequence[float | None]
) -> pd.DataFrame:
    """Tonight's rows, without moved_share. names and values: by segment."""
    return pd.DataFrame(
        {
            "as_of": str(as_of),
            "segment_id": [segment.segment_id for segment in segments],
            "name": list(names),
            "size": [segment.size for segment in segments],
            "share": [segment.share for segment in segments],
            "value": np.array(values, np.float64),
        }
    )


def extend_history(
    earlier: pd.DataFrame | None, tonight: pd.DataFrame, moved_share: float | None
) -> pd.DataFrame:
    """The history up to tonight: at most MOST_DATES dates, oldest first, none later than tonight."""
    rows = tonight.assign(moved_share=np.nan if moved_share is None else moved_share)
    if earlier is None:
        return rows
    past: pd.DataFrame = earlier[earlier["as_of"] < rows["as_of"].iloc[0]]
    dates = list_dates(past)[-(MOST_DATES - 1) :]
    return pd.concat([past[past["as_of"].isin(dates)], rows], ignore_index=True)


def list_dates(history: pd.DataFrame) -> list[str]:
    """The dates, oldest first."""
    return sorted(history["as_of"].unique())


def sizes_on(history: pd.DataFrame, as_of: str) -> dict[str, int]:
    """Customers by segment on a date; empty if the history does not have it."""
    rows = history[history["as_of"] == as_of]
    return {str(name): int(size) for name, size in zip(rows["segment_id"], rows["size"], strict=True)}
