"""The command `resegment repair`: rebuild damaged files of a store from the rest of it.

What is repaired, and how, is in segmentation/store/repair/repairing.py. It needs no Prefect server.
"""

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer

from resegment.arguments import parse_date, resolve_home
from resegment.options import JsonOption, NameArgument, StoreOption, UserOption

if TYPE_CHECKING:
    from segmentation.store.repair.damage import Damage

repair_app = typer.Typer()


@repair_app.command("repair", epilog="Example: resegment repair article --dry-run")
def repair_command(
    name: NameArgument,
    live: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Make this date live, and supersede all later ones. Only if audit asks for it.",
        ),
    ] = None,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be repaired.")] = False,
    user: UserOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild live.json, ids.json and damaged tables from the rest of the store.

    Each action is recorded in the ledger. What is left needs a person:
    it is listed with what to do, and the exit status is 1.
    """
    from segmentation.report.index.index_refresh import refresh_index
    from segmentation.store.ledger import check_author
    from segmentation.store.repair.audit import audit_store
    from segmentation.store.repair.repairing import RepairRequest, check_choice, repair_store

    home = resolve_home(name, store)
    request = RepairRequest(user or getpass.getuser(), None if live is None else parse_date(live, "live"))
    check_author(request.who)
    if is_dry:
        damage = audit_store(home).damage
        if request.live is not None:
            check_choice(home, request.live)
        actions = [f"live.json: name {request.live}, and supersede later dates"] if request.live else []
        actions += [f"{entry.path}: {entry.repair}" for entry in damage if entry.repair]
        left = [entry for entry in damage if not entry.repair]
    else:
        actions, left = repair_store(home, request)
    warning = refresh_index(home) if actions and not is_dry else None
    if as_json:
        document = {"dry_run": is_dry, "actions": actions, "damage": [entry.to_dict() for entry in left]}
        typer.echo(json.dumps(document, indent=2))
    else:
        _print_result(actions, left, is_dry)
        if warning:
            typer.echo(f"  note: {warning}")
    if left:
        raise typer.Exit(1)


def _print_result(actions: list[str], left: "list[Damage]", is_dry: bool) -> None:
    for action in actions:
        typer.echo(f"{'would repair' if is_dry else 'repaired'}: {action}")
    for entry in left:
        typer.echo(f"{entry.path}: {entry.problem}\n  {entry.advice}")
    if not actions and not left:
        typer.echo("Nothing is damaged.")
