"""What several commands take and print: their options, and tables on a terminal.

What an option means once it is given is arguments.py's, or its command's.
"""

import sys
from datetime import date
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from config.dates import read_date
from segmentation.errors import Refused

Name = Annotated[str, typer.Argument(metavar="NAME", help="The segmentation's name in the store.")]
Store = Annotated[
    str | None,
    typer.Option(help="A folder or s3://BUCKET/FOLDER; else RESEGMENT_STORE, else ./store.", metavar="DIR"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output, for scripts.")]
Which = Annotated[
    str | None,
    typer.Option(metavar="ID", help="The edition's id, or how it begins, where the date has several."),
]
OfEdition = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="An edition's date; the live one by default.")
]


def parse_day(text: str) -> date:
    """--as-of of an edition. Refused if it is no date."""
    try:
        return read_date(text)
    except ValueError:
        raise Refused("as-of", f"{text[:40]!r} is not a date; expected YYYY-MM-DD") from None


def print_table(table: Table) -> None:
    """On a terminal as wide as it is, elsewhere wide enough not to fold."""
    Console(width=None if sys.stdout.isatty() else 220).print(table, markup=False)
