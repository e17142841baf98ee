"""What a source's location holds: the files of a folder, of a glob or of a prefix in a bucket.

Which of them are read is decided in segmentation/sources/listing.py. Nothing here opens a file.
"""

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase, translate
from glob import glob, has_magic
from itertools import takewhile
from pathlib import Path
from typing import Literal, NamedTuple

from segmentation.errors import Refused
from segmentation.sources.table_formats import refuse_log, refuse_table
from segmentation.store.files.objects import AnyPath, ObjectPath, parse_path

# What systems and tools leave behind, by the name of a file or folder. All hidden files are left out too.
_LEFTOVERS = (
    *("_success", "_committed_*", "_started_*", "_metadata", "_common_metadata", "_temporary", "*.crc"),
    *("_change_data", "_delta_index", "_symlink_format_manifest", "*_$folder$"),
    *("thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"),
    *("__macosx", "icon\r", "@eadir", "lost+found", "~$*", "#*#"),
    # Marks that a delivery is complete, next to its files.
    *("*.md5", "*.sha1", "*.sha256", "*.sha512", "*.asc", "*.sig", "*.ok", "*.done", "*.ctl", "*.ready"),
)
_LEFTOVER = re.compile("|".join(translate(pattern) for pattern in (".*", *_LEFTOVERS)), re.IGNORECASE)
_PARTITION = re.compile(r"[^=/]+=[^/]*")
MOST_OTHERS = 10_000  # files outside the folders that are read: enough to say that there are many


class FoundFile(NamedTuple):
    """A file and its name below the source's folder, with `/` between folders."""

    path: AnyPath
    name: str


class Place(NamedTuple):
    """A location: the files that it means, others below its folder or next to its files, and what it is."""

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
        for file, is_entered in _walk(path, "", enters_folders):
            (files if is_entered else others).append(file)
        return Place(files, others[:MOST_OTHERS], "folder")
    # A file may be called a[1].csv.
    if has_magic(location) and not path.exists():
        return _match_files(location)
    refuse_table(path.parent)
    return Place([FoundFile(path, path.name)], [], "file")


def is_leftover(name: str) -> bool:
    """Is this a hidden file, or one that a system or a tool left behind?

    >>> is_leftover("dt=2026-01-31/_SUCCESS"), is_leftover("part-0.parquet")
    (True, False)
    """
    return any(_LEFTOVER.match(part) for part in name.split("/"))


def is_partition(folder: str) -> bool:
    """Is this folder a partition, `column=value`?"""
    return _PARTITION.fullmatch(folder) is not None


def _match_files(pattern: str) -> Place:
    """The files that match a pattern, and those next to them."""
    root = Path(*_fixed_parts(Path(pattern).parts))
    paths = [Path(match) for match in glob(pattern, recursive=True)]  # noqa: PTH207 - absolute patterns too
    if "**" in pattern:
        paths = [path for path in paths if not path.is_dir()]
    others, matched = [], set(paths)
    for folder in {path.parent for path in paths}:
        refuse_table(folder)
        others += [path for path in folder.iterdir() if path not in matched]
    matches, siblings = (
        [FoundFile(path, path.relative_to(root).as_posix()) for path in group if not is_leftover(path.name)]
        for group in (paths, others)
    )
    return Place(matches, siblings, "glob")


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
    folders = []
    for child in children:
        if child.is_dir():
            folders.append(child)
        else:
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
        return _match_objects(path)
    files: list[FoundFile] = []
    others: list[FoundFile] = []
    for child in path.list_below():
        name = str(child.relative_to(path))
        refuse_log(name, path)
        if not is_leftover(name):
            folders = name.split("/")[:-1]
            is_entered = enters_folders or all(is_partition(folder) for folder in folders)
            (files if is_entered else others).append(FoundFile(child, name))
    if files or others:
        refuse_table(path, is_listed=True)
        return Place(files, others[:MOST_OTHERS], "folder")
    refuse_table(path.parent)
    return Place([FoundFile(path, path.name)], [], "file")


def _match_objects(path: ObjectPath) -> Place:
    """The objects that match a pattern, and those next to them."""
    parts = path.key.split("/")
    fixed = _fixed_parts(tuple(parts))
    root, patterns = ObjectPath(path.bucket, "/".join(fixed)), parts[len(fixed) :]
    # A longer prefix means fewer keys to list, at most a thousand of them per request.
    prefix = re.split(r"[*?[]", patterns[0])[0] if len(patterns) > 1 else ""
    listed = [FoundFile(child, str(child.relative_to(root))) for child in root.list_below(prefix)]
    matches = [file for file in listed if matches_pattern(file.name.split("/"), patterns)]
    folders = {file.name.rpartition("/")[0] for file in matches}
    for file in listed:
        refuse_log(file.name, root, folders)
    refuse_table(root, is_listed=True)
    matched = set(matches)
    siblings = [file for file in listed if file.name.rpartition("/")[0] in folders and file not in matched]
    kept, others = ([file for file in files if not is_leftover(file.name)] for files in (matches, siblings))
    return Place(kept, others, "glob")


def matches_pattern(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Do the parts of a name match those of a pattern? As in glob(), `**` stands for any number of folders.

    >>> matches_pattern(["2026", "01", "31.csv"], ["**", "*.csv"])
    True
    """
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(matches_pattern(parts[start:], patterns[1:]) for start in range(len(parts) + 1))
    is_match = bool(parts) and fnmatchcase(parts[0], patterns[0])
    return is_match and matches_pattern(parts[1:], patterns[1:])
