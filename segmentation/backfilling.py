"""Which dates a backfill runs, read from the store, and what stands in their way.

Running them is flows/backfill.py's. Dates go in order, since each night builds on the one before.
"""

from datetime import date, timedelta

from schemas.backfills import Asked, Backfilled, DateRun, Plan, Step
from segmentation.errors import Refused, ResegmentError
from segmentation.store.commit import move_live
from segmentation.store.layout import (
    Home,
    edition_before,
    edition_folder,
    published_dates,
    published_edition,
)
from segmentation.store.ledger import read_nights
from segmentation.store.locking import LOCK, lock
from segmentation.store.manifests import try_read_manifest
from segmentation.store.objects import AnyPath, as_place
from segmentation.store.pointer import read_pointer

MOST_DATES = 1100  # three years of nights


class BackfillFailed(ResegmentError):
    """Dates of a backfill failed. `exit_status` is that of the first; `found` tells date by date."""

    def __init__(self, message: str, found: Backfilled | None = None, exit_status: int = 1) -> None:
        super().__init__(message)
        self.found = found
        self.exit_status = exit_status


def check_range(start: date, end: date, today: date) -> None:
    """Refuse a range that is turned round, lies in the future, or is too long to be meant."""
    if start > end:
        raise Refused("date-range", f"start_date {start} is after end_date {end}; expected start <= end")
    if end > today:
        raise Refused("future-date", f"end_date {end} lies in the future: today is {today}")
    if start < today - timedelta(days=366 * 50):
        raise Refused("old-date", f"start_date {start} lies more than 50 years back")
    count = (end - start).days + 1
    if count > MOST_DATES:
        raise Refused("too-many-dates", f"{count:,} dates; a backfill takes {MOST_DATES:,} at most: do parts")


def list_days(start: date, end: date) -> list[date]:
    """Every date from start to end, both included."""
    return [start + timedelta(days=i) for i in range((end - start).days + 1)]


def find_asked_home(asked: Asked) -> AnyPath:
    """The segmentation's folder in the store, whether it is there yet or not."""
    return as_place(asked.store) / asked.name


def make_plan(asked: Asked) -> Plan:
    """Every date of the range; in mode fill with the edition that is published for it already."""
    home = find_asked_home(asked)
    there = set(published_dates(home)) if asked.mode == "fill" else set()
    steps = [
        Step(as_of=day, edition=published_edition(home, day) if day in there else None)
        for day in list_days(asked.start, asked.end)
    ]
    return Plan(steps=tuple(steps))


def begin_dates(plan: Plan) -> list[DateRun]:
    """The plan as the table of what is to be done."""
    return [
        DateRun(as_of=step.as_of, outcome="skipped", edition=step.edition, message="published already")
        if step.edition
        else DateRun(as_of=step.as_of, outcome="to-run")
        for step in plan.steps
    ]


def find_missed(home: Home, before: date) -> list[date]:
    """Dates before this one that follow the newest published date, at most MOST_DATES of them.

    Nothing was missed where nothing has been published yet: that is a backfill's to begin. Nor was a date
    that is held: that is a person's to promote.
    """
    earlier = [day for day in published_dates(home) if day < before]
    if not earlier:
        return []
    last = {row.get("as_of"): row.get("outcome") for row in read_nights(home)}
    missed = list_days(earlier[-1] + timedelta(days=1), before - timedelta(days=1))
    return [day for day in missed if last.get(str(day)) != "held"][-MOST_DATES:]


def find_outdated(home: Home, start: date) -> date | None:
    """The first date after start whose edition was built without the one that is before it now."""
    before = edition_before(home, start)
    newest, set_aside = before[1] if before else None, read_pointer(home).set_aside
    for day in [day for day in published_dates(home) if day >= start]:
        edition = published_edition(home, day)
        if edition is None or edition in set_aside:
            continue
        manifest = try_read_manifest(edition_folder(home, day, edition))
        if manifest is not None and day > start and manifest.previous != newest:
            return day
        newest = edition
    return None


def mend_live(home: Home) -> None:
    """Move live.json forward to the newest published date: a run killed after its commit left it behind."""
    days = published_dates(home)
    edition = published_edition(home, days[-1]) if days else None
    if edition is None:
        return
    with lock(home / LOCK):
        move_live(home, days[-1], edition)
