"""What a finished stage shows in the Prefect UI, made from its record alone. No customer values.

Artifacts are for readers; the store's files are the record. Keys are stable, so that a key's page in the
UI is its history over nights. Markdown and escaping are in markdown.py, log lines in the records.
"""

from collections.abc import Sequence
from functools import singledispatch
from typing import NamedTuple

import pandas as pd
from prefect.artifacts import create_markdown_artifact

from config.settings import read_settings
from schemas.comparison import Comparison
from schemas.evidence import STRENGTHS, Choice, Measures
from schemas.identity import Aligned
from schemas.night import Night, Published
from schemas.promotion import Promotion
from schemas.record import Record
from schemas.rows import Customers
from schemas.verdicts import Verdict
from schemas.wording import format_count, format_edition_size
from segmentation.k.trials import describe_winners, format_trials
from segmentation.report.formatting import format_scored_rule
from segmentation.report.sections.size_bars import draw_size_bars, to_data_uri
from segmentation.store.files.objects import parse_path
from tasks.runtime.markdown import escape_cell, format_table


class Artifact(NamedTuple):
    """One Markdown artifact. The key is completed with the segmentation's name."""

    key: str
    lines: Sequence[str]
    description: str


def publish_artifacts(record: Record, night: Night) -> None:
    """Send what a stage's record shows to the Prefect server."""
    for artifact in render_artifacts(record, night):
        send_artifact(artifact, night.definition.name)


def send_artifact(artifact: Artifact, name: str) -> None:
    """Send one artifact of the segmentation `name`."""
    create_markdown_artifact(
        key=f"{name}-{artifact.key}", markdown="\n".join(artifact.lines), description=artifact.description
    )


@singledispatch
def render_artifacts(record: Record, night: Night) -> list[Artifact]:
    """The artifacts of a stage's record. Records without a registered renderer show nothing."""
    return []


@render_artifacts.register
def _(customers: Customers, night: Night) -> list[Artifact]:
    balance = customers.balance
    ingested = customers.ingested
    lines = [
        f"As of {night.as_of}: {balance.describe()}, from {format_count(len(ingested.inputs), 'input')}.",
        "",
    ]
    if balance.outside:
        lines += [f"Outside the window, and left out: {format_count(balance.outside, 'row')}.", ""]
    if customers.attributes is not None:
        lines += [escape_cell(f"{customers.attributes.describe()}."), ""]
    if ingested.files_outside:
        lines += [f"Dated outside the window: {format_count(ingested.files_outside, 'file')}.", ""]
    for amount in ingested.breakdown.amounts:
        lines += [f"About {amount.share:.1%} of the value of {escape_cell(amount.name)} is refused.", ""]
    if balance.mentions:
        rows = [
            [escape_cell(reason), f"{balance.reasons.get(reason, 0):,}", f"{count:,}"]
            for reason, count in balance.mentions.items()
        ]
        lines += format_table(["Reason", "Rows", "Rows with this reason among others"], rows, "lrr")
    if breakdown := ingested.breakdown.compact():
        rows = [
            [escape_cell(group.name), f"{group.rows:,}", f"{group.refused:,}", escape_cell(group.reason)]
            for group in breakdown.groups
        ]
        lines += (
            ["", *format_table(["Day or file", "Rows", "Refused", "Mostly"], rows, "lrrl")] if rows else []
        )
    return [Artifact("quarantine", lines, f"{balance.quarantined:,} rows quarantined as of {night.as_of}")]


@render_artifacts.register
def _(choice: Choice, night: Night) -> list[Artifact]:
    measured = {measures.k: measures for measures in choice.measures}
    rows = [
        [
            f"**{point.k}**" if point.k == choice.k else point.k,
            f"{point.inertia:.6g}",
            *format_measures(measured.get(point.k)),
        ]
        for point in choice.curve
    ]
    header = ["k", "Inertia", "Silhouette", "Gap", "Stability", "Natural segments", "Smallest"]
    doubts = [f"- {escape_cell(doubt)}" for doubt in choice.doubts]
    lines = [
        f"k = {choice.k} by the rule `{choice.rule}`: {escape_cell('; '.join(choice.reasons))}. "
        f"In short: {STRENGTHS[choice.strength]}. Every k was measured on {choice.measured_on}.",
        "",
        *([*doubts, ""] if doubts else []),
        *format_table(header, rows, "rrrrrrr"),
    ]
    summary = f"k = {choice.k} as of {night.as_of}: {STRENGTHS[choice.strength]}"
    return [Artifact("sweep", lines, summary)]


def format_measures(measures: Measures | None) -> list[str]:
    """The five cells of a k's measures; empty where it was not measured."""
    if measures is None:
        return [""] * 5
    figures = (measures.silhouette, measures.gap, measures.stability)
    cells = ["" if figure is None else f"{figure:.3f}" for figure in figures]
    return [*cells, str(measures.natural), f"{measures.smallest_share:.1%}"]


@render_artifacts.register
def _(aligned: Aligned, night: Night) -> list[Artifact]:
    if aligned.churn is None:
        return []
    churn = aligned.churn
    model = escape_cell(f"{aligned.fitted.method}: {'; '.join(aligned.fitted.reasons)}")
    rows = [
        [event.from_segment_id or "", event.event, event.segment_id or "", f"{event.shared:,}"]
        for event in aligned.events
    ]
    lines = [
        f"{churn.stayed:,} customers stayed, {churn.behaviour:,} moved by behaviour, {churn.model:,} by the "
        f"model ({model}), {churn.joined:,} joined, {churn.left:,} left.",
        "",
        *format_table(["From", "Event", "Segment", "Customers shared"], rows, "lllr"),
    ]
    moved = f"{churn.moved_share:.2%} moved since {aligned.previous_as_of}, as of {night.as_of}"
    return [Artifact("changes", lines, moved)]


@render_artifacts.register
def _(verdict: Verdict, night: Night) -> list[Artifact]:
    rows = [
        [
            check.name,
            "required" if check.required else "advisory",
            "passed" if check.passed else "**failed**",
            escape_cell(check.finding),
        ]
        for check in verdict.checks
    ]
    failed = sum(not check.passed for check in verdict.checks)
    description = f"{failed or 'none'} of {len(verdict.checks)} checks failed as of {night.as_of}"
    return [Artifact("checks", format_table(["Check", "Kind", "Result", "Found"], rows, "llll"), description)]


@render_artifacts.register
def _(published: Published, night: Night) -> list[Artifact]:
    with (parse_path(published.report_path).parent / "descriptions.parquet").open("rb") as file:
        descriptions = pd.read_parquet(file)
    bars = format_size_bars(descriptions)
    reasons = [f"- {escape_cell(reason)}" for reason in published.reasons]
    outcome = published.outcome.capitalize()
    edition = [
        f"## {outcome}: {escape_cell(published.name)} as of {published.as_of}",
        "",
        *(["**Built and kept, but not live**, because:", "", *reasons, ""] if reasons else []),
        f"Edition `{published.edition}`: {format_edition_size(published.customers, published.k)}. "
        + link_report(published),
        "",
        bars,
        *(f"\n- Note: {escape_cell(warning)}" for warning in published.warnings),
    ]
    title = f"{outcome} as of {published.as_of}, k = {published.k}"
    because = "; ".join(map(escape_cell, published.reasons))
    segments = [link_report(published), "", bars, "", *format_segments(descriptions)]
    return [
        Artifact("segments", segments, f"{format_count(published.k, 'segment')} as of {night.as_of}"),
        Artifact("edition", edition, f"{title}: {because}" if because else title),
    ]


def link_report(published: Published) -> str:
    """A link to the report where reports are served, else its place in the store."""
    place = f"{published.name}/editions/{published.as_of}/{published.edition}/report.html"
    url = read_settings().reports_url
    return f"[Open the report]({url.rstrip('/')}/{place})" if url else f"Report: `{place}` in the store"


def format_size_bars(descriptions: pd.DataFrame) -> str:
    """The segments' sizes as an inline picture, with the numbers as its alternative text."""
    pairs = zip(descriptions["segment_id"], descriptions["size"], strict=True)
    sizes = [(str(segment_id), int(size)) for segment_id, size in pairs]
    text = ", ".join(f"{segment_id} {size:,}" for segment_id, size in sizes)
    return f"![Customers by segment: {text}]({to_data_uri(draw_size_bars(sizes))})"


def format_segments(descriptions: pd.DataFrame) -> list[str]:
    """Names, sizes and rules as a table."""
    rows = []
    for segment in descriptions.to_dict("records"):
        rule = format_scored_rule(segment["rule"], segment["rule_precision"], segment["rule_recall"])
        size = f"{segment['size']:,}"
        rows.append([segment["segment_id"], escape_cell(segment["name"]), size, escape_cell(rule)])
    return format_table(["Segment", "Name", "Customers", "Rule (precision, recall)"], rows, "llrl")


@render_artifacts.register
def _(comparison: Comparison, night: Night) -> list[Artifact]:
    header, cells = format_trials(comparison.trials)
    rows = [[escape_cell(cell) for cell in row] for row in cells]
    description = f"Algorithms compared as of {night.as_of}: {describe_winners(comparison.trials)}"
    return [Artifact("comparison", format_table(header, rows, "l" * len(header)), description)]


def render_promotion(promotion: Promotion) -> Artifact:
    """What is live now, who promoted it and why, and what was live before."""
    live_before = "nothing"
    if promotion.previous_live:
        live_before = f"{promotion.previous_live[0]}, edition `{promotion.previous_live[1]}`"
    lines = [
        f"## Live: {escape_cell(promotion.name)} as of {promotion.as_of}",
        "",
        f"Edition `{promotion.edition}`: {format_edition_size(promotion.customers, promotion.k)}.",
        f"By {escape_cell(promotion.who)}. {escape_cell(promotion.reason)}",
        "",
        f"Live before: {live_before}.",
    ]
    if promotion.superseded:
        lines += ["", f"Superseded: {promotion.describe_superseded()}."]
    return Artifact("promotion", lines, f"{promotion.outcome}: {promotion.as_of}")
