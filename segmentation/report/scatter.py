"""Customers as points: any three features, any two, or the plane in which they differ most.

Which customers are drawn is segmentation/report/points.py's; report.js unpacks and draws them. Values
are packed as whole numbers of 16 bits, along the feature's own scale, so that 40 features of 5,000 customers
stay small.
"""

import base64
from typing import Any

import numpy as np

from segmentation.features.transforms import curve
from segmentation.report.headline import open_section
from segmentation.report.page import Figure, label, paragraph, table, text
from segmentation.report.palette import colour_of, mark_of
from segmentation.report.points import FEWEST, Projection
from segmentation.report.spreads import find_ticks
from segmentation.report.story import Story, join_words

MOST_FEATURES = 40
LEVELS = 65_535
AXES = ("x", "y", "z")


def tell_customers(story: Story, plane: Projection | None) -> list[str | Figure]:
    """The section of the points."""
    opening = open_section("customers")
    drawn, features = story.points.labels.size, offer(story)
    if not drawn or not features:
        said = f"No feature varies, or no segment has {FEWEST} customers: there is nothing to draw."
        return [opening, paragraph(said), "</section>"]
    every = drawn == story.total
    said = (
        f"Every one of the {drawn:,} customers is a point"
        if every
        else f"{drawn:,} of {story.total:,} customers, drawn by the seed from every segment"
    )
    said += "; points bear no ids. Turn the figure with the pointer; the selections change its axes."
    shown = pick(story, features)
    means = story.matrix("mean")
    numbers = table(
        ["Segment", "Customers", "Drawn", *(f"Mean {one}" for one in shown)],
        [
            [
                name,
                f"{story.sizes[place]:,}",
                f"{np.count_nonzero(story.points.labels == place):,}",
                *(story.say_mean(one, float(means[one].iloc[place])) for one in shown),
            ]
            for place, name in enumerate(story.ids)
        ],
        name="Segments by the features shown first",
    )
    alt = f"Customers as points by {join_words(shown)}, coloured by segment; the table below has the means."
    content = {"data": [], "layout": {"height": 560}, "points": pack(story, features, plane)}
    return [
        opening,
        paragraph(said, "note"),
        draw_controls(features, shown, plane),
        Figure("points", content, alt, numbers),
        *tell_plane(story, plane),
        "</section>",
    ]


def offer(story: Story) -> list[str]:
    """The features to choose from, in the definition's order: those in which segments differ most."""
    features = list(story.points.features)
    if len(features) <= MOST_FEATURES:
        return features
    apart = story.matrix("difference")[features].abs().max().to_numpy()
    kept = np.sort(np.argsort(-apart, kind="stable")[:MOST_FEATURES])
    return [features[place] for place in kept]


def pick(story: Story, features: list[str]) -> list[str]:
    """The three to begin with: those that set segments apart and do not repeat one another.

    0/1 numbers only where there is nothing else.
    """
    if len(features) <= 3:
        return features
    apart = story.matrix("difference")[features].abs().max().to_numpy()
    apart = apart * np.array([0.01 if story.traits[one].is_yes else 1.0 for one in features])
    scales = {one.feature: one for one in story.scaled.columns}
    rows = [curve(story.points.matrix[story.points.features.index(one)], scales[one]) for one in features]
    steady = np.array(rows) + 0.0
    steady -= steady.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.square(steady).sum(axis=1))
    alike = np.abs(steady @ steady.T) / np.maximum(np.outer(norms, norms), np.finfo(np.float64).tiny)
    taken = [int(np.argmax(apart))]
    while len(taken) < 3:
        worth = apart * (1.0 - alike[taken].max(axis=0)).round(6)
        worth[taken] = -1.0
        taken.append(int(np.argmax(worth)))
    return [features[place] for place in sorted(taken)]


def draw_controls(features: list[str], shown: list[str], plane: Projection | None) -> str:
    """The selections: which view, and which feature on each axis."""
    views = {"three": "Three features", "two": "Two features", "plane": "Projection"}
    if len(features) < 3:
        del views["three"]
    if plane is None:
        del views["plane"]
    options = "".join(f'<option value="{key}">{said}</option>' for key, said in views.items())
    axes = "".join(
        f'<label>Axis {axis}<select id="points-{axis}">'
        + "".join(
            f'<option value="{place}"{" selected" if one == first else ""}>{text(one)}</option>'
            for place, one in enumerate(features)
        )
        + "</select></label>"
        for axis, first in zip(AXES, shown, strict=False)
    )
    return (
        '<fieldset class="controls"><legend>What the figure shows</legend>'
        f'<label>View<select id="points-view">{options}</select></label>{axes}</fieldset>'
        '<p class="note" id="points-note" role="status"></p>'
    )


def pack(story: Story, features: list[str], plane: Projection | None) -> dict[str, Any]:
    """What report.js draws. Texts are escaped for plotly."""
    points = story.points
    packed = [pack_feature(story, one) for one in features]
    order = [place for place in range(len(story.ids)) if (points.labels == place).any()]
    counts = [int(np.count_nonzero(points.labels == place)) for place in order]
    told: dict[str, Any] = {
        "features": packed,
        "segments": [
            {"id": story.ids[place], "count": count, "colour": colour_of(story.ids[place]),
             "mark": mark_of(story.ids[place])}
            for place, count in zip(order, counts, strict=True)
        ],
    }  # fmt: skip
    if plane is not None:
        told["plane"] = [
            {**pack_values(values), "name": label(name.split(":")[0])}
            for values, name in zip(plane.place, name_axes(story, plane), strict=True)
        ]
    return told


def pack_feature(story: Story, feature: str) -> dict[str, Any]:
    """One feature's values along its own scale, with the ticks of an axis where that is curved."""
    column = next(one for one in story.scaled.columns if one.feature == feature)
    values = story.points.matrix[story.points.features.index(feature)]
    unit = story.units[feature]
    told = {**pack_values(curve(values, column)), "name": label(f"{feature} ({unit})" if unit else feature)}
    told["curved"] = column.transform == "log-standard"
    if told["curved"]:
        ticks = find_ticks(float(values.min()), float(values.max()), True)
        told["ticks"] = [[round(float(curve(np.array(one), column)), 5), f"{one:,.12g}"] for one in ticks]
    return told


def pack_values(values: np.ndarray) -> dict[str, Any]:
    """Values (n,) as base64 of little-endian uint16, from the lowest to the highest."""
    low, high = float(values.min()), float(values.max())
    steps = np.rint((values - low) * (LEVELS / ((high - low) or 1.0))).astype("<u2")
    packed = base64.b64encode(steps.tobytes()).decode()
    return {"low": float(f"{low:.9g}"), "high": float(f"{high:.9g}"), "values": packed}


def name_axes(story: Story, plane: Projection) -> list[str]:
    """Each axis by what it is made of: the features that weigh most, and its share of the variance."""
    names = story.features
    told = []
    for number, (loadings, part) in enumerate(zip(plane.loadings, plane.shares, strict=True), 1):
        order = np.argsort(-np.abs(loadings), kind="stable")[:3]
        made = ", ".join(f"{loadings[j]:+.2f} {names[j]}" for j in order if abs(loadings[j]) >= 0.1)
        told.append(f"component {number} ({part:.0%}): {made}")
    return told


def tell_plane(story: Story, plane: Projection | None) -> list[str]:
    """What the projection is, in words."""
    if plane is None:
        return []
    axes = name_axes(story, plane)
    said = (
        f"The projection shows the two directions in which the scaled features differ most, "
        f"{plane.shares.sum():.0%} of all variance: {axes[0]}; {axes[1]}."
    )
    return [paragraph(said, "note")]
