"""Which files of a source a date reads: the days their names cover, and downloading those that are objects.

What a location holds is listed in segmentation/sources/places.py; files left over are judged in
segmentation/sources/unread_files.py. Checking a file's content is in segmentation/sources/content.py.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from config.sources import Source
from segmentation.errors import NoData, Refused
from segmentation.parts import create_empty_folder
from segmentation.sources.dated_names import Span, span_in_name
from segmentation.sources.file_formats import FORMATS, get_format
from segmentation.sources.places import FoundFile, Place, is_partition, list_place
from segmentation.sources.table_formats import has_delta_log
from segmentation.sources.unread_files import FileSelection, judge_unread, warn_of_siblings
from segmentation.store.files.objects import AnyPath, parse_path

_DOWNLOADS = 8
_NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


class ListedFile(NamedTuple):
    """A file to read. `name` is below the source's folder; `partitions` are the columns its folders name."""

    path: AnyPath
    name: str
    partitions: Mapping[str, str | None]


class SourceListing(NamedTuple):
    """The files to read, in the source's order, and warnings about files that are not read."""

    files: list[ListedFile]
    warnings: list[str]
    outside: int = 0  # dated files of other days


def list_source(
    source: Source, override: str | None, as_of: date, window: tuple[date, date] | None = None
) -> SourceListing:
    """The source's files or objects for as_of, sorted by date and name. Refused if it has none.

    With date_in_name, only the newest dated file up to as_of counts or, for events, the files whose days
    meet the window, excluding its end. Other files of the folder are named in a warning; where they may
    hold rows that are missed, they are refused.
    """
    location = override or source.path
    if location is None:
        raise Refused("source", "the definition names no path")
    pattern = source.date_in_name
    place = list_place(location, enters_folders="/" in (pattern or ""))
    selection = select_dated(place, source, as_of, window)
    warnings = judge_unread(selection, takes_newest=window is None and pattern is not None)
    if not selection.read:
        days = f"dated from {window[0]} to before {window[1]}" if window else f"for {as_of}"
        raise NoData("no-file", f"no table at {location} {days}; expected files that end in {FORMATS}")
    for file in selection.read:
        _check_readable(file)
    if place.kind == "glob":
        warnings += warn_of_siblings(selection._replace(others=place.others))
    outside = max(0, selection.dated - len(selection.read))
    return SourceListing([_list_file(file) for file in selection.read], warnings, outside)


def list_files(
    source: Source, override: str | None, as_of: date, window: tuple[date, date] | None = None
) -> list[AnyPath]:
    """The paths of the source's files for as_of, as list_source() selects them."""
    return [file.path for file in list_source(source, override, as_of, window).files]


def look_up_delta(source: Source, override: str | None) -> AnyPath | None:
    """The folder of the Delta table that the source is; None if it is another kind of source."""
    location = override or source.path
    is_table = location is not None and has_delta_log(parse_path(location))
    if source.version is not None and not is_table:
        raise Refused("source", "source.version is for Delta tables, and source.path is not one")
    return parse_path(str(location)) if is_table else None


def covered_days(name: str, source: Source) -> Span | None:
    """The days whose rows the file of an input may hold, by its name; None if it may hold any.

    `name` is the input's, below the source's folder.
    """
    if source.date_in_name is None:
        return None
    span = span_in_name(name, source.date_in_name)
    return None if span is None else span.widen(source.days_before, source.days_after)


def select_dated(
    place: Place, source: Source, as_of: date, window: tuple[date, date] | None
) -> FileSelection:
    """The files to read, in the source's order, and those that are left over."""
    pattern = source.date_in_name
    if pattern is None or place.kind == "file":
        # What a file or a glob names is read, whatever its name ends in, or refused.
        read = [file for file in place.files if place.kind != "folder" or get_format(file.name)]
        return _make_selection(place, sorted(read, key=lambda file: file.name))
    dated = [
        (span, file)
        for file in place.files
        if get_format(file.name) and (span := span_in_name(file.name, pattern))
    ]
    if window is not None:
        # An unread file of the margin may hold rows of the window, too.
        days = Span(*window).widen(source.days_after, source.days_before)
        chosen = [(span, file) for span, file in dated if span.meets(days)]
    else:
        newest = max((span.first for span, _ in dated if span.first <= as_of), default=as_of)
        # Older files are not missed. A newer one would have been read instead.
        days = Span(newest, as_of + timedelta(1))
        chosen = [(span, file) for span, file in dated if span.first == newest]
    read = [file for _, file in sorted(chosen, key=lambda pair: (pair[0].first, pair[1].name))]
    return _make_selection(place, read)._replace(pattern=pattern, days=days, dated=len(dated))


def _make_selection(place: Place, read: list[FoundFile]) -> FileSelection:
    names = {file.name for file in read}
    others = [file for file in place.files if file.name not in names]
    # What is next to the files of a glob is judged apart.
    return FileSelection(read, others if place.kind == "glob" else [*others, *place.others])


def _check_readable(file: FoundFile) -> None:
    path = file.path
    if not path.exists():
        raise Refused("no-file", f"file {file.name} does not exist; check source.path or --source")
    if not path.is_file():
        raise Refused("not-a-file", f"{file.name} is not a regular file")
    if get_format(path.name) is None:
        raise Refused("wrong-extension", f"{file.name}: expected a name that ends in {FORMATS}")


def _list_file(file: FoundFile) -> ListedFile:
    """The file with the columns that its folders name, such as `region=eu/`."""
    pairs = [folder.partition("=") for folder in str(file.path).split("/")[:-1] if is_partition(folder)]
    partitions = {name: None if value == _NULL_PARTITION else unquote(value) for name, _, value in pairs}
    return ListedFile(file.path, file.name, partitions)


def fetch_files(paths: Iterable[AnyPath], folder: Path) -> list[Path]:
    """Local paths of the files. Objects are downloaded into subfolders of `folder`, under their names."""

    def fetch(numbered: tuple[int, AnyPath]) -> Path:
        i, path = numbered
        return path if isinstance(path, Path) else path.fetch(create_empty_folder(folder / f"{i}"))

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        return list(pool.map(fetch, enumerate(paths)))
