"""Late files: files that arrived or changed after the night that should have read them was published.

Tonight's files are compared with those of the previous edition. Which dates a backfill redoes is planned in
segmentation/sources/changed_dates.py. Copies of files that are read twice are found in
segmentation/sources/copied_files.py.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from config.definition import Definition
from config.side_tables import SideTableName
from config.sources import Source
from schemas.late_files import FileChanges, LateFiles
from schemas.manifest import EditionRef, Manifest
from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.sources.compression import open_text
from segmentation.sources.content import SourceFile
from segmentation.sources.dated_names import Span, span_in_name
from segmentation.sources.listing import covered_days
from segmentation.store.catalogue.published import readable_editions
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder, get_home
from segmentation.store.typed_inputs import read_typed_inputs

_COMPRESSED = re.compile(r"\.(gz|bz2|zst)$", re.IGNORECASE)
_CHUNK = 1 << 20

Unpack = Callable[[str], str | None]  # sha256 of the text of a compressed file, by name


class FileDays(NamedTuple):
    """Which files an edition reads: by the source's names, its date, and its window, None for snapshots."""

    source: Source
    as_of: date
    window: Span | None
    table: SideTableName | None = None  # a second table, whose files these are

    def covers(self, name: str) -> bool:
        """May the file hold rows that the edition uses? Files without a date are not judged."""
        days = covered_days(name, self.source)
        if days is None:
            return False
        return days.first <= self.as_of if self.window is None else days.meets(self.window)

    def expects(self, name: str) -> bool:
        """Should the file have been there when the edition was made? Its days must have been over."""
        span = span_in_name(name, self.source.date_in_name or "")
        is_over = span is not None and (self.window is None or span.end <= self.as_of)
        return is_over and self.covers(name)


class EditionFiles(NamedTuple):
    """The files that an edition was made from, sha256 by name, which ones it reads, and what it builds on."""

    days: FileDays
    text: Mapping[str, str]
    typed: Mapping[str, str]
    previous: EditionRef | None = None


def read_edition_files(
    home: AnyPath, ref: EditionRef, definition: Definition, table: SideTableName | None = None
) -> EditionFiles | None:
    """The files of an edition in the store; None if its manifest cannot be read. definition: the table's."""
    manifest = try_read_manifest(edition_folder(home, *ref))
    if manifest is None:
        return None
    inputs = [digest for digest in manifest.inputs if digest.table == table]
    text = {digest.name: digest.sha256 for digest in inputs if digest.name is not None}
    days = FileDays(definition.source, ref.as_of, _get_window(manifest, definition), table)
    return EditionFiles(days, text, read_typed_inputs(home, ref, table), manifest.previous_ref)


def _get_window(manifest: Manifest, definition: Definition) -> Span | None:
    """The days of an edition's events: its window may have been longer or shorter than today's."""
    if definition.summary is None:
        return None
    summary = manifest.definition.get("summary") or {}
    window_days = summary.get("window_days", definition.summary.window_days)
    return Span(manifest.as_of - timedelta(days=window_days), manifest.as_of)


def compare_files(
    recorded: Mapping[str, str], current: Mapping[str, str], days: FileDays, unpack: Unpack
) -> FileChanges:
    """How the current files of one kind, sha256 by name, differ from those recorded for an edition.

    Only files that the edition should have read count. A file that was compressed since is the same if its
    text is. Nothing is compared where no file has its name: the source was moved, or changed its format.
    """
    earlier = {_get_key(name): name for name in recorded}
    if days.window is not None and not earlier.keys() & {_get_key(name) for name in current}:
        return FileChanges()
    new, changed = [], []
    for name in sorted(current):
        if not recorded or not days.expects(name):
            continue
        earlier_name = earlier.get(_get_key(name))
        if earlier_name is None:
            new.append(name)
        elif recorded[earlier_name] not in (current[name], *_unpack_other(name, earlier_name, unpack)):
            changed.append(name)
    # A newer snapshot replaces an older one each night.
    kept = {_get_key(name) for name in current}
    gone = [name for name in sorted(recorded) if _get_key(name) not in kept and days.expects(name)]
    return FileChanges(
        new=tuple(new), changed=tuple(changed), gone=tuple(gone) if days.window is not None else ()
    )


def _get_key(name: str) -> str:
    return _COMPRESSED.sub("", name)


def _unpack_other(name: str, earlier_name: str, unpack: Unpack) -> Iterable[str | None]:
    # Only for a pair such as a.csv and a.csv.gz is it worth reading the file.
    return [unpack(name)] if name != earlier_name and _COMPRESSED.search(name) else []


def hash_text(path: Path) -> str:
    """sha256 of a file's text, decompressed by the end of its name."""
    digest = hashlib.sha256()
    with open_text(path) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def detect_late_files(
    night: Night, key: EditionKey, files: Iterable[SourceFile], table: SideTableName | None = None
) -> LateFiles:
    """Tonight's files compared with those of the previous edition, and how many editions lack them.

    night: of a second table, that of its definition.
    """
    definition, home = night.definition, get_home(night)
    if definition.source.date_in_name is None or key.previous is None or key.previous_as_of is None:
        return LateFiles()
    previous = read_edition_files(home, EditionRef(key.previous_as_of, key.previous), definition, table)
    if previous is None:
        return LateFiles()
    by_name = {file.input.name: file for file in files}
    window = definition.window(night.as_of)
    tonight = EditionFiles(
        FileDays(definition.source, night.as_of, Span(*window) if window else None, table),
        {name: file.input.sha256 for name, file in by_name.items() if not file.input.numbered},
        {name: file.input.sha256 for name, file in by_name.items() if file.input.numbered},
    )

    def unpack(name: str) -> str:
        return hash_text(by_name[name].path)

    text = compare_files(previous.text, tonight.text, previous.days, unpack)
    typed = compare_files(previous.typed, tonight.typed, previous.days, unpack)
    late = LateFiles(
        since=key.previous_as_of,
        text=_keep_shared(text, tonight.days),
        typed=_keep_shared(typed, tonight.days),
    )
    missed = frozenset((*text.missed, *typed.missed))
    return late.model_copy(update={"editions": _list_lacking(home, definition, tonight, missed, unpack)})


def _list_lacking(
    home: AnyPath, definition: Definition, tonight: EditionFiles, missed: frozenset[str], unpack: Unpack
) -> tuple[date, ...]:
    """The published dates, other than tonight's, whose editions lack a file or have another version of it."""
    # Manifests are read only from the first late day on: a store may hold years of them.
    spans = [span_in_name(name, definition.source.date_in_name or "") for name in missed]
    earliest = min((span.first for span in spans if span is not None), default=date.max)
    dates = []
    for ref in readable_editions(home) if missed else ():
        if ref.as_of < earliest or ref.as_of == tonight.days.as_of:
            continue
        edition = read_edition_files(home, ref, definition, tonight.days.table)
        if edition is None or not any(map(edition.days.expects, missed)):
            continue  # the files are newer than its window, or older
        text = compare_files(edition.text, tonight.text, edition.days, unpack)
        typed = compare_files(edition.typed, tonight.typed, edition.days, unpack)
        if missed & {*text.missed, *typed.missed}:
            dates.append(ref.as_of)
    return tuple(dates)


def _keep_shared(changes: FileChanges, tonight: FileDays) -> FileChanges:
    """The changes without files that are gone because tonight's window begins after them."""
    gone = tuple(name for name in changes.gone if tonight.covers(name))
    return changes.model_copy(update={"gone": gone})
