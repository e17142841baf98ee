"""The command `resegment prune`: remove the editions that the definition's retention does not keep.

What is removed is decided in segmentation/pruning/pruning.py. It needs no Prefect server.
"""

import getpass
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from resegment.arguments import load_definition, resolve_home
from resegment.erase import locate_work
from resegment.options import DefinitionArgument, JsonOption, StoreOption, UserOption
from resegment.terminal import open_stderr

if TYPE_CHECKING:
    from schemas.pruning import PruneSummary

prune_app = typer.Typer()


@prune_app.command("prune", epilog="Example: resegment prune article --dry-run")
def prune_command(
    name_or_path: DefinitionArgument,
    is_dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    user: UserOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove editions that are older than the definition's `retention` keeps.

    Editions that are live, held or needed by the next night always stay, and
    so do the ledger and the issued ids. Removed editions cannot be brought
    back. If it is killed, run it again.
    """
    from schemas.pruning import PruneSummary
    from segmentation.pruning.pruning import PruneRequest, prune_editions, rehearse_pruning
    from segmentation.store.ledger import check_author

    definition, settings = load_definition(name_or_path)
    home = resolve_home(definition.name, store)
    person, console = user or getpass.getuser(), open_stderr()
    check_author(person)
    if definition.retention is None:
        summary = PruneSummary(name=definition.name, outcome="nothing", retention=None)
    else:
        work = locate_work(definition.name, store or settings.store)
        request = PruneRequest(definition.retention, person, work)

        def progress(line: str) -> None:
            console.print(line, markup=False, highlight=False)

        summary = rehearse_pruning(home, request) if is_dry_run else prune_editions(home, request, progress)
    for line in [summary.model_dump_json(indent=2)] if as_json else format_pruning(summary):
        typer.echo(line)


def format_pruning(summary: "PruneSummary") -> Iterable[str]:
    """The dates that go, the totals, and why the others are kept."""
    from segmentation.store.runs.space import format_bytes

    for pruned in summary.dates if summary.outcome == "dry-run" else ():
        extent = "the date" if pruned.whole_date else "replaced editions"
        yield f"  {pruned.as_of}  {extent}: {', '.join(pruned.editions)}"
    yield summary.describe() + (f", {format_bytes(summary.bytes)}" if summary.dates else "")
    if summary.kept and summary.dates:
        yield f"  kept: {', '.join(f'{count:,} {reason}' for reason, count in summary.kept.items())}"
    yield from (f"  note: {note}" for note in summary.notes)
