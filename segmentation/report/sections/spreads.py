"""How a feature's values spread in each segment: quantiles of the sampled customers, as small drawings.

The drawings are SVG in the page, so they print and follow the reader's colour theme. This module computes
coordinates; the SVG is in templates/spread.html.j2.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from segmentation.features.transforms import apply_transform, is_logarithmic
from segmentation.report.context import ReportContext
from segmentation.report.figure import Table
from segmentation.report.line_breaks import cut_middle
from segmentation.report.tables.points import MIN_SHOWN

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MAX_CHARTS = 40
WIDTH, ROW_HEIGHT, AXIS_HEIGHT, LEFT, RIGHT = 330, 22, 38, 42, 12  # pixels
MAX_TITLE = 42  # characters that fit below an axis; the whole name is above the drawing
CHARACTER = 6.4  # pixels of a digit
MIN_BOX = 10  # pixels, so that the colour of a narrow box can be seen


class Spread(NamedTuple):
    """Quantiles of a feature (k, 5), NaN for segments not shown. scaled: on the feature's own scale."""

    feature: str
    values: np.ndarray
    scaled: np.ndarray


class Box(NamedTuple):
    """Where a segment's quantiles are drawn, in pixels. start and width: the box itself."""

    low: float
    start: float
    width: float
    median: float
    high: float


class SpreadRow(NamedTuple):
    """A segment's row, with its centre y. box: None for too few customers."""

    segment_id: str
    y: float
    box: Box | None


class Tick(NamedTuple):
    """A round value on the axis."""

    x: float
    label: str


class SpreadChart(NamedTuple):
    """One feature's drawing, and its numbers as a table."""

    title: str
    axis_title: str
    width: int
    height: int
    left: int
    min_shown: int
    ticks: list[Tick]
    rows: list[SpreadRow]
    table: Table


def draw_spreads(context: ReportContext) -> list[SpreadChart]:
    """A drawing for each feature, largest differences between segments first."""
    spreads = [measure_spread(context, feature) for feature in rank_features(context)]
    return [draw_chart(context, spread) for spread in spreads if np.isfinite(spread.values).any()]


def rank_features(context: ReportContext) -> list[str]:
    """The sampled features but for indicators, those in which segments differ most first."""
    features = [name for name in context.points.features if not context.traits[name].is_indicator]
    order = np.argsort(-context.largest_differences(features), kind="stable")
    return [features[position] for position in order[:MAX_CHARTS]]


def measure_spread(context: ReportContext, feature: str) -> Spread:
    """Quantiles by segment. Each is the value of a sampled customer."""
    row = context.points.features.index(feature)
    values = np.full((len(context.segment_ids), len(QUANTILES)), np.nan)
    for position, size in enumerate(context.sizes):
        sample = context.points.in_segment(position)[row]
        if size >= MIN_SHOWN and sample.size:
            # inverted_cdf returns values that occur: 2.5 orders would puzzle a reader.
            values[position] = np.quantile(sample, QUANTILES, method="inverted_cdf")
    return Spread(feature, values, apply_transform(values, context.get_scale(feature)))


def draw_chart(context: ReportContext, spread: Spread) -> SpreadChart:
    """One feature: a row for each segment, with an axis below."""
    low, high = float(np.nanmin(spread.scaled)), float(np.nanmax(spread.scaled))
    pixels = (WIDTH - LEFT - RIGHT) / ((high - low) or 1.0)

    def to_x(scaled: float) -> float:
        return LEFT + (float(scaled) - low) * pixels

    rows = [
        SpreadRow(
            segment_id=context.segment_ids[position],
            y=ROW_HEIGHT * row + ROW_HEIGHT / 2,
            box=draw_box([to_x(value) for value in spread.scaled[position]]),
        )
        for row, position in enumerate(context.reading_order)
    ]
    return SpreadChart(
        title=context.label(spread.feature),
        axis_title=cut_middle(context.label(spread.feature), MAX_TITLE),
        width=WIDTH,
        height=ROW_HEIGHT * len(rows) + AXIS_HEIGHT,
        left=LEFT,
        min_shown=MIN_SHOWN,
        ticks=draw_ticks(context, spread, to_x),
        rows=rows,
        table=tabulate_quantiles(context, spread),
    )


def draw_box(quantiles: list[float]) -> Box | None:
    """The box of a segment from the places of its quantiles; None where they are NaN."""
    if not np.isfinite(quantiles).all():
        return None
    low, start, median, end, high = quantiles
    if end - start < MIN_BOX:
        start, end = median - MIN_BOX / 2, median + MIN_BOX / 2
    return Box(*(round(x, 1) for x in (low, start, end - start, median, high)))


def draw_ticks(context: ReportContext, spread: Spread, to_x: Callable[[float], float]) -> list[Tick]:
    """A few round values between the lowest and the highest quantile."""
    scale = context.get_scale(spread.feature)
    low, high = float(np.nanmin(spread.values)), float(np.nanmax(spread.values))
    values = choose_ticks(low, high, is_logarithmic(scale))
    labels = [context.format_value(spread.feature, value, with_unit=False).split(" (")[0] for value in values]
    ticks = [
        Tick(round(to_x(float(apply_transform(np.array(value), scale))), 1), label)
        for value, label in zip(values, labels, strict=True)
    ]
    return thin_ticks(ticks)


def thin_ticks(ticks: list[Tick]) -> list[Tick]:
    """The ticks without those whose labels would touch the one before.

    >>> ticks = [Tick(0, "5,000,000"), Tick(50, "6,000,000"), Tick(100, "7,000,000")]
    >>> [tick.label for tick in thin_ticks(ticks)]
    ['5,000,000', '7,000,000']
    """
    spaced_ticks = ticks[:1]
    for tick in ticks[1:]:
        if tick.x - spaced_ticks[-1].x > CHARACTER * (len(spaced_ticks[-1].label) + len(tick.label) + 2) / 2:
            spaced_ticks.append(tick)
    return spaced_ticks


def choose_ticks(low: float, high: float, is_log: bool) -> list[float]:
    """A few round values from low to high.

    >>> choose_ticks(0.0, 10.0, False), choose_ticks(1.0, 2000.0, True)
    ([0.0, 5.0, 10.0], [1.0, 10.0, 100.0, 1000.0])
    """
    if not high > low:
        return [low]
    if is_log and high > 20 and low >= 0:
        return choose_log_ticks(low, high)
    power = 10.0 ** np.floor(np.log10(high - low))
    for factor in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0):
        first, last = np.ceil(low / (power * factor)), np.floor(high / (power * factor))
        if last - first <= 3:
            # Rounded, or ticks would read 0.30000000000000004.
            return [float(f"{multiple * power * factor:.12g}") for multiple in np.arange(first, last + 1)]
    return [low, high]


def choose_log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten from low to high, with values between them where there are few; at most seven or so."""
    ticks: list[float] = []
    for factors in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        candidates = [factor * 10.0**power for power in range(16) for factor in factors]
        ticks = [tick for tick in ([0.0] if low < 0.5 else []) + candidates if low <= tick <= high]
        if len(ticks) >= 3:
            break
    return ticks[:: 1 + len(ticks) // 7] or [low, high]


def tabulate_quantiles(context: ReportContext, spread: Spread) -> Table:
    """The quantiles by segment."""
    rows = [
        [
            segment_id,
            *(
                context.format_value(spread.feature, value, with_unit=False)
                if np.isfinite(value)
                else "not shown"
                for value in values
            ),
        ]
        for segment_id, values in (
            (context.segment_ids[position], spread.values[position]) for position in context.reading_order
        )
    ]
    header = ["Segment", *(f"{quantile:.0%}" for quantile in QUANTILES)]
    return Table(f"Quantiles of {spread.feature}", header, rows)
