"""The report's figures, for plotly.js: colours by segment, fixed order, escaped labels.

The page around them is segmentation/page.py's; what is told is tasks/report.py's.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from schemas.evidence import Choice
from segmentation.page import label
from segmentation.profiles import Labelled, read_labelled
from segmentation.sampling import Slice, draw_keys

# A figure as plotly.js takes it. Plain dicts: plotly's graph objects would validate each of them
# against a copy of a template, which takes longer than the page itself.
FigureData = dict[str, Any]

MOST_POINTS = 5_000
GRID = "#dddddd"
# Okabe and Ito (2008), safe for the colour-blind, dark enough on white; by segment order.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#000000", "#8C564B")


def draw_points(
    pairs: Sequence[Labelled], features: Sequence[str], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """At most MOST_POINTS customers, the same for the same input: features (d, n), segments (n,)."""
    total = sum(pair.customers.rows for pair in pairs)
    share = 1.0 if total <= MOST_POINTS else 0.9 * MOST_POINTS / total
    found, first = [], 0
    for pair in pairs:
        keys = draw_keys(Slice(pair.customers, None, first), seed)
        first += pair.customers.rows
        if (keys < share).any():
            matrix, labels = read_labelled(pair, features)
            found.append((matrix[:, keys < share], labels[keys < share]))
    matrix = np.concatenate([one for one, _ in found], axis=1)
    return matrix[:, :MOST_POINTS], np.concatenate([labels for _, labels in found])[:MOST_POINTS]


def draw_elbow(choice: Choice) -> FigureData:
    """Inertia by k on a logarithmic axis, with the chosen k marked. Points of inertia 0 are left out."""
    points = [point for point in choice.curve if point.inertia > 0]
    chosen = [point for point in points if point.k == choice.k]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "inertia",
        "x": [point.k for point in points],
        "y": [point.inertia for point in points],
        "line": {"color": COLOURS[0]},
    }
    mark = {
        "type": "scatter",
        "mode": "markers+text",
        "name": "chosen",
        "x": [point.k for point in chosen],
        "y": [point.inertia for point in chosen],
        "text": [f"k = {choice.k}"] * len(chosen),
        "textposition": "top right",
        "marker": {"size": 14, "color": COLOURS[1]},
    }
    layout = {
        "showlegend": False,
        "margin": {"t": 30, "r": 30},
        "xaxis": {"title": {"text": "k, number of segments"}, "dtick": 1, "gridcolor": GRID},
        "yaxis": {"title": {"text": "inertia (log scale)"}, "type": "log", "gridcolor": GRID},
    }
    return {"data": [line, mark], "layout": layout}


def draw_scatter(
    matrix: np.ndarray, labels: np.ndarray, ids: Sequence[str], names: Sequence[str]
) -> FigureData:
    """Customers (d, n) by their first three features, one colour per segment in a fixed order."""
    traces = []
    is_solid = len(matrix) >= 3
    for position, segment_id in enumerate(ids):
        own = matrix[:3, labels == position]
        trace = {
            "type": "scatter3d" if is_solid else "scattergl",
            "mode": "markers",
            "name": segment_id,
            "marker": {"size": 4, "color": COLOURS[position % len(COLOURS)]},
            "y": np.zeros(own.shape[1]),
            **dict(zip("xyz", own, strict=False)),
        }
        traces.append(trace)
    axes = {
        f"{axis}axis": {"title": {"text": label(name)}, "gridcolor": GRID}
        for axis, name in zip("xyz", names, strict=False)
    }
    layout = {
        "margin": {"t": 10, "l": 10 if is_solid else 60, "r": 10, "b": 10 if is_solid else 50},
        "legend": {"itemsizing": "constant", "y": 0.9},
        **({"scene": axes} if is_solid else axes),
    }
    return {"data": traces, "layout": layout}
