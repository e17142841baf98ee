"""The section of the profiles: the heat map of typical figures, all statistics, and the features' spreads.

The spreads' drawings are in spreads.py; the table profiles.parquet is in profile_table.py.
"""

from typing import NamedTuple

import numpy as np

from segmentation.report.context import ReportContext
from segmentation.report.figure import Table
from segmentation.report.formatting import format_number
from segmentation.report.palette import SHADES
from segmentation.report.sections.spreads import SpreadChart, draw_spreads
from segmentation.report.sections.typical_view import (
    describe_figure,
    format_overall,
    format_typical,
    name_statistic,
)
from segmentation.report.tables.points import MIN_SHOWN

SHADE_WIDTH = 0.4  # spreads of the customers that one shade covers
CENTRE_TITLES = {"scaled_centre": "Centres in scaled units", "centre": "Centres in original units"}
STATISTIC_TITLES = {"mean": "Means", "median": "Medians"}
_NONE = "\N{EN DASH}"


class HeatCell(NamedTuple):
    """A segment's typical figure. hint: what pointing at the cell shows."""

    text: str
    shade: str
    hint: str


class HeatRow(NamedTuple):
    """A feature's figures. statistic: median, mean or share. is_excluded: not used for the segments."""

    label: str
    statistic: str
    is_excluded: bool
    cells: list[HeatCell]
    overall_figure: str


class ProfilesView(NamedTuple):
    """What templates/sections/profiles.html.j2 shows. shade_width: in spreads."""

    shade_width: float
    shades: int
    sizes: dict[str, int]
    rows: list[HeatRow]
    centres: list[Table]
    statistics: list[Table]
    sampled: int
    min_shown: int
    spreads: list[SpreadChart]


def view_profiles(context: ReportContext) -> ProfilesView:
    """The view of the profiles."""
    return ProfilesView(
        shade_width=SHADE_WIDTH,
        shades=SHADES,
        sizes={context.segment_ids[i]: context.sizes[i] for i in context.reading_order},
        rows=[
            build_heat_row(context, column.feature, column.excluded)
            for column in context.draft.scaled.columns
        ],
        centres=[tabulate_statistic(context, name, title) for name, title in CENTRE_TITLES.items()],
        statistics=[tabulate_statistic(context, name, title) for name, title in STATISTIC_TITLES.items()],
        sampled=context.points.labels.size,
        min_shown=MIN_SHOWN,
        spreads=draw_spreads(context),
    )


def build_heat_row(context: ReportContext, feature: str, is_excluded: bool) -> HeatRow:
    """A feature's typical figure in each segment and over all customers."""
    contrasts = context.statistics["contrast"][feature]
    cells = [
        HeatCell(
            text=format_typical(context, feature, position, with_unit=False),
            shade=choose_shade(contrasts.iloc[position]),
            hint=describe_figure(context, feature, position),
        )
        for position in context.reading_order
    ]
    statistic = name_statistic(context, feature)
    return HeatRow(context.label(feature), statistic, is_excluded, cells, format_overall(context, feature))


def choose_shade(contrast: float) -> str:
    """The style sheet's class of a cell: u1 to u5 above everyone's figure, d1 to d5 below, empty near it.

    >>> choose_shade(0.1), choose_shade(1.0), choose_shade(-9.0)
    ('', 'u2', 'd5')
    """
    shade = min(SHADES, int(abs(contrast) / SHADE_WIDTH))
    return f"{'u' if contrast > 0 else 'd'}{shade}" if shade else ""


def tabulate_statistic(context: ReportContext, statistic: str, title: str) -> Table:
    """A statistic of all features, with five significant digits; a dash where a feature has none."""
    # A scaled number has no unit.
    label = str if statistic == "scaled_centre" else context.label
    labels = [label(column.feature) for column in context.draft.scaled.columns]
    values = context.statistics[statistic].to_numpy()
    rows = [
        [segment_id, *(_NONE if np.isnan(value) else format_number(value) for value in row)]
        for segment_id, row in zip(context.segment_ids, values, strict=True)
    ]
    return Table(title, ["Segment", *labels], rows)
