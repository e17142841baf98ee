"""The command `resegment backfill`: run a range of dates in order.

The flow is in flows/backfill.py. It also has a form in the Prefect UI.
"""

import sys
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from config.settings import Settings
from resegment.arguments import load_definition, parse_run_date
from resegment.flow_runs import connect_server
from resegment.options import AcceptNewIdsOption, DefinitionArgument, JsonOption, SourceOption, StoreOption
from resegment.terminal import open_stderr, plain_failures, print_failure
from segmentation.errors import Refused

if TYPE_CHECKING:
    from schemas.backfills import BackfillResult
    from segmentation.backfill_plan import BackfillFailed

backfill_app = typer.Typer()


class ModeChoice(StrEnum):
    """Which dates run."""

    FILL = "fill"
    REBUILD = "rebuild"
    CHANGED = "changed"


class ErrorChoice(StrEnum):
    """What happens after a date fails."""

    STOP = "stop"
    CONTINUE = "continue"


@backfill_app.command(
    "backfill", epilog="Example: resegment backfill orders --start 2026-02-01 --end 2026-02-28"
)
def backfill_command(
    name_or_path: DefinitionArgument,
    start: Annotated[str | None, typer.Option(metavar="DATE", help="The first date.")] = None,
    end: Annotated[str | None, typer.Option(metavar="DATE", help="The last date.")] = None,
    mode: Annotated[
        ModeChoice,
        typer.Option(
            help="fill: only dates without a published edition. rebuild: every date. changed: published "
            "dates that lack a late file, and those that build on them."
        ),
    ] = ModeChoice.FILL,
    on_error: Annotated[
        ErrorChoice, typer.Option(help="After a date fails: stop, or continue with the next date.")
    ] = ErrorChoice.STOP,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which dates would run.")] = False,
    source: SourceOption = None,
    store: StoreOption = None,
    accept_new_ids: AcceptNewIdsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run a range of dates in order, exactly as each nightly run would have. Run it again to resume."""
    from segmentation.backfill_plan import check_range

    definition, settings = load_definition(name_or_path)
    if mode != ModeChoice.CHANGED and (start is None or end is None):
        raise Refused("date-range", f"mode {mode} needs --start and --end")
    first, last = (None if day is None else parse_run_date(day, definition) for day in (start, end))
    check_range(first, last, parse_run_date(None, definition))
    parameters: dict[str, Any] = {"definition": definition.name, "start_date": first, "end_date": last}
    parameters |= {"mode": str(mode), "on_error": str(on_error), "dry_run": dry_run}
    parameters |= {"source": source, "store": store or settings.store, "accept_new_ids": accept_new_ids}
    result, failure = run_backfill(parameters, settings)
    if as_json:
        typer.echo(result.model_dump_json(indent=2))
    else:
        print_dates(result)
    if failure is not None:
        print_failure(failure)
        raise typer.Exit(failure.exit_status)
    if result.list_dates("held"):
        # 4 is a held night's status, so that scripts can tell it from a failure.
        raise typer.Exit(4)


def run_backfill(
    parameters: dict[str, Any], settings: Settings
) -> "tuple[BackfillResult, BackfillFailed | None]":
    """Run the flow: what became of each date, and the failure it ended with, if any."""
    from segmentation.backfill_plan import BackfillFailed

    console = open_stderr()
    with plain_failures(console):
        server = connect_server(settings, console)
        from flows.backfill import backfill

        first, last = (cast("date | None", parameters[key]) for key in ("start_date", "end_date"))
        # How many dates have changed is not known before the run.
        days = (last - first).days + 1 if first and last else 0
        try:
            return cast("BackfillResult", server.run(backfill, parameters, {"publish": days})), None
        except BackfillFailed as error:
            if error.result is None:
                raise
            return error.result, error


def print_dates(result: "BackfillResult") -> None:
    """Print a line for each date and one for all. On a terminal the dates were shown as they ran."""
    for date_result in result.dates if result.dry_run or not sys.stdout.isatty() else ():
        typer.echo(date_result.describe())
    typer.echo(f"{'Would run: ' if result.dry_run else ''}{result.name}, {result.describe()}")
