"""What a finished night shows in the Prefect UI: the edition, its segments, its checks.

What its stages show on the way is artifacts.py's; the store's files are the record.
"""

from collections.abc import Hashable
from typing import Any

import pandas as pd
from prefect.artifacts import create_markdown_artifact

from config.settings import read_settings
from schemas.records import Night, Published, Reported
from schemas.verdicts import Verdict
from segmentation.report.pictures import draw_sizes, inline
from segmentation.report.sections import tell_rule
from tasks.runtime.artifacts import escape_cell, make_key, make_table


def tell_report(published: Published) -> str:
    """A link to the report where it is served, else its place in the store."""
    place = f"{published.name}/editions/{published.as_of}/{published.edition}/report.html"
    url = read_settings().reports_url
    return f"[Open the report]({url.rstrip('/')}/{place})" if url else f"Report: `{place}` in the store"


def draw_segments(descriptions: pd.DataFrame) -> str:
    """The segments' sizes as an inline picture, said in words for those who do not see it."""
    pairs = zip(descriptions["segment_id"], descriptions["size"], strict=True)
    sizes = [(str(name), int(size)) for name, size in pairs]
    said = ", ".join(f"{name} {size:,}" for name, size in sizes)
    return f"![Customers by segment: {said}]({inline(draw_sizes(sizes))})"


def show_edition(night: Night, published: Published, verdict: Verdict, reported: Reported) -> None:
    """Three artifacts: what was published or held and why; who the segments are; every check."""
    descriptions = pd.read_parquet(reported.descriptions.path)
    _show_segments(night, published, descriptions)
    _show_checks(night, verdict)
    reasons = [f"- {escape_cell(reason)}" for reason in published.reasons]
    lines = [
        f"## {published.outcome.capitalize()}: {escape_cell(published.name)} as of {published.as_of}",
        "",
        *(["**Built and kept, but not live**, because:", "", *reasons, ""] if reasons else []),
        f"Edition `{published.edition}`: {published.customers:,} customers in {published.k} segments. "
        + tell_report(published),
        "",
        draw_segments(descriptions),
        *(f"\n- Note: {escape_cell(warning)}" for warning in published.warnings),
    ]
    said = f"{published.outcome.capitalize()} as of {published.as_of}, k = {published.k}"
    create_markdown_artifact(
        key=make_key(night, "edition"),
        markdown="\n".join(lines),
        description=": ".join([said, "; ".join(map(escape_cell, published.reasons))]) if reasons else said,
    )


def _show_segments(night: Night, published: Published, descriptions: pd.DataFrame) -> None:
    """Names, sizes and rules."""
    rows = [
        [one["segment_id"], escape_cell(one["name"]), f"{one['size']:,}", escape_cell(_tell_rule(one))]
        for one in descriptions.to_dict("records")
    ]
    table = make_table(["Segment", "Name", "Customers", "Rule (precision, recall)"], rows, "llrl")
    lines = [tell_report(published), "", draw_segments(descriptions), "", *table]
    create_markdown_artifact(
        key=make_key(night, "segments"),
        markdown="\n".join(lines),
        description=f"{published.k} segments as of {night.as_of}",
    )


def _tell_rule(description: dict[Hashable, Any]) -> str:
    rule, *shares = tell_rule(description["rule"], description["rule_precision"], description["rule_recall"])
    return f"{rule} ({', '.join(shares)})" if rule else ""


def _show_checks(night: Night, verdict: Verdict) -> None:
    """Every check with what was found."""
    rows = [
        [
            check.name,
            "required" if check.required else "advisory",
            "passed" if check.passed else "**failed**",
            escape_cell(check.found),
        ]
        for check in verdict.checks
    ]
    failed = sum(not check.passed for check in verdict.checks)
    create_markdown_artifact(
        key=make_key(night, "checks"),
        markdown="\n".join(make_table(["Check", "Kind", "Result", "Found"], rows, "llll")),
        description=f"{failed or 'none'} of {len(verdict.checks)} checks failed as of {night.as_of}",
    )
