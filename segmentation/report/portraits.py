"""Who the segments are, feature by feature: the heat map of averages, and spreads of the values.

Cards say the same in short, segmentation/report/cards.py; values drawn are
segmentation/report/points.py's.
"""

import numpy as np

from segmentation.report.headline import open_section
from segmentation.report.page import Figure, Markup, details, number, paragraph, table, text
from segmentation.report.palette import STEPS, class_of
from segmentation.report.points import FEWEST
from segmentation.report.quantities import times
from segmentation.report.spreads import draw_spreads
from segmentation.report.story import Story

STEP = 0.4  # standard deviations a shade


def tell_profiles(story: Story) -> list[str | Figure]:
    """The section of the profiles."""
    named = story.scaled.columns
    whole = {name: story.matrix(name) for name in ("centre", "mean", "median")}
    full = "".join(
        f"<h3>{title}</h3>"
        + table(
            ["Segment", *(with_unit(story, one.feature) for one in named)],
            [[one, *(number(value) for value in row)] for one, row in zip(story.ids, values, strict=True)],
            name=title,
        )
        for title, values in (
            ("Centres, the scaling of each feature inverted", whole["centre"].to_numpy()),
            ("Means", whole["mean"].to_numpy()),
            ("Medians", whole["median"].to_numpy()),
        )
    )
    said = (
        "Averages in the data's own units. The shade says how far a segment's average lies from that of all "
        "customers, in steps of the spread of the feature; point at a cell for figures."
    )
    return [
        open_section("profiles"),
        paragraph(said, "note"),
        draw_scale(),
        draw_heat(story),
        details("Centres, means and medians with all digits", full),
        "<h3>How values spread in each segment</h3>",
        paragraph(
            f"Box: the middle half of the segment's customers; mark in it: their median; line: 5% to 95% of "
            f"them. Taken from {story.points.labels.size:,} drawn customers; groups of fewer than {FEWEST} "
            "customers are not shown.",
            "note",
        ),
        *draw_spreads(story),
        "</section>",
    ]


def with_unit(story: Story, feature: str) -> str:
    """The feature and its unit."""
    return f"{feature} ({story.units[feature]})" if story.units[feature] else feature


def breakable(name: str) -> Markup:
    """A name that may be broken after its underscores."""
    return Markup(text(name).replace("_", "_<wbr>"))


def shade(difference: float) -> str:
    """The style sheet's class of a cell, u1 to u5 above the average, d1 to d5 below; empty near it.

    >>> shade(0.1), shade(1.0), shade(-9.0)
    ('', 'u2', 'd5')
    """
    step = min(STEPS, int(abs(difference) / STEP))
    return f"{'u' if difference > 0 else 'd'}{step}" if step else ""


def draw_scale() -> str:
    """What the shades mean."""
    low = "".join(f'<i class="d{step}"></i>' for step in range(STEPS, 0, -1))
    high = "".join(f'<i class="u{step}"></i>' for step in range(1, STEPS + 1))
    return (
        f'<p class="scale"><span>far below average</span>{low}<i></i>{high}<span>far above average</span></p>'
    )


def draw_heat(story: Story) -> str:
    """Features down, segments across; a table, so that everybody can read it."""
    mean, difference, lift = (story.matrix(name) for name in ("mean", "difference", "lift"))
    median = story.matrix("median")
    sizes = np.array(story.sizes)
    head = "".join(
        f'<th scope="col"><span class="chip {class_of(one)}">{one}</span><small>{size:,}</small></th>'
        for one, size in zip(story.ids, story.sizes, strict=True)
    )
    body = ""
    for column in story.scaled.columns:
        feature = column.feature
        cells = "".join(
            f'<td class="{shade(apart)}" title="{text(hint(story, feature, (apart, times_, middle)))}">'
            f"{text(story.say_mean(feature, own, with_unit=False))}</td>"
            for own, apart, times_, middle in zip(
                mean[feature], difference[feature], lift[feature], median[feature], strict=True
            )
        )
        everyone = float(mean[feature].to_numpy() @ sizes / sizes.sum())
        aside = "<small>takes no part in the segments</small>" if column.aside else ""
        body += (
            f'<tr><th scope="row">{breakable(with_unit(story, feature))}{aside}</th>{cells}'
            f"<td>{text(story.say_mean(feature, everyone, with_unit=False))}</td></tr>\n"
        )
    return (
        '<div class="panel"><div class="wide" role="region" tabindex="0" aria-label="Averages by feature and '
        f'segment"><table class="heat"><thead><tr><th scope="col">Average of</th>{head}'
        f'<th scope="col">All</th></tr></thead><tbody>{body}</tbody></table></div></div>'
    )


def hint(story: Story, feature: str, told: tuple[float, float, float]) -> Markup:
    """What a cell says when pointed at: distance from the average, lift, median."""
    apart, lift, median = told
    words = [f"{apart:+.1f} standard deviations from the average of all"]
    if np.isfinite(lift) and lift > 0 and not story.traits[feature].is_yes:
        words.append(times(lift))
    if not story.traits[feature].is_yes:
        words.append(f"median {story.say(feature, median)}")
    return text("; ".join(words))
