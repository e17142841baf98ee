"""Figures over the last editions of what segments are worth, and of their averages.

Averages are from trends.parquet, values from history.parquet. Sizes and movers are in history.py.
"""

from typing import Any

import pandas as pd

from segmentation.report.context import ReportContext
from segmentation.report.figure import Figure, Table, escape_label
from segmentation.report.formatting import format_amount
from segmentation.report.line_breaks import cut_middle, wrap_label
from segmentation.report.sections.date_figures import draw_lines, make_date_layout, newest_first, pivot_dates
from segmentation.report.sections.typical_view import name_statistic

MAX_FEATURES = 12  # to choose from; the page grows by about 20 kB for each with 90 dates and 8 segments
MAX_TITLE, MAX_LINE = 66, 22  # characters of an axis' title, and of a line of it
MAX_OPTION = 60  # characters of a feature's name in the menu


def draw_values(context: ReportContext) -> Figure | None:
    """The value feature's sum in each segment; None without values on two dates."""
    if context.value_feature is None or context.value_sums is None:
        return None
    values = pivot_dates(context, context.history.dropna(subset=["value"]), "value")
    if len(values) < 2:
        return None
    label = name_with_unit(context, context.value_feature)
    largest = float(values.abs().max().max())
    rows = [
        [day, *("" if pd.isna(value) else format_amount(float(value), like=largest) for value in row)]
        for day, row in newest_first(values)
    ]
    layout = make_date_layout(wrap_title(f"sum of {label}"), "", list(values.index))
    return Figure(
        id="values",
        content={"data": draw_lines(values, 7), "layout": layout},
        alt=f"Sum of {label} in each segment: {describe_ends(values, label)}",
        table=Table("Value by date and segment", ["Date", *map(str, values.columns)], rows),
        title=f"What segments are worth: sum of {label}",
    )


def draw_averages(context: ReportContext) -> Figure | None:
    """A line for each segment, of the feature that the reader chooses; None for fewer than two dates."""
    if context.trends["as_of"].nunique() < 2:
        return None
    features = choose_trend_features(context)
    tables = [
        pivot_dates(
            context, context.trends[context.trends["feature"] == feature], choose_statistic(context, feature)
        )
        for feature in features
    ]
    if not features:
        return None
    choices = [draw_lines(table, 6) for table in tables]
    titles = [
        wrap_title(f"{choose_statistic(context, feature)} {name_with_unit(context, feature)}")
        for feature in features
    ]
    content: dict[str, Any] = {
        "data": choices[0],
        "layout": make_date_layout(titles[0], "", list(tables[0].index)),
        "choices": choices,
        "chosen": 0,
        "axisTitles": titles,
        "options": [cut_middle(name_with_unit(context, feature), MAX_OPTION) for feature in features],
    }
    first_label = f"{choose_statistic(context, features[0])} {name_with_unit(context, features[0])}"
    return Figure(
        id="averages",
        content=content,
        alt=f"The {first_label} in each segment: {describe_ends(tables[0], first_label)}",
        table=tabulate_ends(context, dict(zip(features, tables, strict=True))),
        title="Typical figures of each segment",
    )


def choose_statistic(context: ReportContext, feature: str) -> str:
    """The statistic that the profiles show: the median of a skewed feature, else the mean."""
    return "median" if name_statistic(context, feature) == "median" else "mean"


def name_with_unit(context: ReportContext, feature: str) -> str:
    """What the feature is called in names and on cards, and its unit."""
    label, unit = context.traits[feature].label, context.units[feature]
    return f"{label} ({unit})" if unit else label


def wrap_title(title: str) -> str:
    """The title of an axis in lines that fit beside the figure, as plotly.js takes it."""
    return "<br>".join(map(escape_label, wrap_label(cut_middle(title, MAX_TITLE), MAX_LINE)))


def choose_trend_features(context: ReportContext) -> list[str]:
    """The value feature, and those in which segments differ most; only features with two dates."""
    dates = context.trends.groupby("feature")["as_of"].nunique()
    names = [feature for feature in context.features if dates.get(feature, 0) > 1]
    largest = dict(zip(names, context.largest_differences(names), strict=True)) if names else {}
    ranked = sorted(names, key=lambda feature: (feature != context.value_feature, -largest[feature]))
    return ranked[:MAX_FEATURES]


def describe_ends(table: pd.DataFrame, label: str) -> str:
    """Each segment's first and last value, in words."""
    ends = ((segment, table[segment].dropna()) for segment in table.columns)
    changes = [
        f"{segment} from {format_amount(float(column.iloc[0]))} to {format_amount(float(column.iloc[-1]))}"
        for segment, column in ends
        if len(column)
    ]
    return f"{'; '.join(changes)}; {label}, {table.index[0]} to {table.index[-1]}."


def tabulate_ends(context: ReportContext, tables: dict[str, pd.DataFrame]) -> Table:
    """The first and the last average of every feature to choose from, a row for each feature and date."""
    ids = [context.segment_ids[position] for position in context.reading_order]
    rows = [
        [
            f"{name_with_unit(context, feature)}, {day}",
            *(format_cell(context, feature, table, day, name) for name in ids),
        ]
        for feature, table in tables.items()
        for day in (table.index[0], table.index[-1])
    ]
    return Table("Typical figures on the first and the last date", ["Typical", *ids], rows)


def format_cell(context: ReportContext, feature: str, table: pd.DataFrame, day: str, segment: str) -> str:
    """A segment's average on a date; empty where the segment was not there."""
    value = table[segment].get(day) if segment in table else None
    return "" if value is None or pd.isna(value) else context.format_mean(feature, float(value), False)
