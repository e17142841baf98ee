"""The command `resegment report`: where an edition's report is, in a browser or as a picture.

Reports are written with their edition, by tasks/report.py. The index of reports is in
segmentation/report/index/index_refresh.py.
"""

import re
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from config.settings import read_settings
from resegment.arguments import locate_edition, resolve_home
from resegment.options import EditionDateOption, EditionIdOption, NameArgument, StoreOption
from resegment.terminal import shorten_path
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

report_app = typer.Typer()

_SIZE = re.compile(r"([1-9]\d{2,3})x([1-9]\d{2,4})")


@report_app.command("report", epilog="Example: resegment report article --open")
def report_command(
    name: NameArgument,
    as_of: EditionDateOption = None,
    edition: EditionIdOption = None,
    store: StoreOption = None,
    is_opened: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a picture of its top. Needs Chromium on this machine."),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="The picture's width and height in pixels.")
    ] = "1280x1600",
    index: Annotated[
        bool, typer.Option("--index", help="Rebuild the index of all editions, and use it instead.")
    ] = False,
) -> None:
    """Print the path of an edition's report. Optionally open it or save a picture of it."""
    from segmentation.report.serving.screenshots import take_screenshot

    home = resolve_home(name, store)
    pixels = parse_size(size)
    page = _rebuild_index(home, as_of or edition) if index else _locate_report(home, as_of, edition)
    typer.echo(shorten_path(str(page)))
    if png is not None:
        with _local_copy(page) as local:
            take_screenshot(local, png, pixels, read_settings().browser)
        typer.echo(shorten_path(str(png)))
    if is_opened:
        _open_in_browser(page)


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels from --size. Anything else is refused.

    >>> parse_size("1280x1600")
    (1280, 1600)
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise Refused("size", f"{text[:40]!r} is not a size; expected width x height, such as 1280x1600")
    return int(match[1]), int(match[2])


def _rebuild_index(home: AnyPath, edition: str | None) -> AnyPath:
    from segmentation.report.index.index_refresh import write_index

    if edition is not None:
        raise Refused("index", "the index covers all editions: leave out --as-of and --edition")
    return write_index(home, reread=True)


def _locate_report(home: AnyPath, as_of: str | None, edition: str | None) -> AnyPath:
    _, folder = locate_edition(home, as_of, edition)
    page = folder / "report.html"
    if not page.is_file():
        raise Refused("edition", f"{folder} is damaged or has no report; see 'resegment audit'")
    return page


@contextmanager
def _local_copy(page: AnyPath) -> Iterator[Path]:
    """The page as a file on this machine; of an object, a temporary copy."""
    if isinstance(page, Path):
        yield page
        return
    from segmentation.store.files.scratch import scratch_folder

    with scratch_folder() as scratch:
        yield page.fetch(scratch)


def _open_in_browser(page: AnyPath) -> None:
    """Open the page. The copy of an object is removed a day later, since the browser may read it again."""
    from segmentation.store.files.scratch import create_page_folder

    local = page if isinstance(page, Path) else page.fetch(create_page_folder())
    if not webbrowser.open(local.resolve().as_uri()):
        raise Refused("no-browser", f"no browser could be opened on this machine; open {local} yourself")
