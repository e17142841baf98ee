"""The command `resegment init`: propose a definition for a table, and write it where it is asked for.

What is proposed is in segmentation/proposing/definition.py. Nothing heavy is imported before the arguments
are checked.
"""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from config.parameters import NAME_PATTERN
from segmentation.errors import Refused

STDOUT = "-"


def init(
    table: Annotated[
        str, typer.Argument(metavar="TABLE", help="A .csv or .parquet file, or a folder of such files.")
    ],
    id_column: Annotated[
        str | None, typer.Option("--id", metavar="COLUMN", help="The customer id's column, else guessed.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FILE", help="NAME.yaml by default; - for standard output."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Propose a definition for a table: commented, and running as it stands. A person reads it first."""
    from segmentation.proposing.definition import make_name, propose

    path = Path(f"{make_name(table)}.yaml" if output in (None, STDOUT) else str(output))
    if output != STDOUT:
        check_output(path, force)
    if sys.stderr.isatty():
        typer.echo(f"Reading {table} twice: to propose, and to try the proposal…", err=True)
    proposal = propose(table, path.stem, id_column)
    if output == STDOUT:
        sys.stdout.write(proposal.text)
        return
    write_definition(path, proposal.text, force)
    as_of = f" --as-of {proposal.as_of}" if proposal.as_of else ""
    typer.echo(f"Written: {path} from {proposal.found}; {proposal.features} features")
    typer.echo(f"Next:    read it, then: resegment run {path}{as_of}")


def check_output(path: Path, force: bool) -> None:
    """Refuse a file that is no definition's, or that is there already."""
    if path.suffix != ".yaml" or not re.match(NAME_PATTERN, path.stem):
        raise Refused(
            "output",
            f"{path.name[:60]!r}: a definition's file is NAME.yaml; NAME has lower-case letters, digits and "
            "'-', begins with a letter and is at most 40 long",
        )
    if not path.parent.is_dir():
        raise Refused("output", f"there is no folder {path.parent}")
    if path.exists() and not force:
        raise Refused("output-exists", f"{path} is there already; give -o another name, or --force")


def write_definition(path: Path, text: str, force: bool) -> None:
    """Write the file; a person's own, written meanwhile, is not replaced unless forced."""
    try:
        with path.open("w" if force else "x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise Refused("output", f"{path} cannot be written: {error.strerror}") from error
