"""The section of the customers as points: by three features, by two, or in the plane where they differ most.

Which customers are drawn is decided in points.py; report.js unpacks and draws them. Values are packed as
16-bit numbers along the feature's own scale: 40 features of 5,000 customers are 0.5 MB instead of 2 MB.
"""

import base64
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from segmentation.features.transforms import apply_transform, is_logarithmic
from segmentation.report.context import ReportContext
from segmentation.report.figure import Figure, Table, escape_label
from segmentation.report.formatting import join_words
from segmentation.report.line_breaks import cut_middle, wrap_label
from segmentation.report.palette import marker_symbol, segment_colour
from segmentation.report.sections.spreads import choose_ticks
from segmentation.report.tables.points import MIN_SHOWN, Projection

MAX_FEATURES = 40
MAX_STEP = 65_535
AXES = ("x", "y", "z")
INDICATOR_WEIGHT = 0.01  # an axis with two values shows little: only where there is nothing else
MAX_LINE = 32  # characters of an axis' title
SHOWN_LOADING = 0.1


class CustomersView(NamedTuple):
    """What templates/sections/customers.html.j2 shows. figure is None where there is nothing to draw.

    axes: the feature that each axis shows at first. features: those to choose from.
    """

    note: str
    views: Mapping[str, str] = MappingProxyType({})
    axes: Mapping[str, str] = MappingProxyType({})
    features: Sequence[str] = ()
    figure: Figure | None = None
    projection: str = ""


def view_customers(context: ReportContext) -> CustomersView:
    """The view of the points."""
    point_count, features = context.points.labels.size, choose_features(context)
    if not point_count or not features:
        return CustomersView(
            f"No feature varies, or no segment has {MIN_SHOWN} customers: there is nothing to draw."
        )
    points = (
        f"Each of the {point_count:,} customers is a point"
        if point_count == context.total
        else f"{point_count:,} of {context.total:,} customers, sampled from all segments with a fixed seed"
    )
    views = {
        "three": "Three features" if len(features) >= 3 else "",
        "two": "Two features",
        "plane": "Projection" if context.projection else "",
    }
    first_features = choose_axes(context, features)
    return CustomersView(
        note=f"{points}. Points carry no ids. Drag to rotate; the menus change the axes.",
        views={key: label for key, label in views.items() if label},
        axes=dict(zip(AXES, first_features, strict=False)),
        features=features,
        figure=build_figure(context, features, first_features),
        projection=describe_projection(context, context.projection) if context.projection else "",
    )


def build_figure(context: ReportContext, features: list[str], first_features: list[str]) -> Figure:
    """The points for report.js, and the means of the features that are shown first."""
    means = context.statistics["mean"]
    rows = [
        [
            segment_id,
            f"{context.sizes[position]:,}",
            f"{np.count_nonzero(context.points.labels == position):,}",
            *(context.format_mean(name, float(means[name].iloc[position])) for name in first_features),
        ]
        for position, segment_id in enumerate(context.segment_ids)
    ]
    header = ["Segment", "Customers", "Drawn", *(f"Mean {name}" for name in first_features)]
    return Figure(
        id="points",
        content={"data": [], "layout": {"height": 560}, "points": pack_points(context, features)},
        alt=(
            f"Customers as points by {join_words(first_features)}, coloured by segment; the table below has "
            "the means."
        ),
        table=Table("Segments by the features shown first", header, rows),
    )


def choose_features(context: ReportContext) -> list[str]:
    """The features to choose from, in the definition's order: those in which segments differ most."""
    features = list(context.points.features)
    if len(features) <= MAX_FEATURES:
        return features
    order = np.argsort(-context.largest_differences(features), kind="stable")
    return [features[position] for position in np.sort(order[:MAX_FEATURES])]


def choose_axes(context: ReportContext, features: list[str]) -> list[str]:
    """The three features shown first: segments differ in them, and they correlate little with each other."""
    if len(features) <= 3:
        return features
    weights = [INDICATOR_WEIGHT if context.traits[name].is_indicator else 1.0 for name in features]
    differences = context.largest_differences(features) * np.array(weights)
    correlations = correlate_points(context, features)
    chosen = [int(np.argmax(differences))]
    while len(chosen) < 3:
        # Rounded, so that the last bits of a sum do not decide between two equal features.
        scores = differences * (1.0 - correlations[chosen].max(axis=0)).round(6)
        scores[chosen] = -1.0
        chosen.append(int(np.argmax(scores)))
    return [features[position] for position in sorted(chosen)]


def correlate_points(context: ReportContext, features: list[str]) -> np.ndarray:
    """Absolute correlations of features over the sampled customers, on their own scales (d, d)."""
    rows = [
        apply_transform(context.points.matrix[context.points.features.index(name)], context.get_scale(name))
        for name in features
    ]
    centred = np.array(rows) + 0.0
    centred -= centred.mean(axis=1, keepdims=True)
    norms = np.sqrt(np.square(centred).sum(axis=1))
    correlations: np.ndarray = np.abs(centred @ centred.T) / np.maximum(
        np.outer(norms, norms), np.finfo(np.float64).tiny
    )
    return correlations


def pack_points(context: ReportContext, features: list[str]) -> dict[str, Any]:
    """What report.js draws. Texts are escaped for plotly.js."""
    counts = np.bincount(context.points.labels, minlength=len(context.segment_ids))
    ranks = context.reading_order
    packed: dict[str, Any] = {
        "features": [pack_feature(context, name) for name in features],
        "segments": [
            {
                "id": segment_id,
                "count": int(count),
                "colour": segment_colour(segment_id),
                "mark": marker_symbol(segment_id),
                "rank": ranks.index(position),
            }
            for position, (segment_id, count) in enumerate(zip(context.segment_ids, counts, strict=True))
            if count
        ],
    }
    if context.projection:
        axes = zip(context.projection.coordinates, describe_axes(context, context.projection), strict=True)
        packed["plane"] = [{**pack_values(values), **name_axis(axis.split(":")[0])} for values, axis in axes]
    return packed


def name_axis(label: str) -> dict[str, str]:
    """A feature's name for pointing at, and as the title of a flat axis and of one in space, which is cut."""
    return {
        "name": escape_label(label),
        "title": "<br>".join(map(escape_label, wrap_label(label, MAX_LINE))),
        "short": escape_label(cut_middle(label, MAX_LINE)),
    }


def pack_feature(context: ReportContext, feature: str) -> dict[str, Any]:
    """A feature's values along its own scale. A logarithmic scale comes with the ticks of its axis."""
    scale = context.get_scale(feature)
    values = context.points.matrix[context.points.features.index(feature)]
    is_log = is_logarithmic(scale)
    packed = {
        **pack_values(apply_transform(values, scale) if is_log else values),
        **name_axis(context.label(feature)),
        "curved": is_log,
    }
    if is_log:
        ticks = choose_ticks(float(values.min()), float(values.max()), is_log=True)
        packed["ticks"] = [
            [round(float(apply_transform(np.array(tick), scale)), 5), f"{tick:,.12g}"] for tick in ticks
        ]
    return packed


def pack_values(values: np.ndarray) -> dict[str, Any]:
    """Values (n,) as base64 of little-endian uint16: 0 is the lowest value, MAX_STEP the highest."""
    low, high = float(values.min()), float(values.max())
    steps = np.rint((values - low) * (MAX_STEP / ((high - low) or 1.0))).astype("<u2")
    encoded = base64.b64encode(steps.tobytes()).decode()
    return {"low": float(f"{low:.9g}"), "high": float(f"{high:.9g}"), "values": encoded}


def describe_axes(context: ReportContext, projection: Projection) -> list[str]:
    """Each axis by its share of the variance and the features with the largest loadings."""
    features, axes = context.features, []
    for number, (loadings, share) in enumerate(zip(projection.loadings, projection.shares, strict=True), 1):
        order = [
            j for j in np.argsort(-np.abs(loadings), kind="stable")[:3] if abs(loadings[j]) >= SHOWN_LOADING
        ]
        terms = ", ".join(f"{loadings[j]:+.2f} {features[j]}" for j in order)
        axes.append(f"component {number} ({share:.0%}): {terms}")
    return axes


def describe_projection(context: ReportContext, projection: Projection) -> str:
    """What the projection shows, in a sentence."""
    return (
        "The projection shows the two directions in which customers differ most in the scaled features, with "
        f"{projection.shares.sum():.0%} of all variance: {'; '.join(describe_axes(context, projection))}."
    )
