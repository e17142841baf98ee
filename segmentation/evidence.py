"""Why this k: every measure side by side, the choice marked, disagreement and worthless evidence in words.

How k is chosen is segmentation/choosing.py's.
"""

from typing import Any

import pandas as pd

from schemas.evidence import Choice
from segmentation.borders import DEEPEST
from segmentation.choosing import HOLDS, STABLE
from segmentation.headline import open_section
from segmentation.page import Figure, number, paragraph, table, text
from segmentation.palette import COLOURS
from segmentation.sections import sweep_rows
from segmentation.story import Story

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


def tell_evidence(story: Story) -> list[str | Figure]:
    """The section of the evidence."""
    choice = story.choice
    found = {"segments": "segments that are there", "division": "a division of one crowd"}[choice.found]
    said = f"k = {choice.k} by rule {choice.rule}; the evidence is {choice.strength}: {found}."
    lines = [f"{one[:1].upper()}{one[1:]}." for one in choice.reasons]
    doubts = "".join(f"<li>{text(one[:1].upper() + one[1:])}</li>" for one in choice.doubts)
    against = f"<h3>What each measure says by itself</h3><ul>{doubts}</ul>" if doubts else ""
    waiting = (
        f"The evidence has asked for k = {choice.wanted_k} for {choice.wanted_nights} nights in a row, this one "
        "included."
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


def draw_panels(choice: Choice) -> list[str | Figure]:
    """The measures as small figures on one page, the chosen k marked in each."""
    rows = sweep_rows(choice)
    positive = rows[rows["inertia"] > 0]
    panels = [
        draw_panel(choice, rows, "inertia", ("inertia",), "Elbow: inertia"),
        draw_panel(choice, positive, "log-inertia", ("inertia",), "Elbow: inertia, log scale", is_log=True),
        draw_panel(choice, rows, "silhouette", ("silhouette",), "Silhouette, higher is better"),
        draw_panel(choice, rows, "gap", ("gap", "gap_pca"), "Gap, with standard errors"),
        draw_panel(
            choice, rows, "stability", ("jaccard", "prediction_strength"), "Stability, 1 is perfect",
            lines={STABLE: "stable", HOLDS: "holds"},
        ),
        draw_panel(
            choice, rows, "borders", ("faintest_border",), "Faintest border, lower is clearer",
            lines={DEEPEST: "no border above"},
        ),
    ]  # fmt: skip
    kept = [one for one in panels if one is not None]
    return ['<div class="grid wider">', *kept, "</div>"]


def draw_panel(
    choice: Choice,
    rows: pd.DataFrame,
    key: str,
    columns: tuple[str, ...],
    title: str,
    is_log: bool = False,
    lines: dict[float, str] | None = None,
) -> Figure | None:
    """One measure, or two, by k; None where no k has it."""
    known = {one: rows.dropna(subset=[one]) for one in columns}
    if all(one.empty for one in known.values()):
        return None
    traces = [
        trace
        for place, (name, own) in enumerate(known.items())
        for trace in draw_line(choice, own, name, place)
        if not own.empty
    ]
    layout: dict[str, Any] = {
        "height": HEIGHT,
        "margin": {"t": 14, "r": 12, "l": 46, "b": 38},
        "showlegend": len(columns) > 1,
        "legend": {"orientation": "h", "y": 1.16, "x": 0, "itemclick": False, "itemdoubleclick": False},
        "xaxis": {
            "title": {"text": "k"}, "fixedrange": True, "range": [rows["k"].min() - 0.5, rows["k"].max() + 0.5],
            "dtick": 1 if len(rows) <= 12 else None,
        },
        "yaxis": {"fixedrange": True, "type": "log" if is_log else "linear", "nticks": 6},
        "shapes": [
            {"type": "line", "x0": choice.k, "x1": choice.k, "y0": 0, "y1": 1, "yref": "paper",
             "line": {"color": COLOURS[1], "width": 1, "dash": "dot"}, "layer": "below"},
            *({"type": "line", "x0": 0, "x1": 1, "xref": "paper", "y0": at, "y1": at,
               "line": {"color": "#8A8F98", "width": 1, "dash": "dash"}, "layer": "below"} for at in lines or ()),
        ],
        "annotations": [
            {"text": said, "x": 1, "xref": "paper", "xanchor": "right", "y": at, "yanchor": "bottom",
             "showarrow": False, "font": {"size": 10}}
            for at, said in (lines or {}).items()
        ],
    }  # fmt: skip
    return Figure(f"k-{key}", {"data": traces, "layout": layout}, tell_panel(choice, known, title), "", title)


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
            "type": "scatter", "mode": "lines+markers", "name": COLUMNS.get(name, name), "x": own["k"].tolist(),
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
            f"{row['k']:.0f}{' (chosen)' if row['is_chosen'] else ''}",
            f"{row['inertia']:.6g}",
            *("" if pd.isna(row[name]) else number(row[name]) for name in COLUMNS),
        ]
        for row in sweep_rows(choice).to_dict("records")
    ]
    return table(["k", "Inertia", *COLUMNS.values()], cells, name="Every measure by k")
