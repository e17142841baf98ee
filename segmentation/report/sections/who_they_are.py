"""The section "Who they are": the levels and numbers of profile columns in each segment.

The table levels.parquet, from which everything here comes, is computed in level_table.py.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from segmentation.report.context import ReportContext
from segmentation.report.formatting import TIMES, format_amount, format_share
from segmentation.report.line_breaks import cut_middle
from segmentation.report.palette import SHADES
from segmentation.report.tables.level_counts import MOST_COUNTED
from segmentation.report.tables.level_table import DAYS_SINCE_1970
from segmentation.report.tables.points import MIN_SHOWN

SIGNIFICANT = 0.05
SHADE_WIDTH = 0.15  # of Cohen's h that one shade covers: 0.2 is a small difference, 0.8 a large one
NUMBER_SHADE = 2
MOST_FINDINGS = 6  # over-represented levels that are named, of a column
LONGEST_LEVEL = 60
_TOO_FEW, _DASH = f"under {MIN_SHOWN}", "\N{EN DASH}"
# Of Cramér's V or the correlation ratio, from Cohen (1988).
_STRENGTHS = ((0.5, "strongly"), (0.3, "clearly"), (0.1, "somewhat"), (0.0, "hardly"))
_NUMBERS = {"median": "Median", "mean": "Mean"}


class LevelCell(NamedTuple):
    """A level's share in a segment, or a number. shade: empty unless it differs by more than chance."""

    text: str
    shade: str
    hint: str


class LevelRow(NamedTuple):
    """A level, or a statistic of a number, by segment and over all customers."""

    label: str
    cells: list[LevelCell]
    overall: str


class Finding(NamedTuple):
    """A level that a segment has more of than all customers."""

    segment_id: str
    text: str


class ProfileColumn(NamedTuple):
    """A profile column. note: how far segments differ in it, and by which test."""

    title: str
    note: str
    findings: list[Finding]
    rows: list[LevelRow]


class LevelsView(NamedTuple):
    """What templates/sections/levels.html.j2 shows, the column in which segments differ most first."""

    sizes: dict[str, int]
    columns: list[ProfileColumn]
    min_shown: int


def view_levels(context: ReportContext) -> LevelsView | None:
    """The view of the profile columns; None without any."""
    table = context.levels
    if table is None:
        return None
    order = [context.segment_ids[i] for i in context.reading_order]
    sizes = dict(zip(context.segment_ids, context.sizes, strict=True))
    names = table.drop_duplicates("column").sort_values("association", ascending=False, kind="stable")
    columns = [view_column(context, name, table[table["column"] == name], order) for name in names["column"]]
    return LevelsView({segment_id: sizes[segment_id] for segment_id in order}, columns, MIN_SHOWN)


def view_column(context: ReportContext, name: str, table: pd.DataFrame, order: list[str]) -> ProfileColumn:
    """One column, from its rows of levels.parquet. order: the segments, as the page shows them."""
    is_number = table["kind"] == "number"
    rows = view_numbers(table[is_number], order) if is_number.any() else []
    levels = table[~is_number]
    for kind, level in levels[["kind", "level"]].drop_duplicates().itertuples(index=False):
        rows.append(view_level(levels[(levels["kind"] == kind) & (levels["level"] == level)], order))
    return ProfileColumn(context.label_column(name), describe_difference(table), list_findings(levels), rows)


def view_level(rows: pd.DataFrame, order: list[str]) -> LevelRow:
    """A level's shares by segment."""
    by_segment = {row["segment_id"]: row for _, row in rows.iterrows()}
    first, total = rows.iloc[0], int(rows["customers"].sum())
    overall = format_share(float(first["share_of_all"])) if total >= MIN_SHOWN else _TOO_FEW
    cells = [_view_share(by_segment[segment_id]) for segment_id in order]
    return LevelRow(format_level(first["level"]), cells, overall)


def format_level(level: str) -> str:
    """A level for the page: visible, and not too long.

    >>> format_level(""), format_level("Germany")
    ('(empty)', 'Germany')
    """
    return cut_middle(level, LONGEST_LEVEL) if level.strip() else "(empty)"


def _view_share(row: pd.Series) -> LevelCell:
    customers, share = int(row["customers"]), float(row["share"])
    if 0 < customers < MIN_SHOWN:
        return LevelCell(_TOO_FEW, "", f"under {MIN_SHOWN} customers are not counted here")
    hint = f"{customers:,} customers; {float(row['lift']):.2g} {TIMES} the share of all customers"
    shade = ""
    if float(row["q_value"]) < SIGNIFICANT:
        shade = choose_level_shade(share, float(row["share_of_all"]))
        hint += f"; adjusted p {format_p(float(row['q_value']))}"
    return LevelCell(format_share(share), shade, hint)


def choose_level_shade(share: float, share_of_all: float) -> str:
    """The style sheet's class: u1 to u5 above the share of all, d1 to d5 below, by Cohen's h.

    h = 2 asin(sqrt(share)) - 2 asin(sqrt(share_of_all)): equal steps of it are equally hard to see.

    >>> choose_level_shade(0.9, 0.5), choose_level_shade(0.5, 0.52), choose_level_shade(0.0, 0.2)
    ('u5', 'd1', 'd5')
    """
    h = 2 * (np.arcsin(np.sqrt(min(1.0, share))) - np.arcsin(np.sqrt(min(1.0, share_of_all))))
    shade = min(SHADES, max(1, int(abs(h) / SHADE_WIDTH)))
    return f"{'u' if h > 0 else 'd'}{shade}"


def format_p(p_value: float) -> str:
    """A p-value for readers.

    >>> format_p(0.00004), format_p(0.0312)
    ('below 0.001', '0.031')
    """
    return "below 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def view_numbers(rows: pd.DataFrame, order: list[str]) -> list[LevelRow]:
    """Median, middle half and mean of a column of numbers or times, by segment."""
    by_segment = {row["segment_id"]: row for _, row in rows.iterrows()}
    first = rows.iloc[0]
    is_time = bool((rows["unit"] == DAYS_SINCE_1970).all())
    segments = [by_segment[segment_id] for segment_id in order]
    is_shown = int(rows["customers"].sum()) >= MIN_SHOWN
    views = []
    for statistic, label in _NUMBERS.items():
        cells = [_view_number(row, _format_number(float(row[statistic]), is_time)) for row in segments]
        overall = _format_number(first[f"{statistic}_of_all"], is_time) if is_shown else _TOO_FEW
        views.append(LevelRow(label, cells, overall))
    # Ranks are tested, so only the median is shaded: a mean may point the other way.
    shaded = [
        cell._replace(shade=_shade_median(row)) for cell, row in zip(views[0].cells, segments, strict=True)
    ]
    halves = [_view_number(row, " to ".join(_format_half(row, is_time))) for row in segments]
    return [views[0]._replace(cells=shaded), LevelRow("Middle half", halves, _DASH), views[1]]


def _shade_median(row: pd.Series) -> str:
    median, overall = float(row["median"]), float(row["median_of_all"])
    if int(row["customers"]) < MIN_SHOWN or not float(row["q_value"]) < SIGNIFICANT or median == overall:
        return ""
    return f"{'u' if median > overall else 'd'}{NUMBER_SHADE}"


def _view_number(row: pd.Series, text: str) -> LevelCell:
    customers = int(row["customers"])
    if customers < MIN_SHOWN:
        return LevelCell(_TOO_FEW, "", f"under {MIN_SHOWN} values are not shown")
    return LevelCell(text, "", f"{customers:,} customers with a value")


def _format_half(row: pd.Series, is_time: bool) -> list[str]:
    return [_format_number(row[f"{end}_quartile"], is_time) for end in ("lower", "upper")]


def _format_number(value: float, is_time: bool) -> str:
    if not is_time or not np.isfinite(value):
        return format_amount(float(value))
    # Not as datetime, which ends with the year 9999: a second table may have any.
    return str(np.datetime64(int(np.floor(value)), "D"))


def describe_difference(table: pd.DataFrame) -> str:
    """How far segments differ in a column, and by which test."""
    first = table.iloc[0]
    if not isinstance(first["column_test"], str):
        return explain_no_test(table)
    q_value = float(first["column_q_value"])
    test = f"{first['column_test']}, adjusted p {format_p(q_value)}"
    if q_value >= SIGNIFICANT:
        return f"Segments do not differ by more than chance explains ({test})."
    association = float(first["association"])
    strength = next(word for least, word in _STRENGTHS if association >= least)
    return f"Segments differ {strength}: association {association:.2f} of 1 ({test})."


def explain_no_test(table: pd.DataFrame) -> str:
    """Why segments are not compared in a column."""
    kinds, levels = {*table["kind"]}, table["level"].nunique()
    if not table.loc[table["kind"] != "missing", "customers"].sum():
        return "No customer has a value."
    if kinds == {"level"} and levels == 1:
        return "All customers have the same value."
    if kinds <= {"other", "missing"}:
        are_many = int(table["customers"].sum()) > MOST_COUNTED
        too_many = f", or there are more than {MOST_COUNTED:,} different ones" if are_many else ""
        return f"No value has {MIN_SHOWN} customers{too_many}: levels are not counted."
    return "Not tested: too few customers, segments or different values."


def list_findings(levels: pd.DataFrame) -> list[Finding]:
    """The levels that segments have more of than chance explains, the largest differences first."""
    is_over = (levels["q_value"] < SIGNIFICANT) & (levels["lift"] > 1) & (levels["customers"] >= MIN_SHOWN)
    rows = levels[is_over & (levels["kind"] != "other")]
    heights = np.arcsin(np.sqrt(rows["share"])) - np.arcsin(np.sqrt(rows["share_of_all"].clip(upper=1.0)))
    rows = rows.assign(height=heights).sort_values("height", ascending=False, kind="stable")
    return [Finding(str(row.segment_id), _describe_finding(row)) for row in rows[:MOST_FINDINGS].itertuples()]


def _describe_finding(row: object) -> str:
    level, share, share_of_all, lift = (
        getattr(row, name) for name in ("level", "share", "share_of_all", "lift")
    )
    shares = f"{format_share(share)}, against {format_share(share_of_all)} of all customers"
    return f"{format_level(level)}: {shares} ({lift:.{2 if lift >= 1.1 else 3}g} {TIMES})"
