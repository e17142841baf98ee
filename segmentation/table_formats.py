"""Folders that are tables with a log of their own: Delta, Hudi, Iceberg and others.

Their Parquet files include rows that were deleted or replaced, so they are never read as plain files. Delta
tables are read through their log, in segmentation/rows/delta.py.
"""

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from segmentation.errors import Refused

if TYPE_CHECKING:
    from segmentation.store.objects import AnyPath

DELTA = "Delta"
# The folder in which each format keeps its log.
_LOGS = {
    "_delta_log": DELTA,
    ".hoodie": "Hudi",
    "_spark_metadata": "Spark Structured Streaming",
    "_versions": "Lance",
}
_LOG_FILES = {"metadata": ("*.metadata.json", "Iceberg"), "snapshot": ("LATEST", "Paimon")}
_FOLDERS_ABOVE = 2  # data/ of Iceberg, and one more


def has_delta_log(folder: "AnyPath") -> bool:
    """Is this the folder of a Delta table?"""
    return (folder / "_delta_log").is_dir()


def detect_table(folder: "AnyPath") -> str | None:
    """The format of the table whose folder this is; None if it is a plain folder."""
    for log, table_format in _LOGS.items():
        if (folder / log).is_dir():
            return table_format
    for log, (pattern, table_format) in _LOG_FILES.items():
        if next(iter((folder / log).glob(pattern)), None) is not None:
            return table_format
    return None


def refuse_table(folder: "AnyPath") -> None:
    """Refuse a folder that is a table, or within one."""
    for candidate in [folder, *_list_folders_above(folder)]:
        table_format = detect_table(candidate)
        if table_format is not None:
            raise _make_refusal(candidate.name or str(candidate), table_format)


def refuse_log(name: str, folder: "AnyPath") -> None:
    """Refuse a name below a folder that is in a table's log, for listings of whole prefixes."""
    *folders, file = name.split("/")
    for depth, part in enumerate(folders):
        table_format = _LOGS.get(part)
        if part in _LOG_FILES and depth == len(folders) - 1 and fnmatch(file, _LOG_FILES[part][0]):
            table_format = _LOG_FILES[part][1]
        if table_format is not None:
            raise _make_refusal([folder.name, *folders][depth] or str(folder), table_format)


def _make_refusal(name: str, table_format: str) -> Refused:
    reason = (
        f"{name} is a {table_format} table: its log decides which rows of its files count, and others were "
        "deleted or replaced"
    )
    if table_format == DELTA:
        return Refused(
            "table-format", f"{reason}; a definition's source.path can name the table's own folder"
        )
    return Refused(
        "table-format",
        f"{reason}; export it to plain Parquet files, or query it through a database with source.sql",
    )


def _list_folders_above(folder: "AnyPath") -> "Iterator[AnyPath]":
    """The folders above, as long as they can be the table of a partition or of a folder of data files."""
    plain = 0
    while plain < _FOLDERS_ABOVE:
        # Every partition has the table, or another partition, above it.
        plain += "=" not in folder.name
        folder = folder.absolute().parent if hasattr(folder, "absolute") else folder.parent
        if not folder.name:
            return
        yield folder
