"""The page of a pruning in Prefect's UI: what was removed, what that freed, and what is kept.

The record is in schemas/pruning.py. Pages of stages are in artifacts.py.
"""

from schemas.pruning import PruneSummary
from segmentation.store.runs.space import format_bytes
from tasks.runtime.artifacts import Artifact
from tasks.runtime.markdown import escape_cell, format_table

_MOST_DATES = 100


def render_pruning(summary: PruneSummary) -> Artifact:
    """The dates that went, newest first, and why the others are kept."""
    rows = [
        [
            pruned.as_of,
            "the date" if pruned.whole_date else "replaced editions",
            " ".join(f"`{edition}`" for edition in pruned.editions),
            format_bytes(pruned.bytes),
        ]
        for pruned in reversed(summary.dates[-_MOST_DATES:])
    ]
    lines = [f"## {escape_cell(summary.name)}: {summary.describe()}", ""]
    if rows:
        lines += [f"Freed: {format_bytes(summary.bytes)}.", ""]
        lines += [*format_table(["Date", "Removed", "Editions", "Size"], rows, "lllr"), ""]
    if len(summary.dates) > len(rows):
        lines += [f"{len(summary.dates) - len(rows):,} earlier dates are in the ledger.", ""]
    kept_dates = [[reason, f"{count:,}"] for reason, count in summary.kept.items()]
    lines += format_table(["Kept", "Dates"], kept_dates, "lr") if kept_dates else []
    lines += [f"\n{escape_cell(note)}" for note in summary.notes]
    return Artifact("prune", lines, summary.describe())
