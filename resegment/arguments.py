"""The command's arguments, checked before anything heavy is imported.

What the commands do is cli.py's; the flow checks its parameters again, in tasks/runtime/parameters.py.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console

from config.dates import read_date
from config.definitions import DefinitionError, find_definition, read_definition
from config.parameters import Segmentation
from config.settings import Settings, read_settings
from segmentation.errors import Refused, ResegmentError
from segmentation.store.layout import look_up_home
from segmentation.store.objects import ObjectPath


def load(definition: str) -> tuple[Segmentation, Settings]:
    """The definition by name or path, and settings under which a flow finds it by its name."""
    path = Path(definition)
    try:
        if path.suffix in (".yaml", ".yml"):
            if not path.is_file():
                raise DefinitionError(f"there is no definition file {definition}")
            os.environ["RESEGMENT_DEFINITIONS"] = str(path.resolve().parent)
            read_settings.cache_clear()
        else:
            path = find_definition(definition, read_settings().definitions)
        return read_definition(path), read_settings()
    except DefinitionError as error:
        raise Refused("definition", str(error)) from None


def parse_date(text: str | None, segmentation: Segmentation) -> date:
    """--as-of as a date, today in the definition's time zone by default. Refused if it is none."""
    today = segmentation.today(datetime.now(UTC))
    try:
        as_of = read_date(today if text is None else text)
    except ValueError:
        said = f"{(text or '')[:40]!r} is not a date; expected YYYY-MM-DD, such as {today}"
        raise Refused("as-of", said) from None
    if str(as_of) > today:
        raise Refused("future-date", f"as_of {as_of} lies in the future: today is {today}")
    return as_of


def find_home(name: str, store: str | None) -> Path | ObjectPath:
    """The segmentation's folder in the store that --store or the settings name."""
    return look_up_home(name, store or read_settings().store)


def shorten(place: str) -> str:
    """The path relative to the folder the command was given in, where it lies below it."""
    return place.removeprefix(f"{Path.cwd()}/")


@contextmanager
def plain_failures(errors: Console) -> Iterator[None]:
    """Turn what is not ours into one line: the traceback is in the run's log on the Prefect server."""
    try:
        yield
    except ResegmentError:
        raise
    except KeyboardInterrupt:
        said, status = "interrupted; nothing was published, and running again is safe", 130
    except Exception as error:
        said, status = _tell(error), 1
    else:
        return
    errors.print(f"resegment: {said}", markup=False, highlight=False, style="red")
    raise SystemExit(status)


def _tell(error: Exception) -> str:
    """A failure in words. Its message may quote data; an operating system's error text does not."""
    what = type(error).__name__
    if what in ("ConnectError", "ConnectTimeout", "UnsupportedProtocol", "InvalidURL"):
        url = os.environ.get("PREFECT_API_URL", "PREFECT_API_URL")
        return f"no Prefect server answers at {url}. Start it, or unset PREFECT_API_URL to have one here"
    if isinstance(error, OSError) and error.strerror:
        what = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return (
        f"failed: {what}. Nothing was published; the run's log on the Prefect server has the details, "
        "and running again is safe"
    )
