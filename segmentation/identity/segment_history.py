"""The segments over the last editions, history.parquet: continued from the previous edition, night by night.

So an edition's history depends only on the editions that it follows, and a rebuild makes the same bytes.
Averages, which go on by the same rules, are in segment_trends.py. The history of runs is in the ledger, see
resegment/history.py.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
from pandera.errors import SchemaErrors
from pandera.pandas import DataFrameSchema

from schemas.clustering import Segment
from schemas.identity_tables import HISTORY
from segmentation.parts import read_table
from segmentation.store.files.objects import AnyPath

HISTORY_FILE = "history.parquet"
MOST_DATES = 90


def read_segment_history(folder: AnyPath) -> pd.DataFrame | None:
    """An edition's history; None if it has none, or none that can be read."""
    return read_continued_table(folder / HISTORY_FILE, HISTORY)


def read_continued_table(path: AnyPath, contract: DataFrameSchema) -> pd.DataFrame | None:
    """The rows of an edition that tonight's are added to; None without such a table, or a readable one."""
    try:
        rows: pd.DataFrame = contract.validate(read_table(path).to_pandas(), lazy=True)
    except (OSError, pa.ArrowException, SchemaErrors):
        return None
    return rows


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
    """The history up to tonight: see append_tonight."""
    return append_tonight(earlier, tonight.assign(moved_share=np.nan if moved_share is None else moved_share))


def append_tonight(earlier: pd.DataFrame | None, tonight: pd.DataFrame) -> pd.DataFrame:
    """The rows up to tonight's: at most MOST_DATES dates, oldest first, none later than tonight."""
    if earlier is None or tonight.empty:
        return tonight
    past: pd.DataFrame = earlier[earlier["as_of"] < tonight["as_of"].iloc[0]]
    dates = list_dates(past)[-(MOST_DATES - 1) :]
    return pd.concat([past[past["as_of"].isin(dates)], tonight], ignore_index=True)


def list_dates(history: pd.DataFrame) -> list[str]:
    """The dates, oldest first."""
    return sorted(history["as_of"].unique())


def sizes_on(history: pd.DataFrame, as_of: str) -> dict[str, int]:
    """Customers by segment on a date; empty if the history does not have it."""
    rows = history[history["as_of"] == as_of]
    return {str(name): int(size) for name, size in zip(rows["segment_id"], rows["size"], strict=True)}
