"""What a run shows in the Prefect UI: tables and texts under stable keys, escaped, no customer values.

An artifact is a courtesy to readers; the store's files are the record.
"""

from html import escape

import pandas as pd
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from schemas.comparison import Comparison
from schemas.evidence import Choice
from schemas.identity import Aligned, Memory
from schemas.promotion import Promotion
from schemas.records import Customers, Night, Published
from schemas.verdicts import Verdict
from segmentation.comparing import tell_trials, tell_winners
from segmentation.sections import tell_rule


def _key(night: Night, what: str) -> str:
    """Stable per segmentation, so that a key's page is a history over nights."""
    return f"{night.segmentation.name}-{what}"


def escape_cell(text: object) -> str:
    """Text that is neither HTML nor Markdown when the UI renders it."""
    escaped = escape(str(text), quote=False)
    return "".join("\\" + mark if mark in "\\`*_[]()|#!" else mark for mark in escaped).replace("\n", " ")


_cell = escape_cell


def show_segments(night: Night, descriptions: pd.DataFrame) -> None:
    """Names, sizes and rules."""
    create_table_artifact(
        key=_key(night, "segments"),
        table=[
            {
                "segment": one["segment_id"],
                "name": _cell(one["name"]),
                "customers": one["size"],
                "share": f"{one['share']:.1%}",
                **dict(
                    zip(
                        ("rule", "precision", "recall"),
                        map(_cell, tell_rule(one["rule"], one["rule_precision"], one["rule_recall"])),
                        strict=True,
                    )
                ),
            }
            for one in descriptions.to_dict("records")
        ],
        description=f"Segments as of {night.as_of}",
    )


def show_changes(night: Night, aligned: Aligned, memory: Memory) -> None:
    """Who moved since the edition before, why, and what became of its segments."""
    if aligned.churn is None:
        return
    churn = aligned.churn
    lines = [
        f"{churn.stayed:,} customers stayed, {churn.behaviour:,} moved by behaviour, {churn.model:,} by the "
        f"model ({aligned.fitted.how}: {_cell('; '.join(aligned.fitted.why))}), {churn.joined:,} joined, "
        f"{churn.left:,} left.",
        "",
        "| From | Event | Segment | Customers shared |",
        "| --- | --- | --- | ---: |",
        *(
            f"| {one.from_segment_id or ''} | {one.event} | {one.segment_id or ''} | {one.shared:,} |"
            for one in aligned.events
        ),
    ]
    create_markdown_artifact(
        key=_key(night, "changes"),
        markdown="\n".join(lines),
        description=f"{churn.moved_share:.2%} moved since {memory.as_of}, as of {night.as_of}",
    )


def show_sweep(night: Night, choice: Choice) -> None:
    """Inertia by k, and the choice."""
    create_table_artifact(
        key=_key(night, "sweep"),
        table=[
            {"k": p.k, "inertia": f"{p.inertia:.6g}", "chosen": "yes" if p.k == choice.k else ""}
            for p in choice.curve
        ],
        description=f"k = {choice.k} as of {night.as_of}: {'; '.join(choice.reasons)}",
    )


def show_comparison(night: Night, found: Comparison) -> None:
    """The algorithms side by side."""
    header, cells = tell_trials(found.trials)
    create_table_artifact(
        key=_key(night, "comparison"),
        table=[dict(zip(header, row, strict=True)) for row in cells],
        description=f"Algorithms compared as of {night.as_of}: {tell_winners(found.trials)}",
    )


def show_quarantine(night: Night, customers: Customers) -> None:
    """The rows' balance, and refused rows by reason: counts only."""
    balance = (
        f"{customers.read:,} rows read = {customers.used:,} used + {customers.merged:,} merged "
        f"+ {customers.quarantined:,} quarantined"
    )
    lines = [f"As of {night.as_of}: {balance}.", ""]
    if customers.outside:
        lines += [f"{customers.outside:,} more rows lie outside the window and were left out.", ""]
    if customers.mentions:
        lines += ["| Reason | Rows | Rows with this reason among others |", "| --- | ---: | ---: |"]
        lines += [
            f"| {_cell(reason)} | {customers.reasons.get(reason, 0):,} | {count:,} |"
            for reason, count in customers.mentions.items()
        ]
    description = f"{customers.quarantined:,} rows quarantined as of {night.as_of}"
    create_markdown_artifact(
        key=_key(night, "quarantine"), markdown="\n".join(lines), description=description
    )


def show_promotion(promoted: Promotion) -> None:
    """What is live now, by whom and why, and what was."""
    was = f"{promoted.was_live[0]}, edition `{promoted.was_live[1]}`" if promoted.was_live else "nothing"
    lines = [
        f"## Live: {_cell(promoted.name)} as of {promoted.as_of}",
        "",
        f"Edition `{promoted.edition}`: {promoted.customers:,} customers in {promoted.k} segments.",
        f"By {_cell(promoted.who)}. {_cell(promoted.reason)}",
        "",
        f"Live before: {was}.",
    ]
    if promoted.set_aside:
        lines += ["", f"Set aside: {promoted.tell_set_aside()}."]
    create_markdown_artifact(
        key=f"{promoted.name}-promotion",
        markdown="\n".join(lines),
        description=f"{promoted.outcome}: {promoted.as_of}",
    )


def show_edition(night: Night, published: Published, verdict: Verdict) -> None:
    """What was published or held, why, and every check."""
    lines = [
        f"## {published.outcome.capitalize()}: {_cell(published.name)} as of {published.as_of}",
        "",
        f"Edition `{published.edition}`: {published.customers:,} customers in {published.k} segments.",
        "",
        "| Check | Kind | Result | Found |",
        "| --- | --- | --- | --- |",
    ]
    for check in verdict.checks:
        kind, result = (
            "required" if check.required else "advisory",
            "passed" if check.passed else "**failed**",
        )
        lines.append(f"| {check.name} | {kind} | {result} | {_cell(check.found)} |")
    description = f"{published.outcome.capitalize()} as of {published.as_of}, k = {published.k}"
    create_markdown_artifact(key=_key(night, "edition"), markdown="\n".join(lines), description=description)
