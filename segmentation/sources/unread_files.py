"""Files of a source's folder that a date does not read: named in a warning, or refused if rows may be missed.

Which files are read is decided in segmentation/sources/listing.py. Copies among those that are read are in
segmentation/sources/copied_files.py.
"""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from schemas.wording import list_names
from segmentation.errors import Refused
from segmentation.sources.dated_names import Span, detect_spans, span_in_name
from segmentation.sources.file_formats import FORMATS, get_format, get_stem
from segmentation.sources.places import FoundFile

MOST_NAMED = 3
_DIGIT = re.compile(r"\d")
MOST_UNREAD = 0.1  # files that may be data, per file that is read
# What a folder of data may hold besides, and what may be either: that is data if its name has a date.
_DOCUMENTS = {
    *(".md", ".rst", ".log", ".html", ".htm", ".pdf", ".png", ".jpg", ".svg", ".yaml", ".yml", ".toml"),
    *(".ini", ".cfg", ".sql", ".py", ".ipynb", ".sh", ".r", ".doc", ".docx", ".lock"),
}
_PERHAPS = {"", ".txt", ".json", ".xml"}


class FileSelection(NamedTuple):
    """The files that are read, and the others below the source's folder.

    With a pattern of dates: `days` are those whose rows are wanted, and `dated` counts files of any date.
    """

    read: list[FoundFile]
    others: list[FoundFile]
    pattern: str | None = None
    days: Span | None = None
    dated: int = 0


class _Unread(NamedTuple):
    """A file that may be missed, and the days that its name says, if it has a date in any form."""

    name: str
    spans: list[Span]


class _ReadNames(NamedTuple):
    """What the names of the files that are read have in common: stems, stems without digits, and folders."""

    stems: frozenset[str]
    forms: frozenset[str]
    folders: frozenset[str]

    @classmethod
    def collect(cls, selection: FileSelection) -> "_ReadNames":
        """The names of the files that are read."""
        names = [PurePosixPath(get_stem(file.name)) for file in selection.read]
        return cls(
            frozenset(name.name for name in names),
            frozenset(_DIGIT.sub("0", name.name) for name in names),
            frozenset(str(name.parent) for name in names),
        )

    def is_beside(self, name: str) -> bool:
        """Is this name that of a file that is read, with another end: 2026-01-31.xlsx of 2026-01-31.csv?"""
        base = PurePosixPath(get_stem(name)).name
        return any(base[:end] in self.stems for end, mark in enumerate([*base, "."]) if mark in ".~")

    def is_in_folder(self, name: str) -> bool:
        """Is the file in a folder that is read?"""
        return not self.folders or str(PurePosixPath(name).parent) in self.folders

    def is_like(self, name: str) -> bool:
        """Is it named like a file that is read, apart from digits?"""
        form = _DIGIT.sub("0", PurePosixPath(name).name)
        return any(form.startswith(read_form) for read_form in self.forms)

    def list_missable(self, files: Sequence[_Unread]) -> list[_Unread]:
        """The files that may hold rows of the table.

        In folders that are not read, only files that are named like those read are of the same table. One of
        them that repeats the name of a file that is read is a copy, several may be a region's files.
        """
        inside = [file for file in files if self.is_in_folder(file.name) and not self.is_beside(file.name)]
        elsewhere = [file for file in files if not self.is_in_folder(file.name) and self.is_like(file.name)]
        if len(elsewhere) == 1 and self.is_beside(elsewhere[0].name):
            elsewhere = []
        return [*inside, *elsewhere]


def judge_unread(selection: FileSelection, takes_newest: bool) -> list[str]:
    """A warning that names the files that are neither read nor dated outside the days that are wanted.

    Refused if one of them is dated on a day that no file read covers, or if those that look like data are
    more than a tenth of the files read. With `takes_newest`, files without a date only warn: the one that is
    read is newer than all that have one.
    """
    unread = list_unread(selection)
    if not unread:
        return []
    read = _ReadNames.collect(selection)
    data = read.list_missable([file for file in unread if _may_be_data(file)])
    missed = [file for file in data if file.spans and not _is_covered(file, selection)]
    # If no file is in the window, the dated files of other days say how many are usual.
    is_common = len(data) > MOST_UNREAD * (len(selection.read) or selection.dated) and not takes_newest
    names = _list_names(unread)
    if missed or is_common:
        raise Refused(
            "unread-files",
            f"{_list_names(missed or data)} {_be(missed or data)} not read, and may hold rows that count: "
            f"expected names that end in {FORMATS}{_describe_form(selection)}. Rename or convert them, move "
            "them to another folder, or let a glob in source.path name the files to read",
        )
    return [f"{names} of the source's folder {_be(unread)} not read"]


def list_unread(selection: FileSelection) -> list[_Unread]:
    """The files that are not read, without those dated outside the days that are wanted."""
    unread = []
    for file in sorted(selection.others, key=lambda file: file.name):
        spans = _read_spans(file.name, selection)
        if not spans or selection.days is None or any(span.meets(selection.days) for span in spans):
            unread.append(_Unread(file.name, spans))
    return unread


def warn_of_siblings(selection: FileSelection) -> list[str]:
    """A warning about tables next to a glob's that it does not match, on days that it does not cover.

    Without dates, those in another format: *.csv matches no .csv.gz.
    """
    formats = {get_format(file.name) for file in selection.read}
    suffixes = {file_format.suffix.lower() for file_format in formats if file_format}
    missed = [
        file
        for file in list_unread(selection)
        if (file_format := get_format(file.name))
        and (not _is_covered(file, selection) if file.spans else file_format.suffix.lower() not in suffixes)
    ]
    if not missed:
        return []
    return [f"source.path does not match {_list_names(missed)} next to its files"]


def _read_spans(name: str, selection: FileSelection) -> list[Span]:
    if selection.pattern is None:
        return []
    span = span_in_name(name, selection.pattern)
    return [span] if span else detect_spans(PurePosixPath(name).name)


def _is_covered(file: _Unread, selection: FileSelection) -> bool:
    """Do the files that are read cover all days that this one may be of?"""
    covered = [span_in_name(file_read.name, selection.pattern or "") for file_read in selection.read]
    return all(
        any(span is not None and span.first <= wanted.first and wanted.end <= span.end for span in covered)
        for wanted in file.spans
    )


def _may_be_data(file: _Unread) -> bool:
    path = PurePosixPath(file.name)
    suffix = path.suffix.lower()
    # Spark's part files may lack a suffix.
    if suffix in _PERHAPS:
        return bool(file.spans) or path.name.startswith("part-")
    return suffix not in _DOCUMENTS


def _list_names(files: Sequence[_Unread]) -> str:
    return list_names([file.name for file in files], MOST_NAMED, "file")


def _be(files: Sequence[_Unread]) -> str:
    return "is" if len(files) == 1 else "are"


def _describe_form(selection: FileSelection) -> str:
    return f" with a date like {selection.pattern}" if selection.pattern else ""
