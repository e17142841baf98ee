"""Folders that are tables with a log of their own: Delta, Hudi, Iceberg and others.

Their Parquet files include rows that were deleted or replaced, so they are never read as plain files. Delta
tables are read through their log, in segmentation/rows/reading/delta.py.
"""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path

from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

DELTA = "Delta"
# The folder in which each format keeps its log.
_LOGS = {
    "_delta_log": DELTA,
    ".hoodie": "Hudi",
    "_spark_metadata": "Spark Structured Streaming",
    "_versions": "Lance",
}
# Folders with common names are logs only if they hold such a file.
_LOG_FILES = {"metadata": ("*.metadata.json*", "Iceberg"), "snapshot": ("LATEST", "Paimon")}


def has_delta_log(folder: AnyPath) -> bool:
    """Is this the folder of a Delta table?"""
    return (folder / "_delta_log").is_dir()


def detect_table(folder: AnyPath) -> str | None:
    """The format of the table whose folder this is; None if it is a plain folder."""
    logs = (*_LOGS, *_LOG_FILES)
    if isinstance(folder, Path):
        return next((found for log in logs if (found := _detect_log(folder / log))), None)
    with ThreadPoolExecutor(len(logs)) as pool:  # each is a request
        return next(filter(None, pool.map(_detect_log, [folder / log for log in logs])), None)


def _detect_log(log: AnyPath) -> str | None:
    if log.name in _LOGS:
        return _LOGS[log.name] if log.is_dir() else None
    pattern, table_format = _LOG_FILES[log.name]
    return table_format if next(iter(log.glob(pattern)), None) is not None else None


def refuse_table(folder: AnyPath, is_listed: bool = False) -> None:
    """Refuse a folder that is a table, or within one. With `is_listed`, what is below it is known already."""
    for candidate in _list_candidates(folder):
        if not (is_listed and candidate == folder) and (table_format := detect_table(candidate)):
            raise _make_refusal(candidate.name, table_format)


def refuse_log(name: str, root: AnyPath, folders: Collection[str] | None = None) -> None:
    """Refuse a file, named below `root`, that is in the log of a table; for listings of whole prefixes.

    With `folders`, only a log of one of these folders, or of a folder above one, is refused.
    """
    *parts, file = name.split("/")
    for depth, part in enumerate(parts):
        table_format = _LOGS.get(part)
        if part in _LOG_FILES and depth == len(parts) - 1 and fnmatch(file, _LOG_FILES[part][0]):
            table_format = _LOG_FILES[part][1]
        table = "/".join(parts[:depth])
        if table_format is not None and (
            folders is None or any(f"{folder}/".startswith(f"{table}/") or not table for folder in folders)
        ):
            raise _make_refusal(parts[depth - 1] if depth else root.name, table_format)


def _make_refusal(name: str, table_format: str) -> Refused:
    reason = (
        f"{name} is a {table_format} table: its log decides which rows of its files count, and others were "
        "deleted or replaced"
    )
    if table_format == DELTA:
        return Refused("table-format", f"{reason}; source.path can name the folder of the whole table")
    return Refused(
        "table-format",
        f"{reason}; export it to plain Parquet files, or query it through a database with source.sql",
    )


def _list_candidates(folder: AnyPath) -> Iterator[AnyPath]:
    """The folder, the partitions it is in, and the folder above those: data/ of Iceberg, or the table."""
    folder = folder.absolute() if isinstance(folder, Path) else folder
    while folder.name:
        yield folder
        is_partition = "=" in folder.name or folder.name.isdecimal()
        folder = folder.parent
        if not is_partition:
            break
    if folder.name:
        yield folder
