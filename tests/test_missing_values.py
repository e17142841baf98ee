"""Blank text and declared null values mean missing everywhere: a table is the same as CSV and as Parquet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from schemas.night import Night
from segmentation.parts import read_part
from tasks.ingest import ingest
from tasks.summarise import summarise

CHANNELS = ["web", None, "shop", None, "web", "N/A"]
EVENTS = pd.DataFrame(
    {
        "id": ["a", "a", "a", "b", "b", "b"],
        "day": "2026-01-15",
        "spend": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
        "channel": CHANNELS,
    }
)
SUMMARY = {
    "window_days": 30,
    "features": {
        "spend": {"op": "sum", "column": "spend"},
        "channels": {"op": "count_distinct", "column": "channel"},
    },
}


def definition_of(kind: str, *, nullable: bool) -> dict[str, Any]:
    """Events with a channel, which counts for nothing where it is missing."""
    columns = {
        "day": {"type": "timestamp"},
        "spend": {"type": "float"},
        "channel": {"type": kind, "nullable": nullable},
    }
    rows = {"grain": "event", "id": "id", "time": "day", "columns": columns}
    return {"rows": rows, "summary": SUMMARY, "features": ["spend", "channels"]}


def write_csv(frame: pd.DataFrame, folder: Path) -> Path:
    """Missing values as blank text."""
    frame.to_csv(folder / "events.csv", index=False)
    return folder / "events.csv"


def write_nulls(frame: pd.DataFrame, folder: Path) -> Path:
    """Missing values as Parquet's null."""
    frame.to_parquet(folder / "events.parquet")
    return folder / "events.parquet"


def write_blanks(frame: pd.DataFrame, folder: Path) -> Path:
    """Missing values as blank text in Parquet."""
    return write_nulls(frame.assign(channel=frame["channel"].fillna("")), folder)


def write_categories(frame: pd.DataFrame, folder: Path) -> Path:
    """Missing values as pandas' categories have them."""
    return write_nulls(frame.astype({"channel": "category"}), folder)


def write_padded(frame: pd.DataFrame, folder: Path) -> Path:
    """Missing values as the blanks of a column of a fixed width, in CSV."""
    return write_csv(frame.assign(channel=frame["channel"].fillna("    ")), folder)


every_writer = pytest.mark.parametrize(
    "write", [write_csv, write_nulls, write_blanks, write_padded, write_categories]
)


@every_writer
@pytest.mark.parametrize("kind", ["text", "category"])
def test_a_missing_text_counts_for_nothing(
    tmp_path: Path,
    make_night: Callable[..., Night],
    write: Callable[[pd.DataFrame, Path], Path],
    kind: str,
) -> None:
    """However a missing channel is written, a has two channels and b two: web and N/A."""
    path = write(EVENTS, tmp_path)
    night = make_night(path, **definition_of(kind, nullable=True))
    customers = summarise(night, ingest(night))
    table = read_part(customers.parts[0]).to_pydict()
    assert (table["customer_id"], table["channels"], table["spend"]) == (["a", "b"], [2, 2], [6.0, 15.0])


@every_writer
def test_a_missing_text_is_refused_where_it_may_not_be(
    tmp_path: Path, make_night: Callable[..., Night], write: Callable[[pd.DataFrame, Path], Path]
) -> None:
    """The two rows without a channel are in quarantine, with the same reason."""
    night = make_night(write(EVENTS, tmp_path), **definition_of("text", nullable=False))
    assert ingest(night).balance.reasons == {"channel: missing": 2}


@every_writer
def test_declared_null_values_apply_to_text(
    tmp_path: Path, make_night: Callable[..., Night], write: Callable[[pd.DataFrame, Path], Path]
) -> None:
    """With N/A declared, b has one channel."""
    path = write(EVENTS, tmp_path)
    source = {"path": str(path), "csv": {"null_values": ["", "N/A"]}}
    night = make_night(path, **definition_of("text", nullable=True), source=source)
    assert read_part(summarise(night, ingest(night)).parts[0])["channels"].to_pylist() == [2, 1]


@pytest.mark.parametrize("word", ["NULL", "\\N", "#N/A", "None"])
def test_words_that_are_not_declared_are_warned_of(
    tmp_path: Path, make_night: Callable[..., Night], word: str
) -> None:
    """NULL and the like count as values where they are not declared, and the run says how many."""
    frame = EVENTS.assign(channel=EVENTS["channel"].fillna(word).replace("N/A", "web"))
    night = make_night(write_csv(frame, tmp_path), **definition_of("text", nullable=True))
    (warning,) = ingest(night).warnings
    assert warning.startswith("in 2 rows, channel is a word such as NULL")
    assert "source.csv.null_values" in warning
