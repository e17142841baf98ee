"""The section of the lapsed and the new: all known customers add up, and who entered and left each group.

Which customers are in which group is decided in segmentation/groups/. Moves between segments are in
migration.py.
"""

from typing import NamedTuple

from schemas.known_customers import LAPSED, NEW, SEGMENT, KnownCustomers
from schemas.wording import choose_verb, format_count
from segmentation.report.context import ReportContext
from segmentation.report.figure import Table
from segmentation.report.formatting import format_customers, format_date, format_share, join_words

_NAMES = {None: "Not known", SEGMENT: "In segments", NEW: "New", LAPSED: "Lapsed"}


class GroupsView(NamedTuple):
    """What templates/sections/groups.html.j2 shows. flows: None where the previous edition has no groups."""

    balance: str
    meanings: list[str]
    sizes: Table
    comparison: str
    flows: Table | None


def view_groups(context: ReportContext) -> GroupsView | None:
    """The view of the groups; None without `groups` in the definition."""
    groups = context.draft.customers.groups
    if groups is None:
        return None
    return GroupsView(
        balance=f"{groups.describe()}.",
        meanings=describe_groups(context, groups),
        sizes=tabulate_group_sizes(groups),
        comparison=describe_comparison(context, groups),
        flows=tabulate_flows(groups) if groups.compared else None,
    )


def describe_groups(context: ReportContext, groups: KnownCustomers) -> list[str]:
    """Since when customers are known, and what the groups mean."""
    definition = context.night.definition
    sentences = [f"The first customers were seen on {format_date(groups.since)}."]
    history = context.draft.ingested.history
    if history is not None:
        events = format_count(history.rows, "event")
        verb = choose_verb(history.refused, "was", "were")
        refused = f" ({history.refused:,} more {verb} refused)" if history.refused else ""
        sentences.append(f"Read from the source for this edition, from before the window: {events}{refused}.")
    if definition.groups and definition.groups.new:
        days = format_count(definition.groups.new.days, "day")
        sentences.append(f"New: first seen within {days}. They have too little history for a segment.")
    if definition.summary:
        days = format_count(definition.summary.window_days, "day")
        sentences.append(f"Lapsed: seen before, without an event in the last {days}.")
    else:
        sentences.append("Lapsed: in the table on an earlier date, and not in this one.")
    return sentences


def tabulate_group_sizes(groups: KnownCustomers) -> Table:
    """Each group's customers, and how many entered and left it."""
    rows = []
    for group, size in groups.sizes.items():
        cells = [_NAMES[group], f"{size:,}", format_share(size / max(1, groups.known))]
        if groups.compared:
            cells += [f"{groups.count_entered(group):,}", f"{groups.count_left(group):,}"]
        rows.append(cells)
    header = ["Group", "Customers", "Share of all known"]
    rows.append(["All known", f"{groups.known:,}", format_share(1.0), *([""] * (2 * groups.compared))])
    header += ["Entered", "Left"] if groups.compared else []
    return Table("Known customers by group", header, rows)


def describe_comparison(context: ReportContext, groups: KnownCustomers) -> str:
    """What the flows are compared with, or that there is nothing to compare with."""
    previous = context.draft.ingested.key.previous_as_of
    if not groups.compared or previous is None:
        return "Who entered and left is counted from the next edition on."
    joined = sum(flow.customers for flow in groups.flows if flow.previous is None)
    clauses = [f"{format_customers(joined)} became known"]
    clauses += [
        f"{count:,} {choose_verb(count, 'was', 'were')} {participle}"
        for count, participle in ((groups.erased, "erased"), (groups.merged, "merged into others"))
        if count
    ]
    return f"Since {format_date(previous)}, {join_words(clauses)}."


def tabulate_flows(groups: KnownCustomers) -> Table:
    """Customers by group before and now."""
    counts = {(flow.previous, flow.group): flow.customers for flow in groups.flows}
    # All cells, so that rows add up to the sizes before and columns to those now.
    rows = [
        [name, *(f"{counts.get((previous, group), 0):,}" for group in groups.sizes)]
        for previous, name in _NAMES.items()
        if any(previous_group == previous for previous_group, _ in counts)
    ]
    header = ["Before", *(_NAMES[group] for group in groups.sizes)]
    return Table("Known customers by group before and now", header, rows)
