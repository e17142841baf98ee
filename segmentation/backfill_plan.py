"""Which dates a backfill runs, read from the store.

Running them is in flows/backfill.py. Dates run in order, since each night builds on the previous one.
"""

from datetime import date, timedelta

from config.definition import Definition
from schemas.backfills import BackfillPlan, BackfillRequest, BackfillResult, DateResult, PlannedDate
from segmentation.errors import Refused, ResegmentError
from segmentation.sources.changed_dates import list_changed_dates
from segmentation.store.catalogue.preceding import previous_edition
from segmentation.store.catalogue.pruned import is_pruned, list_pruned_dates
from segmentation.store.catalogue.published import readable_edition, readable_editions
from segmentation.store.dates import published_dates
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath, parse_path
from segmentation.store.layout import edition_folder
from segmentation.store.ledger import read_nights
from segmentation.store.pointer import read_pointer
from segmentation.store.publication.commit import move_live

MAX_DATES = 1100  # three years of nights
_PRUNED = "pruned; mode rebuild makes it again"


class BackfillFailed(ResegmentError):
    """Dates of a backfill failed. `exit_status` is that of the first one; `result` lists all dates."""

    def __init__(self, message: str, result: BackfillResult | None = None, exit_status: int = 1) -> None:
        super().__init__(message)
        self.result = result
        self.exit_status = exit_status


def check_range(start: date | None, end: date | None, today: date) -> None:
    """Refuse a range that is reversed, in the future, or too long to be intended. None is open."""
    start, end = start or end or today, end or start or today
    if start > end:
        raise Refused("date-range", f"start_date {start} is after end_date {end}; expected start <= end")
    if end > today:
        raise Refused("future-date", f"end_date {end} is in the future: today is {today}")
    if start < today - timedelta(days=366 * 50):
        raise Refused("old-date", f"start_date {start} is more than 50 years ago")
    count = (end - start).days + 1
    if count > MAX_DATES:
        raise Refused(
            "too-many-dates", f"{count:,} dates; a backfill takes {MAX_DATES:,} at most: split the range"
        )


def list_days(start: date, end: date) -> list[date]:
    """Every date from start to end, both included."""
    return [start + timedelta(days=i) for i in range((end - start).days + 1)]


def get_backfill_home(request: BackfillRequest) -> AnyPath:
    """The segmentation's folder in the store, whether it exists yet or not."""
    return parse_path(request.store) / request.name


def plan_backfill(request: BackfillRequest, definition: Definition) -> BackfillPlan:
    """Every date of the range, in mode fill with the edition that is published for it.

    In mode changed, the published dates to redo.
    """
    home = get_backfill_home(request)
    start, end = resolve_range(home, request)
    if request.mode == "changed":
        planned = list_changed_dates(home, definition, request.source, (start, end))
        return BackfillPlan(start=start, end=end, dates=planned)
    published = set(published_dates(home)) if request.mode == "fill" else set()
    pruned = list_pruned_dates(home) - published if request.mode == "fill" else frozenset()
    dates = [
        PlannedDate(
            as_of=day,
            edition=readable_edition(home, day) if day in published else None,
            is_pruned=day in pruned,
        )
        for day in list_days(start, end)
    ]
    return BackfillPlan(start=start, end=end, dates=tuple(dates))


def resolve_range(home: AnyPath, request: BackfillRequest) -> tuple[date, date]:
    """The first and last date; in mode changed, by default all published dates. Refused without any."""
    published = published_dates(home) if request.mode == "changed" else []
    start, end = request.start, request.end
    if published:
        end = end or published[-1]
        start = start or max(published[0], end - timedelta(days=MAX_DATES - 1))
    if start is None or end is None:
        problem = (
            "nothing is published yet" if request.mode == "changed" else "start_date or end_date is empty"
        )
        raise Refused("date-range", f"{problem}; expected a first and a last date")
    return start, end


def list_date_results(plan: BackfillPlan) -> list[DateResult]:
    """The results before the first run: published dates are skipped, all others are to run."""
    return [
        DateResult(as_of=day.as_of, outcome="skipped", edition=day.edition, message="published already")
        if day.edition
        else DateResult(as_of=day.as_of, outcome="skipped", message=_PRUNED)
        if day.is_pruned
        else DateResult(as_of=day.as_of, outcome="to-run", message=day.reason)
        for day in plan.dates
    ]


def list_missed_dates(home: AnyPath, as_of: date) -> list[date]:
    """Dates between the newest published one before as_of and as_of, the last MAX_DATES of them.

    Empty if nothing has been published yet: that needs a backfill. Held dates are left out: they need a
    promotion.
    """
    earlier = [day for day in published_dates(home) if day < as_of]
    if not earlier:
        return []
    outcomes = {row.get("as_of"): row.get("outcome") for row in read_nights(home)}
    missed = list_days(earlier[-1] + timedelta(days=1), as_of - timedelta(days=1))
    return [day for day in missed if outcomes.get(str(day)) != "held"][-MAX_DATES:]


def get_first_outdated(home: AnyPath, start: date) -> date | None:
    """The first date after start whose edition was not built on the edition now published before it."""
    previous = previous_edition(home, start)
    expected = previous.edition if previous else None
    superseded = read_pointer(home).superseded
    for day, edition in readable_editions(home):
        if day < start or edition in superseded:
            continue
        manifest = try_read_manifest(edition_folder(home, day, edition))
        is_other = manifest is not None and day > start and manifest.previous != expected
        # What it was built on was there when it was built, and has been pruned since.
        if is_other and not is_pruned(home, str(manifest and manifest.previous)):
            return day
        expected = edition
    return None


def repair_live(home: AnyPath) -> None:
    """Move live.json to the newest published date, in case a run was killed right after its commit."""
    superseded = read_pointer(home).superseded
    # Newest first: usually the first footer is the answer.
    for day in reversed(published_dates(home)):
        edition = readable_edition(home, day)
        if edition is not None and edition not in superseded:
            with lock(home / LOCK):
                move_live(home, day, edition)
            return
