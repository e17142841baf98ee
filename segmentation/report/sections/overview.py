"""The first panel of the page: who the segments are and what they are worth, a line for each.

Everything else about a segment is on its card, see cards.py.
"""

from typing import NamedTuple

from segmentation.identity.segment_history import sizes_on
from segmentation.report.context import ReportContext
from segmentation.report.formatting import MINUS, format_customers, format_share
from segmentation.report.sections.cards import compute_value_shares

MAX_VALUE_WORDS = 24  # characters of the value feature's name, above which the sentence says "value"


class OverviewRow(NamedTuple):
    """A segment. Without a value feature, value_share is None and value_mean is empty."""

    segment_id: str
    name: str
    size: int
    share: float
    value_share: float | None
    value_mean: str
    growth: str


class OverviewView(NamedTuple):
    """What templates/overview.html.j2 shows. value: the value feature in words, or empty."""

    headline: str
    value: str
    has_growth: bool
    rows: list[OverviewRow]


def view_overview(context: ReportContext) -> OverviewView:
    """The view of the first panel."""
    shares = compute_value_shares(context)
    previous_date = context.draft.previous.as_of
    previous_sizes = {} if previous_date is None else sizes_on(context.history, str(previous_date))
    rows = []
    for position in context.reading_order:
        segment_id, size = context.segment_ids[position], context.sizes[position]
        rows.append(
            OverviewRow(
                segment_id=segment_id,
                name=context.names[segment_id],
                size=size,
                share=size / context.total,
                value_share=None if shares is None else float(shares[position]),
                value_mean=describe_value_mean(context, position),
                growth=describe_change(size, previous_sizes.get(segment_id)) if previous_sizes else "",
            )
        )
    return OverviewView(
        headline=describe_headline(context, rows),
        value=name_value(context),
        has_growth=bool(previous_sizes),
        rows=rows,
    )


def name_value(context: ReportContext) -> str:
    """The value feature in words; empty without one. Its unit is next to the averages."""
    if context.value_feature is None or context.value_sums is None:
        return ""
    return context.traits[context.value_feature].label


def describe_value_mean(context: ReportContext, position: int) -> str:
    """The average value of a segment's customer, with its unit; empty without a value feature."""
    if context.value_feature is None or context.value_sums is None:
        return ""
    mean = float(context.statistics["mean"][context.value_feature].iloc[position])
    return context.format_mean(context.value_feature, mean)


def describe_change(size: int, previous_size: int | None) -> str:
    """How a segment grew, in few characters.

    >>> describe_change(12, 10), describe_change(9, 10), describe_change(5, 5), describe_change(5, None)
    ('+2', '−1', '±0', 'new')
    """
    if previous_size is None:
        return "new"
    change = size - previous_size
    return f"{'+' if change > 0 else MINUS}{abs(change):,}" if change else "±0"


def describe_headline(context: ReportContext, rows: list[OverviewRow]) -> str:
    """How many customers and segments, and the most valuable or the largest one.

    Not whether the edition is live: that may change later, and an edition never does.
    """
    customers, first = format_customers(context.total), rows[0]
    if len(rows) == 1:
        return f"{customers} form one segment."
    beginning = f"{customers} in {len(rows)} segments."
    if first.value_share is None:
        return f"{beginning} The largest is {first.segment_id}, with {format_share(first.share)} of them."
    value = name_value(context)
    return (
        f"{beginning} The most valuable is {first.segment_id}: {format_share(first.share)} of customers, "
        f"{format_share(first.value_share)} of {value if len(value) <= MAX_VALUE_WORDS else 'value'}."
    )
