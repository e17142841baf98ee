"""The segments over the last editions: sizes, shares, and how many customers moved, from history.parquet.

What changed since the edition before in full is segmentation/report/movements.py's.
"""

from typing import Any

import numpy as np
import pandas as pd

from segmentation.identity.chronicle import MOST, dates_of
from segmentation.report.headline import open_section
from segmentation.report.page import Figure, paragraph, table
from segmentation.report.palette import colour_of, fill_of, number_of, tint
from segmentation.report.quantities import share
from segmentation.report.story import Story

HEIGHT = 320
SHOWN_ROWS = 90


def tell_past(story: Story) -> list[str | Figure]:
    """The section of the last editions."""
    dates = dates_of(story.history)
    opening = open_section("past")
    if len(dates) < 2:
        said = "The history begins with this edition; the next one shows how segments grow and shrink."
        return [opening, paragraph(said, "lead"), "</section>"]
    wide = pivot(story.history, "size")
    gone = [name for name in wide.columns if name not in story.ids]
    said = f"{len(dates)} editions, {dates[0]} to {dates[-1]}; the last {MOST} are kept."
    if gone:
        said += f" No longer there: {', '.join(gone)}."
    return [
        opening,
        paragraph(said, "note"),
        '<div class="pair">',
        draw_sizes(wide),
        draw_shares(story.history, wide),
        "</div>",
        *draw_moves(story.history),
        "</section>",
    ]


def pivot(history: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column by date and segment, segments in the order of their numbers; missing where there was none."""
    wide = history.pivot(index="as_of", columns="segment_id", values=column).sort_index()
    order: list[str] = sorted(map(str, wide.columns), key=number_of)
    return wide[order]


def lay_out(title: str, form: str) -> dict[str, Any]:
    """The layout of a figure over dates."""
    return {
        "height": HEIGHT,
        "margin": {"t": 10, "r": 10, "l": 50, "b": 40},
        "hovermode": "x unified",
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "y": -0.18,
            "x": 0,
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "xaxis": {"type": "date", "fixedrange": True, "hoverformat": "%Y-%m-%d"},
        "yaxis": {"title": {"text": title}, "fixedrange": True, "tickformat": form, "rangemode": "tozero"},
    }


def draw_sizes(wide: pd.DataFrame) -> Figure:
    """A line for each segment."""
    traces = [
        {
            "type": "scatter",
            "mode": "lines" if len(wide) > 30 else "lines+markers",
            "name": str(name),
            "x": list(wide.index),
            "y": counts(wide[name]),
            "line": {"color": colour_of(str(name)), "width": 2},
            "marker": {"size": 5},
        }
        for name in wide.columns
    ]
    rows = [[day, *("" if pd.isna(one) else f"{one:,.0f}" for one in row)] for day, row in rows_of(wide)]
    numbers = table(["Date", *map(str, wide.columns)], rows, name="Customers by date and segment")
    alt = f"Customers in each segment from {wide.index[0]} to {wide.index[-1]}: " + "; ".join(
        f"{name} from {int(own.iloc[0]):,} to {int(own.iloc[-1]):,}"
        for name, own in ((one, wide[one].dropna()) for one in wide.columns)
    )
    content = {"data": traces, "layout": lay_out("customers", ",d")}
    return Figure("sizes", content, alt, numbers, "Customers in each segment")


def draw_shares(history: pd.DataFrame, wide: pd.DataFrame) -> Figure:
    """Shares of all customers, one upon another."""
    shares = pivot(history, "share")
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": str(name),
            "x": list(shares.index),
            "y": [round(float(one), 5) for one in shares[name].fillna(0.0)],
            "stackgroup": "all",
            "line": {"color": colour_of(str(name)), "width": 1},
            "fillcolor": tint(colour_of(str(name)), 0.75),
            **({"fillpattern": {"shape": fill_of(str(name))}} if fill_of(str(name)) else {}),
        }
        for name in shares.columns
    ]
    rows = [
        [day, *("" if pd.isna(one) else share(float(one)) for one in row)] for day, row in rows_of(shares)
    ]
    numbers = table(["Date", *map(str, shares.columns)], rows, name="Shares by date and segment")
    first, last = (shares.iloc[place].dropna() for place in (0, -1))
    alt = "Share of all customers in each segment, stacked: " + "; ".join(
        f"{name} {share(float(last[name]))} on {wide.index[-1]}"
        + (f", {share(float(first[name]))} on {wide.index[0]}" if name in first else "")
        for name in last.index
    )
    layout = lay_out("share of customers", ".0%")
    layout["yaxis"]["range"] = [0, 1]
    return Figure("shares", {"data": traces, "layout": layout}, alt, numbers, "Share of all customers")


def draw_moves(history: pd.DataFrame) -> list[Figure]:
    """Who changed segment, edition by edition; nothing where that is not known of two of them."""
    moved = history.drop_duplicates("as_of").set_index("as_of")["moved_share"].sort_index().dropna()
    if len(moved) < 2:
        return []
    trace = {
        "type": "bar",
        "x": list(moved.index),
        "y": [round(float(one), 6) for one in moved],
        "marker": {"color": "#8A8F98"},
        "hovertemplate": "%{x}: %{y:.2%}<extra></extra>",
    }
    layout = lay_out("of staying customers", ".1%") | {
        "height": 200,
        "hovermode": "closest",
        "showlegend": False,
    }
    numbers = table(["Date", "Changed segment"], [[day, share(float(one))] for day, one in moved.items()])
    alt = (
        f"Share of staying customers who changed segment: {share(float(moved.min()))} to "
        f"{share(float(moved.max()))}, last {share(float(moved.iloc[-1]))}."
    )
    content = {"data": [trace], "layout": layout}
    return [Figure("moves", content, alt, numbers, "Customers who changed segment")]


def rows_of(wide: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Dates with their values, the newest first."""
    return [(str(day), row.to_numpy()) for day, row in wide.iloc[::-1].head(SHOWN_ROWS).iterrows()]


def counts(column: pd.Series) -> list[int | None]:
    """Whole numbers for JSON; None where there was no such segment."""
    return [None if pd.isna(one) else int(one) for one in column]
