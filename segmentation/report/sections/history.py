"""The section of the last editions: sizes, shares, and how many customers moved, from history.parquet.

Values and averages are in trend_figures.py; what changed since the previous edition is in migration.py.
"""

from typing import NamedTuple

import pandas as pd

from segmentation.identity.segment_history import MOST_DATES, list_dates
from segmentation.report.context import ReportContext
from segmentation.report.figure import Figure, Table
from segmentation.report.formatting import format_share
from segmentation.report.palette import OUTSIDE, fill_pattern, segment_colour, with_opacity
from segmentation.report.sections.date_figures import draw_lines, make_date_layout, newest_first, pivot_dates
from segmentation.report.sections.trend_figures import draw_averages, draw_values


class HistoryView(NamedTuple):
    """What templates/sections/past.html.j2 shows. worth: values and averages, in the same order."""

    note: str
    sizes_and_shares: tuple[Figure, ...] = ()
    worth: tuple[Figure, ...] = ()
    moves: Figure | None = None


def view_history(context: ReportContext) -> HistoryView:
    """The view of the last editions."""
    dates = list_dates(context.history)
    if len(dates) < 2:
        return HistoryView(
            "The history begins with this edition; the next one shows how segments grow and shrink."
        )
    sizes, shares = (pivot_dates(context, context.history, column) for column in ("size", "share"))
    note = f"{len(dates)} editions, {dates[0]} to {dates[-1]}; the last {MOST_DATES} are kept."
    past_segments = [segment for segment in sizes.columns if segment not in context.segment_ids]
    if past_segments:
        note += f" Segments that no longer exist: {', '.join(past_segments)}."
    worth = [figure for figure in (draw_values(context), draw_averages(context)) if figure is not None]
    return HistoryView(
        note, (draw_sizes(sizes), draw_shares(shares)), tuple(worth), draw_moves(context.history)
    )


def draw_sizes(sizes: pd.DataFrame) -> Figure:
    """A line for each segment."""
    rows = [
        [day, *("" if pd.isna(size) else f"{size:,.0f}" for size in row)] for day, row in newest_first(sizes)
    ]
    changes = "; ".join(
        f"{segment} from {int(column.iloc[0]):,} to {int(column.iloc[-1]):,}"
        for segment, column in ((segment, sizes[segment].dropna()) for segment in sizes.columns)
    )
    return Figure(
        id="sizes",
        content={
            "data": draw_lines(sizes, 15),
            "layout": make_date_layout("customers", ",d", list(sizes.index)),
        },
        alt=f"Customers in each segment from {sizes.index[0]} to {sizes.index[-1]}: {changes}",
        table=Table("Customers by date and segment", ["Date", *map(str, sizes.columns)], rows),
        title="Customers in each segment",
    )


def draw_shares(shares: pd.DataFrame) -> Figure:
    """Shares of all customers as stacked areas."""
    traces = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": str(segment),
            "x": list(shares.index),
            # Zero and not a gap: a stacked area needs a value on every date.
            "y": [round(float(share), 5) for share in shares[segment].fillna(0.0)],
            "stackgroup": "all",
            "line": {"color": segment_colour(str(segment)), "width": 1},
            "fillcolor": with_opacity(segment_colour(str(segment)), 0.75),
            **({"fillpattern": {"shape": pattern}} if (pattern := fill_pattern(str(segment))) else {}),
        }
        for segment in shares.columns
    ]
    rows = [
        [day, *("" if pd.isna(share) else format_share(float(share)) for share in row)]
        for day, row in newest_first(shares)
    ]
    first, last = shares.iloc[0].dropna(), shares.iloc[-1].dropna()
    changes = "; ".join(
        f"{segment} {format_share(float(last[segment]))} on {shares.index[-1]}"
        + (f", {format_share(float(first[segment]))} on {shares.index[0]}" if segment in first else "")
        for segment in last.index
    )
    layout = make_date_layout("share of customers", ".0%", list(shares.index))
    layout["yaxis"]["range"] = [0, 1]
    return Figure(
        id="shares",
        content={"data": traces, "layout": layout},
        alt=f"Share of all customers in each segment, stacked: {changes}",
        table=Table("Shares by date and segment", ["Date", *map(str, shares.columns)], rows),
        title="Share of all customers",
    )


def draw_moves(history: pd.DataFrame) -> Figure | None:
    """Who changed segment, by edition; None where that is known of fewer than two editions."""
    moved = history.drop_duplicates("as_of").set_index("as_of")["moved_share"].sort_index().dropna()
    if len(moved) < 2:
        return None
    trace = {
        "type": "bar",
        "x": list(moved.index),
        "y": [round(float(share), 6) for share in moved],
        "marker": {"color": OUTSIDE},
        "hovertemplate": "%{x}: %{y:.2%}<extra></extra>",
    }
    layout = make_date_layout("of staying customers", ".1%", list(moved.index)) | {
        "bargap": 0.5,
        "height": 220,
        "hovermode": "closest",
        "showlegend": False,
    }
    lowest, highest, last = (
        format_share(float(share)) for share in (moved.min(), moved.max(), moved.iloc[-1])
    )
    return Figure(
        id="moves",
        content={"data": [trace], "layout": layout},
        alt=f"Share of staying customers who changed segment: {lowest} to {highest}, last {last}.",
        table=Table(
            "Customers who changed segment, by date",
            ["Date", "Changed segment"],
            [[day, format_share(float(share))] for day, share in moved.items()],
        ),
        title="Customers who changed segment",
    )
