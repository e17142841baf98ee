"""What a source's location holds: the files of a folder, of a glob or of a prefix in a bucket.

Which of them are read is decided in segmentation/source.py. Nothing here opens a file.
"""

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path
from typing import Literal, NamedTuple

from segmentation.errors import Refused
from segmentation.store.objects import AnyPath, ObjectPath, parse_path
from segmentation.table_formats import refuse_log, refuse_table

# What systems and tools leave behind, by the name of a file or folder. All hidden files are left out too.
_LEFTOVERS = (
    *("_success", "_committed_*", "_started_*", "_metadata", "_common_metadata", "_temporary", "*.crc"),
    *("_change_data", "_delta_index", "_symlink_format_manifest", "*_$folder$"),
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),
    *("__macosx", "icon\r", "@eadir", "lost+found", "~$*", "#*#"),
    # Marks that a delivery is complete, next to its files.
    *("*.md5", "*.sha1", "*.sha256", "*.sha512", "*.asc", "*.sig", "*.ok", "*.done", "*.ctl", "*.ready"),
)
_PARTITION = re.compile(r"[^=/]+=[^/]*")
MOST_OTHERS = 10_000  # files outside the folders that are read: enough to say that there are many


class FoundFile(NamedTuple):
    """A file and its name below the source's folder, with `/` between folders."""

    path: AnyPath
    name: str


class Place(NamedTuple):
    """A location: the files that it means, other files below its folder, and what it is."""

    files: list[FoundFile]
    others: list[FoundFile]
    kind: Literal["file", "folder", "glob"]


def list_place(location: str, enters_folders: bool) -> Place:
    """The files at a location. Refused if they belong to a table with a log of its own, such as Iceberg.

    In a folder, subfolders are read only with `enters_folders`, or if they are partitions, such as
    `region=eu/`. Files of other subfolders are among the others.
    """
    path = parse_path(location)
    if isinstance(path, ObjectPath):
        return _list_objects(path, enters_folders)
    if path.is_dir():
        refuse_table(path)
        files: list[FoundFile] = []
        others: list[FoundFile] = []
        for found, is_entered in _walk(path, "", enters_folders):
            (files if is_entered else others).append(found)
            if len(others) >= MOST_OTHERS:
                break
        return Place(files, others, "folder")
    if has_magic(location) and not path.exists():
        root = Path(*_fixed_parts(path.parts))
        matches = [Path(match) for match in glob(location, recursive=True)]  # noqa: PTH207 - absolute too
        if "**" in location:
            matches = [match for match in matches if not match.is_dir()]
        for folder in {match.parent for match in matches}:
            refuse_table(folder)
        found_files = [FoundFile(match, match.relative_to(root).as_posix()) for match in matches]
        return Place([file for file in found_files if not is_leftover(file.name)], [], "glob")
    refuse_table(path.parent)
    return Place([FoundFile(path, path.name)], [], "file")


def list_siblings(place: Place) -> list[str]:
    """Names of the files next to those of a glob that it does not match."""
    matched = {file.name for file in place.files}
    names = []
    for folder, name in {(file.path.parent, file.name.rpartition("/")[0]) for file in place.files}:
        siblings = folder.iterdir() if isinstance(folder, Path) else folder.glob("*")
        names += [f"{name}/{child.name}".lstrip("/") for child in siblings]
    return sorted(name for name in names if name not in matched and not is_leftover(name))


def is_leftover(name: str) -> bool:
    """Is this a hidden file, or one that a system or a tool left behind?

    >>> is_leftover("dt=2026-01-31/_SUCCESS"), is_leftover("part-0.parquet")
    (True, False)
    """
    return any(
        part.startswith(".") or any(fnmatch(part.lower(), leftover) for leftover in _LEFTOVERS)
        for part in name.split("/")
    )


def is_partition(folder: str) -> bool:
    """Is this folder a partition, `column=value`?"""
    return _PARTITION.fullmatch(folder) is not None


def _fixed_parts(parts: tuple[str, ...]) -> list[str]:
    """The folders of a glob before its first wildcard."""
    return list(takewhile(lambda part: not has_magic(part), parts[:-1]))


def _walk(folder: Path, prefix: str, enters_folders: bool) -> Iterator[tuple[FoundFile, bool]]:
    """Every file below a folder, and whether its folder is read: those first, then the others."""
    try:
        with os.scandir(folder) as scan:
            children = sorted(
                (child for child in scan if not is_leftover(child.name)), key=lambda it: it.name
            )
    except OSError as error:
        raise Refused("unreadable-folder", f"folder {folder.name}: {error.strerror}") from error
    folders = [child for child in children if child.is_dir()]
    for child in children:
        if child not in folders:
            yield FoundFile(Path(child.path), f"{prefix}{child.name}"), True
    entered = [child for child in folders if enters_folders or is_partition(child.name)]
    for child in entered:
        path = Path(child.path)
        if child.is_symlink() and path.resolve() in [path.absolute(), *path.absolute().parents]:
            continue  # a link to a folder above it would never end
        refuse_table(path)
        yield from _walk(path, f"{prefix}{child.name}/", enters_folders)
    for child in folders:
        if child not in entered and not _is_store(Path(child.path)):
            yield from _list_others(Path(child.path), f"{prefix}{child.name}/")


def _list_others(folder: Path, prefix: str) -> Iterator[tuple[FoundFile, bool]]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_leftover(name) and not _is_store(Path(root, name))]
        for name in names:
            if not is_leftover(name):
                path = Path(root, name)
                yield FoundFile(path, prefix + path.relative_to(folder).as_posix()), False


def _is_store(folder: Path) -> bool:
    """Is this a segmentation's folder in a store, which may be next to the data?"""
    return (folder / "published").is_dir() and (folder / "editions").is_dir()


def _list_objects(path: ObjectPath, enters_folders: bool) -> Place:
    if has_magic(path.key):
        root = ObjectPath(path.bucket, "/".join(_fixed_parts(tuple(path.key.split("/")))))
        pattern = path.key.removeprefix(root.key).lstrip("/")
        matches = [child for child in root.glob(pattern) if child.size is not None]
        for folder in {match.parent for match in matches}:
            refuse_table(folder)
        found_files = [FoundFile(match, str(match.relative_to(root))) for match in matches]
        return Place([file for file in found_files if not is_leftover(file.name)], [], "glob")
    files: list[FoundFile] = []
    others: list[FoundFile] = []
    for child in path.list_below():
        name = str(child.relative_to(path))
        folders = name.split("/")[:-1]
        refuse_log(name, path)
        if not is_leftover(name):
            is_entered = enters_folders or all(is_partition(folder) for folder in folders)
            (files if is_entered else others).append(FoundFile(child, name))
    refuse_table(path if files or others else path.parent)
    if files or others:
        return Place(files, others[:MOST_OTHERS], "folder")
    return Place([FoundFile(path, path.name)], [], "file")
