"""The command `resegment compare`: other algorithms on one date's customers, side by side with k-means.

The algorithms are in segmentation/k/challengers.py. Nothing heavy is imported before the arguments are
checked.
"""

import sys
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from schemas.comparison import Comparison

comparison = typer.Typer()


@comparison.command(epilog="Example: resegment compare shop --as-of 2026-01-31")
def compare(
    definition: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="A definition's name, or the path of its .yaml file.")
    ],
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="The date to speak for; today by default.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="A folder or s3://BUCKET/FOLDER; else RESEGMENT_STORE, else ./store."
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option(metavar="PATH", help="Read this instead of the definition's source.")
    ] = None,
    rows: Annotated[
        int, typer.Option(min=100, max=10_000, metavar="N", help="Customers in the sample they are given.")
    ] = 5000,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document on standard output, for scripts.")
    ] = False,
) -> None:
    """Try seven other algorithms on the same customers, and tell how they differ. Publishes no segments."""
    from resegment.arguments import load, parse_date, plain_failures, shorten

    segmentation, settings = load(definition)
    day = parse_date(as_of, segmentation)
    if source is not None or segmentation.source.path is not None:
        from segmentation.source import find_files

        find_files(segmentation.source, source, day, segmentation.window(day))
    from resegment.running import COMPARISON_STAGES, Request, run_flow
    from segmentation.k.challengers import CHALLENGERS

    errors = Console(stderr=True, soft_wrap=True)
    with plain_failures(errors):
        steps = len(COMPARISON_STAGES) + segmentation.k.max - segmentation.k.min + len(CHALLENGERS) - 1
        parameters = {"as_of": day, "source": source, "store": store or settings.store, "rows": rows}
        request = Request(
            "compare", {"definition": segmentation.name, **parameters}, COMPARISON_STAGES, steps
        )
        found = cast("Comparison", run_flow(request, settings, errors))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
        return
    show(found)
    typer.echo(f"Table: {shorten(found.table_path)}")
    typer.echo(f"Page:  {shorten(found.page_path)}")


def show(found: "Comparison") -> None:
    """The table on standard output, and which algorithm does better."""
    from segmentation.k.comparing import tell_trials, tell_winners

    header, cells = tell_trials(found.trials)
    shown = Table(box=None, header_style="bold")
    for i, column in enumerate(header):
        words = i in (0, len(header) - 1)
        shown.add_column(column, justify="left" if words else "right", overflow="fold")
    for row in cells:
        shown.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 220).print(shown, markup=False)
    typer.echo(tell_winners(found.trials))
