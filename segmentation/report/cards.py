"""The segments as cards: who they are at a glance. Figures in full are segmentation/report/portraits.py's."""

from typing import Any

import numpy as np

from segmentation.identity.chronicle import dates_of, sizes_on
from segmentation.report.factual_names import PLAIN
from segmentation.report.headline import open_section
from segmentation.report.page import paragraph, text
from segmentation.report.palette import class_of
from segmentation.report.quantities import change, customers, share
from segmentation.report.story import Story

MOST_TRAITS = 3
LONGEST_SPARK = 90


def tell_segments(story: Story) -> list[str]:
    """The section of the cards."""
    sums = value_sums(story)
    given = f"resegment name {story.night.segmentation.name} {story.ids[0]} --name …"
    return [
        open_section("segments"),
        '<p class="note">A segment keeps its id and its colour for as long as it lives. Its name here says '
        f"what sets it apart; names that people give, by <code>{text(given)}</code>, are the store's, not "
        "this edition's.</p>",
        f'<div class="grid{columns_for(len(story.ids))}">',
        *(draw_card(story, place, sums) for place in range(len(story.ids))),
        "</div></section>",
    ]


def columns_for(cards: int) -> str:
    """The style sheet's class by which so many cards fill their rows evenly."""
    return {2: " halves", 3: " wider", 5: " wider", 6: " wider", 9: " wider"}.get(cards, "")


def value_sums(story: Story) -> np.ndarray | None:
    """The value feature's sum in each segment (k,); None where shares of it would mean nothing."""
    if story.value is None or story.value not in story.traits:
        return None
    sums: np.ndarray = story.matrix("mean")[story.value].to_numpy() * np.array(story.sizes)
    return sums if sums.min() >= 0 and sums.sum() > 0 else None


def draw_card(story: Story, place: int, sums: np.ndarray | None) -> str:
    """One segment."""
    segment_id, size = story.ids[place], story.sizes[place]
    told = story.descriptions.iloc[place].to_dict()
    shares = [("Share of customers", size / story.total)]
    if sums is not None:
        shares.append((f"Share of {story.value}", float(sums[place] / sums.sum())))
    bars = "".join(
        f'<dt>{text(name)}</dt><dd><svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" '
        f'aria-hidden="true"><rect width="{max(part * 100, 0.5):.2f}" height="6"/></svg></dd>'
        f"<dd>{share(part)}</dd>"
        for name, part in shares
    )
    name = story.names[segment_id]
    return "".join(
        (
            f'<article class="card {class_of(segment_id)}" aria-labelledby="card-{segment_id}">',
            f'<h3 id="card-{segment_id}"><span class="chip">{segment_id}</span> '
            f"<span>{text(name[:1].upper() + name[1:])}</span></h3>",
            f'<div class="big">{size:,} <small>{customers(size).split(" ")[1]}</small></div>',
            f'<p class="moved">{text(tell_growth(story, segment_id, size))}</p>',
            draw_spark(story, segment_id),
            f'<dl class="shares">{bars}</dl>',
            draw_traits(story, place),
            draw_rule(told),
            "</article>",
        )
    )


def tell_growth(story: Story, segment_id: str, size: int) -> str:
    """How many more or fewer customers than in the edition before."""
    before = story.memory.as_of
    if before is None:
        return "In its first edition"
    sizes = sizes_on(story.history, str(before))
    if segment_id in sizes:
        return f"{change(size - sizes[segment_id])} since {before}"
    return f"New since {before}" if sizes else f"Its size on {before} is not known"


def draw_spark(story: Story, segment_id: str) -> str:
    """Its size over the dates of the history as a line; nothing for fewer than three."""
    dates = dates_of(story.history)[-LONGEST_SPARK:]
    rows = story.history[story.history["segment_id"] == segment_id]
    sizes = dict(zip(rows["as_of"], rows["size"], strict=True))
    known = [(place, int(sizes[day])) for place, day in enumerate(dates) if day in sizes]
    if len(known) < 3:
        return ""
    low, high = min(size for _, size in known), max(size for _, size in known)
    reach = max(high - low, 1)
    line = "L".join(
        f"{place * 200 / (len(dates) - 1):.1f} {28 - 26 * (size - low) / reach:.1f}" for place, size in known
    )
    said = f"Size from {dates[known[0][0]]}: lowest {low:,}, highest {high:,}"
    return (
        f'<svg class="spark" viewBox="0 0 200 30" preserveAspectRatio="none" role="img" '
        f'aria-label="{said}"><path d="M{line}"/></svg>'
    )


def find_traits(story: Story, place: int) -> list[str]:
    """The features that set a segment apart most, the farthest first."""
    differences = story.matrix("difference").iloc[place].abs()
    order = np.argsort(-differences.to_numpy(), kind="stable")[:MOST_TRAITS]
    return [str(differences.index[j]) for j in order if differences.iloc[j] >= PLAIN]


def draw_traits(story: Story, place: int) -> str:
    """What sets a segment apart: its mean and that of all customers."""
    means, sizes = story.matrix("mean"), np.array(story.sizes)
    found = find_traits(story, place)
    if not found:
        return paragraph("No feature sets it apart." if len(story.ids) > 1 else "All customers.", "moved")
    rows = ""
    for feature in found:
        own = float(means[feature].iloc[place])
        everyone = float(means[feature].to_numpy() @ sizes / sizes.sum())
        arrow = "▲" if story.matrix("difference")[feature].iloc[place] > 0 else "▼"
        said = text(story.say_mean(feature, own))
        rows += (
            f'<tr><th scope="row">{text(feature.replace("_", " "))}</th>'
            f'<td class="own"><span aria-hidden="true">{arrow}</span> {said}</td>'
            f"<td><small>{text(story.say_mean(feature, everyone, with_unit=False))}</small></td></tr>"
        )
    head = (
        '<thead><tr><th scope="col">Average of</th><th scope="col">segment</th><th scope="col">all</th></tr>'
    )
    return f'<table class="traits">{head}</thead><tbody>{rows}</tbody></table>'


def draw_rule(told: dict[Any, object]) -> str:
    """Its rule, and how well that does."""
    rule, precision, recall = (told[key] for key in ("rule", "rule_precision", "rule_recall"))
    if not isinstance(rule, str) or not isinstance(precision, float) or not isinstance(recall, float):
        return ""
    if np.isnan(precision):
        return f'<p class="rule">Rule: <code>{text(rule)}</code></p>'
    return (
        f'<p class="rule">Rule: <code>{text(rule)}</code><br>finds {share(recall)} of the segment; '
        f"{share(precision)} of whom it finds are in it.</p>"
    )
