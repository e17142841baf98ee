"""The section of the segments: a card for each, with what sets it apart.

All figures of all features are in profiles.py.
"""

from typing import NamedTuple

import numpy as np

from segmentation.identity.segment_history import list_dates, sizes_on
from segmentation.report.context import ReportContext
from segmentation.report.formatting import format_change
from segmentation.report.sections.typical_view import (
    RuleView,
    TraitRow,
    build_rule,
    build_trait_row,
    list_traits,
)

MAX_SPARKLINE_DATES = 90


class Sparkline(NamedTuple):
    """A segment's sizes as an SVG path, and in words."""

    path: str
    label: str


class Card(NamedTuple):
    """One segment. factual_name: what sets it apart, if people gave it another name."""

    segment_id: str
    name: str
    factual_name: str
    size: int
    growth: str
    sparkline: Sparkline | None
    shares: dict[str, float]
    traits: list[TraitRow]
    rule: RuleView | None


class SegmentsView(NamedTuple):
    """What templates/sections/segments.html.j2 shows. name_command: how to name a segment. renaming: why they
    have other names than when the model was trained."""

    name_command: str
    renaming: str
    cards: list[Card]


def view_segments(context: ReportContext) -> SegmentsView:
    """The view of the segments."""
    name, first_id = context.night.definition.name, context.segment_ids[context.reading_order[0]]
    value_shares = compute_value_shares(context)
    return SegmentsView(
        name_command=f"resegment name {name} {first_id} --name …",
        renaming=context.words.reason,
        cards=[
            build_card(context, position, None if value_shares is None else float(value_shares[position]))
            for position in context.reading_order
        ],
    )


def compute_value_shares(context: ReportContext) -> np.ndarray | None:
    """Each segment's share of the value feature's sum (k,); None where a sum is negative or all are 0."""
    sums = context.value_sums
    # With refunds a sum may be negative, and shares of a mixed total mean nothing to a reader.
    return sums / sums.sum() if sums is not None and sums.min() >= 0 and sums.sum() > 0 else None


def build_card(context: ReportContext, position: int, value_share: float | None) -> Card:
    """The card of the segment at a position."""
    segment_id, size = context.segment_ids[position], context.sizes[position]
    shares = {"Share of customers": size / context.total}
    if value_share is not None:
        shares[f"Share of {context.traits[str(context.value_feature)].label}"] = value_share
    return Card(
        segment_id=segment_id,
        name=context.names[segment_id],
        factual_name=context.factual_names[segment_id] if segment_id in context.given_names else "",
        size=size,
        growth=describe_growth(context, segment_id, size),
        sparkline=build_sparkline(context, segment_id),
        shares=shares,
        traits=[build_trait_row(context, position, feature) for feature in list_traits(context, position)],
        rule=build_rule(context, position),
    )


def describe_growth(context: ReportContext, segment_id: str, size: int) -> str:
    """How many customers more or fewer than in the previous edition."""
    previous_date = context.draft.previous.as_of
    if previous_date is None:
        return "First edition"
    sizes = sizes_on(context.history, str(previous_date))
    if segment_id in sizes:
        return f"{format_change(size - sizes[segment_id])} since {previous_date}"
    return f"New since {previous_date}" if sizes else f"Its size on {previous_date} is unknown"


def build_sparkline(context: ReportContext, segment_id: str) -> Sparkline | None:
    """A segment's sizes over the dates of the history; None for fewer than three."""
    dates = list_dates(context.history)[-MAX_SPARKLINE_DATES:]
    rows = context.history[context.history["segment_id"] == segment_id]
    size_by_date = dict(zip(rows["as_of"], rows["size"], strict=True))
    sizes = [(x, int(size_by_date[day])) for x, day in enumerate(dates) if day in size_by_date]
    if len(sizes) < 3:
        return None
    lowest, highest = min(size for _, size in sizes), max(size for _, size in sizes)
    extent = max(highest - lowest, 1)
    path = "L".join(
        f"{x * 200 / (len(dates) - 1):.1f} {28 - 26 * (size - lowest) / extent:.1f}" for x, size in sizes
    )
    first_date = dates[sizes[0][0]]
    return Sparkline(f"M{path}", f"Size from {first_date}: lowest {lowest:,}, highest {highest:,}")
