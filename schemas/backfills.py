"""What a backfill was asked for, what it plans, and what became of each date: small, frozen, JSON.

Which dates are run is segmentation/backfilling.py's, running them flows/backfill.py's.
"""

from collections import Counter
from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record

Mode = Literal["fill", "rebuild"]
DateOutcome = Literal["to-run", "published", "already-published", "held", "no-data", "skipped", "failed"]


class Asked(Record):
    """What a backfill was asked for, checked. Equal on every retry of its run."""

    run_id: str
    name: str = Field(description="The segmentation.")
    store: str = Field(description="Folder or URL of the store.")
    start: date
    end: date
    mode: Mode


class Step(Record):
    """One date of the plan. edition: what fill leaves alone; None where the date is to be run."""

    as_of: date
    edition: str | None = None


class Plan(Record):
    """The dates in order, as they were when the backfill began."""

    steps: tuple[Step, ...]


class DateRun(Record):
    """What became of one date; `to-run` while it waits, or in a dry run."""

    as_of: date
    outcome: DateOutcome
    edition: str | None = None
    k: int | None = None
    customers: int | None = None
    message: str = ""

    def tell(self) -> str:
        """One line: date, outcome, what was found."""
        facts = [f"k = {self.k}, {self.customers:,} customers"] if self.customers is not None else []
        facts += [f"edition {self.edition}"] if self.edition else []
        facts += [self.message] if self.message else []
        return f"{self.as_of}  {self.outcome}" + (f": {', '.join(facts)}" if facts else "")


class Backfilled(Record):
    """A backfill, date by date."""

    name: str
    start: date
    end: date
    mode: Mode
    dry_run: bool = False
    dates: tuple[DateRun, ...]

    def of(self, *outcomes: DateOutcome) -> list[DateRun]:
        """The dates that ended so."""
        return [one for one in self.dates if one.outcome in outcomes]

    def tell_counts(self) -> str:
        """`28 published, 2 held`."""
        counts = Counter(one.outcome for one in self.dates)
        return ", ".join(f"{count} {outcome.replace('-', ' ')}" for outcome, count in counts.items())

    def tell(self) -> str:
        """`30 dates: 28 published, 2 held`."""
        return f"{len(self.dates)} date{'s' if len(self.dates) > 1 else ''}: {self.tell_counts()}"
