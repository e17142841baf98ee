"""Records of a backfill: the request, the plan, and the result of each date. Small, frozen, JSON.

The dates to run are chosen in segmentation/backfill_plan.py and run in flows/backfill.py.
"""

from collections import Counter
from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record
from schemas.wording import format_count

Mode = Literal["fill", "rebuild", "changed"]
DateOutcome = Literal[
    "to-run",
    "published",
    "already-published",
    "published-by-other-code",
    "held",
    "no-data",
    "skipped",
    "failed",
]


class BackfillRequest(Record):
    """The checked parameters of a backfill. Equal on every retry of its run."""

    run_id: str
    name: str = Field(description="The segmentation.")
    store: str = Field(description="Folder or URL of the store.")
    source: str | None = Field(None, description="What is read instead of the definition's source.")
    start: date | None = Field(None, description="None: the first published date.")
    end: date | None = Field(None, description="None: the last published date.")
    mode: Mode


class PlannedDate(Record):
    """One date of the plan. edition: already published, so `fill` skips the date; None to run it."""

    as_of: date
    edition: str | None = None
    is_pruned: bool = Field(False, description="Its editions were pruned, so `fill` skips it as well.")
    reason: str = Field("", description="Why a published date is redone, with mode changed.")


class BackfillPlan(Record):
    """The dates in order, as they were when the backfill began."""

    start: date
    end: date
    dates: tuple[PlannedDate, ...]


class DateResult(Record):
    """What became of one date; `to-run` while it waits, or in a dry run."""

    as_of: date
    outcome: DateOutcome
    edition: str | None = None
    k: int | None = None
    customers: int | None = None
    message: str = ""

    def describe(self) -> str:
        """`2026-01-31  published: k = 4, 4,264 customers, edition 1f0c…`."""
        facts = [f"k = {self.k}, {self.customers:,} customers"] if self.customers is not None else []
        facts += [f"edition {self.edition}"] if self.edition else []
        facts += [self.message] if self.message else []
        return f"{self.as_of}  {self.outcome}" + (f": {', '.join(facts)}" if facts else "")


class BackfillResult(Record):
    """What became of a backfill, date by date."""

    name: str
    start: date
    end: date
    mode: Mode
    dry_run: bool = False
    dates: tuple[DateResult, ...]

    def list_dates(self, outcome: DateOutcome) -> list[DateResult]:
        """The dates with this outcome."""
        return [result for result in self.dates if result.outcome == outcome]

    def describe_counts(self) -> str:
        """`28 published, 2 held`; `nothing to do` without any date."""
        counts = Counter(result.outcome for result in self.dates)
        if not counts:
            return "nothing to do"
        return ", ".join(f"{count} {outcome.replace('-', ' ')}" for outcome, count in counts.items())

    def describe(self) -> str:
        """`30 dates: 28 published, 2 held`."""
        return f"{format_count(len(self.dates), 'date')}: {self.describe_counts()}"
