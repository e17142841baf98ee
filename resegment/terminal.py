"""What every command prints the same way: tables, short paths, and failures as one line.

Progress of a run is in progress.py.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from segmentation.errors import ResegmentError

WIDTH_OF_PIPES = 220  # columns: wide enough that no cell is folded for a script
_NO_SERVER = ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "InvalidURL")  # of httpx


def open_stderr() -> Console:
    """A console on standard error that does not break long lines."""
    return Console(stderr=True, soft_wrap=True)


def print_failure(message: object, console: Console | None = None) -> None:
    """Print `resegment: MESSAGE` in red on standard error."""
    stderr = console or open_stderr()
    stderr.print(f"resegment: {message}", markup=False, highlight=False, style="red")


def print_note(message: str) -> None:
    """Print a note in yellow on standard error, so that it is not part of what a script reads."""
    open_stderr().print(f"note: {message}", markup=False, highlight=False, style="yellow")


def print_table(header: Iterable[str], rows: Iterable[Sequence[str]], right: Iterable[int] = ()) -> None:
    """Print a table, as wide as the terminal. `right`: positions of right-aligned columns."""
    table = Table(box=None, header_style="bold")
    aligned = set(right)
    for position, title in enumerate(header):
        table.add_column(title, overflow="fold", justify="right" if position in aligned else "left")
    for row in rows:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else WIDTH_OF_PIPES).print(table, markup=False)


def shorten_path(path: str) -> str:
    """The path relative to the working folder if it is inside it, else unchanged."""
    return path.removeprefix(f"{Path.cwd()}/")


@contextmanager
def plain_failures(console: Console) -> Iterator[None]:
    """Turn an unexpected exception into one line; the traceback is in the run's log on the server."""
    try:
        yield
    except ResegmentError:
        raise
    except KeyboardInterrupt:
        message, status = "interrupted; nothing was published, and running again is safe", 130
    except Exception as error:
        message, status = _describe(error), 1
    else:
        return
    print_failure(message, console)
    raise SystemExit(status)


def _describe(error: Exception) -> str:
    """The failure in one line. An exception's own text may quote data; an operating system's does not."""
    name = type(error).__name__
    if name in _NO_SERVER:
        url = os.environ.get("PREFECT_API_URL", "PREFECT_API_URL")
        return (
            f"no Prefect server answers at {url}. Start it, or unset PREFECT_API_URL to use an embedded one"
        )
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return (
        f"failed: {name}. Nothing was published; the run's log on the Prefect server has the details, "
        "and running again is safe"
    )
