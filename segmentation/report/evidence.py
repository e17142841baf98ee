"""Why this k: every measure side by side, the choice marked, disagreement and worthless evidence in words.

How k is chosen is segmentation/k/choosing.py's.
"""

from typing import Any, NamedTuple

import pandas as pd

from schemas.evidence import Choice
from segmentation.k.borders import DEEPEST
from segmentation.k.choosing import HOLDS, STABLE
from segmentation.report.headline import open_section
from segmentation.report.page import Figure, number, paragraph, table, text
from segmentation.report.palette import COLOURS, OUTSIDE
from segmentation.report.sections import sweep_rows
from segmentation.report.story import Story

COLUMNS = {
    "natural": "Natural segments",
    "faintest_border": "Faintest border",
    "silhouette": "Silhouette",
    "calinski_harabasz": "Calinski-Harabasz",
    "davies_bouldin": "Davies-Bouldin",
    "gap": "Gap",
    "gap_pca": "Gap (PCA)",
    "prediction_strength": "Prediction strength",
    "jaccard": "Bootstrap Jaccard",
    "smallest_share": "Smallest share",
}
HEIGHT = 230
NBSP = "\N{NO-BREAK SPACE}"


def tell_evidence(story: Story) -> list[str | Figure]:
    """The section of the evidence."""
    choice = story.choice
    found = ": this divides one crowd" if choice.found == "division" else ""
    said = f"k = {choice.k} by rule {choice.rule}; the evidence is {choice.strength}{found}."
    lines = [f"{one[:1].upper()}{one[1:]}." for one in choice.reasons]
    doubts = "".join(f"<li>{text(one)}</li>" for one in choice.doubts)
    against = f"<h3>What each measure says by itself</h3><ul>{doubts}</ul>" if doubts else ""
    waiting = (
        f"The evidence has asked for k = {choice.wanted_k} for {choice.wanted_nights} nights in a row, this "
        "one included."
        if choice.wanted_k is not None
        else ""
    )
    return [
        open_section("evidence"),
        paragraph(said, "lead"),
        *(paragraph(line) for line in (*lines, waiting) if line),
        against,
        *draw_panels(choice),
        table_of(choice),
        "</section>",
    ]


class Panel(NamedTuple):
    """A small figure: one measure, or two, by k. lines: levels that mean something, and what."""

    key: str
    title: str
    columns: tuple[str, ...]
    lines: tuple[tuple[float, str], ...] = ()
    is_log: bool = False


PANELS = (
    Panel("inertia", "Elbow: inertia", ("inertia",)),
    Panel("log-inertia", "Elbow: inertia, log scale", ("inertia",), is_log=True),
    Panel("silhouette", "Silhouette, higher is better", ("silhouette",)),
    Panel("gap", "Gap, with standard errors", ("gap", "gap_pca")),
    Panel(
        "stability",
        "Stability, 1 is perfect",
        ("jaccard", "prediction_strength"),
        ((STABLE, "stable"), (HOLDS, "holds")),
    ),
    Panel(
        "borders", "Faintest border, lower is clearer", ("faintest_border",), ((DEEPEST, "no border above"),)
    ),
)


def draw_panels(choice: Choice) -> list[str | Figure]:
    """The measures as small figures on one page, the chosen k marked in each."""
    rows = sweep_rows(choice)
    panels = (draw_panel(choice, rows, one) for one in PANELS)
    return ['<div class="grid wider">', *(one for one in panels if one is not None), "</div>"]


def draw_panel(choice: Choice, rows: pd.DataFrame, panel: Panel) -> Figure | None:
    """One panel; None where no k has its measures."""
    usable = rows[rows["inertia"] > 0] if panel.is_log else rows
    known = {one: usable.dropna(subset=[one]) for one in panel.columns}
    if all(one.empty for one in known.values()):
        return None
    traces = [
        trace
        for place, (name, own) in enumerate(known.items())
        for trace in draw_line(choice, own, name, place)
        if not own.empty
    ]
    ks = (int(rows["k"].min()), int(rows["k"].max()))
    content = {"data": traces, "layout": lay_out(choice, panel, ks)}
    return Figure(f"k-{panel.key}", content, tell_panel(choice, known, panel.title), title=panel.title)


def lay_out(choice: Choice, panel: Panel, ks: tuple[int, int]) -> dict[str, Any]:
    """A panel's layout: the chosen k as a line down, levels as lines across."""
    has_two = len(panel.columns) > 1
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    down = {"x0": choice.k, "x1": choice.k, "y0": 0, "y1": 1, "yref": "paper"}
    across = [{"x0": 0, "x1": 1, "xref": "paper", "y0": at, "y1": at} for at, _ in panel.lines]
    styles = [
        {"color": COLOURS[1], "width": 1, "dash": "dot"},
        {"color": OUTSIDE, "width": 1, "dash": "dash"},
    ]
    shapes = [
        {"type": "line", "layer": "below", "line": styles[min(place, 1)], **one}
        for place, one in enumerate((down, *across))
    ]
    words = {"x": 1, "xref": "paper", "xanchor": "right", "showarrow": False, "font": {"size": 10}}
    ticks = {"dtick": 1} if ks[1] - ks[0] < 12 else {}
    inertia = [one.inertia for one in choice.curve if one.inertia > 0]
    is_short = panel.is_log and max(inertia) < 50 * min(inertia)  # else only powers of ten fit
    return {
        "height": HEIGHT,
        "margin": {"t": 34 if has_two else 14, "r": 12, "l": 46, "b": 38},
        "showlegend": has_two,
        "legend": {**legend, "itemclick": False, "itemdoubleclick": False},
        "xaxis": {"title": {"text": "k"}, "fixedrange": True, "range": [ks[0] - 0.5, ks[1] + 0.5], **ticks},
        "yaxis": {
            "fixedrange": True,
            "type": "log" if panel.is_log else "linear",
            "nticks": 6,
            **({"dtick": "D2"} if is_short else {}),
        },
        "shapes": shapes,
        "annotations": [
            {**words, "text": said, "y": at, "yanchor": "top" if place else "bottom"}
            for place, (at, said) in enumerate(panel.lines)
        ],
    }


def draw_line(choice: Choice, own: pd.DataFrame, name: str, place: int) -> list[dict[str, Any]]:
    """A measure as a line, the chosen k as a filled mark on it."""
    chosen = own[own["k"] == choice.k]
    colour = COLOURS[place * 2]
    error = f"{name}_error"
    bars = {"error_y": {"array": numbers(own[error]), "thickness": 1}} if error in own else {}
    marks = {"size": 6, "symbol": "diamond" if place else "circle"}
    hover = "k = %{x}: %{y:.4g}<extra></extra>"
    return [
        {
            "type": "scatter", "mode": "lines+markers", "name": COLUMNS.get(name, name),
            "x": own["k"].tolist(),
            "y": numbers(own[name]), "line": {"color": colour, "dash": "dot" if place else "solid"},
            "marker": marks, "hovertemplate": hover, **bars,
        },
        {
            "type": "scatter", "mode": "markers", "showlegend": False, "x": chosen["k"].tolist(),
            "y": numbers(chosen[name]), "hovertemplate": hover,
            "marker": {"size": 13, "color": COLOURS[1], "symbol": "diamond" if place else "circle"},
        },
    ]  # fmt: skip


def numbers(column: pd.Series) -> list[float | None]:
    """Values for JSON, with digits enough to draw."""
    return [None if pd.isna(one) else float(f"{one:.7g}") for one in column]


def tell_panel(choice: Choice, known: dict[str, pd.DataFrame], title: str) -> str:
    """What a panel shows, for who cannot see it."""
    told = []
    for name, own in known.items():
        at = own.loc[own["k"] == choice.k, name]
        if len(at):
            told.append(f"{COLUMNS.get(name, name)} {number(float(at.iloc[0]))}")
    where = f" At k = {choice.k}: {', '.join(told)}." if told else f" There is none at k = {choice.k}."
    return f"{title}, by k.{where} The table below has every value."


def table_of(choice: Choice) -> str:
    """Every measure by k."""
    cells = [
        [
            f"{row['k']:.0f}{NBSP}(chosen)" if row["is_chosen"] else f"{row['k']:.0f}",
            number(row["inertia"]),
            *("" if pd.isna(row[name]) else number(row[name]) for name in COLUMNS),
        ]
        for row in sweep_rows(choice).to_dict("records")
    ]
    return table(["k", "Inertia", *COLUMNS.values()], cells, name="Every measure by k")
