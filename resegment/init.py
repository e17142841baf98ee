"""The command `resegment init`: propose a definition for a table and write it to a file.

How a proposal is made is in segmentation/proposing/proposal.py.
"""

import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from config.definition import NAME_PATTERN
from segmentation.errors import Refused

init_app = typer.Typer()

STDOUT = "-"


class DateOrder(StrEnum):
    """Whether the day or the month comes first in a date such as 03/04/2024."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


_ORDERS: dict[DateOrder | None, Literal["", "day first", "month first"]] = {
    None: "",
    DateOrder.DAY_FIRST: "day first",
    DateOrder.MONTH_FIRST: "month first",
}


@init_app.command("init", epilog="Example: resegment init customers.csv --id customer_id")
def init_command(
    table: Annotated[
        str,
        typer.Argument(metavar="TABLE", help="A table such as a .csv or .parquet file, or a folder of them."),
    ],
    id_column: Annotated[
        str | None,
        typer.Option("--id", metavar="COLUMN", help="The column of customer ids. Default: detected."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The file to write. Default: NAME.yaml; - for standard output.",
        ),
    ] = None,
    dates: Annotated[
        DateOrder | None,
        typer.Option(help="How to read 03/04/2024 if no value shows whether the day comes first."),
    ] = None,
    segments: Annotated[
        str | None,
        typer.Option(
            metavar="N..M",
            help="How many segments you want, such as 4..8 or 5. Default: as many as are natural, or hold.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it exists.")] = False,
) -> None:
    """Propose a definition for a table: commented, ready to run, and yours to review."""
    from segmentation.proposing.k_draft import parse_segments
    from segmentation.proposing.proposal import make_name, propose

    wish = parse_segments(segments) if segments else None
    path = Path(f"{make_name(table)}.yaml" if output in (None, STDOUT) else str(output))
    if output != STDOUT:
        check_definition_path(path, force)
    if sys.stderr.isatty():
        typer.echo(f"Reading {table} twice: to propose a definition and to try it…", err=True)
    proposal = propose(table, path.stem, id_column, _ORDERS[dates], wish)
    if output == STDOUT:
        sys.stdout.write(proposal.text)
    else:
        save_definition(path, proposal.text, force)
        as_of = f" --as-of {proposal.as_of}" if proposal.as_of else ""
        typer.echo(f"Written: {path} from {proposal.table_size}; {proposal.features} features")
        typer.echo(f"Next:    review it, then: resegment run {path}{as_of}")
    for line in proposal.findings.lines:
        # Next to a definition on standard output, they would be a part of it.
        typer.echo(line, err=output == STDOUT)


def check_definition_path(path: Path, force: bool) -> None:
    """Refuse a file name that no definition can have, and a file that exists already."""
    if path.suffix != ".yaml" or not re.match(NAME_PATTERN, path.stem):
        raise Refused(
            "output",
            f"{path.name[:60]!r}: a definition's file is NAME.yaml; NAME has lower-case letters, digits and "
            "'-', begins with a letter and is at most 40 long",
        )
    if not path.parent.is_dir():
        raise Refused("output", f"folder {path.parent} does not exist")
    if path.exists() and not force:
        raise Refused("output-exists", f"{path} exists already; choose another file with -o or use --force")


def save_definition(path: Path, text: str, force: bool) -> None:
    """Write the file. Without force, a file that appeared in the meantime is not replaced."""
    try:
        # "x" fails if the file exists, without a gap between a check and the write.
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise Refused("output", f"{path} cannot be written: {error.strerror}") from error
