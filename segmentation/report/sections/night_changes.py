"""The panel of what changed since the previous edition, and why, in a few lines.

The whole of it is in migration.py.
"""

from typing import NamedTuple

from schemas.identity import Churn, Event
from segmentation.report.context import ReportContext
from segmentation.report.formatting import (
    format_change,
    format_customers,
    format_date,
    format_share,
    join_words,
)
from segmentation.report.sections.moves import MoveRow, view_moves

MAX_MOVES = 3
MODELS = {
    "scored": "The previous model was kept",
    "warm": "The model was refitted, starting from the previous one",
    "cold": "A new model was fitted from scratch",
}
_EVENTS = {"split": "split into", "merged": "merged into"}


class NightChangesView(NamedTuple):
    """What templates/night_changes.html.j2 shows. figure: the share who moved, or empty if it is unknown."""

    title: str
    figure: str
    remark: str
    moves: tuple[MoveRow, ...]
    sentences: list[str]


def view_night_changes(context: ReportContext) -> NightChangesView:
    """The view of the panel."""
    previous_date, churn = context.draft.previous.as_of, context.draft.aligned.churn
    if previous_date is None:
        sentence = "From the next one on, this shows who moved, and why."
        return NightChangesView("First edition", "", "Nothing to compare with yet.", (), [sentence])
    title = f"Since {format_date(previous_date)}"
    events = describe_events(context.draft.aligned.events)
    model = f"{MODELS[context.draft.aligned.fitted.method]}."
    growth = context.total - context.draft.previous.customers
    if churn is None:
        remark = "Customers cannot be followed, because rows have no customer id."
        counted = f"{format_customers(context.total)}: {format_change(growth).lower()}."
        return NightChangesView(title, "", remark, (), [counted, *events, model])
    mover_count = churn.behaviour + churn.model
    staying = format_customers(mover_count + churn.stayed)
    remark = f"changed segment: {mover_count:,} of {staying}{describe_causes(churn)}."
    arrivals = join_words(count_arrivals(churn)) or "Nobody joined or left"
    sentences = [f"{arrivals}.", *events, model]
    moves = view_moves(context).rows[:MAX_MOVES]
    return NightChangesView(title, format_share(churn.moved_share), remark, moves, sentences)


def describe_causes(churn: Churn) -> str:
    """Why customers changed segment, as the rest of a sentence; empty if nobody did.

    >>> describe_causes(Churn(stayed=9, behaviour=2, model=1, joined=0, left=0))
    ': 2 behaved differently, for 1 the model moved the border'
    """
    if not churn.behaviour + churn.model:
        return ""
    if not churn.model:
        return ", because they behaved differently"
    if not churn.behaviour:
        return ", because the model moved the borders, not because they behaved differently"
    return f": {churn.behaviour:,} behaved differently, for {churn.model:,} the model moved the border"


def count_arrivals(churn: Churn) -> list[str]:
    """Who joined and who left, as clauses; empty if nobody did."""
    return [f"{count:,} {verb}" for count, verb in ((churn.joined, "joined"), (churn.left, "left")) if count]


def describe_events(events: tuple[Event, ...]) -> list[str]:
    """What became of segments that do not simply go on: at most a sentence for each kind."""
    pieces = [
        f"{event.from_segment_id} {_EVENTS[event.event]} {event.segment_id}"
        for event in events
        if event.event in _EVENTS
    ]
    pieces += [f"{event.segment_id} is new" for event in events if event.event == "born"]
    pieces += [f"{event.from_segment_id} is gone" for event in events if event.event == "died"]
    return [f"{join_words(pieces)}."] if pieces else []
