"""The segments' history: continued from edition to edition, or started again."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.clustering import Segment
from segmentation.identity.segment_history import (
    HISTORY_FILE,
    MOST_DATES,
    append_tonight,
    extend_history,
    list_dates,
    read_segment_history,
    sizes_on,
    tonight_rows,
)
from segmentation.identity.segment_trends import (
    TRENDS_FILE,
    read_segment_trends,
    select_tonight_trends,
)
from tests.nights import FOUR, create_town, draw_customers, files, read

FIRST = date(2026, 1, 1)


def tonight(number: int, sizes: dict[str, int]) -> pd.DataFrame:
    """The rows of the night of that number."""
    total = sum(sizes.values())
    segments = [Segment(segment_id=name, size=n, share=n / total, centre=()) for name, n in sizes.items()]
    return tonight_rows(FIRST + timedelta(days=number), segments, ["x"] * len(sizes), [None] * len(sizes))


def test_history_grows_by_a_night() -> None:
    """Tonight's rows come after the earlier ones, which do not change."""
    first = extend_history(None, tonight(0, {"S01": 3, "S02": 1}), None)
    second = extend_history(first, tonight(1, {"S02": 2}), 0.25)
    pd.testing.assert_frame_equal(second.iloc[:2], first)
    assert second["moved_share"].tolist()[2:] == [0.25]
    assert np.isnan(second["moved_share"].iloc[0])
    assert sizes_on(second, "2026-01-01") == {"S01": 3, "S02": 1}
    assert sizes_on(second, "2026-01-02") == {"S02": 2}
    assert sizes_on(second, "2026-01-03") == {}


def test_history_keeps_ninety_dates() -> None:
    """The oldest date is dropped when there would be more than 90."""
    history = None
    for number in range(MOST_DATES + 5):
        history = extend_history(history, tonight(number, {"S01": number + 1}), None)
    assert history is not None
    assert len(list_dates(history)) == MOST_DATES == 90
    assert list_dates(history)[0] == str(FIRST + timedelta(days=5))


def test_a_later_date_is_not_history() -> None:
    """Dates that an earlier edition cannot know are left out."""
    later = extend_history(None, tonight(9, {"S01": 1}), None)
    assert list_dates(extend_history(later, tonight(3, {"S01": 2}), None)) == ["2026-01-04"]


@pytest.mark.parametrize("content", [None, b"", b"PAR1 nothing of the kind PAR1"])
def test_a_damaged_history_counts_as_missing(tmp_path: Path, content: bytes | None) -> None:
    """A file that is missing or not Parquet counts as no history."""
    if content is not None:
        (tmp_path / HISTORY_FILE).write_bytes(content)
    assert read_segment_history(tmp_path) is None


def test_a_table_with_other_columns_is_not_a_history(tmp_path: Path) -> None:
    """It counts as no history."""
    pd.DataFrame({"as_of": ["2026-01-01"]}).to_parquet(tmp_path / HISTORY_FILE)
    assert read_segment_history(tmp_path) is None


def test_editions_continue_the_history(tmp_path: Path) -> None:
    """Each of three editions has all sizes up to its date; another store makes the same bytes."""
    town = create_town(tmp_path)
    sizes = [FOUR, {**FOUR, "a": 160}, {**FOUR, "a": 160, "b": 125}]
    published_nights = [
        town.night(number, draw_customers(customers)) for number, customers in enumerate(sizes, 1)
    ]
    for number, published in enumerate(published_nights, 1):
        history = read(published, "history.parquet")
        assert list_dates(history) == [f"2026-01-0{day}" for day in range(1, number + 1)]
        table = read(published)["segment_id"].value_counts().to_dict()
        assert sizes_on(history, f"2026-01-0{number}") == table
        trends, customers = read(published, "trends.parquet"), read(published)
        assert list_dates(trends) == list_dates(history)
        means = trends[trends["as_of"] == f"2026-01-0{number}"].pivot(
            index="segment_id", columns="feature", values="mean"
        )
        expected = customers.groupby("segment_id")[list(means.columns)].mean()
        assert means.to_numpy() == pytest.approx(expected.loc[list(means.index)].to_numpy())
    last = read(published_nights[-1], "history.parquet").drop_duplicates("as_of")["moved_share"]
    assert np.isnan(last.iloc[0])
    assert last.iloc[1:].tolist() == [0.0, 0.0]

    (tmp_path / "second").mkdir()
    second_town = create_town(tmp_path / "second")
    rebuilt = [
        second_town.night(number, draw_customers(customers)) for number, customers in enumerate(sizes, 1)
    ]
    assert files(rebuilt[-1]) == files(published_nights[-1])


@pytest.mark.parametrize("lost", [HISTORY_FILE, TRENDS_FILE])
def test_a_lost_history_begins_anew(tmp_path: Path, lost: str) -> None:
    """A night whose previous edition lost its history or trends has one date in its own."""
    town = create_town(tmp_path)
    first = town.night(1, draw_customers(FOUR))
    (Path(first.report_path).parent / lost).write_bytes(b"gone")
    second = town.night(2, draw_customers(FOUR))
    assert list_dates(read(second, "history.parquet")) == ["2026-01-02"]
    assert list_dates(read(second, "trends.parquet")) == ["2026-01-02"]


def test_trends_keep_the_dates_of_the_history_and_the_most_telling_features() -> None:
    """At most 40 features a night, none of them later than tonight, and the oldest of 91 dates goes."""
    names = [f"f{number:03d}" for number in range(60)]
    profiles = pd.DataFrame({"segment_id": "S01", "feature": names, "mean": 1.0, "median": 1.0})
    profiles["difference"] = np.arange(60.0) * -1
    trends = None
    for number in range(MOST_DATES + 1):
        trends = append_tonight(trends, select_tonight_trends(FIRST + timedelta(days=number), profiles))
    assert trends is not None
    assert list_dates(trends) == [str(FIRST + timedelta(days=number)) for number in range(1, MOST_DATES + 1)]
    assert list(trends["feature"].unique()) == names[20:]
    assert list_dates(append_tonight(trends, select_tonight_trends(FIRST, profiles))) == [str(FIRST)]


def test_an_edition_without_trends_has_none(tmp_path: Path) -> None:
    """Editions of earlier versions have no such file, which is not damage."""
    assert read_segment_trends(tmp_path) is None
