"""What changed since the edition before: who moved where and why, and what became of its segments.

How sizes went over many editions is segmentation/report/past.py's.
"""

from typing import Any

from segmentation.report.headline import open_section, tell_moved
from segmentation.report.page import Figure, Markup, label, paragraph, table, text
from segmentation.report.palette import OUTSIDE, class_of, colour_of, tint
from segmentation.report.quantities import amount, customers, share
from segmentation.report.story import Story

JOINED, LEFT = "joined", "left"
FEW = 0.1  # share of movers below which the figure starts without those who stayed
EVENTS = {
    "survived": "lives on",
    "split": "split into",
    "merged": "merged into",
    "born": "is new",
    "died": "is gone",
}


def tell_changes(story: Story) -> list[str | Figure]:
    """The section of what changed."""
    fitted = story.aligned.fitted
    how = {
        "scored": "The model is last night's, unchanged",
        "warm": "The model was moved on from last night's",
        "cold": "The model was made anew",
    }[fitted.how]
    why = paragraph(f"{how}: {'; '.join(fitted.why)}.", "note")
    if story.memory.as_of is None:
        reasons = "; ".join(story.memory.reasons)
        said = f"Nothing to compare with: {reasons}." if reasons else "Nothing to compare with."
        return [open_section("changes"), paragraph(said, "lead"), why, "</section>"]
    moved = tell_moved(story)
    told: list[str | Figure] = [
        open_section("changes"),
        paragraph(f"{moved[:1].upper()}{moved[1:]}.", "lead"),
        why,
    ]
    if story.aligned.migration:
        told += [draw_causes(story), *draw_migration(story)]
    return [*told, *tell_events(story), "</section>"]


def draw_causes(story: Story) -> str:
    """Customers by what they did, as bars: all of both nights, once."""
    churn = story.aligned.churn
    if churn is None:
        return ""
    both = churn.stayed + churn.behaviour + churn.model
    counts = [
        ("Changed segment: behaved differently", churn.behaviour, both, "of those of both dates"),
        ("Changed segment: the model moved the border", churn.model, both, "of those of both dates"),
        ("Joined", churn.joined, both + churn.joined, "of all now"),
        ("Left", churn.left, both + churn.left, "of all before"),
    ]
    most = max(1, *(count for _, count, _, _ in counts))
    rows = [
        [
            name,
            Markup(
                '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
                f'<rect width="{100 * count / most:.2f}" height="6"/></svg>'
            ),
            f"{count:,}",
            f"{share(count / of)} {whom}" if of else "",
        ]
        for name, count, of, whom in counts
    ]
    told = table(["What", "", "Customers", "Share"], rows, name="Churn by cause")
    stayed = f"{customers(churn.stayed)} stayed in their segment."
    return f'<div class="panel causes"><h3>Why customers changed</h3>{told}{paragraph(stayed, "note")}</div>'


def draw_migration(story: Story) -> list[str | Figure]:
    """Who went where, as a flow and as a table."""
    before, now = story.aligned.before, story.ids
    flows = [
        (row, column, count)
        for row, counts in enumerate(story.aligned.migration)
        for column, count in enumerate(counts)
        if count
    ]
    names = [*before, JOINED]
    moving = [one for one in flows if names[one[0]] != [*now, LEFT][one[1]]]
    total = sum(count for _, _, count in flows)
    share_moving = sum(count for _, _, count in moving) / max(1, total)
    starts_moving = bool(moving) and share_moving < FEW
    content = {
        **draw_flows(story, moving if starts_moving else flows),
        "choices": [draw_flows(story, one)["data"] for one in (flows, moving)],
        "chosen": int(starts_moving),
    }
    rows = [
        [name, *(f"{count:,}" if count else "" for count in counts)]
        for name, counts in zip(names, story.aligned.migration, strict=True)
    ]
    numbers = table(["From", *now, LEFT], rows, name="Customers by segment before and now")
    alt = (
        f"Flow of customers from the segments of {story.memory.as_of} to those of {story.night.as_of}: "
        f"{sum(count for _, _, count in moving):,} of {total:,} customers changed, joined or left."
    )
    buttons = "".join(
        f'<button type="button" data-figure="migration" data-choice="{place}" '
        f'aria-pressed="{"true" if place == int(starts_moving) else "false"}">{name}</button>'
        for place, name in enumerate(("Everybody", "Only who changed"))
    )
    shown = f'<div class="controls" role="group" aria-label="Who is shown">{buttons}</div>'
    title = f"From {story.memory.as_of} (left) to {story.night.as_of} (right)"
    return [*([shown] if moving else []), Figure("migration", content, alt, numbers, title)]


def draw_flows(story: Story, flows: list[tuple[int, int, int]]) -> dict[str, Any]:
    """A Sankey diagram of (row, column, customers) of the migration."""
    before, now = story.aligned.before, story.ids
    left, right = [*before, JOINED], [*now, LEFT]
    ins, outs = [0] * len(left), [0] * len(right)
    for row, column, count in flows:
        ins[row] += count
        outs[column] += count
    colours = [colour_of(one) if one[0] == "S" else OUTSIDE for one in (*left, *right)]
    sums = [*ins, *outs]
    labels = [f"{label(name)} · {count:,}" for name, count in zip((*left, *right), sums, strict=True)]
    trace = {
        "type": "sankey",
        "arrangement": "fixed",
        "node": {
            "label": labels,
            "color": colours,
            "thickness": 16,
            "pad": 14,
            "hovertemplate": "%{label}<extra></extra>",
        },
        "link": {
            "source": [row for row, _, _ in flows],
            "target": [len(left) + column for _, column, _ in flows],
            "value": [count for _, _, count in flows],
            "color": [tint(colours[row], 0.45) for row, _, _ in flows],
            "customdata": [f"{left[row]} to {right[column]}" for row, column, _ in flows],
            "hovertemplate": "%{customdata}: %{value:,} customers<extra></extra>",
        },
    }
    height = 90 + 44 * max(len(left), len(right))
    margin = {"t": 12, "b": 12, "l": 8, "r": 8}
    return {"data": [trace], "layout": {"height": min(height, 640), "margin": margin}}


def tell_events(story: Story) -> list[str]:
    """What became of each segment of the edition before."""

    def chip(segment_id: str | None) -> Markup:
        if segment_id is None:
            return Markup("")
        return Markup(f'<span class="chip {class_of(segment_id)}">{text(segment_id)}</span>')

    rows = [
        [
            chip(one.from_segment_id),
            EVENTS[one.event],
            chip(one.segment_id),
            f"{one.shared:,}",
            "" if one.share_of_from is None else share(one.share_of_from),
        ]
        for one in story.aligned.events
    ]
    drift = sorted(story.memory.drift.items(), key=lambda item: (-item[1], item[0]))[:5]
    header = ["Before", "became", "Now", "Customers shared", "Share of before"]
    told = table(header, rows, words=True, name="Lineage")
    shifts = ", ".join(f"{name} {amount(value)}" for name, value in drift)
    said = [paragraph(f"How far features have drifted since the model was trained (PSI): {shifts}.", "note")]
    return ["<h3>What became of each segment</h3>", told, *(said if drift else [])]
