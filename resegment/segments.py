"""The commands about segments: `segments` shows them, `name` says what people call them.

What they do is segmentation/identity/given_names.py's; neither needs a Prefect server.
"""

import getpass
import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from resegment.options import Json, Name, OfEdition, Store, Which, parse_day, print_table
from segmentation.errors import Refused

if TYPE_CHECKING:
    from segmentation.store.objects import ObjectPath

segments = typer.Typer()


@segments.command("segments", epilog="Example: resegment segments shop")
def show(
    name: Name,
    as_of: OfEdition = None,
    edition: Which = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """List the segments: names, owners, sizes, and what sets each apart."""
    from resegment.arguments import find_home
    from segmentation.identity.given_names import find_splits, read_names

    home = find_home(name, store)
    day, folder = _find(home, as_of, edition)
    names = read_names(home)
    rows = [{**one, **_call(one, names)} for one in _read_descriptions(folder)]
    if as_json:
        typer.echo(json.dumps({"as_of": str(day), "segments": rows}, indent=2, ensure_ascii=False))
        return
    table = Table(box=None, header_style="bold")
    for column in ("", "name", "owner", "customers", "share", "rule", "precision", "recall", "note"):
        table.add_column(column, overflow="fold")
    for row in rows:
        shares = [
            f"{row[key]:.0%}" if row[key] is not None else "" for key in ("rule_precision", "rule_recall")
        ]
        size = (f"{row['size']:,}", f"{row['share']:.1%}")
        table.add_row(
            row["segment_id"], row["called"], row["owner"], *size, row["rule"] or "", *shares, row["note"]
        )
    print_table(table)
    there = {row["segment_id"] for row in rows}
    for key, one in sorted(names.items()):
        if key not in there and one.name:
            typer.echo(f"{key}, named {one.name}, is not in this edition")
    for key, split in sorted(find_splits(home, names).items()):
        typer.echo(
            f"{key} was {split.event} on {split.as_of}, after it was named ({split.from_segment_id} to "
            f"{split.segment_id}): does the name still fit? 'resegment name {name} {key} --name …' says so"
        )


@segments.command("name", epilog="Example: resegment name shop S01 --name 'Best customers' --owner crm")
def give(
    name: Name,
    segment_id: Annotated[str, typer.Argument(metavar="ID", help="The segment's id, such as S01.")],
    called: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="What people call it; '' takes it away.")
    ] = None,
    owner: Annotated[str | None, typer.Option(metavar="TEXT", help="Who answers for it.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything else worth knowing.")] = None,
    by: Annotated[str | None, typer.Option(metavar="WHO", help="Your name; else your login.")] = None,
    store: Store = None,
) -> None:
    """Name a segment, for as long as its id lives. Changes no edition."""
    from resegment.arguments import find_home
    from segmentation.identity.given_names import name_segment
    from segmentation.report.indexing import refresh_index

    if called is None and owner is None and note is None:
        raise Refused("name", "nothing to say: give --name, --owner or --note")
    said = {"name": called, "owner": owner, "note": note}
    home = find_home(name, store)
    naming = name_segment(home, segment_id, said, by or getpass.getuser())
    told = ", ".join(
        f"{field} {text!r}" for field, text in naming._asdict().items() if text and field in said
    )
    typer.echo(f"{segment_id}: {told or 'no name, owner or note any more'}")
    if hindered := refresh_index(home):
        typer.echo(f"  note: {hindered}")


def _find(
    home: "Path | ObjectPath", as_of: str | None, edition: str | None
) -> "tuple[date, Path | ObjectPath]":
    """The date and folder of the edition asked for, else of the live one."""
    from segmentation.store.editions import find_edition
    from segmentation.store.layout import edition_folder
    from segmentation.store.pointer import read_live

    if as_of is None:
        live = read_live(home)
        if live is None:
            raise Refused("live", f"{home} has no live edition; run a date, or name one with --as-of")
        return live[0], edition_folder(home, *live)
    found = find_edition(home, parse_day(as_of), edition)
    return found.as_of, edition_folder(home, found.as_of, found.edition)


def _read_descriptions(folder: "Path | ObjectPath") -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    try:
        with (folder / "descriptions.parquet").open("rb") as file:
            rows: list[dict[str, Any]] = pq.ParquetFile(file).read(use_threads=False).to_pylist()
            return rows
    except (OSError, ValueError):
        raise Refused(
            "edition", f"{folder} is damaged or has no descriptions; see 'resegment audit'"
        ) from None


def _call(row: dict[str, Any], names: dict[str, Any]) -> dict[str, str]:
    """What the segment is called: its name, else in parentheses what sets it apart."""
    naming = names.get(row["segment_id"])
    called = naming.name if naming and naming.name else f"({row['name']})"
    return {"called": called, "owner": naming.owner if naming else "", "note": naming.note if naming else ""}
