"""How a feature's values spread in each segment: quantiles of the drawn customers, as small drawings.

The drawings are SVG in the page itself: they print, and take the reader's colours.
"""

from typing import NamedTuple

import numpy as np

from segmentation.features.transforms import curve
from segmentation.report.page import Markup, details, table, text
from segmentation.report.palette import class_of
from segmentation.report.points import FEWEST
from segmentation.report.story import Story

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_SHOWN, FIRST_SHOWN = 40, 9
WIDTH, ROW, LEFT, RIGHT = 330, 22, 42, 12  # pixels of a drawing
NARROWEST = 10  # of a box, so that its colour can be seen


class Spread(NamedTuple):
    """Quantiles of a feature (k, 5), NaN for a segment that is not shown; the same where they are drawn."""

    feature: str
    values: np.ndarray
    places: np.ndarray


def measure_spread(story: Story, feature: str) -> Spread:
    """Quantiles by segment, each a value that a drawn customer has."""
    points = story.points
    row = points.features.index(feature)
    column = next(one for one in story.scaled.columns if one.feature == feature)
    values = np.full((len(story.ids), len(QUANTILES)), np.nan)
    for place, size in enumerate(story.sizes):
        own = points.of(place)[row]
        if size >= FEWEST and own.size:
            values[place] = np.quantile(own, QUANTILES, method="inverted_cdf")
    return Spread(feature, values, curve(values, column))


def rank_features(story: Story) -> list[str]:
    """The drawn features, those in which segments differ most first: at most MOST_SHOWN."""
    shown = [one for one in story.points.features if not story.traits[one].is_yes]
    apart = story.matrix("difference")[list(story.points.features)].abs().max()
    order = np.argsort(-apart[shown].to_numpy(), kind="stable")
    return [shown[place] for place in order[:MOST_SHOWN]]


def draw_spreads(story: Story) -> list[str]:
    """A drawing for each feature, the most telling ones at once, the others to unfold."""
    spreads = [measure_spread(story, one) for one in rank_features(story)]
    drawn = [draw_one(story, one) for one in spreads if np.isfinite(one.values).any()]
    if not drawn:
        return ['<p class="note">There is no number whose spread could be shown.</p>']
    first, rest = drawn[:FIRST_SHOWN], drawn[FIRST_SHOWN:]
    more = (
        details(f"{len(rest)} more features", f'<div class="grid wider">{"".join(rest)}</div>')
        if rest
        else ""
    )
    return [f'<div class="grid wider">{"".join(first)}</div>', more]


def draw_one(story: Story, spread: Spread) -> str:
    """One feature: a row for each segment, with a scale below, and the numbers to unfold."""
    low, high = np.nanmin(spread.places), np.nanmax(spread.places)
    reach = (high - low) or 1.0
    width = WIDTH - LEFT - RIGHT

    def at(value: float) -> float:
        return LEFT + width * float(value - low) / reach

    height = ROW * len(story.ids) + 24
    rows = "".join(
        draw_row(story.ids[place], ROW * place + ROW / 2, [at(one) for one in row])
        for place, row in enumerate(spread.places)
    )
    numbers = table(
        ["Segment", *(f"{one:.0%}" for one in QUANTILES)],
        [
            [
                name,
                *(story.say(spread.feature, one, False) if np.isfinite(one) else "not shown" for one in row),
            ]
            for name, row in zip(story.ids, spread.values, strict=True)
        ],
        name=f"Quantiles of {spread.feature}",
    )
    unit = story.units[spread.feature]
    title = text(f"{spread.feature} ({unit})" if unit else spread.feature)
    return (
        f'<figure class="chart"><figcaption>{title}</figcaption><svg class="spread" '
        f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="Spread of {title} in each segment">'
        f"{draw_scale(story, spread, height)}{rows}</svg>{details('The same as a table', numbers)}</figure>"
    )


def draw_row(segment_id: str, y: float, places: list[float]) -> str:
    """A segment's box, its reach and median."""
    name = f'<text x="0" y="{y + 4:g}">{segment_id}</text>'
    if not np.isfinite(places).all():
        return (
            f'<g>{name}<text class="soft" x="{LEFT}" y="{y + 4:g}">fewer than {FEWEST} customers</text></g>'
        )
    low, first, middle, third, high = places
    if third - first < NARROWEST:
        first, third = middle - NARROWEST / 2, middle + NARROWEST / 2
    return (
        f'<g class="{class_of(segment_id)}">{name}'
        f'<line class="reach" x1="{low:.1f}" x2="{high:.1f}" y1="{y:g}" y2="{y:g}"/>'
        f'<rect class="box" x="{first:.1f}" y="{y - 6:g}" width="{third - first:.1f}" height="12" rx="2"/>'
        f'<line class="middle" x1="{middle:.1f}" x2="{middle:.1f}" y1="{y - 6:g}" y2="{y + 6:g}"/></g>'
    )


def draw_scale(story: Story, spread: Spread, height: float) -> Markup:
    """Lines at a few round values, which are named."""
    column = next(one for one in story.scaled.columns if one.feature == spread.feature)
    low, high = float(np.nanmin(spread.values)), float(np.nanmax(spread.values))
    ends = curve(np.array([low, high]), column)
    reach = float(ends[1] - ends[0]) or 1.0
    width, drawn = WIDTH - LEFT - RIGHT, ""
    for value in find_ticks(low, high, column.transform == "log-standard"):
        x = LEFT + width * (float(curve(np.array(value), column)) - float(ends[0])) / reach
        said = text(story.say(spread.feature, value, with_unit=False).split(" (")[0])
        drawn += (
            f'<line class="rule-line" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 20:g}"/>'
            f'<text class="soft" x="{x:.1f}" y="{height - 5:g}" text-anchor="middle">{said}</text>'
        )
    return Markup(drawn)


def find_ticks(low: float, high: float, is_log: bool) -> list[float]:
    """A few round values from low to high.

    >>> find_ticks(0.0, 10.0, False), find_ticks(1.0, 2000.0, True)
    ([0.0, 5.0, 10.0], [1.0, 10.0, 100.0, 1000.0])
    """
    if not high > low:
        return [low]
    if is_log and high > 20 and low >= 0:
        for parts in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
            steps = [part * 10.0**place for place in range(16) for part in parts]
            found = [one for one in ([0.0] if low < 0.5 else []) + steps if low <= one <= high]
            if len(found) >= 3:
                break
        return found[:: 1 + len(found) // 7] or [low, high]
    step = 10.0 ** np.floor(np.log10(high - low))
    for part in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0):
        first, last = np.ceil(low / (step * part)), np.floor(high / (step * part))
        if last - first <= 3:
            return [float(f"{one * step * part:.12g}") for one in np.arange(first, last + 1)]
    return [low, high]
