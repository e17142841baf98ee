"""The command `resegment score`: assign a table's customers to segments that exist.

How customers are assigned is in segmentation/scoring.py. It needs no Prefect server.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from resegment.arguments import load_definition, resolve_home
from resegment.options import DefinitionArgument, JsonOption, StoreOption
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

score_app = typer.Typer()


@score_app.command("score", epilog="Example: resegment score shop customers.csv -o scores.parquet")
def score_command(
    name_or_path: DefinitionArgument,
    table: Annotated[
        Path, typer.Argument(metavar="TABLE", help="A file of customers, such as .csv or .parquet.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The .parquet file to write.")
    ],
    store: StoreOption = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Use this model.json instead of the live edition's.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Assign a table's customers to the live segments, without fitting anything."""
    from segmentation.model import read_model
    from segmentation.scoring import score_table

    definition, _ = load_definition(name_or_path)
    fitted = read_model(model or _locate_live_model(definition.name, store))
    scored = score_table(table, definition, fitted, output)
    typer.echo(json.dumps(scored.facts(), indent=2) if as_json else scored.describe())


def _locate_live_model(name: str, store: str | None) -> AnyPath:
    from segmentation.store.edition.manifests import check_file
    from segmentation.store.layout import edition_folder
    from segmentation.store.pointer import read_live

    home = resolve_home(name, store)
    live = read_live(home)
    if live is None:
        raise Refused("model", f"{home} has no live edition: run a date")
    return check_file(edition_folder(home, *live), "model.json")
