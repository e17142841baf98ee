"""The record of a pruning: which editions went, how many bytes that freed, and why the others are kept.

Pruning is in segmentation/pruning/pruning.py.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from config.clauses import Retention
from schemas.record import Record
from schemas.wording import format_count


class PrunedDate(Record):
    """The editions of one date that go. whole_date: its published table goes, too."""

    as_of: date
    editions: tuple[str, ...]
    whole_date: bool
    bytes: int


class PruneSummary(Record):
    """What a pruning did, or would do. `resegment prune --json` prints it."""

    name: str
    outcome: Literal["pruned", "dry-run", "nothing"]
    retention: Retention | None = Field(description="The definition's; null: everything is kept for ever.")
    dates: tuple[PrunedDate, ...] = ()
    kept: dict[str, int] = Field(default={}, description="How many published dates are kept, by reason.")
    notes: tuple[str, ...] = Field((), description="What was left alone, and why.")

    @property
    def editions(self) -> int:
        """How many editions went."""
        return sum(len(pruned.editions) for pruned in self.dates)

    @property
    def bytes(self) -> int:
        """How many bytes that freed."""
        return sum(pruned.bytes for pruned in self.dates)

    def describe(self) -> str:
        """`Removed: 12 editions of 11 dates`."""
        if self.retention is None:
            return "The definition sets no retention: every edition is kept"
        if not self.dates:
            return f"Nothing to remove: {format_count(sum(self.kept.values()), 'date')} kept"
        verb = "Would remove" if self.outcome == "dry-run" else "Removed"
        return f"{verb}: {format_count(self.editions, 'edition')} of {format_count(len(self.dates), 'date')}"
