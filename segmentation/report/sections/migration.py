"""The section of what changed since the previous edition: who moved and why, and what became of its segments.

Sizes over many editions are in history.py.
"""

from datetime import date
from typing import Any, NamedTuple

from schemas.identity import Churn, Event
from segmentation.report.context import ReportContext
from segmentation.report.figure import Figure, Table, escape_label
from segmentation.report.formatting import (
    format_amount,
    format_customers,
    format_date,
    format_share,
    join_words,
)
from segmentation.report.palette import OUTSIDE, segment_colour, with_opacity
from segmentation.report.sections.night_changes import MODELS, count_arrivals

JOINED, LEFT = "joined", "left"
FEW_MOVERS = 0.1  # share of customers below which the diagram starts with movers only
MAX_DRIFTS = 5


class Flow(NamedTuple):
    """Customers of one cell of the migration table, by its row and column."""

    row: int
    column: int
    customers: int


class Cause(NamedTuple):
    """Customers who changed for one reason, out of the `base` customers of a group."""

    name: str
    customers: int
    base: int
    group: str


class ChangesView(NamedTuple):
    """What templates/sections/changes.html.j2 shows. comparison: who moved, or why that is unknown.

    has_movers: somebody changed, so that the diagram can be switched between everybody and movers.
    """

    comparison: str
    model: str
    causes: tuple[Cause, ...] = ()
    stayed: str = ""
    diagram: Figure | None = None
    has_movers: bool = False
    events: tuple[Event, ...] | None = None
    drift: str = ""


def view_changes(context: ReportContext) -> ChangesView:
    """The view of the changes."""
    aligned, previous, churn = context.draft.aligned, context.draft.previous, context.draft.aligned.churn
    model = f"{MODELS[aligned.fitted.method]}: {'; '.join(aligned.fitted.reasons)}."
    if previous.as_of is None:
        reasons = f": {'; '.join(previous.reasons)}" if previous.reasons else ""
        return ChangesView(f"Nothing to compare with{reasons}.", model)
    flows = list_flows(context)
    largest_drifts = sorted(previous.drift.items(), key=lambda item: (-item[1], item[0]))[:MAX_DRIFTS]
    return ChangesView(
        comparison=describe_movers(previous.as_of, churn),
        model=model,
        causes=build_causes(churn) if flows and churn else (),
        stayed=f"{format_customers(churn.stayed)} stayed in their segment." if churn else "",
        diagram=draw_migration(context, flows) if flows else None,
        has_movers=bool(select_movers(context, flows)),
        events=aligned.events,
        drift=", ".join(f"{feature} {format_amount(psi)}" for feature, psi in largest_drifts),
    )


def describe_movers(previous_date: date, churn: Churn | None) -> str:
    """Who changed segment, joined and left since the previous edition, as a sentence."""
    since = f"Since {format_date(previous_date)}"
    if churn is None:
        return f"{since}, customers cannot be followed, because rows have no customer id."
    mover_count = churn.behaviour + churn.model
    staying = format_customers(mover_count + churn.stayed)
    movers = f"{mover_count:,} of {staying} ({format_share(churn.moved_share)}) changed segment"
    return f"{since}, {join_words([movers, *count_arrivals(churn)])}."


def build_causes(churn: Churn) -> tuple[Cause, ...]:
    """Customers by what they did. Every customer of either date counts once."""
    staying = churn.stayed + churn.behaviour + churn.model
    return (
        Cause("Changed segment: behaviour changed", churn.behaviour, staying, "staying customers"),
        Cause("Changed segment: the model moved the border", churn.model, staying, "staying customers"),
        Cause("Joined", churn.joined, staying + churn.joined, "customers now"),
        Cause("Left", churn.left, staying + churn.left, "customers before"),
    )


def list_flows(context: ReportContext) -> list[Flow]:
    """The cells of the migration table that hold customers."""
    return [
        Flow(row, column, count)
        for row, counts in enumerate(context.draft.aligned.migration)
        for column, count in enumerate(counts)
        if count
    ]


def select_movers(context: ReportContext, flows: list[Flow]) -> list[Flow]:
    """The flows that end in another segment than they started in."""
    sources = [*context.draft.aligned.previous_ids, JOINED]
    targets = [*context.segment_ids, LEFT]
    return [flow for flow in flows if sources[flow.row] != targets[flow.column]]


def draw_migration(context: ReportContext, flows: list[Flow]) -> Figure:
    """Who went where: a diagram with two choices of flows, and a table."""
    previous_ids, previous_date = context.draft.aligned.previous_ids, context.draft.previous.as_of
    movers = select_movers(context, flows)
    moved, total = (sum(flow.customers for flow in group) for group in (movers, flows))
    starts_with_movers = bool(movers) and moved / max(1, total) < FEW_MOVERS
    content = {
        **draw_flows(context, movers if starts_with_movers else flows),
        "choices": [draw_flows(context, choice)["data"] for choice in (flows, movers)],
        "chosen": int(starts_with_movers),
    }
    rows = [
        [name, *(f"{count:,}" if count else "" for count in counts)]
        for name, counts in zip([*previous_ids, JOINED], context.draft.aligned.migration, strict=True)
    ]
    return Figure(
        id="migration",
        content=content,
        alt=(
            f"Flow of customers from the segments of {previous_date} to those of {context.night.as_of}: "
            f"{moved:,} of {total:,} customers changed, joined or left."
        ),
        table=Table("Customers by segment before and now", ["From", *context.segment_ids, LEFT], rows),
        title=f"From {previous_date} (left) to {context.night.as_of} (right)",
    )


def draw_flows(context: ReportContext, flows: list[Flow]) -> dict[str, Any]:
    """A Sankey diagram of the flows."""
    sources = [*context.draft.aligned.previous_ids, JOINED]
    targets = [*context.segment_ids, LEFT]
    names = [*sources, *targets]
    sums = [0] * len(names)
    for flow in flows:
        sums[flow.row] += flow.customers
        sums[len(sources) + flow.column] += flow.customers
    colours = [OUTSIDE if name in (JOINED, LEFT) else segment_colour(name) for name in names]
    trace = {
        "type": "sankey",
        "arrangement": "fixed",
        "node": {
            "label": [f"{escape_label(name)} · {count:,}" for name, count in zip(names, sums, strict=True)],
            "color": colours,
            "thickness": 16,
            "pad": 14,
            "hovertemplate": "%{label}<extra></extra>",
        },
        "link": {
            "source": [flow.row for flow in flows],
            "target": [len(sources) + flow.column for flow in flows],
            "value": [flow.customers for flow in flows],
            "color": [with_opacity(colours[flow.row], 0.45) for flow in flows],
            "customdata": [f"{sources[flow.row]} to {targets[flow.column]}" for flow in flows],
            "hovertemplate": "%{customdata}: %{value:,} customers<extra></extra>",
        },
    }
    height = 90 + 44 * max(len(sources), len(targets))
    margin = {"t": 12, "b": 12, "l": 8, "r": 8}
    return {"data": [trace], "layout": {"height": min(height, 640), "margin": margin}}
