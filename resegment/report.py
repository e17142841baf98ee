"""The command `report`: where an edition's report is, opened in a browser, or as a picture; and the index.

What the report says is made with its edition and never here; the index is segmentation/report/indexing.py's.
"""

import re
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from resegment.options import Name, OfEdition, Store, Which, parse_day
from segmentation.errors import Refused
from segmentation.store.objects import ObjectPath

reports = typer.Typer()

_SIZE = re.compile(r"([1-9]\d{2,3})x([1-9]\d{2,4})")


@reports.command("report", epilog="Example: resegment report article --open")
def show(
    name: Name,
    as_of: OfEdition = None,
    edition: Which = None,
    store: Store = None,
    is_opened: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a picture of its top; needs Chromium on this machine."),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="The picture's width and height in pixels.")
    ] = "1280x1600",
    index: Annotated[
        bool, typer.Option("--index", help="The index of all editions instead, written anew.")
    ] = False,
) -> None:
    """Print where an edition's report is; open it, or take a picture of it."""
    from config.settings import read_settings
    from resegment.arguments import find_home, shorten
    from segmentation.report.picture import take_picture

    home = find_home(name, store)
    pixels = parse_size(size)
    page = _write_index(home, as_of or edition) if index else _find_page(home, as_of, edition)
    typer.echo(shorten(str(page)))
    if png is not None:
        with _on_this_machine(page) as local:
            take_picture(local, png, pixels, read_settings().browser)
        typer.echo(shorten(str(png)))
    if is_opened:
        _open(page)


def parse_size(text: str) -> tuple[int, int]:
    """--size. Refused if it is not two numbers of pixels.

    >>> parse_size("1280x1600")
    (1280, 1600)
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise Refused("size", f"{text[:40]!r} is not a size; expected width x height, such as 1280x1600")
    return int(found[1]), int(found[2])


def _write_index(home: Path | ObjectPath, date: str | None) -> Path | ObjectPath:
    from segmentation.report.indexing import write_index

    if date is not None:
        raise Refused("index", "the index is of all editions: leave out --as-of and --edition")
    return write_index(home, anew=True)


def _find_page(home: Path | ObjectPath, as_of: str | None, edition: str | None) -> Path | ObjectPath:
    """The report of the live edition, or of a date's: its published edition first, else its held one."""
    from segmentation.store.editions import find_any, find_edition
    from segmentation.store.layout import edition_folder
    from segmentation.store.pointer import read_live

    if as_of is None:
        if edition is not None:
            raise Refused("edition", "name the edition's date too: --as-of")
        live = read_live(home)
        if live is None:
            raise Refused("live", f"{home} has no live edition; run a date, or name one with --as-of")
    else:
        day = parse_day(as_of)
        found = find_edition(home, day, edition) if edition else find_any(home, str(day))
        live = (found.as_of, found.edition)
    page = edition_folder(home, *live) / "report.html"
    if not page.is_file():
        raise Refused("edition", f"{page.parent} is damaged or has no report; see 'resegment audit'")
    return page


@contextmanager
def _on_this_machine(page: Path | ObjectPath) -> Iterator[Path]:
    """The page as a file; of an object a copy for as long as it is needed."""
    if isinstance(page, Path):
        yield page
        return
    with tempfile.TemporaryDirectory() as scratch:
        yield page.fetch(Path(scratch))


def _open(page: Path | ObjectPath) -> None:
    """Open the page in the browser; an object's copy stays, since the browser reads it when it likes."""
    local = page if isinstance(page, Path) else page.fetch(Path(tempfile.mkdtemp(prefix="resegment-")))
    if not webbrowser.open(local.resolve().as_uri()):
        raise Refused("no-browser", f"no browser could be opened here; open {local} yourself")
