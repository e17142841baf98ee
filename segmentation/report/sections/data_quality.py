"""The section of data quality: the balance of rows, why rows were refused, and the checks."""

from typing import NamedTuple

from schemas.verdicts import Check
from schemas.wording import format_count
from segmentation.report.context import ReportContext
from segmentation.report.figure import Table
from segmentation.report.formatting import format_share
from segmentation.report.sections.attributes_view import AttributesView, view_attributes


class QualityView(NamedTuple):
    """What templates/sections/quality.html.j2 shows."""

    balance: str
    attributes: AttributesView | None
    merged: str
    refused: Table | None
    groups: Table | None
    amounts: list[str]
    checks: list[Check]


def view_quality(context: ReportContext) -> QualityView:
    """The view of the data quality. Failed checks come first, required ones before advisory ones."""
    return QualityView(
        balance=describe_balance(context),
        attributes=view_attributes(context.draft.customers.attributes),
        merged=describe_merged(context),
        refused=tabulate_reasons(context),
        groups=tabulate_groups(context),
        amounts=describe_amounts(context),
        checks=sorted(context.verdict.checks, key=lambda check: (check.passed, not check.required)),
    )


def describe_merged(context: ReportContext) -> str:
    """How many ids were merged into others; empty without any."""
    merged = context.draft.aligned.merged
    return f"{merged.describe()}." if merged else ""


def describe_balance(context: ReportContext) -> str:
    """Rows in and out, and the share of refused rows."""
    balance = context.draft.customers.balance
    refused = format_share(balance.quarantined / max(1, balance.read))
    # Of typed files only the rows count, not how they are spread over files.
    digests = context.draft.ingested.digests
    files = sum(digest.of == "bytes" and digest.table is None for digest in digests)
    source = f" from {format_count(files, 'file')}" if files else ""
    sentence = f"{balance.describe()} ({refused}){source}."
    if balance.outside:
        sentence += f" Outside the window, and ignored: {format_count(balance.outside, 'row')}."
    return sentence


def tabulate_reasons(context: ReportContext) -> Table | None:
    """Refused rows by reason, most frequent first; None where no row was refused."""
    balance = context.draft.customers.balance
    # Ties by name: the order in which parts were judged must not show in the page.
    mentions = sorted(balance.mentions.items(), key=lambda item: (-item[1], item[0]))
    rows = [[reason, f"{balance.reasons.get(reason, 0):,}", f"{count:,}"] for reason, count in mentions]
    header = ["Reason", "Rows", "Rows with this reason among others"]
    return Table("Refused rows by reason", header, rows) if rows else None


def tabulate_groups(context: ReportContext) -> Table | None:
    """The days and files with the largest refused shares; None without any."""
    breakdown = context.draft.ingested.breakdown.compact()
    rows = [
        [group.name, f"{group.rows:,}", f"{group.refused:,} ({group.share:.1%})", group.reason]
        for group in (breakdown.groups if breakdown else ())
    ]
    header = ["Day or file", "Rows", "Refused", "Mostly"]
    return Table("Days and files with the most refused rows", header, rows) if rows else None


def describe_amounts(context: ReportContext) -> list[str]:
    """How much of each amount's value is in refused rows, estimated."""
    return [
        f"About {amount.share:.1%} of the value of {amount.name} is in refused rows."
        for amount in context.draft.ingested.breakdown.amounts
    ]
