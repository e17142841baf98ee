"""The segments' averages over the last editions, trends.parquet: continued night by night, as sizes are.

Sizes, values and movers are in segment_history.py, as is how a table is continued.
"""

from datetime import date

import pandas as pd

from schemas.identity_tables import TRENDS
from segmentation.identity.segment_history import read_continued_table
from segmentation.store.files.objects import AnyPath

TRENDS_FILE = "trends.parquet"
MOST_FEATURES = 40  # of a night: with 90 dates and 8 segments about 29,000 rows


def read_segment_trends(folder: AnyPath) -> pd.DataFrame | None:
    """An edition's trends; None if it has none, as editions of earlier versions, or none that can be read."""
    return read_continued_table(folder / TRENDS_FILE, TRENDS)


def select_tonight_trends(as_of: date, profiles: pd.DataFrame) -> pd.DataFrame:
    """Tonight's means and medians, of the features in which segments differ most.

    profiles: the rows of profiles.parquet. Their order stays.
    """
    largest = profiles.assign(size=profiles["difference"].abs()).groupby("feature", sort=False)["size"].max()
    features = set(largest.sort_values(ascending=False, kind="stable").index[:MOST_FEATURES])
    rows = profiles.loc[profiles["feature"].isin(features), ["segment_id", "feature", "mean", "median"]]
    return rows.assign(as_of=str(as_of))[list(TRENDS.columns)].reset_index(drop=True)
