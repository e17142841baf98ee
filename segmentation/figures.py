"""The report's figures, as plotly objects: colours by segment, fixed order, escaped labels.

The page around them is segmentation/page.py's; what is told is tasks/report.py's.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from schemas.records import Choice
from segmentation.page import label
from segmentation.profiles import Labelled, read_labelled
from segmentation.sampling import Slice, draw_keys

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_POINTS = 5_000
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


def draw_elbow(choice: Choice) -> "go.Figure":
    """Inertia by k on a logarithmic axis, with the chosen k marked."""
    import plotly.graph_objects as go

    points = [point for point in choice.curve if point.inertia > 0]
    ks, values = [point.k for point in points], [point.inertia for point in points]
    figure = go.Figure(
        go.Scatter(x=ks, y=values, mode="lines+markers", line={"color": COLOURS[0]}, name="inertia")
    )
    chosen = [(point.k, point.inertia) for point in points if point.k == choice.k]
    if chosen:
        figure.add_scatter(
            x=[chosen[0][0]],
            y=[chosen[0][1]],
            mode="markers+text",
            text=[f"k = {choice.k}"],
            textposition="top right",
            marker={"size": 14, "color": COLOURS[1]},
            name="chosen",
        )
    figure.update_layout(
        template="plotly_white",
        showlegend=False,
        margin={"t": 30, "r": 30},
        xaxis={"title": "k, number of segments", "dtick": 1},
        yaxis={"title": "inertia (log scale)", "type": "log"},
    )
    return figure


def draw_scatter(
    matrix: np.ndarray, labels: np.ndarray, ids: Sequence[str], names: Sequence[str]
) -> "go.Figure":
    """The customers drawn, by the first three features, one colour per segment in a fixed order."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for position, segment_id in enumerate(ids):
        own = matrix[:3, labels == position]
        places = dict(zip("xyz", own, strict=False))
        mode = {"mode": "markers", "name": segment_id}
        colour = COLOURS[position % len(COLOURS)]
        if len(own) == 3:
            figure.add_scatter3d(**places, **mode, marker={"size": 4, "color": colour})
        else:
            places.setdefault("y", np.zeros(own.shape[1]))
            figure.add_scattergl(**places, **mode, marker={"size": 5, "color": colour})
    axes = dict(
        zip(("xaxis", "yaxis", "zaxis"), ({"title": {"text": label(n)}} for n in names), strict=False)
    )
    layout = {"scene": axes} if len(matrix) >= 3 else axes
    figure.update_layout(
        template="plotly_white",
        margin={"t": 10, "l": 10, "r": 10, "b": 10},
        legend={"itemsizing": "constant", "y": 0.9},
        **layout,
    )
    return figure
