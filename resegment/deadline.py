"""The command `resegment deadline`: was the night published? For cron or systemd, on any machine.

It needs the store and nothing else: no Prefect server, no worker, no definition. The check is in
segmentation/deadline_check.py. Exit status: 0 published or no data, 1 missing, 2 cannot tell.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.settings import read_settings
from resegment.arguments import parse_date
from resegment.options import JsonOption, StoreOption
from segmentation.errors import Refused

if TYPE_CHECKING:
    from schemas.deadlines import Deadline
    from segmentation.store.files.objects import AnyPath

deadline_app = typer.Typer()


@deadline_app.command("deadline", epilog="Example: resegment deadline article --store /mnt/segments")
def deadline_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Segmentations, by name.")
    ] = None,
    is_all: Annotated[
        bool, typer.Option("--all", help="Every segmentation that has published in the store.")
    ] = False,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="The night. Default: today in its own time zone."),
    ] = None,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Whose day is today. Default: the live edition's time zone."),
    ] = None,
    store: StoreOption = None,
    is_quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print nothing for published nights.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say whether a night is published, from the store alone. Run it at the deadline, on another machine.

    Exit status: 0 if every night is published or allowed to have no data,
    1 if one is missing, 2 if the store cannot be read.
    """
    from segmentation.deadline_check import (
        check_deadline,
        check_every_deadline,
        check_latest_deadline,
        parse_timezone,
    )
    from segmentation.store.files.objects import parse_path
    from segmentation.store.layout import parse_name

    if is_all == bool(names):
        raise Refused("name", "give the names of segmentations, or --all for every one in the store")
    day = parse_date(as_of) if as_of else None
    if timezone is not None:
        parse_timezone(timezone)
    root, now = parse_path(store or read_settings().store), datetime.now(UTC)

    def check(home: "AnyPath") -> "Deadline":
        return check_deadline(home, day) if day else check_latest_deadline(home, timezone, now)

    if is_all:
        nights = check_every_deadline(root, check)
    else:
        nights = [check(root / parse_name(name)) for name in names or []]
    if as_json:
        typer.echo(json.dumps(make_notice(nights), indent=2, ensure_ascii=False))
    else:
        for night in nights:
            if not (is_quiet and night.is_met):
                typer.echo(night.message)
    raise typer.Exit(compute_exit_status(nights))


def compute_exit_status(nights: "Sequence[Deadline]") -> int:
    """1 if a night is missing, else 2 if one is unknown, else 0."""
    if any(night.status == "missing" for night in nights):
        return 1
    return 0 if all(night.is_met for night in nights) else 2


def make_notice(nights: "Sequence[Deadline]") -> dict[str, Any]:
    """The document of --json: a notice, with the keys of the automations' notices, and the nights."""
    missed = [night for night in nights if not night.is_met]
    what = (
        f"{missed[0].name or 'a night'} is not published"
        if len(missed) == 1
        else f"{len(missed)} nights are not published"
    )
    subject = f"Resegment: {what if missed else 'every night is published'}"
    body = "\n".join(night.message for night in missed or nights)
    return {
        "subject": subject,
        "body": body,
        "text": f"{subject}\n{body}",
        "nights": [night.model_dump(mode="json") for night in nights],
    }
