"""The section What if: the segments of every other number of segments that was tried.

Its rows are those of alternatives.parquet, see alternatives_table.py. Markup: sections/alternatives.html.j2.
"""

from collections.abc import Hashable, Mapping
from datetime import date
from typing import Any, NamedTuple

import pandas as pd

from schemas.evidence import STILL_HOLDS
from schemas.validation import Validation
from segmentation.k.judging import HOLDS
from segmentation.report.context import ReportContext
from segmentation.report.formatting import format_share


class AlternativeSegment(NamedTuple):
    """One segment of a division in words. Without an id unless published; value: empty without a feature."""

    segment_id: str | None
    name: str
    size: int
    share: str
    value: str


class Alternative(NamedTuple):
    """One number of segments. outcome: what its segments say about it; empty if nobody has judged.

    smallest, most_value: the share of customers of the smallest segment, and of value of the most valuable.
    """

    k: int
    is_published: bool
    stability: str
    outcome: str
    smallest: str
    most_value: str
    segments: list[AlternativeSegment]


class AlternativesView(NamedTuple):
    """What templates/sections/alternatives.html.j2 shows."""

    value: str
    has_outcome: bool
    measured: str
    divisions: list[Alternative]
    command: str


def view_alternatives(context: ReportContext) -> AlternativesView | None:
    """The view of the section; None if only one k was tried."""
    table = context.alternatives
    if table is None or table["k"].nunique() < 2:
        return None
    divisions = view_divisions(table, context.draft.ingested.key.validation, context.names)
    value = context.value_feature
    return AlternativesView(
        value=context.traits[value].label if value is not None and value in context.traits else "",
        has_outcome=any(division.outcome for division in divisions),
        measured=describe_date(context.draft.choice.measured_on, context.night.as_of),
        divisions=divisions,
        command=f"resegment what-if {context.night.definition.name} --as-of {context.night.as_of}",
    )


def describe_date(measured_on: date | None, as_of: date) -> str:
    """`on 2026-01-01, when every k was last measured`, or `tonight`."""
    return "tonight" if measured_on in (None, as_of) else f"on {measured_on}, when every k was last measured"


def view_divisions(
    table: pd.DataFrame, validation: Validation | None, names: Mapping[str, str]
) -> list[Alternative]:
    """Every k with its segments. names: of the published segments, by id, where people should see others."""
    outcomes = describe_outcomes(validation)
    return [
        Alternative(
            k=int(str(k)),
            is_published=bool(rows["is_published"].any()),
            stability=describe_stability(int(str(k)), float(rows["stability"].iloc[0])),
            outcome=outcomes.get(int(str(k)), ""),
            smallest=format_share(float(rows["share"].min())),
            most_value=_format_value(rows["value_share"].max()),
            segments=[_view_segment(row, names) for row in rows.to_dict("records")],
        )
        for k, rows in table.groupby("k", sort=True)
    ]


def _view_segment(row: Mapping[Hashable, Any], names: Mapping[str, str]) -> AlternativeSegment:
    name = str(row["name"])
    segment_id = row["segment_id"] if isinstance(row["segment_id"], str) else None
    return AlternativeSegment(
        segment_id=segment_id,
        name=names.get(segment_id or "", name[:1].upper() + name[1:]),
        size=int(str(row["size"])),
        share=format_share(float(str(row["share"]))),
        value=_format_value(row["value_share"]),
    )


def _format_value(share: object) -> str:
    """A share of value; empty without a value feature."""
    return format_share(share) if isinstance(share, float) and not pd.isna(share) else ""


def describe_stability(k: int, stability: float) -> str:
    """`0.81, holds`: the bootstrap Jaccard of the least stable segment; empty if it was not measured."""
    if k == 1 or pd.isna(stability):
        return ""
    if stability >= HOLDS:
        return f"{stability:.2f}, holds"
    # Enough for last night's division to be kept, not for a new one.
    return f"{stability:.2f}, {'nearly holds' if stability >= STILL_HOLDS else 'does not hold'}"


def describe_outcomes(validation: Validation | None) -> dict[int, str]:
    """What divisions say about the first measure of a validated outcome, by k, held out.

    A validation judges its edition's segments, and the other divisions that the edition tried.
    """
    if validation is None or not validation.measures:
        return {}
    measure = validation.measures[0]
    return {skill.groups: f"{measure.measure}: {skill.score_label}" for skill in measure.divisions}
