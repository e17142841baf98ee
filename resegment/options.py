"""Options and arguments that several commands share, as typer annotations.

What a value means is decided in arguments.py, or in its command.
"""

from typing import Annotated

import typer

DefinitionArgument = Annotated[
    str, typer.Argument(metavar="NAME|PATH", help="A definition's name, or the path of its .yaml file.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The segmentation's name in the store.")]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="DIR",
        help="A folder or s3://BUCKET/FOLDER. Default: RESEGMENT_STORE, else ./store.",
    ),
]
SourceOption = Annotated[
    str | None, typer.Option("--source", metavar="PATH", help="Read this instead of the definition's source.")
]
RunDateOption = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="Segment customers as of this date. Default: today."),
]
AcceptNewIdsOption = Annotated[
    bool,
    typer.Option(
        "--accept-new-ids",
        help="Publish with new segment ids if the previous edition is damaged beyond repair or has other "
        "features. Without it, such a run is refused.",
    ),
]
EditionDateOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="An edition's date. Default: the live edition.")
]
EditionIdOption = Annotated[
    str | None,
    typer.Option(
        "--edition", metavar="ID", help="The edition's id or its first characters, if the date has several."
    ),
]
UserOption = Annotated[
    str | None, typer.Option("--by", metavar="WHO", help="Your name, for the record. Default: your login.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document to standard output, for scripts.")
]
