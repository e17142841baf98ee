"""What stages show in the Prefect UI: tables and texts under stable keys, escaped, no customer values.

An artifact is a courtesy to readers; the store's files are the record. What a finished night shows is
edition_artifacts.py's.
"""

from collections.abc import Iterable, Sequence
from html import escape

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from schemas.comparison import Comparison
from schemas.evidence import Choice
from schemas.identity import Aligned, Memory
from schemas.promotion import Promotion
from schemas.records import Customers, Night
from segmentation.k.comparing import tell_trials, tell_winners


def make_key(night: Night, what: str) -> str:
    """Stable per segmentation, so that a key's page is a history over nights."""
    return f"{night.segmentation.name}-{what}"


def escape_cell(text: object) -> str:
    """Text that is neither HTML nor Markdown when the UI renders it."""
    escaped = escape(str(text), quote=False)
    return "".join("\\" + mark if mark in "\\`*_[]()|#!~" else mark for mark in escaped).replace("\n", " ")


def make_table(header: Sequence[str], rows: Iterable[Sequence[object]], align: str) -> list[str]:
    """The lines of a Markdown table of escaped cells. align: l or r for each column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return [f"| {' | '.join(map(str, row))} |" for row in (header, rule, *rows)]


def show_changes(night: Night, aligned: Aligned, memory: Memory) -> None:
    """Who moved since the edition before, why, and what became of its segments."""
    if aligned.churn is None:
        return
    churn, why = aligned.churn, escape_cell(f"{aligned.fitted.how}: {'; '.join(aligned.fitted.why)}")
    lines = [
        f"{churn.stayed:,} customers stayed, {churn.behaviour:,} moved by behaviour, {churn.model:,} by the "
        f"model ({why}), {churn.joined:,} joined, {churn.left:,} left.",
        "",
        "| From | Event | Segment | Customers shared |",
        "| --- | --- | --- | ---: |",
        *(
            f"| {one.from_segment_id or ''} | {one.event} | {one.segment_id or ''} | {one.shared:,} |"
            for one in aligned.events
        ),
    ]
    create_markdown_artifact(
        key=make_key(night, "changes"),
        markdown="\n".join(lines),
        description=f"{churn.moved_share:.2%} moved since {memory.as_of}, as of {night.as_of}",
    )


def show_sweep(night: Night, choice: Choice) -> None:
    """The evidence for k: what speaks for each, the choice, and what else was seen."""
    measured = {one.k: one for one in choice.measures}
    rows = []
    for point in choice.curve:
        one = measured.get(point.k)
        cells = (
            [
                _figure(one.silhouette),
                _figure(one.gap),
                _figure(one.stability),
                one.natural,
                f"{one.smallest_share:.1%}",
            ]
            if one
            else [""] * 5
        )
        rows.append([f"**{point.k}**" if point.k == choice.k else point.k, f"{point.inertia:.6g}", *cells])
    header = ["k", "Inertia", "Silhouette", "Gap", "Stability", "Natural segments", "Smallest"]
    doubts = [f"- {escape_cell(doubt)}" for doubt in choice.doubts]
    lines = [
        f"k = {choice.k} by the rule `{choice.rule}`: {escape_cell('; '.join(choice.reasons))}. "
        f"Evidence: {choice.strength}.",
        "",
        *([*doubts, ""] if doubts else []),
        *make_table(header, rows, "rrrrrrr"),
    ]
    create_markdown_artifact(
        key=make_key(night, "sweep"),
        markdown="\n".join(lines),
        description=f"k = {choice.k}, evidence {choice.strength}, as of {night.as_of}",
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def show_comparison(night: Night, found: Comparison) -> None:
    """The algorithms side by side."""
    header, cells = tell_trials(found.trials)
    create_table_artifact(
        key=make_key(night, "comparison"),
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
            f"| {escape_cell(reason)} | {customers.reasons.get(reason, 0):,} | {count:,} |"
            for reason, count in customers.mentions.items()
        ]
    description = f"{customers.quarantined:,} rows quarantined as of {night.as_of}"
    create_markdown_artifact(
        key=make_key(night, "quarantine"), markdown="\n".join(lines), description=description
    )


def show_promotion(promoted: Promotion) -> None:
    """What is live now, by whom and why, and what was."""
    was = f"{promoted.was_live[0]}, edition `{promoted.was_live[1]}`" if promoted.was_live else "nothing"
    lines = [
        f"## Live: {escape_cell(promoted.name)} as of {promoted.as_of}",
        "",
        f"Edition `{promoted.edition}`: {promoted.customers:,} customers in {promoted.k} segments.",
        f"By {escape_cell(promoted.who)}. {escape_cell(promoted.reason)}",
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
