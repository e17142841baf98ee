"""The commands `resegment segments` and `resegment name`: show segments, and name them.

Names are stored by segmentation/identity/given_names.py. Neither command needs a Prefect server.
"""

import getpass
import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resegment.arguments import locate_edition, resolve_home
from resegment.options import (
    EditionDateOption,
    EditionIdOption,
    JsonOption,
    NameArgument,
    StoreOption,
    UserOption,
)
from resegment.terminal import print_table
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

if TYPE_CHECKING:
    from segmentation.store.names_file import GivenName

segments_app = typer.Typer()

COLUMNS = ("", "name", "owner", "customers", "share", "rule", "precision", "recall", "note")


@segments_app.command("segments", epilog="Example: resegment segments shop")
def segments_command(
    name: NameArgument,
    as_of: EditionDateOption = None,
    edition: EditionIdOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the segments: names, owners, sizes, and what distinguishes each one."""
    from segmentation.identity.given_names import list_splits
    from segmentation.store.names_file import read_given_names

    home = resolve_home(name, store)
    day, folder = locate_edition(home, as_of, edition)
    given_names = read_given_names(home)
    rows = list_segments(home, folder)
    if as_json:
        typer.echo(json.dumps({"as_of": str(day), "segments": rows}, indent=2, ensure_ascii=False))
        return
    print_table(COLUMNS, [_format_cells(row) for row in rows])
    for row in rows:
        if row["called"] != row["called_in_edition"]:
            typer.echo(
                f"{row['segment_id']} was named since this edition, in which it is "
                f"{row['called_in_edition']}; later editions have the new name"
            )
    ids = {row["segment_id"] for row in rows}
    for segment_id, given_name in sorted(given_names.items()):
        if segment_id not in ids and given_name.name:
            typer.echo(f"{segment_id}, named {given_name.name}, is not in this edition")
    for segment_id, split in sorted(list_splits(home, given_names).items()):
        typer.echo(
            f"{segment_id} was {split.event} on {split.as_of}, after it was named "
            f"({split.from_segment_id} to {split.segment_id}). If the name still fits, confirm it: "
            f"resegment name {name} {segment_id} --name …"
        )


@segments_app.command("name", epilog="Example: resegment name shop S01 --name 'Best customers' --owner crm")
def name_command(
    name: NameArgument,
    segment_id: Annotated[str, typer.Argument(metavar="ID", help="The segment's id, such as S01.")],
    label: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="The segment's name; '' removes it.")
    ] = None,
    owner: Annotated[str | None, typer.Option(metavar="TEXT", help="Who is responsible for it.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything else worth knowing.")] = None,
    user: UserOption = None,
    store: StoreOption = None,
) -> None:
    """Name a segment. The name follows the segment's id from edition to edition and changes none of them."""
    from segmentation.identity.given_names import name_segment
    from segmentation.report.index.index_refresh import refresh_index

    if label is None and owner is None and note is None:
        raise Refused("name", "nothing to change: give --name, --owner or --note")
    texts = {"name": label, "owner": owner, "note": note}
    home = resolve_home(name, store)
    given_name = name_segment(home, segment_id, texts, user or getpass.getuser())
    fields = [f"{field} {text!r}" for field, text in given_name._asdict().items() if text and field in texts]
    typer.echo(f"{segment_id}: {', '.join(fields) or 'name, owner and note removed'}")
    if warning := refresh_index(home):
        typer.echo(f"  note: {warning}")


def list_segments(home: AnyPath, folder: AnyPath) -> list[dict[str, Any]]:
    """An edition's segments: their columns of descriptions.parquet, and what people call them now."""
    from segmentation.store.edition.manifests import read_manifest
    from segmentation.store.names_file import read_given_names

    newest, of_edition = read_given_names(home), read_manifest(folder).given_names
    return [{**row, **_describe(row, newest, of_edition)} for row in _read_descriptions(folder)]


def list_plain_names(home: AnyPath, folder: AnyPath) -> dict[str, str]:
    """The same names by segment id, without the parentheses that mark a factual one."""
    return {row["segment_id"]: _get_plain_name(row) for row in list_segments(home, folder)}


def _get_plain_name(row: dict[str, Any]) -> str:
    name, factual_name = str(row["called"]), str(row["name"])
    return factual_name if name == f"({factual_name})" else name


def _read_descriptions(folder: AnyPath) -> list[dict[str, Any]]:
    from segmentation.parts import read_table
    from segmentation.store.edition.manifests import check_file

    path = check_file(folder, "descriptions.parquet")
    try:
        rows: list[dict[str, Any]] = read_table(path).to_pylist()
        return rows
    except (OSError, ValueError):
        message = f"{folder} is damaged or has no descriptions; see 'resegment audit'"
        raise Refused("edition", message) from None


def _describe(
    row: dict[str, Any], given_names: "dict[str, GivenName]", names_of_edition: dict[str, str]
) -> dict[str, str]:
    """The segment's newest given name, or in parentheses the factual one, with owner and note.

    called_in_edition: what the edition's own tables and report call it.
    """
    from segmentation.store.names_file import GivenName

    given_name = given_names.get(row["segment_id"], GivenName())
    factual_name = f"({row['name']})"
    return {
        "called": given_name.name or factual_name,
        "called_in_edition": names_of_edition.get(row["segment_id"]) or factual_name,
        "owner": given_name.owner,
        "note": given_name.note,
    }


def _format_cells(row: dict[str, Any]) -> list[str]:
    """The segment's cells, in the order of COLUMNS."""
    shares = [row["rule_precision"], row["rule_recall"]]
    return [
        row["segment_id"],
        row["called"],
        row["owner"],
        f"{row['size']:,}",
        f"{row['share']:.1%}",
        row["rule"] or "",
        *("" if share is None else f"{share:.0%}" for share in shares),
        row["note"],
    ]
