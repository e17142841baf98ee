"""The section "Why this k": the choice with its reasons, and every measure by k as figures and a table.

How k is chosen is in segmentation/k/rules.py.
"""

from math import ceil, floor, log10
from typing import Any, NamedTuple

import pandas as pd

from schemas.evidence import STRENGTHS, SWEEP_COLUMNS, Choice
from segmentation.k.borders import NO_BORDER
from segmentation.k.judging import HOLDS, STABLE
from segmentation.report.context import ReportContext
from segmentation.report.figure import Figure, Table
from segmentation.report.formatting import format_number
from segmentation.report.palette import COLOURS, OUTSIDE
from segmentation.report.tables.sweep_table import tabulate_sweep

# The borders decide, so they come first; the size of the smallest segment comes last.
_ENDS = ("natural", "faintest_border", "smallest_share")
_TITLES = {name: column.title for name, column in SWEEP_COLUMNS.items() if column.title}
_MIDDLE = [name for name in _TITLES if name not in _ENDS]
MEASURES = {name: _TITLES[name] for name in (*_ENDS[:2], *_MIDDLE, *_ENDS[2:])}
HEIGHT = 230
NBSP = "\N{NO-BREAK SPACE}"


class Level(NamedTuple):
    """A value of a measure that means something."""

    value: float
    label: str


class Panel(NamedTuple):
    """A small figure of one measure, or two, by k."""

    key: str
    title: str
    measures: tuple[str, ...]
    axis_title: str
    levels: tuple[Level, ...] = ()
    is_log: bool = False


PANELS = (
    Panel("inertia", "Elbow: inertia", ("inertia",), "inertia"),
    Panel("log-inertia", "Elbow: inertia, log scale", ("inertia",), "inertia, log scale", is_log=True),
    Panel("silhouette", "Silhouette, higher is better", ("silhouette",), "silhouette"),
    Panel("gap", "Gap, with standard errors", ("gap", "gap_pca"), "gap"),
    Panel(
        "stability",
        "Stability, 1 is perfect",
        ("jaccard", "prediction_strength"),
        "stability",
        (Level(STABLE, "stable"), Level(HOLDS, "holds")),
    ),
    Panel(
        "borders",
        "Faintest border, lower is clearer",
        ("faintest_border",),
        "customers on the border",
        (Level(NO_BORDER, "no border above"),),
    ),
)


class EvidenceView(NamedTuple):
    """What templates/sections/evidence.html.j2 shows. doubts: what the measures say against the choice."""

    choice: str
    reasons: list[str]
    doubts: tuple[str, ...]
    panels: list[Figure]
    measures: Table


def view_evidence(context: ReportContext) -> EvidenceView:
    """The view of the evidence."""
    choice = context.draft.choice
    reasons = [f"{reason[:1].upper()}{reason[1:]}." for reason in choice.reasons]
    if choice.wanted_k is not None:
        nights = "1 night" if choice.wanted_nights == 1 else f"{choice.wanted_nights} nights in a row"
        reasons.append(f"The rule has chosen k = {choice.wanted_k} for {nights}, tonight included.")
    if choice.measured_on != context.night.as_of:
        reasons.append(f"Every k was last measured on {choice.measured_on}.")
    sweep = tabulate_sweep(choice)
    panels = (draw_panel(choice, sweep, panel) for panel in PANELS)
    return EvidenceView(
        choice=f"k = {choice.k} by rule {choice.rule}; {describe_strength(choice)}.",
        reasons=reasons,
        doubts=choice.doubts,
        panels=[panel for panel in panels if panel is not None],
        measures=tabulate_measures(sweep),
    )


def describe_strength(choice: Choice) -> str:
    """How strong the evidence is; a single segment divides nothing."""
    return "all customers are one segment" if choice.k == 1 else STRENGTHS[choice.strength]


def draw_panel(choice: Choice, sweep: pd.DataFrame, panel: Panel) -> Figure | None:
    """A panel with the chosen k marked; None where no k has its measures."""
    # Inertia is 0 once every distinct row has a segment, and 0 has no logarithm.
    rows = sweep[sweep["inertia"] > 0] if panel.is_log else sweep
    rows_by_measure = {measure: rows.dropna(subset=[measure]) for measure in panel.measures}
    if all(measured.empty for measured in rows_by_measure.values()):
        return None
    traces = [
        trace
        for position, (measure, measured) in enumerate(rows_by_measure.items())
        for trace in draw_measure(measured, measure, is_second=position > 0)
        if not measured.empty
    ]
    layout = make_layout(choice, panel, k_min=int(sweep["k"].min()), k_max=int(sweep["k"].max()))
    return Figure(
        id=f"k-{panel.key}",
        content={"data": traces, "layout": layout},
        alt=describe_panel(choice, panel, rows_by_measure),
        title=panel.title,
    )


def make_layout(choice: Choice, panel: Panel, *, k_min: int, k_max: int) -> dict[str, Any]:
    """A panel's layout: a vertical line at the chosen k, and a horizontal one at each level."""
    has_two = len(panel.measures) > 1
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    inertia = [point.inertia for point in choice.curve if point.inertia > 0]
    ticks = list_log_ticks(min(inertia), max(inertia)) if panel.is_log else []
    return {
        "height": HEIGHT,
        "margin": {"t": 34 if has_two else 14, "r": 12, "l": 58, "b": 42},
        "showlegend": has_two,
        "legend": {**legend, "itemclick": False, "itemdoubleclick": False},
        "xaxis": {
            "title": {"text": "k, number of segments"},
            "fixedrange": True,
            "range": [k_min - 0.5, k_max + 0.5],
            **({"dtick": 1} if k_max - k_min < 12 else {}),
        },
        "yaxis": {
            "title": {"text": panel.axis_title},
            "fixedrange": True,
            "type": "log" if panel.is_log else "linear",
            "nticks": 6,
            **({"tickvals": ticks, "ticktext": [format_number(tick) for tick in ticks]} if ticks else {}),
        },
        "shapes": [draw_chosen_k(choice.k), *(draw_level(level) for level in panel.levels)],
        "annotations": [label_level(level, is_above=i == 0) for i, level in enumerate(panel.levels)],
    }


def list_log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten for a short axis; none for a long one, where powers of ten will do.

    Plotly writes 5,000 between 1,000 and 10k as a lone 5.

    >>> list_log_ticks(900.0, 8500.0)
    [500.0, 1000.0, 2000.0, 5000.0, 10000.0]
    """
    if high >= 50 * low:
        return []
    powers = range(floor(log10(low)) - 1, ceil(log10(high)) + 1)
    ticks = [float(f"{step}e{power}") for power in powers for step in (1, 2, 5)]
    return [tick for tick in ticks if low / 2 <= tick <= high * 2]


def draw_chosen_k(k: int) -> dict[str, Any]:
    """A dotted line down through a panel."""
    line = {"color": COLOURS[1], "width": 1, "dash": "dot"}
    return {
        "type": "line", "layer": "below", "line": line, "x0": k, "x1": k, "y0": 0, "y1": 1, "yref": "paper"
    }  # fmt: skip


def draw_level(level: Level) -> dict[str, Any]:
    """A dashed line across a panel."""
    line = {"color": OUTSIDE, "width": 1, "dash": "dash"}
    ends = {"x0": 0, "x1": 1, "xref": "paper", "y0": level.value, "y1": level.value}
    return {"type": "line", "layer": "below", "line": line, **ends}


def label_level(level: Level, is_above: bool) -> dict[str, Any]:
    """What a level means, at the right end of its line."""
    place = {"x": 1, "xref": "paper", "xanchor": "right", "y": level.value}
    text = {"showarrow": False, "font": {"size": 10}, "text": level.label}
    return {**place, **text, "yanchor": "bottom" if is_above else "top"}


def draw_measure(measured: pd.DataFrame, measure: str, *, is_second: bool) -> list[dict[str, Any]]:
    """A measure as a line, with a large mark at the chosen k."""
    mark_row = measured[measured["is_chosen"]]
    symbol = "diamond" if is_second else "circle"
    error = f"{measure}_error"
    error_bars = (
        {"error_y": {"array": to_json_numbers(measured[error]), "thickness": 1}} if error in measured else {}
    )
    hover = "k = %{x}: %{y:.4g}<extra></extra>"
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": MEASURES.get(measure, measure),
        "x": measured["k"].tolist(),
        "y": to_json_numbers(measured[measure]),
        "line": {"color": COLOURS[2 if is_second else 0], "dash": "dot" if is_second else "solid"},
        "marker": {"size": 6, "symbol": symbol},
        "hovertemplate": hover,
        **error_bars,
    }
    mark = {
        "type": "scatter",
        "mode": "markers",
        "showlegend": False,
        "x": mark_row["k"].tolist(),
        "y": to_json_numbers(mark_row[measure]),
        "hovertemplate": hover,
        "marker": {"size": 13, "color": COLOURS[1], "symbol": symbol},
    }
    return [line, mark]


def to_json_numbers(column: pd.Series) -> list[float | None]:
    """Values with seven digits, which are enough to draw; None for NaN."""
    return [None if pd.isna(value) else float(f"{value:.7g}") for value in column]


def describe_panel(choice: Choice, panel: Panel, rows_by_measure: dict[str, pd.DataFrame]) -> str:
    """A panel in words: its measures at the chosen k."""
    values = [
        f"{MEASURES.get(measure, measure)} {format_number(float(value))}"
        for measure, measured in rows_by_measure.items()
        for value in measured.loc[measured["is_chosen"], measure]
    ]
    at_k = f"At k = {choice.k}: {', '.join(values)}." if values else f"It has no value at k = {choice.k}."
    return f"{panel.title}, by k. {at_k} The table below has every value."


def tabulate_measures(sweep: pd.DataFrame) -> Table:
    """Every measure by k."""
    rows = [
        [
            f"{row['k']:.0f}{NBSP}(chosen)" if row["is_chosen"] else f"{row['k']:.0f}",
            format_number(row["inertia"]),
            *("" if pd.isna(row[measure]) else format_number(row[measure]) for measure in MEASURES),
        ]
        for row in sweep.to_dict("records")
    ]
    return Table("Every measure by k", ["k", "Inertia", *MEASURES.values()], rows)
