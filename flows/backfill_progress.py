"""A backfill's tasks, and its page in the Prefect UI: the plan, a check before each date, progress.

Each date is run by flows/resegment.py. Which dates run is decided in segmentation/backfill_plan.py.
"""

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect import get_run_logger, runtime, task
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.objects import State
from prefect.exceptions import MissingResult
from prefect.states import Completed

from schemas.backfills import BackfillPlan, BackfillRequest, BackfillResult, DateResult, Mode
from segmentation.backfill_plan import (
    BackfillFailed,
    check_range,
    get_backfill_home,
    get_first_outdated,
    list_date_results,
    plan_backfill,
    repair_live,
)
from segmentation.errors import Conflict, ResegmentError
from segmentation.store.catalogue.published import readable_edition
from segmentation.store.files.objects import parse_path
from segmentation.store.runs.sweeping import sweep_store
from tasks.runtime.markdown import escape_cell, format_table
from tasks.runtime.parameters import check_parameters

_REFRESH_S = 2.0  # least time between two versions of the page


class DateRange(NamedTuple):
    """First and last date of a backfill; None for all published dates, with mode changed."""

    start: date | None
    end: date | None


def open_backfill(
    definition: str, *, dates: DateRange, source: str | None, store: str | None, mode: Mode
) -> BackfillRequest:
    """Check every parameter and record what is requested."""
    checked = check_parameters(definition, source=source, store=store)
    sweep_store(parse_path(checked.store))
    today = datetime.now(UTC).astimezone(ZoneInfo(checked.definition.timezone)).date()
    check_range(dates.start, dates.end, today)
    return BackfillRequest(
        run_id=str(runtime.flow_run.id),
        name=checked.definition.name,
        store=checked.store,
        source=source,
        start=dates.start,
        end=dates.end,
        mode=mode,
    )


@task(task_run_name="plan {request.name}", persist_result=True, result_serializer="json")
def plan_dates(request: BackfillRequest) -> BackfillPlan:
    """The dates to run. Kept for a retry, which goes through the same dates in the same order."""
    # Read here and not passed, so that a retry finds this plan even if the definition was edited meanwhile.
    definition = check_parameters(request.name, source=request.source, store=request.store).definition
    return plan_backfill(request, definition)


@task(task_run_name="check {day}", persist_result=True, result_serializer="json")
def check_again(request: BackfillRequest, day: date) -> str | None:
    """The edition that another run has published for the date since the plan was made, if any."""
    return readable_edition(get_backfill_home(request), day)


class Progress:
    """The results of the dates so far: a page in the UI, and a line in the log for each date."""

    def __init__(self, request: BackfillRequest, plan: BackfillPlan, dry_run: bool) -> None:
        self.request, self.plan, self.dry_run = request, plan, dry_run
        self.home = get_backfill_home(request)
        self.dates = {result.as_of: result for result in list_date_results(plan)}
        self.exit_status = 1
        self._artifact: UUID | None = None
        self._shown = 0.0
        self._show()

    @property
    def result(self) -> BackfillResult:
        """All dates, in order."""
        request = self.request.model_dump(include={"name", "mode"})
        days = self.plan.model_dump(include={"start", "end"})
        return BackfillResult(**request, **days, dry_run=self.dry_run, dates=tuple(self.dates.values()))

    @property
    def has_failed(self) -> bool:
        """Has a date failed?"""
        return bool(self.result.list_dates("failed"))

    def list_days(self) -> Iterator[date]:
        """The dates to run, one after another; in mode fill without those published in the meantime."""
        for day in [result.as_of for result in self.result.list_dates("to-run")] if not self.dry_run else []:
            # A nightly run may have published the date meanwhile. It is neither waited
            # for nor replaced (decision 15).
            edition = check_again(self.request, day) if self.request.mode == "fill" else None
            if edition is None:
                yield day
            else:
                self._record(skip_date(day, edition))

    def take(self, day: date, state: State[Any]) -> None:
        """Record how a date's run ended."""
        read_result = self._read_record if state.is_completed() else self._read_failure
        self._record(read_result(day, state))

    def conclude(self) -> State[BackfillResult]:
        """The backfill's final state; raises BackfillFailed if a date failed."""
        result = self.result
        self._show()
        sweep_store(parse_path(self.request.store))
        if not self.dry_run:
            # A run killed between its commit and live.json leaves the pointer behind; later
            # dates may all be skipped.
            repair_live(self.home)
        if failed := result.list_dates("failed"):
            first = f"{failed[0].as_of} failed: {failed[0].message}"
            advice = "Fix the cause and press Retry: finished dates are not run again"
            raise BackfillFailed(f"{first}; {result.describe()}. {advice}", result, self.exit_status)
        outdated = None if self.dry_run else get_first_outdated(self.home, self.plan.start)
        return Completed(message=result.describe() + warn_outdated(outdated), data=result)

    def _read_record(self, day: date, state: State[Any]) -> DateResult:
        missing = BackfillFailed(
            f"the result of an earlier attempt at {day} is gone; start a new backfill, which continues from "
            "what the store holds"
        )
        try:
            record = state.result(_sync=True)  # type: ignore[call-overload]
        except (MissingResult, ValueError):  # what Prefect raises for a missing result file
            raise missing from None
        # The result of an earlier attempt's run comes back from its JSON as a dictionary.
        facts = record if isinstance(record, dict) else record.model_dump(mode="json")
        # Prefect matches subflows of an earlier attempt by their order. A date with another's
        # result would be lost.
        if facts.get("as_of") != str(day):
            raise missing
        names = ("as_of", "outcome", "edition", "k", "customers")
        fields = {name: facts[name] for name in names if name in facts}
        message = facts.get("message") or "; ".join(facts.get("reasons", ()))
        return DateResult.model_validate({**fields, "message": message})

    def _read_failure(self, day: date, state: State[Any]) -> DateResult:
        error = state.result(raise_on_failure=False, _sync=True)  # type: ignore[call-overload]
        edition = readable_edition(self.home, day)
        if isinstance(error, Conflict) and edition is not None and self.request.mode == "fill":
            return skip_date(day, edition)
        is_known = isinstance(error, ResegmentError)
        # The exit status is that of the first failure; later ones may only follow from it.
        if is_known and not self.has_failed:
            self.exit_status = error.exit_status
        message = str(error) if is_known else f"{type(error).__name__}, see the log of its run"
        return DateResult(as_of=day, outcome="failed", message=message)

    def _record(self, result: DateResult) -> None:
        self.dates[result.as_of] = result
        get_run_logger().info("%s", result.describe())
        # Skipping dates takes milliseconds, and each version of the page is a request to the server.
        if time.monotonic() - self._shown > _REFRESH_S:
            self._show()

    def _show(self) -> None:
        """Create or update the backfill's page, under a key of the segmentation's."""
        self._shown = time.monotonic()
        result = self.result
        page, description = render_progress(result), f"{result.start} to {result.end}, {result.describe()}"
        with get_client(sync_client=True) as client:
            if self._artifact is None:
                artifact = ArtifactCreate(
                    type="markdown",
                    key=f"{result.name}-backfill",
                    description=description,
                    data=page,
                    flow_run_id=UUID(self.request.run_id),
                )
                self._artifact = client.create_artifact(artifact).id
            else:
                client.update_artifact(self._artifact, ArtifactUpdate(data=page, description=description))


def skip_date(day: date, edition: str) -> DateResult:
    """The result of a date that another run published after the plan was made."""
    message = "published by another run in the meantime"
    return DateResult(as_of=day, outcome="skipped", edition=edition, message=message)


def warn_outdated(day: date | None) -> str:
    """That editions from this date on were built without the filled dates, and what to do."""
    if day is None:
        return ""
    return (
        f". The edition of {day} was built before these dates were filled: rebuild from there if it matters"
    )


def render_progress(result: BackfillResult) -> str:
    """The dates as a Markdown table, with a summary above it."""
    total, waiting = len(result.dates), len(result.list_dates("to-run"))
    title = "Would run" if result.dry_run else "Backfill"
    summary = f"{total - waiting} of {total} dates done: {result.describe_counts()}."
    if result.dry_run:
        summary = f"A dry run: {waiting} of {total} dates would run, in this order."
    rows = [
        [
            date_result.as_of,
            mark_outcome(date_result.outcome),
            date_result.k or "",
            "" if date_result.customers is None else f"{date_result.customers:,}",
            f"`{date_result.edition}`" if date_result.edition else "",
            escape_cell(date_result.message),
        ]
        for date_result in result.dates
    ]
    header = ["Date", "Outcome", "k", "Customers", "Edition", ""]
    lines = [
        f"## {title}: {escape_cell(result.name)}, {result.start} to {result.end}, mode {result.mode}",
        "",
        summary,
        "",
        *format_table(header, rows, "llrrll"),
    ]
    return "\n".join(lines)


def mark_outcome(outcome: str) -> str:
    """The outcome, in bold where a person has to look."""
    return f"**{outcome}**" if outcome in ("failed", "held") else outcome
