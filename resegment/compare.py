"""The command `resegment compare`: k-means and other algorithms side by side on one date's customers.

The algorithms are in segmentation/k/challengers.py.
"""

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from config.definition import Definition
from config.settings import Settings
from resegment.arguments import check_source_files, load_definition, parse_run_date
from resegment.flow_runs import connect_server, count_task_runs
from resegment.options import DefinitionArgument, JsonOption, RunDateOption, SourceOption, StoreOption
from resegment.terminal import open_stderr, plain_failures, print_table, shorten_path

if TYPE_CHECKING:
    from schemas.comparison import Comparison

compare_app = typer.Typer()


@compare_app.command("compare", epilog="Example: resegment compare shop --as-of 2026-01-31")
def compare_command(
    name_or_path: DefinitionArgument,
    as_of: RunDateOption = None,
    store: StoreOption = None,
    source: SourceOption = None,
    rows: Annotated[
        int,
        typer.Option(min=100, max=10_000, metavar="N", help="How many customers to compare on."),
    ] = 5000,
    as_json: JsonOption = False,
) -> None:
    """Compare k-means with seven other algorithms on the same customers. Publishes no segments."""
    definition, settings = load_definition(name_or_path)
    day = parse_run_date(as_of, definition)
    check_source_files(definition, source, day)
    console = open_stderr()
    with plain_failures(console):
        parameters = {"as_of": day, "source": source, "store": store or settings.store, "rows": rows}
        comparison = run_comparison(definition, parameters, settings, console)
    if as_json:
        typer.echo(comparison.model_dump_json(indent=2))
        return
    print_comparison(comparison)
    typer.echo(f"Table: {shorten_path(comparison.table_path)}")
    typer.echo(f"Page:  {shorten_path(comparison.page_path)}")


def run_comparison(
    definition: Definition, parameters: dict[str, Any], settings: Settings, console: Console
) -> "Comparison":
    """Run the flow in this process, with its stages shown on the console."""
    server = connect_server(settings, console)
    from flows.compare import compare
    from segmentation.k.challengers import CHALLENGERS

    ks = definition.k.max - definition.k.min + 1
    task_counts = count_task_runs(compare, sweep=ks, challenge=len(CHALLENGERS))
    record = server.run(compare, {"definition": definition.name, **parameters}, task_counts)
    return cast("Comparison", record)


def print_comparison(comparison: "Comparison") -> None:
    """Print a row for each algorithm, and which of them does better than k-means."""
    from segmentation.k.trials import describe_winners, format_trials

    header, cells = format_trials(comparison.trials)
    print_table(header, cells, right=range(1, len(header) - 1))
    typer.echo(describe_winners(comparison.trials))
