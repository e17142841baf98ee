"""How a run ended, in words for a terminal: what was read and refused, what failed, and where to look.

The command is in run.py, the record in schemas/night.py.
"""

import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

from resegment.terminal import shorten_path
from schemas.wording import format_count, format_edition_size

if TYPE_CHECKING:
    from schemas.night import Published
    from schemas.rows import RowBalance

MOST_REASONS = 3
_VERBS = {
    "published": "Published",
    "already-published": "Already published",
    "published-by-other-code": "Already published, by other code",
    "held": "Held",
}


def format_published(published: "Published") -> str:
    """The verdict, the paths, what was read and refused, and last the checks that failed."""
    return "\n".join(
        [
            f"{_VERBS[published.outcome]}: {published.name} as of {published.as_of}, "
            f"{format_edition_size(published.customers, published.k)}, edition {published.edition}",
            f"Segments: {shorten_path(published.segments_path)}",
            f"Report:   {shorten_path(published.report_path)}",
            *([] if published.groups is None else [_wrap("Known:    ", published.groups.describe())]),
            *([] if published.rows is None else _format_rows(published, published.rows)),
            *([] if published.attributes is None else [_wrap("Joined:   ", published.attributes.describe())]),
            *([] if published.merged is None else [_wrap("Merged:   ", published.merged.describe())]),
            *(_wrap("  other code: ", change) for change in published.other_code),
            *(_wrap("  check failed: ", reason) for reason in published.reasons),
            *(_wrap("  note: ", warning) for warning in published.warnings),
        ]
    )


def _format_rows(published: "Published", rows: "RowBalance") -> list[str]:
    """Files and rows that were read, and how many were refused and why."""
    files = format_count(published.files, "file")
    if published.files_outside:
        files += f" ({published.files_outside:,} more are dated outside)"
    outside = f", {rows.outside:,} more outside the window" if rows.outside else ""
    merged = f", {rows.merged:,} of them merged with another row" if rows.merged else ""
    erased = f", {rows.erased:,} of them of erased customers and left out" if rows.erased else ""
    lines = [_wrap("Read:     ", f"{format_count(rows.read, 'row')} of {files}{merged}{erased}{outside}")]
    if not rows.quarantined:
        return [*lines, "Refused:  0 rows"]
    # Ties by name, so that the same night always says the same.
    reasons = sorted(rows.reasons.items(), key=lambda item: (-item[1], item[0]))
    common = ", ".join(f"{reason} ({count:,})" for reason, count in reasons[:MOST_REASONS])
    remaining = len(reasons) - MOST_REASONS
    rest_note = f", {format_count(remaining, 'more reason')}" if remaining > 0 else ""
    share = _format_share(rows.quarantined / rows.read)
    refused = f"{rows.quarantined:,} of {format_count(rows.read, 'row')} ({share})"
    return [
        *lines,
        _wrap("Refused:  ", f"{refused}: {common}{rest_note}"),
        f"          {shorten_path(published.quarantine_path)}",
    ]


def _format_share(share: float) -> str:
    return "under 0.01%" if 0 < share < 0.0001 else f"{share:.2%}"


def _wrap(label: str, text: str) -> str:
    """The text after its label, indented below it in a terminal; one line in a pipe, for scripts."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if not width:
        return label + text
    indent = " " * min(len(label), 10)
    return textwrap.fill(
        label + text, max(width, 40), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
