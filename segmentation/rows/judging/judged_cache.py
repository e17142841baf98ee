"""Source files that an earlier night has judged: finding them, and keeping those of tonight.

An entry holds the rows of one file, or of a few small ones that follow each other and were judged
together. What it is valid for is in its name: entry_names.py. docs/decisions/0050-judged-files.md
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.known_files import KnownFiles
from schemas.night import Night
from segmentation.parts import create_empty_folder, hash_file, link_file, make_part
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.entry_names import (
    START,
    digest_contract,
    format_days,
    has_same_rows,
    identify_files,
    name_entry,
    read_entry_name,
)
from segmentation.rows.judging.judged_batches import JudgedBatch
from segmentation.rows.judging.judged_entry import EntryBatch, decode_batches, encode_batches
from segmentation.rows.judging.row_counts import NO_DAY
from segmentation.sources.content import SourceFile, check_unchanged
from segmentation.store.files.permissions import PRIVATE_FILE, PRIVATE_FOLDER, create_folder, set_mode
from segmentation.store.runs.judged_entries import JUDGED, list_entries, read_limit, remove_entry
from segmentation.store.runs.space import measure_free

MOST_BATCHES = 4  # of an entry: half a million rows, or fewer if they have many columns
_RESERVE = 2.0  # more rows are sketched than tonight needs, for nights with fewer files
_BATCHES = "batches"  # an entry's file of all but good rows


class FileRange(NamedTuple):
    """Files that follow each other in the source, [start, stop), and their entry; None if they are new."""

    start: int
    stop: int
    entry: Path | None = None

    @property
    def positions(self) -> slice:
        """The positions of the files in the source."""
        return slice(self.start, self.stop)


def open_cache(
    night: Night, files: Sequence[SourceFile], contract: Contract, tombstones: str | None
) -> "JudgedCache | None":
    """The judged files of a segmentation; None if it is not useful to keep these, not simple, or impossible.

    Files of customers are replaced as a whole every night. Rows without an id are numbered through the whole
    source, and the ids of merged customers change from night to night. `tombstones` is their fingerprint.
    """
    rows, numbered = contract.rows, {file.input.numbered for file in files}
    is_simple = rows.id is not None and contract.merged is None and len(numbered) == 1
    can_keep = len(files) > 1 and rows.grain == "event" and is_simple and read_limit() > 0
    # A folder that cannot be made or read must not end the night: it only judges every file.
    with suppress(OSError):
        return JudgedCache(night, contract, tombstones) if can_keep else None
    return None


class JudgedCache:
    """The judged files of a segmentation, for one night.

    After an erasure, whose tombstones have another fingerprint, what was kept before is removed.
    """

    def __init__(self, night: Night, contract: Contract, tombstones: str | None) -> None:
        self.contract = contract
        self.work = create_empty_folder(night.staging / "judged")
        self.folder = night.home / JUDGED / (tombstones or "all")
        self.key = digest_contract(contract, night.schema_source)
        create_folder(self.folder, PRIVATE_FOLDER)
        self.known_count = 0
        self.damaged: list[Path] = []
        self.sketched = min(1.0, contract.sketched * _RESERVE)
        self.used_paths: set[Path] = set()
        entries = list_entries(self.folder.parent)
        self.names = {
            entry.path: name
            for entry in entries
            if entry.path.parent == self.folder and (name := read_entry_name(entry.path.name)) is not None
        }
        self.entries = {entry.path: entry for entry in entries if entry.path in self.names}
        for path in {entry.path for entry in entries} - self.entries.keys():
            remove_entry(path)
        self.size = sum(entry.size for entry in self.entries.values())
        self.limit = min(read_limit(), self.size + measure_free(self.folder) // 2)

    def describe_use(self) -> KnownFiles:
        """How much of the source was known."""
        return KnownFiles(files=self.known_count, damaged=len(self.damaged))

    def plan(self, files: Sequence[SourceFile]) -> list[FileRange]:
        """The source as ranges of files, known or new, in its order."""
        by_first: dict[str, list[tuple[int, Path]]] = {}
        for path, name in self.names.items():
            by_first.setdefault(name.first, []).append((name.files, path))
        ids = self._identify(FileRange(0, len(files)), files)
        ranges, start, position = [], 0, 0
        while position < len(files):
            match = self._find(sorted(by_first.get(ids[position][:START], []), reverse=True), ids[position:])
            if match is None:
                position += 1
                continue
            length, path = match
            ranges += [FileRange(start, position)] if start < position else []
            ranges.append(FileRange(position, position + length, path))
            position = start = position + length
        return [*ranges, FileRange(start, len(files))] if start < len(files) else ranges

    def load(
        self, file_range: FileRange, files: Sequence[SourceFile], stem: Path
    ) -> list[JudgedBatch] | None:
        """The judged batches of these files, numbered from 0. None if the entry is gone or damaged.

        Their good rows become stage files whose paths begin with `stem`.
        """
        if file_range.entry is None:
            return None
        try:
            os.utime(file_range.entry)
            batches = self._read(file_range.entry, _list_names(files[file_range.positions]), stem)
        except OSError:
            batches = None
            if file_range.entry.exists():  # else another run has removed it
                self.damaged.append(file_range.entry)
        if batches is None:
            # Also one that lacks files, as after a kill that removed some: the new one gets its name.
            remove_entry(file_range.entry)
        # As if it had been read.
        for file in files[file_range.positions]:
            check_unchanged(file)
        return batches

    def _read(self, entry: Path, names: Sequence[str | None], stem: Path) -> list[JudgedBatch] | None:
        batches = decode_batches((entry / _BATCHES).read_bytes(), names, entry.name)
        if batches is None:
            self.damaged.append(entry)
            return None
        # An entry of a night that had many more files.
        if any(batch.sketch and batch.sketch.share < self.contract.sketched for batch, *_ in batches):
            return None
        loaded = []
        for number, (batch, sha256, rows) in enumerate(batches):
            part = None
            if sha256 is not None:
                stored, path = entry / f"{number}.parquet", stem.with_name(f"{stem.name}-{number}.parquet")
                if hash_file(stored) != sha256:
                    self.damaged.append(entry)
                    return None
                link_file(stored, path)
                part = make_part(path, rows)
            loaded.append(batch._replace(part=part))
        return loaded

    def keep(
        self, file_range: FileRange, files: Sequence[SourceFile], batches: Sequence[JudgedBatch]
    ) -> None:
        """Keep the judged rows of these files, whose batches are numbered from 0, if that is possible."""
        names = _list_names(files[file_range.positions])
        if len(batches) > MOST_BATCHES or any(batch.erased or _has_estimates(batch) for batch in batches):
            return
        # Refused rows have their files' names, which must tell the files apart.
        if len(names) > 1 and names[0] is not None and len(set(names)) < len(names):
            return
        days = format_days(batches, self.contract, self._get_covers(file_range))
        path = self.folder / name_entry(self._identify(file_range, files), days)
        # A disk that fails or is full must not end the night: it only lacks an entry.
        with suppress(OSError):
            parts = [batch.part for batch in batches]
            described = [
                EntryBatch(batch, None if batch.part is None else hash_file(batch.part.path), batch.good_rows)
                for batch in batches
            ]
            content = encode_batches(described, names, path.name)
            if not self._make_room(path, len(content) + sum(part.size for part in parts if part)):
                return
            entry = self.work / path.name
            create_folder(entry, PRIVATE_FOLDER)
            for number, part in enumerate(parts):
                if part is not None:
                    set_mode(part.path, PRIVATE_FILE)
                    link_file(part.path, entry / f"{number}.parquet")
            (entry / _BATCHES).write_bytes(content)
            set_mode(entry / _BATCHES, PRIVATE_FILE)
            entry.replace(path)

    def _find(self, candidates: Sequence[tuple[int, Path]], ids: Sequence[str]) -> tuple[int, Path] | None:
        """The entry of the most files that the source has next, if tonight's window suits it."""
        for count, path in candidates:
            days = self.names[path].days
            if path.name == name_entry(ids[:count], days) and has_same_rows(days, self.contract):
                self.used_paths.add(path)
                return count, path
        return None

    def _identify(self, file_range: FileRange, files: Sequence[SourceFile]) -> list[str]:
        return identify_files(files[file_range.positions], self._get_covers(file_range), self.key)

    def _get_covers(self, file_range: FileRange) -> np.ndarray | None:
        """The days that the files' names say, int64 (f, 2), if they say days."""
        counted = self.contract.counted
        return None if counted is None or counted.covers is None else counted.covers[file_range.positions]

    def _make_room(self, path: Path, size: int) -> bool:
        """Remove the least recently used entries until one of this size fits; False if it never does."""
        earlier = self.entries.pop(path, None)
        self.size -= earlier.size if earlier else 0
        candidates = [entry_path for entry_path in self.entries if entry_path not in self.used_paths]
        while self.size + size > self.limit and candidates:
            entry = self.entries.pop(candidates.pop(0))
            self.size -= entry.size
            remove_entry(entry.path)
        if self.size + size > self.limit:
            return False
        self.size += size
        return True


def _has_estimates(batch: JudgedBatch) -> bool:
    """May rows without a time count for days between those of the window and days that were left out?"""
    return batch.outside > 0 and batch.days is not None and bool((batch.days == NO_DAY).any())


def _list_names(files: Sequence[SourceFile]) -> list[str | None]:
    return [None if file.input.numbered else file.input.name for file in files]
