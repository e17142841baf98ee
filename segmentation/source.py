"""Where rows come from: listing a source's files and downloading those that are objects.

Checking a file is in segmentation/source_checks.py, reading its rows in segmentation/rows/reading.py.
"""

import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path

from config.sources import DATE_DIRECTIVES, Source
from segmentation.errors import NoData, Refused
from segmentation.parts import create_empty_folder
from segmentation.store.objects import AnyPath, ObjectPath, parse_path

SUFFIXES = (".csv", ".parquet")
_DOWNLOADS = 8


def list_files(
    source: Source, override: str | None, as_of: date, window: tuple[date, date] | None = None
) -> list[AnyPath]:
    """The source's files or objects for as_of, sorted by name. Refused if it has none.

    A folder means its .csv and .parquet files. With date_in_name, only the newest dated file on or
    before as_of counts or, for events, the files dated within the window, excluding its end.
    """
    location = override or source.path
    if location is None:
        raise Refused("source", "the definition names no path")
    paths = _list_location(location)
    if source.date_in_name and paths != [parse_path(location)]:
        paths = _choose_dated(paths, source.date_in_name, window or as_of)
    if not paths:
        days = f"dated from {window[0]} to before {window[1]}" if window else f"for {as_of}"
        raise NoData("no-file", f"no .csv or .parquet file at {location} {days}")
    for path in paths:
        if not path.exists():
            raise Refused("no-file", f"file {path.name} does not exist; check source.path or --source")
        if not path.is_file():
            raise Refused("not-a-file", f"{path.name} is not a regular file")
        if path.suffix.lower() not in SUFFIXES:
            raise Refused("wrong-extension", f"{path.name}: expected a .csv or .parquet file")
    return sorted(paths, key=lambda path: (path.name, str(path)))


def _list_location(location: str) -> list[AnyPath]:
    path = parse_path(location)
    if isinstance(path, ObjectPath):
        return _list_objects(path)
    if path.is_dir():
        return [child for child in path.iterdir() if child.suffix.lower() in SUFFIXES]
    if has_magic(location) and not path.exists():
        matches = glob(location, recursive=True)  # noqa: PTH207 - absolute patterns too
        return [Path(match) for match in matches]
    return [path]


def _list_objects(path: ObjectPath) -> list[AnyPath]:
    if has_magic(path.key):
        plain = [*takewhile(lambda part: not has_magic(part), path.key.split("/"))]
        folder = ObjectPath(path.bucket, "/".join(plain))
        pattern = path.key.removeprefix(folder.key).lstrip("/")
        return [child for child in folder.glob(pattern) if child.size is not None]
    children = [child for child in path.iterdir() if child.size is not None]
    return [child for child in children if child.suffix.lower() in SUFFIXES] or [path]


def fetch_files(paths: Iterable[AnyPath], folder: Path) -> list[Path]:
    """Local paths of the files. Objects are downloaded into subfolders of `folder`, under their names."""

    def fetch(numbered: tuple[int, AnyPath]) -> Path:
        i, path = numbered
        return path if isinstance(path, Path) else path.fetch(create_empty_folder(folder / f"{i}"))

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        return list(pool.map(fetch, enumerate(paths)))


def _choose_dated(paths: Sequence[AnyPath], pattern: str, days: date | tuple[date, date]) -> list[AnyPath]:
    """Files dated within a window, excluding its end; for one day, the newest files dated up to it."""
    dated = [(day, path) for path in paths if (day := date_in_name(path.name, pattern)) is not None]
    if isinstance(days, tuple):
        return [path for day, path in dated if days[0] <= day < days[1]]
    newest = max((day for day, _ in dated if day <= days), default=None)
    return [path for day, path in dated if day == newest]


def date_in_name(name: str, pattern: str) -> date | None:
    """The date in a file's name, by a strptime pattern; None without one.

    >>> date_in_name("orders-2026-01-31.csv", "%Y-%m-%d")
    datetime.date(2026, 1, 31)
    """
    parts = re.split(r"(%[A-Za-z])", pattern)
    match = re.search("".join(DATE_DIRECTIVES.get(part, re.escape(part)) for part in parts), name)
    try:
        return datetime.strptime(match[0], pattern).date() if match else None
    except ValueError:
        return None
