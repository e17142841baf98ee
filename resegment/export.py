"""The command `resegment export`: a campaign list of segments' customers.

Choosing and writing them is in segmentation/exporting/. It needs no Prefect server.
"""

import json
import os
import re
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from resegment.arguments import locate_edition, parse_date, resolve_home
from resegment.options import EditionDateOption, EditionIdOption, JsonOption, NameArgument, StoreOption
from resegment.segments import list_plain_names
from resegment.terminal import print_note
from schemas.known_customers import LAPSED, NEW
from schemas.wording import choose_verb, format_count
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

if TYPE_CHECKING:
    from segmentation.exporting.campaign_list import ListSummary
    from segmentation.exporting.selection import ListTable, Selection

export_app = typer.Typer()

_DAYS = re.compile(r"(\d{1,4})d")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")


@export_app.command(
    "export",
    epilog="Examples: resegment export shop --segment S04 -o list.csv; "
    "resegment export shop --segment 'Best customers' --entered-since 7d --min-margin 0.1 "
    "--holdout 10% --salt spring -o spring.csv",
)
def export_command(
    name: NameArgument,
    segments: Annotated[
        list[str] | None,
        typer.Option(
            "--segment",
            metavar="ID|NAME",
            help="A segment, or the group lapsed or new. Repeat it for several. Default: all segments.",
        ),
    ] = None,
    entered_since: Annotated[
        str | None,
        typer.Option(metavar="DAYS|DATE", help="Only customers who were not in it then: 7d, or 2026-01-24."),
    ] = None,
    min_margin: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Clear members only: 0 is on the border, 1 at the centre."),
    ] = None,
    columns: Annotated[
        str, typer.Option(metavar="A,B", help="Further columns of the table, such as features.")
    ] = "",
    holdout: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Leave out this share, such as 10%; a second file lists it."),
    ] = None,
    salt: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="A different text gives a different holdout. Default: NAME."),
    ] = None,
    hash_ids: Annotated[
        bool, typer.Option("--hash-ids", help="Write HMAC-SHA256 of ids, with the key RESEGMENT_HASH_KEY.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT", help="A .csv or .parquet file. Default: print CSV."),
    ] = None,
    as_of: EditionDateOption = None,
    edition: EditionIdOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a list of customers for a campaign, with a holdout that stays the same from night to night.

    The same SHARE and salt always hold out the same customers. To measure what the campaign did, run
    'resegment validate --holdout' once its horizon is over.
    """
    from segmentation.exporting.campaign_list import (
        ListFiles,
        ListOptions,
        check_output,
        locate_holdout_list,
        write_list,
    )
    from segmentation.exporting.hashing import check_key, make_holdout
    from segmentation.exporting.selection import Selection, check_margin, resolve_baseline

    if output is None and as_json:
        raise Refused("output", "--json describes the list on standard output, so the list needs --output")
    if output is not None:
        check_output(output)
    home = resolve_home(name, store)
    day, folder = locate_edition(home, as_of, edition)
    if entered_since or holdout or hash_ids:
        check_has_ids(folder)
    names = list_plain_names(home, folder)
    table, segment_ids = resolve_segments(names, folder, segments or ())
    check_margin(table, min_margin)
    selection = Selection(
        table=table,
        segment_ids=segment_ids,
        since=resolve_baseline(home, parse_since(entered_since, day), table) if entered_since else None,
        min_margin=min_margin,
        columns=tuple(column.strip() for column in columns.split(",") if column.strip()),
    )
    options = ListOptions(
        names=names,
        holdout=make_holdout(parse_share(holdout), salt or name) if holdout else None,
        key=check_key(os.environ.get("RESEGMENT_HASH_KEY", "")) if hash_ids else None,
    )
    holdout_list = locate_holdout_list(output) if output and options.holdout else None
    files = ListFiles(output or sys.stdout.buffer, holdout_list)
    summary = write_list(home, folder, selection, options, files)
    print_list_summary(
        summary, selection, files=[path for path in (output, holdout_list) if path], as_json=as_json
    )


def check_has_ids(folder: AnyPath) -> None:
    """Refuse options that follow customers over nights, if customer_id is a row number."""
    from segmentation.store.edition.manifests import read_manifest

    if not (read_manifest(folder).definition.get("rows") or {}).get("id"):
        raise Refused(
            "no-ids",
            "rows of this segmentation have no id, so customers cannot be followed from night to night; "
            "leave out --entered-since, --holdout and --hash-ids",
        )


def resolve_segments(
    names: dict[str, str], folder: AnyPath, texts: Sequence[str]
) -> "tuple[ListTable, tuple[str, ...]]":
    """The table with these segments or groups, and their ids. Refused if they are mixed."""
    from segmentation.exporting.selection import OF_GROUPS, OF_SEGMENTS

    groups = dict.fromkeys((NEW, LAPSED), "") if (folder / OF_GROUPS.file).is_file() else {}
    ids = tuple(resolve_segment({**names, **groups}, text) for text in texts)
    tables = {OF_GROUPS if segment_id in groups else OF_SEGMENTS for segment_id in ids}
    if len(tables) > 1:
        raise Refused("segment", "segments and groups have different columns; write one list of each")
    return next(iter(tables), OF_SEGMENTS), ids


def resolve_segment(names: dict[str, str], text: str) -> str:
    """The id of a segment or group, from its id or its name in any case. Refused if several match, or none.

    names: by id; a group has none.
    """
    sought = text.strip().casefold()
    ids = [segment_id for segment_id in names if segment_id.casefold() == sought]
    matches = ids or [segment_id for segment_id, name in names.items() if name.casefold() == sought]
    if len(matches) != 1:
        problem = f"{len(matches)} segments are called" if matches else "no segment is called"
        choices = ", ".join(f"{key} ({name})" if name else key for key, name in names.items())
        hint = "; its definition has no groups" if sought in (NEW, LAPSED) else ""
        raise Refused("segment", f"{problem} {text[:80]!r}; the edition has {choices}{hint}")
    return matches[0]


def parse_since(text: str, as_of: date) -> date:
    """The date of `7d`, counted back from the edition's date, or of a date before it."""
    match = _DAYS.fullmatch(text)
    since = as_of - timedelta(days=int(match[1])) if match else parse_date(text, "entered-since")
    if since >= as_of:
        raise Refused("entered-since", f"{text} is not before the edition's date, {as_of}")
    return since


def parse_share(text: str) -> float:
    """The share of `10%` or of `0.1`."""
    match = _PERCENT.fullmatch(text.strip())
    try:
        return float(match[1]) / 100 if match else float(text)
    except ValueError:
        raise Refused("holdout", f"{text[:20]!r} is not a share; expected one such as 10% or 0.1") from None


def print_list_summary(
    summary: "ListSummary", selection: "Selection", *, files: list[Path], as_json: bool
) -> None:
    """How many customers are on the list, and who was left out. On standard error if the list is printed."""
    since = str(selection.since.as_of) if selection.since else None
    if as_json:
        facts = {**summary._asdict(), "entered_since": since, "files": [str(path) for path in files]}
        typer.echo(json.dumps(facts, indent=2))
        return
    lines = [f"{format_count(summary.customers, 'customer')} on the list"]
    if selection.since:
        lines.append(f"  {summary.earlier:,} left out: already in the {selection.table.noun} on {since}")
    if selection.min_margin is not None:
        lines.append(f"  {summary.unclear:,} left out: margin below {selection.min_margin:g}")
    if total := summary.held_out + summary.customers:
        share = summary.held_out / total
        lines += [f"  {summary.held_out:,} held out ({share:.1%})"] if summary.held_out else []
    lines += [f"  {path}" for path in files]
    for line in lines:
        typer.echo(line, err=not files)
    if summary.formulas:
        verb = choose_verb(summary.formulas, "begins", "begin")
        print_note(
            f"{format_count(summary.formulas, 'text')} {verb} with "
            "= + - or @: a spreadsheet would read such texts as formulas, so import these columns as text"
        )
