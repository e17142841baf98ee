"""A backfill's tasks, and its page in the Prefect UI: the plan, a second look at each date, progress.

What a date's run does is the other stages'; which dates are run is segmentation/backfilling.py's.
"""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect import get_run_logger, runtime, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.objects import State
from prefect.exceptions import MissingResult
from prefect.states import Completed

from schemas.backfills import Asked, Backfilled, DateRun, Mode, Plan
from segmentation.backfilling import (
    BackfillFailed,
    begin_dates,
    check_range,
    find_asked_home,
    find_outdated,
    make_plan,
    mend_live,
)
from segmentation.errors import Conflict, ResegmentError
from segmentation.store.layout import published_edition
from tasks.runtime.artifacts import escape_cell
from tasks.runtime.parameters import check_parameters

_QUIET_S = 2.0  # between two versions of the page


def open_backfill(
    definition: str, range_: tuple[date, date], places: tuple[str | None, str | None], mode: Mode
) -> Asked:
    """Check every parameter and name what is asked for. places: source and store, or None."""
    segmentation, where = check_parameters(definition, places)
    today = datetime.now(UTC).astimezone(ZoneInfo(segmentation.timezone)).date()
    check_range(*range_, today)
    return Asked(
        run_id=str(runtime.flow_run.id),
        name=segmentation.name,
        store=where,
        start=range_[0],
        end=range_[1],
        mode=mode,
    )


@task(task_run_name="plan {asked.name}", persist_result=True, result_serializer="json")
def plan_dates(asked: Asked) -> Plan:
    """Which dates are run. Kept for a retry, which goes through the same dates in the same order."""
    return make_plan(asked)


@task(task_run_name="look at {day}", persist_result=True, result_serializer="json")
def look_again(asked: Asked, day: date) -> str | None:
    """The edition that another run has published for the date since the plan was made, if one has."""
    return published_edition(find_asked_home(asked), day)


class Progress:
    """What became of the dates so far: a page in the UI, a line in the log for each."""

    def __init__(self, asked: Asked, plan: Plan, dry_run: bool) -> None:
        self.asked, self.dry_run = asked, dry_run
        self.dates = {one.as_of: one for one in begin_dates(plan)}
        self.exit_status = 1
        self._artifact: UUID | None = None
        self._shown = 0.0
        self._show()

    @property
    def found(self) -> Backfilled:
        """All dates, in order."""
        asked = self.asked.model_dump(include={"name", "start", "end", "mode"})
        return Backfilled(**asked, dry_run=self.dry_run, dates=tuple(self.dates.values()))

    @property
    def has_failed(self) -> bool:
        """Has a date failed?"""
        return bool(self.found.of("failed"))

    def list_days(self) -> Iterator[date]:
        """The dates to run, one after another; in mode fill those that nobody has published meanwhile."""
        for day in [one.as_of for one in self.found.of("to-run")] if not self.dry_run else []:
            edition = look_again(self.asked, day) if self.asked.mode == "fill" else None
            if edition is None:
                yield day
            else:
                said = "published by another run meanwhile"
                self._note(DateRun(as_of=day, outcome="skipped", edition=edition, message=said))

    def take(self, day: date, state: State[Any]) -> None:
        """Note how a date's run ended."""
        read = self._read_published if state.is_completed() else self._read_failure
        self._note(read(day, state))

    def conclude(self) -> State[Backfilled]:
        """The backfill's state; BackfillFailed where a date failed."""
        found = self.found
        self._show()
        if not self.dry_run:
            mend_live(find_asked_home(self.asked))
        if failed := found.of("failed"):
            first = f"{failed[0].as_of} failed: {failed[0].message}"
            advice = "Mend it and press Retry: dates that are done are not run again"
            raise BackfillFailed(f"{first}; {found.tell()}. {advice}", found, self.exit_status)
        outdated = None if self.dry_run else find_outdated(find_asked_home(self.asked), self.asked.start)
        return Completed(message=found.tell() + tell_outdated(outdated), data=found)

    def _read_published(self, day: date, state: State[Any]) -> DateRun:
        gone = BackfillFailed(
            f"what an earlier try kept of {day} is not to be found; start a new backfill, which goes on "
            "with what the store holds"
        )
        try:
            ended = state.result(_sync=True)  # type: ignore[call-overload]
        except (MissingResult, ValueError):  # Prefect's words for a result file that is not there
            raise gone from None
        # A run of an earlier try comes back from its JSON as a dictionary.
        facts = ended if isinstance(ended, dict) else ended.model_dump(mode="json")
        if facts.get("as_of") != str(day):
            raise gone
        told = {
            name: facts[name] for name in ("as_of", "outcome", "edition", "k", "customers") if name in facts
        }
        message = facts.get("message") or "; ".join(facts.get("reasons", ()))
        return DateRun.model_validate({**told, "message": message})

    def _read_failure(self, day: date, state: State[Any]) -> DateRun:
        error = state.result(raise_on_failure=False, _sync=True)  # type: ignore[call-overload]
        edition = published_edition(find_asked_home(self.asked), day)
        if isinstance(error, Conflict) and edition is not None and self.asked.mode == "fill":
            said = "published by another run meanwhile"
            return DateRun(as_of=day, outcome="skipped", edition=edition, message=said)
        if not self.has_failed and isinstance(error, ResegmentError):
            self.exit_status = error.exit_status
        known = isinstance(error, ResegmentError)
        said = str(error) if known else f"{type(error).__name__}, see the log of its run"
        return DateRun(as_of=day, outcome="failed", message=said)

    def _note(self, one: DateRun) -> None:
        self.dates[one.as_of] = one
        get_run_logger().info("%s", one.tell())
        if time.monotonic() - self._shown > _QUIET_S:
            self._show()

    def _show(self) -> None:
        """Put the page up, under a key of the segmentation's own, or bring it up to date."""
        self._shown = time.monotonic()
        found = self.found
        page, description = write_page(found), f"{found.start} to {found.end}, {found.tell()}"
        with get_client(sync_client=True) as client:
            if self._artifact is None:
                made = ArtifactCreate(
                    type="markdown",
                    key=f"{found.name}-backfill",
                    description=description,
                    data=page,
                    flow_run_id=UUID(self.asked.run_id),
                )
                self._artifact = client.create_artifact(made).id
            else:
                client.update_artifact(self._artifact, ArtifactUpdate(data=page, description=description))


def tell_outdated(day: date | None) -> str:
    """That editions from this date on do not build on what was filled before them, and what to do."""
    if day is None:
        return ""
    return f". The edition of {day} was built without what is before it now: rebuild from there if it counts"


def write_page(found: Backfilled) -> str:
    """The dates as a table, with what they come to above it."""
    done = len(found.dates) - len(found.of("to-run"))
    head = "Would run" if found.dry_run else "Backfill"
    said = f"A dry run: {len(found.of('to-run'))} of {len(found.dates)} dates would run, in this order."
    lines = [
        f"## {head}: {escape_cell(found.name)}, {found.start} to {found.end}, mode {found.mode}",
        "",
        said if found.dry_run else f"{done} of {len(found.dates)} dates done: {found.tell_counts()}.",
        "",
        "| Date | Outcome | k | Customers | Edition | |",
        "| --- | --- | ---: | ---: | --- | --- |",
    ]
    for one in found.dates:
        customers = "" if one.customers is None else f"{one.customers:,}"
        outcome = f"**{one.outcome}**" if one.outcome in ("failed", "held") else one.outcome
        edition = f"`{one.edition}`" if one.edition else ""
        cells = (one.as_of, outcome, one.k or "", customers, edition, escape_cell(one.message))
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)
