"""The segments' averages over the last editions, trends.parquet: continued night by night, as sizes are.

Sizes, values and movers are in segment_history.py, whose rules for dates hold here too.
"""

from datetime import date

import pandas as pd
import pandera.errors
import pyarrow as pa

from schemas.identity_tables import TRENDS
from segmentation.identity.segment_history import MOST_DATES, list_dates
from segmentation.parts import read_table
from segmentation.store.files.objects import AnyPath

TRENDS_FILE = "trends.parquet"
MOST_FEATURES = 40  # of a night: with 90 dates and 8 segments about 29,000 rows


def read_segment_trends(folder: AnyPath) -> pd.DataFrame | None:
    """An edition's trends; None if it has none, as editions of earlier versions, or none that can be read."""
    try:
        trends: pd.DataFrame = TRENDS.validate(read_table(folder / TRENDS_FILE).to_pandas(), lazy=True)
    except (OSError, pa.ArrowException, pandera.errors.SchemaErrors):
        return None
    return trends


def select_tonight_trends(as_of: date, profiles: pd.DataFrame) -> pd.DataFrame:
    """Tonight's means and medians, of the features in which segments differ most.

    profiles: the rows of profiles.parquet. Their order stays.
    """
    largest = profiles.assign(size=profiles["difference"].abs()).groupby("feature", sort=False)["size"].max()
    features = set(largest.sort_values(ascending=False, kind="stable").index[:MOST_FEATURES])
    rows = profiles.loc[profiles["feature"].isin(features), ["segment_id", "feature", "mean", "median"]]
    return rows.assign(as_of=str(as_of))[list(TRENDS.columns)].reset_index(drop=True)


def extend_trends(earlier: pd.DataFrame | None, tonight: pd.DataFrame) -> pd.DataFrame:
    """The trends up to tonight: at most MOST_DATES dates, oldest first, none later than tonight."""
    if earlier is None or tonight.empty:
        return tonight
    past: pd.DataFrame = earlier[earlier["as_of"] < tonight["as_of"].iloc[0]]
    dates = list_dates(past)[-(MOST_DATES - 1) :]
    return pd.concat([past[past["as_of"].isin(dates)], tonight], ignore_index=True)
