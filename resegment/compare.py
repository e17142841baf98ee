"""The command `resegment compare`: two editions side by side, or k-means and other algorithms.

Comparing editions is in compare_editions.py; the algorithms are in segmentation/k/challengers.py.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from config.definition import Definition
from config.settings import Settings
from resegment.arguments import check_source_files, load_definition, parse_run_date
from resegment.compare_editions import (
    ComparisonRequest,
    print_edition_comparison,
    run_edition_comparison,
)
from resegment.flow_runs import connect_server, count_task_runs
from resegment.options import JsonOption, SourceOption, StoreOption
from resegment.terminal import open_stderr, plain_failures, print_table, shorten_path
from segmentation.errors import Refused

if TYPE_CHECKING:
    from schemas.comparison import Comparison

compare_app = typer.Typer()

DEFAULT_ROWS = 5000


@compare_app.command(
    "compare",
    epilog="Examples: resegment compare shop draft.yaml; "
    "resegment compare shop@2026-01-30 shop@2026-01-31 --differences moved.csv; "
    "resegment compare shop --as-of 2026-01-31",
)
def compare_command(
    first: Annotated[
        str,
        typer.Argument(
            metavar="A", help="NAME, NAME@DATE, NAME@DATE/EDITION, or the path of a definition's .yaml file."
        ),
    ],
    second: Annotated[
        str | None, typer.Argument(metavar="B", help="Another of these. Without it: other algorithms.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="The date of a side that names none."),
    ] = None,
    store: StoreOption = None,
    source: SourceOption = None,
    differences: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Write who differs between A and B to a .csv or .parquet file."),
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option(
            min=100, max=10_000, metavar="N", help="How many customers to try algorithms on. Default: 5000."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two editions of the same customers, or k-means with seven other algorithms.

    With A and B: how their segments overlap, who differs, and what differs between their definitions. A
    definition's file is run into a temporary store, so a draft can be compared with what is live.

    With A alone: its k-means segments and other algorithms on the same customers. Publishes no segments.
    """
    if second is None:
        if differences is not None:
            raise Refused("differences", "--differences needs two sides: resegment compare A B")
        compare_with_algorithms(
            first, {"as_of": as_of, "store": store, "source": source, "rows": rows}, as_json
        )
        return
    if rows is not None:
        raise Refused(
            "rows", "--rows is for comparing algorithms; two editions are compared on all customers"
        )
    request = ComparisonRequest((first, second), as_of, source, store, differences)
    comparison = run_edition_comparison(request)
    if as_json:
        typer.echo(comparison.model_dump_json(indent=2))
    else:
        print_edition_comparison(comparison)


def compare_with_algorithms(name_or_path: str, options: dict[str, Any], as_json: bool) -> None:
    """Compare k-means with other algorithms on one date's customers."""
    if "@" in name_or_path:
        raise Refused("definition", "to compare an edition, name another one too: resegment compare A B")
    definition, settings = load_definition(name_or_path)
    day = parse_run_date(options["as_of"], definition)
    check_source_files(definition, options["source"], day)
    console = open_stderr()
    with plain_failures(console):
        parameters = {**options, "as_of": day, "store": options["store"] or settings.store}
        parameters["rows"] = options["rows"] or DEFAULT_ROWS
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
    from segmentation.k.evaluation import FAMILIES

    ks = definition.k.max - definition.k.min + 1
    task_counts = count_task_runs(compare, sweep=ks, evaluate=len(FAMILIES), challenge=len(CHALLENGERS))
    record = server.run(compare, {"definition": definition.name, **parameters}, task_counts)
    return cast("Comparison", record)


def print_comparison(comparison: "Comparison") -> None:
    """Print a row for each algorithm, and which of them does better than k-means."""
    from segmentation.k.trials import describe_winners, format_trials

    header, cells = format_trials(comparison.trials)
    print_table(header, cells, right=range(1, len(header) - 1))
    typer.echo(describe_winners(comparison.trials))
    typer.echo(comparison.describe_champion())
