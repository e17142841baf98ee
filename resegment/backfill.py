"""The command `backfill`: a range of dates, in order, from the command line.

What is run is flows/backfill.py's; the same flow has a form in the Prefect UI.
"""

import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from resegment.options import Json, Store

if TYPE_CHECKING:
    from schemas.backfills import Backfilled

backfills = typer.Typer()


class Mode(StrEnum):
    """Which dates are run."""

    FILL = "fill"
    REBUILD = "rebuild"


class OnError(StrEnum):
    """What follows a date that fails."""

    STOP = "stop"
    CONTINUE = "continue"


@backfills.command(epilog="Example: resegment backfill orders --start 2026-02-01 --end 2026-02-28")
def backfill(
    definition: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="A definition's name, or the path of its .yaml file.")
    ],
    start: Annotated[str, typer.Option(metavar="DATE", help="The first date.")],
    end: Annotated[str, typer.Option(metavar="DATE", help="The last date.")],
    mode: Annotated[Mode, typer.Option(help="fill: dates that are not published; rebuild: all.")] = Mode.FILL,
    on_error: Annotated[
        OnError, typer.Option(help="When a date fails: stop there, or continue.")
    ] = OnError.STOP,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell which dates would run.")] = False,
    source: Annotated[
        str | None, typer.Option(metavar="PATH", help="Read this instead of the definition's source.")
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Run a range of dates in order, as the nights themselves would have run. Again goes on where it was."""
    from resegment.arguments import load, parse_date, plain_failures
    from resegment.running import Request, run_flow
    from segmentation.backfilling import BackfillFailed, check_range

    segmentation, settings = load(definition)
    days = parse_date(start, segmentation), parse_date(end, segmentation)
    check_range(*days, parse_date(None, segmentation))
    parameters: dict[str, Any] = {"start_date": days[0], "end_date": days[1], "mode": str(mode)}
    parameters |= {"on_error": str(on_error), "dry_run": dry_run, "source": source}
    parameters |= {"definition": segmentation.name, "store": store or settings.store}
    errors = Console(stderr=True, soft_wrap=True)
    steps = (days[1] - days[0]).days + 1
    failure = None
    with plain_failures(errors):
        try:
            request = Request("backfill", parameters, ("publish",), steps)
            found = cast("Backfilled", run_flow(request, settings, errors))
        except BackfillFailed as error:
            if error.found is None:
                raise
            found, failure = error.found, error
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        for one in found.dates if dry_run or not sys.stdout.isatty() else ():
            typer.echo(one.tell())  # a person at a terminal has read them as they came
        typer.echo(f"{'Would run: ' if dry_run else ''}{found.name}, {found.tell()}")
    if failure is not None:
        errors.print(f"resegment: {failure}", markup=False, highlight=False, style="red")
        raise typer.Exit(failure.exit_status)
    if found.of("held"):
        raise typer.Exit(4)
