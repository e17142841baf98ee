"""The top of the report: one sentence that sums up the night, what the checks found, and a few figures.

The details are in the modules of the sections.
"""

from datetime import date
from typing import NamedTuple

from segmentation.report.context import ReportContext
from segmentation.report.formatting import (
    format_change,
    format_customers,
    format_date,
    format_share,
    join_words,
)

STRENGTHS = {
    "strong": "the evidence for that number is strong",
    "fair": "the evidence for that number is fair",
    "weak": "the evidence for that number is weak",
    "set": "the definition sets that number",
    "none": "they divide one crowd, since nothing suggests separate groups",
}


class Tile(NamedTuple):
    """One figure of the night, with a remark below it."""

    name: str
    figure: str
    remark: str


class SummaryView(NamedTuple):
    """What templates/report.html.j2 shows above the sections, and in the footer."""

    name: str
    as_of: date
    edition: str
    description: str
    is_published: bool
    verdict: str
    failed_required: tuple[str, ...]
    failed_advisory: tuple[str, ...]
    tiles: list[Tile]


def view_summary(context: ReportContext) -> SummaryView:
    """The view of the page's header."""
    definition, verdict = context.night.definition, context.verdict
    return SummaryView(
        name=definition.name,
        as_of=context.night.as_of,
        edition=context.draft.ingested.key.edition,
        description=definition.description,
        is_published=verdict.may_publish,
        verdict=describe_verdict(context),
        failed_required=verdict.reasons,
        failed_advisory=verdict.warnings,
        tiles=list_tiles(context),
    )


def describe_verdict(context: ReportContext) -> str:
    """Date, customers, k, evidence, what moved, and how the night ended, in one sentence.

    Not whether the edition is live: that may change later, and an edition never does.
    """
    k = len(context.segment_ids)
    clauses = [
        f"On {format_date(context.night.as_of)}, {format_customers(context.total)} form "
        + ("one segment" if k == 1 else f"{k} segments"),
        STRENGTHS[context.draft.choice.strength],
        describe_movers(context),
        "published" if context.verdict.may_publish else "held by a check, so not live",
    ]
    return f"{'; '.join(clauses)}."


def describe_movers(context: ReportContext) -> str:
    """Who changed segment, joined and left since the previous edition, as a clause."""
    churn, previous_date = context.draft.aligned.churn, context.draft.previous.as_of
    if previous_date is None:
        return "there is no earlier edition to compare with"
    since = f"since {format_date(previous_date)}"
    if churn is None:
        return f"{since}, customers cannot be followed, because rows have no customer id"
    moved = churn.behaviour + churn.model
    staying = format_customers(moved + churn.stayed)
    counts = [f"{moved:,} of {staying} ({format_share(churn.moved_share)}) changed segment"]
    counts += [
        f"{count:,} {verb}" for count, verb in ((churn.joined, "joined"), (churn.left, "left")) if count
    ]
    return f"{since}, {join_words(counts)}"


def list_tiles(context: ReportContext) -> list[Tile]:
    """The figures below the verdict."""
    previous, churn = context.draft.previous, context.draft.aligned.churn
    balance, checks = context.draft.customers.balance, context.verdict.checks
    growth = segments = unmoved = "first edition"
    if not previous.is_cold:
        growth = f"{format_change(context.total - previous.customers)} since {previous.as_of}"
        segments = f"{previous.k} on {previous.as_of}"
        unmoved = "rows have no customer id"
    causes = f"{churn.behaviour:,} by behaviour, {churn.model:,} by the model" if churn else unmoved
    refused = format_share(balance.quarantined / max(1, balance.read))
    failed = [check.name for check in checks if not check.passed]
    return [
        Tile("Customers", f"{context.total:,}", growth),
        Tile("Segments", str(len(context.segment_ids)), segments),
        Tile("Changed segment", format_share(churn.moved_share) if churn else "\N{EM DASH}", causes),
        Tile("Rows refused", refused, f"of {balance.read:,} read"),
        Tile(
            "Checks passed",
            f"{len(checks) - len(failed)} of {len(checks)}",
            ", ".join(failed) or "all of them",
        ),
    ]
