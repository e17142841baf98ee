"""The segments over the last editions, history.parquet: carried on from the edition before, night by night.

So an edition's history depends on the editions that it follows and on nothing else in the store, and a
rebuild makes the same bytes. The runs' history is in resegment/history.py.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd
import pandera.errors
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.clustering import Segment
from schemas.identity_tables import HISTORY
from segmentation.store.objects import AnyPath

HISTORY_FILE = "history.parquet"
MOST_DATES = 90  # dates


def read_segment_history(folder: AnyPath) -> pd.DataFrame | None:
    """The history that an edition carries; None where it has none, or one that cannot be read."""
    try:
        with (folder / HISTORY_FILE).open("rb") as file:
            found: pd.DataFrame = HISTORY.validate(pq.read_table(file).to_pandas(), lazy=True)
    except (OSError, pa.ArrowException, pandera.errors.SchemaErrors):
        return None
    return found


def tonight_rows(
    as_of: date, segments: Sequence[Segment], names: Sequence[str], values: Sequence[float | None]
) -> pd.DataFrame:
    """Tonight's rows but for who moved. values: of each segment, or None."""
    return pd.DataFrame(
        {
            "as_of": str(as_of),
            "segment_id": [one.segment_id for one in segments],
            "name": list(names),
            "size": [one.size for one in segments],
            "share": [one.share for one in segments],
            "value": np.array(values, np.float64),
        }
    )


def extend_history(before: pd.DataFrame | None, tonight: pd.DataFrame, moved_share: float | None) -> pd.DataFrame:
    """The history up to tonight: at most MOST dates, oldest first."""
    own = tonight.assign(moved_share=np.nan if moved_share is None else moved_share)
    if before is None:
        return own
    earlier: pd.DataFrame = before[before["as_of"] < own["as_of"].iloc[0]]
    kept = sorted(earlier["as_of"].unique())[-(MOST_DATES - 1) :]
    return pd.concat([earlier[earlier["as_of"].isin(kept)], own], ignore_index=True)


def list_dates(history: pd.DataFrame) -> list[str]:
    """The dates, oldest first."""
    return sorted(history["as_of"].unique())


def sizes_on(history: pd.DataFrame, as_of: str) -> dict[str, int]:
    """Customers by segment on a date; empty where the history has none."""
    rows = history[history["as_of"] == as_of]
    return {str(name): int(size) for name, size in zip(rows["segment_id"], rows["size"], strict=True)}
