"""The section of the profiles: the heat map of averages, all statistics, and the spread of each feature.

The spreads' drawings are in spreads.py; the table profiles.parquet is in profile_table.py.
"""

from typing import NamedTuple

import numpy as np

from segmentation.report.context import ReportContext
from segmentation.report.figure import Table
from segmentation.report.formatting import format_lift, format_number
from segmentation.report.palette import SHADES
from segmentation.report.points import MIN_SHOWN
from segmentation.report.spreads import SpreadChart, draw_spreads

SHADE_WIDTH = 0.4  # standard deviations of difference that one shade covers
STATISTIC_TITLES = {
    "centre": "Centres in original units",
    "mean": "Means",
    "median": "Medians",
}


class HeatCell(NamedTuple):
    """A segment's average. hint: what pointing at the cell shows."""

    text: str
    shade: str
    hint: str


class HeatRow(NamedTuple):
    """A feature's averages. is_excluded: the feature is not used for the segments."""

    label: str
    is_excluded: bool
    cells: list[HeatCell]
    overall_mean: str


class ProfilesView(NamedTuple):
    """What templates/sections/profiles.html.j2 shows. shade_width: in standard deviations."""

    shade_width: float
    shades: int
    sizes: dict[str, int]
    rows: list[HeatRow]
    statistics: list[Table]
    sampled: int
    min_shown: int
    spreads: list[SpreadChart]


def view_profiles(context: ReportContext) -> ProfilesView:
    """The view of the profiles."""
    return ProfilesView(
        shade_width=SHADE_WIDTH,
        shades=SHADES,
        sizes=dict(zip(context.segment_ids, context.sizes, strict=True)),
        rows=[
            build_heat_row(context, column.feature, column.excluded)
            for column in context.draft.scaled.columns
        ],
        statistics=[tabulate_statistic(context, statistic) for statistic in STATISTIC_TITLES],
        sampled=context.points.labels.size,
        min_shown=MIN_SHOWN,
        spreads=draw_spreads(context),
    )


def build_heat_row(context: ReportContext, feature: str, is_excluded: bool) -> HeatRow:
    """A feature's average in each segment and over all customers."""
    means, differences = (context.statistics[name][feature] for name in ("mean", "difference"))
    cells = [
        HeatCell(
            text=context.format_mean(feature, mean, with_unit=False),
            shade=choose_shade(difference),
            hint=describe_cell(context, feature, position),
        )
        for position, (mean, difference) in enumerate(zip(means, differences, strict=True))
    ]
    overall_mean = context.format_mean(feature, context.compute_overall_mean(feature), with_unit=False)
    return HeatRow(context.label(feature), is_excluded, cells, overall_mean)


def choose_shade(difference: float) -> str:
    """The style sheet's class of a cell: u1 to u5 above the average, d1 to d5 below, empty near it.

    >>> choose_shade(0.1), choose_shade(1.0), choose_shade(-9.0)
    ('', 'u2', 'd5')
    """
    shade = min(SHADES, int(abs(difference) / SHADE_WIDTH))
    return f"{'u' if difference > 0 else 'd'}{shade}" if shade else ""


def describe_cell(context: ReportContext, feature: str, position: int) -> str:
    """A segment's distance from the average, its lift, and its median."""
    difference, lift, median = (
        float(context.statistics[name][feature].iloc[position]) for name in ("difference", "lift", "median")
    )
    details = [f"{difference:+.1f} standard deviations from the average of all customers"]
    if not context.traits[feature].is_indicator:
        if np.isfinite(lift) and lift > 0:
            details.append(format_lift(lift))
        details.append(f"median {context.format_value(feature, median)}")
    return "; ".join(details)


def tabulate_statistic(context: ReportContext, statistic: str) -> Table:
    """A statistic of all features, with five significant digits."""
    labels = [context.label(column.feature) for column in context.draft.scaled.columns]
    values = context.statistics[statistic].to_numpy()
    rows = [
        [segment_id, *map(format_number, row)]
        for segment_id, row in zip(context.segment_ids, values, strict=True)
    ]
    return Table(STATISTIC_TITLES[statistic], ["Segment", *labels], rows)
