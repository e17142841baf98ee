"""Who moved from which segment to which, and what carried most of them: a table in the section What changed.

Counted in segmentation/identity/moved_pairs.py. The diagram of all customers is in migration.py.
"""

from typing import NamedTuple

from config.labels import build_labels
from schemas.identity import MovedPair
from schemas.wording import format_count
from segmentation.report.context import ReportContext
from segmentation.report.formatting import format_customers

MAX_PAIRS = 10
_YES_OR_NO = {True: "yes", False: "no"}
MAJORITY = 0.5  # share of a pair's customers from which a feature carried "mostly"


class MoveRow(NamedTuple):
    """The customers of one pair of segments. reason: what carried most of them over the border."""

    from_segment_id: str
    from_name: str
    segment_id: str
    name: str
    customers: int
    reason: str


class MovesView(NamedTuple):
    """What templates/sections/moves.html.j2 shows. remainder: the pairs that are left out, in words."""

    rows: tuple[MoveRow, ...]
    remainder: str


def view_moves(context: ReportContext) -> MovesView:
    """The view of the moves."""
    pairs = context.draft.aligned.moved_pairs
    remaining = pairs[MAX_PAIRS:]
    words = ""
    if remaining:
        customers = format_customers(sum(pair.customers for pair in remaining))
        other_pairs = format_count(len(remaining), "other pair")
        words = f"{customers} more moved between {other_pairs} of segments."
    return MovesView(tuple(build_row(context, pair) for pair in pairs[:MAX_PAIRS]), words)


def build_row(context: ReportContext, pair: MovedPair) -> MoveRow:
    """A pair as a row. A segment that is gone has the name that people gave it, or none."""
    names = {**context.given_names, **context.names}
    return MoveRow(
        from_segment_id=pair.from_segment_id,
        from_name=names.get(pair.from_segment_id, ""),
        segment_id=pair.segment_id,
        name=names[pair.segment_id],
        customers=pair.customers,
        reason=describe_reason(context, pair),
    )


def describe_reason(context: ReportContext, pair: MovedPair) -> str:
    """What carried most of a pair's customers: `mostly orders 3 → 5 (median)`, or that the border moved."""
    if pair.by_behaviour == 0:
        return "the new model moved the border"
    words = "values that the previous model cannot place"
    if pair.feature is not None:
        adverb = "mostly" if pair.by_feature > MAJORITY * pair.by_behaviour else "most often"
        words = (
            f"{adverb} {build_labels(context.night.definition)[pair.feature]}{_format_values(context, pair)}"
        )
    by_model = pair.customers - pair.by_behaviour
    return f"{words}; the border moved for {format_customers(by_model)}" if by_model else words


def _format_values(context: ReportContext, pair: MovedPair) -> str:
    if pair.feature is None or pair.before is None or pair.after is None:
        return ""
    if isinstance(pair.before, str) or isinstance(pair.after, str):
        texts = [str(value) or "missing" for value in (pair.before, pair.after)]
        return f": {' → '.join(texts)} (most common)"
    if context.traits[pair.feature].is_indicator:
        return f" {_YES_OR_NO[pair.before > 0]} → {_YES_OR_NO[pair.after > 0]} (median)"
    old_value = context.format_value(pair.feature, pair.before, with_unit=False)
    return f" {old_value} → {context.format_value(pair.feature, pair.after)} (median)"
