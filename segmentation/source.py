"""Where rows come from: finding the source's files, refusing what is not a table, fingerprints.

Reading rows from an accepted file belongs in segmentation/rows/reading.py.
"""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from config.sources import DATE_DIRECTIVES, Csv, Source
from schemas.rows import Input
from segmentation.errors import NoData, Refused, SourceChanged
from segmentation.parts import hash_file, start_folder
from segmentation.store.objects import AnyPath, ObjectPath, as_place

SUFFIXES = (".csv", ".parquet")
_HEAD = 1 << 16
_DOWNLOADS = 8
_IMPOSTORS = [
    (b"version https://git-lfs", "pointer-file", "a Git LFS pointer, not the data; run 'git lfs pull'"),
    (b"PK\x03\x04", "wrong-content", "a zip or spreadsheet file; export it as CSV"),
    (b"\x1f\x8b", "wrong-content", "gzip-compressed; unpack it first"),
    (b"\xff\xfe", "encoding", "UTF-16; save it as UTF-8, or declare source.csv.encoding"),
    (b"\xfe\xff", "encoding", "UTF-16; save it as UTF-8, or declare source.csv.encoding"),
]


class SourceFile(NamedTuple):
    """One file of the source, with what identified it when the run looked first."""

    path: Path
    input: Input
    modified_ns: int


def find_files(
    source: Source, override: str | None, as_of: date, window: tuple[date, date] | None = None
) -> list[AnyPath]:
    """The source's files or objects for as_of, sorted by name. Refused if there are none.

    A folder means its .csv and .parquet files. With date_in_name only the newest dated file on or
    before as_of counts; of events, the files dated within the window, its end excluded.
    """
    place = override or source.path
    if place is None:
        raise Refused("source", "the definition names no path")
    path = as_place(place)
    paths = _list_place(place)
    if source.date_in_name and paths != [path]:
        paths = _choose_dated(paths, source.date_in_name, window or as_of)
    if not paths:
        days = f"dated from {window[0]} to before {window[1]}" if window else f"for {as_of}"
        raise NoData("no-file", f"no .csv or .parquet file at {place} {days}")
    for one in paths:
        if not one.exists():
            raise Refused("no-file", f"there is no file {one.name}; check source.path or --source")
        if not one.is_file():
            raise Refused("not-a-file", f"{one.name} is not a regular file")
        if one.suffix.lower() not in SUFFIXES:
            raise Refused("wrong-extension", f"{one.name}: expected a .csv or .parquet file")
    return sorted(paths, key=lambda one: (one.name, str(one)))


def _list_place(place: str) -> list[AnyPath]:
    path = as_place(place)
    if isinstance(path, ObjectPath):
        if has_magic(path.key):
            plain = [*takewhile(lambda part: not has_magic(part), path.key.split("/"))]
            folder = ObjectPath(path.bucket, "/".join(plain))
            pattern = path.key.removeprefix(folder.key).lstrip("/")
            return [one for one in folder.glob(pattern) if one.size is not None]
        below = [one for one in path.iterdir() if one.size is not None]
        return [one for one in below if one.suffix.lower() in SUFFIXES] or [path]
    if path.is_dir():
        return [one for one in path.iterdir() if one.suffix.lower() in SUFFIXES]
    if has_magic(place) and not path.exists():
        return [Path(one) for one in glob(place, recursive=True)]  # noqa: PTH207 - absolute patterns too
    return [path]


def fetch(paths: Iterable[AnyPath], folder: Path) -> list[Path]:
    """The files as they lie here: objects are downloaded below a folder, under their names."""

    def bring(numbered: tuple[int, AnyPath]) -> Path:
        i, path = numbered
        return path if isinstance(path, Path) else path.fetch(start_folder(folder / f"{i}"))

    with ThreadPoolExecutor(_DOWNLOADS) as pool:
        return list(pool.map(bring, enumerate(paths)))


def _choose_dated(
    paths: list[AnyPath], pattern: str, days: date | tuple[date, date]
) -> list[AnyPath]:
    """Of dated files, those from the first day to before the last; given one day, the newest up to it."""
    dated = [(day, path) for path in paths if (day := read_date(path.name, pattern)) is not None]
    if isinstance(days, tuple):
        return [path for day, path in dated if days[0] <= day < days[1]]
    newest = max((day for day, _ in dated if day <= days), default=None)
    return [path for day, path in dated if day == newest]


def read_date(name: str, pattern: str) -> date | None:
    """The date in a file's name, by a strptime pattern; None if there is none."""
    parts = re.split(r"(%[A-Za-z])", pattern)
    match = re.search("".join(DATE_DIRECTIVES.get(part, re.escape(part)) for part in parts), name)
    try:
        return datetime.strptime(match[0], pattern).date() if match else None
    except ValueError:
        return None


def fingerprint(path: Path) -> SourceFile:
    """Hash a file, and note its size and modification time. Refused if it is empty or unreadable."""
    try:
        stat = path.stat()
        digest = hash_file(path)
    except OSError as error:
        raise Refused("unreadable-file", f"{path.name}: {error.strerror}") from error
    if stat.st_size == 0:
        raise Refused("empty-file", f"{path.name} is empty; expected a header and rows")
    is_typed = path.suffix.lower() == ".parquet"
    found = Input(name=path.name, size=stat.st_size, sha256=digest, numbered=is_typed)
    return SourceFile(path, found, stat.st_mtime_ns)


def check_unchanged(file: SourceFile) -> None:
    """Raise SourceChanged if the file is not the one that was fingerprinted."""
    stat = file.path.stat()
    if (stat.st_size, stat.st_mtime_ns) != (file.input.size, file.modified_ns):
        raise SourceChanged(f"{file.path.name} changed while it was read")


def check_content(path: Path, csv: Csv) -> None:
    """Refuse a file whose content is not what its name says, by its first and last bytes."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(0, path.stat().st_size - 4))
        tail = file.read()
    wide = csv.encoding.lower().replace("_", "-").startswith("utf-16")
    for magic, code, what in _IMPOSTORS:
        if head.startswith(magic) and not (wide and code == "encoding"):
            raise Refused(code, f"{path.name} is {what}")
    if path.suffix.lower() == ".parquet":
        if head[:4] != b"PAR1" or tail != b"PAR1":
            raise Refused("wrong-content", f"{path.name} is not a whole Parquet file; it may be cut")
        return
    if head[:4] == b"PAR1":
        raise Refused("wrong-content", f"{path.name} is a Parquet file named .csv")
    if head.lstrip()[:1] == b"<" and re.match(rb"\s*<(!doctype|html|\?xml)", head, re.IGNORECASE):
        raise Refused("wrong-content", f"{path.name} is an HTML or XML page, perhaps an error page")
    if csv.final_newline and tail.rstrip(b"\0")[-1:] not in (b"\n", b"\r"):
        raise Refused(
            "no-final-newline",
            f"{path.name} does not end in a newline, so it may be cut; fetch it again, or say "
            "'csv: {final_newline: false}' in the definition",
        )
