"""The command `resegment rebuild`: run a past edition again from its manifest and compare the bytes.

What is needed for it and how editions are compared is in segmentation/rebuilding.py.
"""

import os
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from config.settings import read_settings
from resegment.arguments import parse_date, resolve_home
from resegment.drafts import allow_folder
from resegment.options import EditionIdOption, NameArgument, StoreOption
from resegment.run import run_nightly_flow
from resegment.terminal import open_stderr, plain_failures

if TYPE_CHECKING:
    from schemas.night import Published

rebuild_app = typer.Typer()


@rebuild_app.command("rebuild", epilog="Example: resegment rebuild article --as-of 2026-01-31")
def rebuild_command(
    name: NameArgument,
    as_of: Annotated[str, typer.Option(metavar="DATE", help="The edition's date.")],
    edition: EditionIdOption = None,
    source: Annotated[
        str | None, typer.Option(metavar="PATH", help="Where its rows are now, if they have moved.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Rebuild a past edition from its manifest and compare every byte. The store is not changed."""
    from segmentation.rebuilding import (
        compare_rebuilt,
        describe_schema_change,
        plan_rebuild,
        prepare_scratch,
    )
    from segmentation.store.catalogue.editions import resolve_edition
    from segmentation.store.files.scratch import scratch_folder

    home = resolve_home(name, store)
    past = resolve_edition(home, parse_date(as_of), edition)
    plan = plan_rebuild(home, past, source)
    change = describe_schema_change(plan, read_settings().definitions)
    console = open_stderr()
    with scratch_folder() as scratch, plain_failures(console):
        scratch_store, definitions = prepare_scratch(home, past, plan, scratch)
        os.environ["RESEGMENT_DEFINITIONS"] = str(definitions)
        allow_folder(scratch)
        parameters: dict[str, Any] = {"as_of": past.as_of, "source": plan.source}
        parameters |= {"store": str(scratch_store), "accept_new_ids": past.manifest.accept_new_ids}
        rebuilt = cast("Published", run_nightly_flow(plan.definition, parameters, read_settings(), console))
        outcome = compare_rebuilt(home, past, scratch_store / name, rebuilt.edition)
    for difference in (*([change] if change else []), *outcome.differences):
        typer.echo(f"  {difference}")
    if outcome.differences:
        typer.echo(f"Differs: {name} as of {past.as_of}, edition {past.edition}")
        raise typer.Exit(1)
    typer.echo(f"Same bytes: {name} as of {past.as_of}, edition {past.edition}, all {outcome.files} files")
