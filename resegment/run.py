"""The command `resegment run`: one date from source to published edition.

The flow is in flows/resegment.py, what a date is checked for beforehand in arguments.py, what the command
prints in outcome.py.
"""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from config.definition import Definition
from config.settings import Settings
from resegment.arguments import check_source_files, load_definition, parse_run_date
from resegment.flow_runs import connect_server, count_task_runs
from resegment.options import (
    AcceptNewIdsOption,
    DefinitionArgument,
    JsonOption,
    RunDateOption,
    SourceOption,
    StoreOption,
)
from resegment.outcome import format_published
from resegment.terminal import open_stderr, plain_failures
from segmentation.errors import NoData

if TYPE_CHECKING:
    from schemas.night import Published, Unpublished

run_app = typer.Typer()


@run_app.command("run", epilog="Example: resegment run article --as-of 2026-01-31 --store out")
def run_date_command(
    name_or_path: DefinitionArgument,
    as_of: RunDateOption = None,
    store: StoreOption = None,
    source: SourceOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Build and publish again even if it is published already.")
    ] = False,
    accept_new_ids: AcceptNewIdsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read, check, segment and publish one date, all or nothing."""
    definition, settings = load_definition(name_or_path)
    day = parse_run_date(as_of, definition)
    try:
        check_source_files(definition, source, day)
    except NoData:
        if definition.source.on_no_data == "refuse":
            raise
    console = open_stderr()
    with plain_failures(console):
        parameters = {"as_of": day, "source": source, "store": store or settings.store, "force": force}
        parameters["accept_new_ids"] = accept_new_ids
        record = run_nightly_flow(definition, parameters, settings, console)
    from schemas.night import Unpublished

    if isinstance(record, Unpublished):
        message = f"No data: {record.name} as of {record.as_of}: {record.message}"
        typer.echo(record.model_dump_json(indent=2) if as_json else message)
        return
    typer.echo(record.model_dump_json(indent=2) if as_json else format_published(record))
    if record.outcome == "held":
        raise typer.Exit(4)


def run_nightly_flow(
    definition: Definition, parameters: dict[str, Any], settings: Settings, console: Console
) -> "Published | Unpublished":
    """Run the nightly flow in this process, with its stages shown on the console."""
    server = connect_server(settings, console)
    from flows.resegment import resegment
    from segmentation.k.evaluation import FAMILIES

    ks = definition.k.max - definition.k.min + 1
    task_counts = count_task_runs(resegment, sweep=ks, evaluate=len(FAMILIES))
    record = server.run(resegment, {"definition": definition.name, **parameters}, task_counts)
    return cast("Published | Unpublished", record)
