"""The commands about editions that are there: `history`, `audit`, `diff` and `promote`.

What they do is in modules of their own; nothing here fits or publishes, and none needs a Prefect server.
"""

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from resegment.options import Json, Name, Store, Which, parse_day, print_table

if TYPE_CHECKING:
    from segmentation.store.differing import Difference

editions = typer.Typer()


@editions.command(epilog="Example: resegment history article --store out")
def history(
    name: Name,
    store: Store = None,
    last: Annotated[int, typer.Option(min=0, metavar="N", help="Only the newest N; 0 for all.")] = 30,
    as_json: Json = False,
) -> None:
    """List what was run, promoted or refused: k, sizes, who moved and why, and what is live."""
    from resegment.arguments import find_home
    from resegment.history import COLUMNS, tell_row
    from segmentation.store.ledger import read_rows
    from segmentation.store.pointer import read_live

    home = find_home(name, store)
    rows = read_rows(home)
    shown = rows[-last:] if last else rows
    if as_json:
        typer.echo(json.dumps(shown, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    live = read_live(home)
    for row in shown:
        table.add_row(*tell_row(row, live))
    print_table(table)
    if len(shown) < len(rows):
        typer.echo(f"{len(rows) - len(shown)} earlier ones: --last 0")


@editions.command(epilog="Example: resegment audit article --store out")
def audit(name: Name, store: Store = None, as_json: Json = False) -> None:
    """Re-hash every file of a segmentation, and say what is damaged."""
    from resegment.arguments import find_home
    from segmentation.store.audit import audit_store

    files, found = audit_store(find_home(name, store))
    if as_json:
        typer.echo(json.dumps({"files": files, "damage": [one._asdict() for one in found]}, indent=2))
    else:
        for one in found:
            typer.echo(f"{one.path}: {one.problem}")
        typer.echo(f"{files} files read, {len(found)} damaged")
    if found:
        raise typer.Exit(1)


@editions.command(epilog="Example: resegment diff article 2026-01-30 2026-01-31")
def diff(
    name: Name,
    before: Annotated[str, typer.Argument(metavar="A", help="A date, or how an edition's id begins.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another.")],
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Say how two editions differ: parameters, data, versions, metrics, segments."""
    from resegment.arguments import find_home
    from segmentation.store.differing import find_differences
    from segmentation.store.editions import find_any

    home = find_home(name, store)
    sides = [find_any(home, word) for word in (before, after)]
    found = find_differences(home, sides[0], sides[1])
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in found], indent=2))
        return
    titles = [f"{one.as_of} {one.edition[:8]} ({one.state})" for one in sides]
    table = Table(box=None, header_style="bold")
    for column in ("", "", *titles):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one.part, one.what, *_cells(one))
    if found:
        print_table(table)
    else:
        typer.echo("They do not differ.")


def _cells(one: "Difference") -> list[str]:
    """Both values as text; a number's change beside the second."""
    before, after = one.before, one.after
    if isinstance(before, int | float) and isinstance(after, int | float) and before:
        change = f" ({(after - before) / abs(before):+.1%})"
        return [_text(before), _text(after) + change]
    return [_text(before), _text(after)]


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    return f"{value:,.6g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else "…"


@editions.command(epilog="Example: resegment promote article --as-of 2026-01-30 --reason 'a real sale'")
def promote(
    name: Name,
    as_of: Annotated[str, typer.Option(metavar="DATE", help="The edition's date.")],
    edition: Which = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the ledger.")] = "",
    by: Annotated[
        str | None, typer.Option(metavar="WHO", help="Your name, for the ledger; else your login.")
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Put a held edition live, or an earlier one again.

    Editions published for later dates are set aside: they stay under their
    dates, but the next night builds on the one promoted.
    """
    from resegment.arguments import find_home, shorten
    from segmentation.promoting import Asked, promote_edition

    home = find_home(name, store)
    asked = Asked(parse_day(as_of), edition, by or getpass.getuser(), reason)
    promoted = promote_edition(home, asked)
    if as_json:
        typer.echo(promoted.model_dump_json(indent=2))
        return
    verb = "Live" if promoted.outcome == "promoted" else "Live already"
    typer.echo(
        f"{verb}: {promoted.name} as of {promoted.as_of}, {promoted.customers:,} customers in "
        f"{promoted.k} segments, edition {promoted.edition}"
    )
    if promoted.was_live and promoted.outcome == "promoted":
        typer.echo(f"  before: {promoted.was_live[0]}, edition {promoted.was_live[1]}")
    if promoted.set_aside:
        typer.echo(f"  set aside: {promoted.tell_set_aside()}")
    for warning in promoted.warnings:
        typer.echo(f"  note: {warning}")
    typer.echo(f"Segments: {shorten(promoted.segments_path)}")
    typer.echo(f"Report:   {shorten(promoted.report_path)}")
