"""What figures over the last editions share: their tables by date, lines and layout."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from segmentation.report.context import ReportContext
from segmentation.report.palette import segment_colour, segment_number

HEIGHT = 340
MAX_TABLE_ROWS = 90
MAX_LABELLED_DATES = 6
MAX_MARKED_DATES = 30  # with more dates, markers would hide the line


def pivot_dates(context: ReportContext, rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column by date and segment; NaN on dates without the segment.

    Segments are in the page's order, those that no longer exist after them.
    """
    table = rows.pivot(index="as_of", columns="segment_id", values=column).sort_index()
    order = [context.segment_ids[position] for position in context.reading_order]
    past_segments = sorted({*map(str, table.columns)} - {*order}, key=segment_number)
    return table[[segment for segment in [*order, *past_segments] if segment in table.columns]]


def draw_lines(table: pd.DataFrame, digits: int) -> list[dict[str, Any]]:
    """A line for each segment. digits: significant ones, since more could not be seen."""
    return [
        {
            "type": "scatter",
            "mode": "lines" if len(table) > MAX_MARKED_DATES else "lines+markers",
            "name": str(segment),
            "x": list(table.index),
            "y": [None if pd.isna(value) else float(f"{value:.{digits}g}") for value in table[segment]],
            "line": {"color": segment_colour(str(segment)), "width": 2},
            "marker": {"size": 5},
        }
        for segment in table.columns
    ]


def make_date_layout(axis_title: str, tick_format: str, dates: Sequence[str]) -> dict[str, Any]:
    """The layout of a figure over dates. axis_title: as plotly.js takes it, escaped.

    tick_format: of the axis of values; empty for few digits with k, M or B.
    """
    # plotly.js would label hours between few dates.
    ticks = {"tickvals": list(dates)} if len(dates) <= MAX_LABELLED_DATES else {}
    return {
        "height": HEIGHT,
        "margin": {"t": 10, "r": 10, "l": 56, "b": 40},
        "hovermode": "x unified",
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "y": -0.28,
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "xaxis": {
            "title": {"text": "date of the edition", "standoff": 6},
            "type": "date",
            "tickformat": "%-d %b<br>%Y",
            "ticks": "outside",
            "ticklen": 6,
            **ticks,
            "fixedrange": True,
            "hoverformat": "%Y-%m-%d",
        },
        "yaxis": {
            "title": {"text": axis_title, "standoff": 8},
            "fixedrange": True,
            "exponentformat": "B",
            **({"tickformat": tick_format} if tick_format else {}),
            "rangemode": "tozero",
        },
    }


def newest_first(table: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """Dates with their values, newest first."""
    return ((str(day), row.to_numpy()) for day, row in table.iloc[::-1].head(MAX_TABLE_ROWS).iterrows())
