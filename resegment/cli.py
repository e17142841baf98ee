"""The command `resegment`: words, options and exit status. Nothing heavy is imported before it is needed.

Exit status: 0 published or already there, 2 refused, 3 another publisher won, 4 held, 130 interrupted,
1 anything else.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from config.settings import SettingsError
from resegment import starting
from resegment.backfill import backfills
from resegment.compare import comparison
from resegment.editions import editions
from resegment.options import Json, Name, Store, Which, parse_day
from resegment.report import reports
from resegment.sample import samples
from resegment.segments import segments
from resegment.servers import server
from segmentation.errors import NoData, Refused, ResegmentError

if TYPE_CHECKING:
    from schemas.records import Published

app = typer.Typer(
    help="Turn customer data into segments every night, and keep them meaningful.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
errors = Console(stderr=True, soft_wrap=True)

Definition = Annotated[
    str, typer.Argument(metavar="NAME|PATH", help="A definition's name, or the path of its .yaml file.")
]


def main() -> None:
    """Run the command; a failure ends with one line on standard error and its exit status."""
    app.add_typer(samples, name="sample")
    app.add_typer(backfills)
    app.add_typer(comparison)
    app.add_typer(editions)
    app.add_typer(reports)
    app.add_typer(segments)
    app.add_typer(server)
    try:
        app()
    except ResegmentError as error:
        errors.print(f"resegment: {error}", markup=False, highlight=False, style="red")
        sys.exit(error.exit_status)
    except SettingsError as error:
        errors.print(f"resegment: settings: {error}", markup=False, highlight=False, style="red")
        sys.exit(2)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        errors.print(f"resegment: {error.strerror}{where}", markup=False, highlight=False, style="red")
        sys.exit(1)


@app.command(epilog="Example: resegment run article --as-of 2026-01-31 --store out")
def run(
    definition: Definition,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="The date to speak for; today by default.")
    ] = None,
    store: Store = None,
    source: Annotated[
        str | None, typer.Option(metavar="PATH", help="Read this instead of the definition's source.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Build and publish again even if it is there.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read, check, segment and publish one date, all or nothing."""
    from resegment.arguments import load, parse_date, plain_failures, shorten

    segmentation, settings = load(definition)
    day = parse_date(as_of, segmentation)
    place = store or settings.store
    if source is not None or segmentation.source.path is not None:
        from segmentation.source import find_files

        try:
            find_files(segmentation.source, source, day, segmentation.window(day))
        except NoData:
            if segmentation.source.on_no_data == "refuse":
                raise
    from resegment.running import STAGES, Request, run_flow

    with plain_failures(errors):
        parameters = {"as_of": day, "source": source, "store": place, "force": force}
        steps = len(STAGES) + segmentation.k.max - segmentation.k.min
        request = Request("resegment", {"definition": segmentation.name, **parameters}, STAGES, steps)
        ended = run_flow(request, settings, errors)
    from schemas.records import Unpublished

    if isinstance(ended, Unpublished):
        told = f"No data: {ended.name} as of {ended.as_of}: {ended.message}"
        typer.echo(ended.model_dump_json(indent=2) if as_json else told)
        return
    published = cast("Published", ended)
    if as_json:
        typer.echo(published.model_dump_json(indent=2))
    else:
        verb = {"published": "Published", "already-published": "Already published"}.get(
            published.outcome, "Held"
        )
        typer.echo(
            f"{verb}: {published.name} as of {published.as_of}, {published.customers:,} customers in "
            f"{published.k} segments, edition {published.edition}"
        )
        for reason in published.reasons:
            typer.echo(f"  check failed: {reason}")
        for warning in published.warnings:
            typer.echo(f"  note: {warning}")
        typer.echo(f"Segments: {shorten(published.segments_path)}")
        typer.echo(f"Report:   {shorten(published.report_path)}")
    if published.outcome == "held":
        raise typer.Exit(4)


init = app.command(epilog="Example: resegment init customers.csv --id customer_id")(starting.init)


@app.command(epilog="Example: resegment rebuild article --as-of 2026-01-31")
def rebuild(
    name: Name,
    as_of: Annotated[str, typer.Option(metavar="DATE", help="The edition's date.")],
    edition: Which = None,
    source: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where its rows lie now, if not where they lay.")
    ] = None,
    store: Store = None,
) -> None:
    """Build a past edition anew from its manifest, and compare every byte. Changes nothing in the store."""
    import os
    import tempfile

    from config.settings import read_settings
    from resegment.arguments import find_home, plain_failures
    from resegment.running import STAGES, Request, run_flow
    from segmentation.rebuilding import compare, plan_rebuild, prepare
    from segmentation.store.editions import find_edition

    home = find_home(name, store)
    found = find_edition(home, parse_day(as_of), edition)
    plan = plan_rebuild(home, found, source)
    with tempfile.TemporaryDirectory() as scratch, plain_failures(errors):
        place, definitions = prepare(home, found, plan, Path(scratch))
        os.environ["RESEGMENT_DEFINITIONS"] = str(definitions)
        if os.environ.get("RESEGMENT_ROOTS"):
            os.environ["RESEGMENT_ROOTS"] += f",{scratch}"
        read_settings.cache_clear()
        parameters = {"as_of": found.as_of, "source": plan.source, "store": str(place)}
        steps = len(STAGES) + plan.definition.k.max - plan.definition.k.min
        request = Request("resegment", {"definition": name, **parameters}, STAGES, steps)
        built = cast("Published", run_flow(request, read_settings(), errors))
        outcome = compare(home, found, place / name, built.edition)
    for one in outcome.differences:
        typer.echo(f"  {one}")
    if outcome.differences:
        typer.echo(f"Differs: {name} as of {found.as_of}, edition {found.edition}")
        raise typer.Exit(1)
    typer.echo(f"Same bytes: {name} as of {found.as_of}, edition {found.edition}, all {outcome.files} files")


@app.command(epilog="Example: resegment score shop customers.csv -o scores.parquet")
def score(
    definition: Definition,
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A .csv or .parquet file of customers.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="The .parquet file to write.")
    ],
    store: Store = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="This model.json instead of the live edition's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Assign a table's customers to the live segments, without fitting anything."""
    from resegment.arguments import find_home, load
    from segmentation.model import read_model
    from segmentation.scoring import score_table
    from segmentation.store.layout import edition_folder
    from segmentation.store.pointer import read_live

    segmentation, _ = load(definition)
    if model is None:
        home = find_home(segmentation.name, store)
        live = read_live(home)
        if live is None:
            raise Refused("model", f"{home} has no live edition: live.json is missing or damaged; run a date")
        fitted = read_model(edition_folder(home, *live) / "model.json")
    else:
        fitted = read_model(model)
    scored = score_table(table, segmentation, fitted, output)
    typer.echo(json.dumps(scored.facts(), indent=2) if as_json else scored.tell())
