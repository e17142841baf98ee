"""Source files that an earlier night has judged: finding them, and keeping those of tonight.

An entry holds the rows of one file, or of a few small ones that follow each other and were judged
together. It is valid for the same bytes under the same contract and code, inside any window that holds all
days of the rows that counted, and none of the others. docs/decisions/0050-judged-files.md
"""

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.known_files import KnownFiles
from schemas.night import Night
from segmentation.parts import hash_file, link_file, make_part
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.judged_batches import JudgedBatch
from segmentation.rows.judging.judged_contract import identify_contract
from segmentation.rows.judging.judged_entry import EntryBatch, decode_batches, encode_batches
from segmentation.rows.judging.row_counts import END_CREDIBLE, FIRST_CREDIBLE, NO_DAY, to_ordinal
from segmentation.sources.content import SourceFile, check_unchanged
from segmentation.sources.file_formats import get_format
from segmentation.store.files.permissions import PRIVATE_FILE, PRIVATE_FOLDER, create_folder, set_mode
from segmentation.store.runs.judged_entries import JUDGED, list_entries, read_limit, remove_entry
from segmentation.store.runs.space import measure_free

MOST_BATCHES = 4  # of an entry: half a million rows
_RESERVE = 2.0  # more rows are sketched than tonight needs, for nights with fewer files
_NO_DAYS = np.empty(0, np.int64)
_BATCHES = "batches"  # an entry's file of all but good rows


class FileSpan(NamedTuple):
    """Files that follow each other in the source, [start, stop), and their entry; None if they are new."""

    start: int
    stop: int
    entry: Path | None = None


def open_cache(
    night: Night, files: Sequence[SourceFile], contract: Contract, tombstones: str | None
) -> "JudgedCache | None":
    """The judged files of a segmentation; None if it is not useful to keep these, or not simple.

    Files of customers are replaced as a whole every night. Rows without an id are numbered through the whole
    source, and the ids of merged customers change from night to night. `tombstones` is their fingerprint.
    """
    rows, numbered = contract.rows, {file.input.numbered for file in files}
    is_simple = rows.id is not None and contract.merged is None and len(numbered) == 1
    can_keep = len(files) > 1 and rows.grain == "event" and is_simple and read_limit() > 0
    return JudgedCache(night, contract, tombstones) if can_keep else None


class JudgedCache:
    """The judged files of a segmentation, for one night.

    `state` identifies the tombstones: after an erasure, what was kept before is removed.
    """

    def __init__(self, night: Night, contract: Contract, state: str | None) -> None:
        self.contract = contract
        self.work = night.staging / "judged"
        self.folder = night.home / JUDGED / (state or "all")
        self.key = identify_contract(contract, night.schema_source)
        create_folder(self.folder, PRIVATE_FOLDER)
        self.known_files = 0
        self.damaged: list[Path] = []
        self.sketched = min(1.0, contract.sketched * _RESERVE)
        self.used: set[Path] = set()
        entries = list_entries(self.folder.parent)
        stale = [entry for entry in entries if entry.path.parent != self.folder]
        for entry in stale:
            remove_entry(entry.path)
        self.entries = {entry.path: entry for entry in entries if entry not in stale}
        self.size = sum(entry.size for entry in self.entries.values())
        self.limit = min(read_limit(), self.size + measure_free(self.folder) // 2)

    def describe_use(self) -> KnownFiles:
        """How much of the source was known."""
        return KnownFiles(files=self.known_files, damaged=len(self.damaged))

    def plan(self, files: Sequence[SourceFile]) -> list[FileSpan]:
        """The source as spans of files, known or new, in its order."""
        by_first: dict[str, list[tuple[int, Path]]] = {}
        for path in self.entries:
            first, count, _, _ = path.name.split("-", 3)
            by_first.setdefault(first, []).append((int(count), path))
        ids = [self._identify(file, number) for number, file in enumerate(files)]
        spans, start, position = [], 0, 0
        while position < len(files):
            match = self._find(sorted(by_first.get(ids[position][:16], []), reverse=True), ids[position:])
            if match is None:
                position += 1
                continue
            length, path = match
            spans += [FileSpan(start, position)] if start < position else []
            spans.append(FileSpan(position, position + length, path))
            position = start = position + length
        return [*spans, FileSpan(start, len(files))] if start < len(files) else spans

    def load(self, span: FileSpan, files: Sequence[SourceFile], stem: Path) -> list[JudgedBatch] | None:
        """The judged batches of a span's files, numbered from 0. None if the entry is gone or damaged.

        Their good rows become stage files whose paths begin with `stem`.
        """
        if span.entry is None:
            return None
        try:
            os.utime(span.entry)
            batches = self._read(span.entry, _list_names(files[span.start : span.stop]), stem)
        except OSError:  # another run has removed it
            return None
        if batches is None:
            remove_entry(span.entry)
        # As if it had been read.
        for file in files[span.start : span.stop]:
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

    def keep(self, span: FileSpan, files: Sequence[SourceFile], batches: Sequence[JudgedBatch]) -> None:
        """Keep the judged rows of a span, whose batches are numbered from 0. What cannot be kept is not."""
        names = _list_names(files[span.start : span.stop])
        if len(batches) > MOST_BATCHES or any(batch.erased or _has_estimates(batch) for batch in batches):
            return
        if len(names) > 1 and names[0] is not None and len(set(names)) < len(names):
            return
        ids = [self._identify(files[number], number) for number in range(span.start, span.stop)]
        path = self.folder / _name_entry(ids, self._list_days(span, batches))
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
            days = path.stem.split("-", 3)[3]
            if path.name == _name_entry(ids[:count], days) and self._is_inside(days):
                self.used.add(path)
                return count, path
        return None

    def _is_inside(self, days: str) -> bool:
        """Does tonight's window have the rows that the entry's night had?"""
        window = self.contract.window
        if window is None or days == "none":
            return True
        first, last, before, after = map(int, days.split("_"))
        start, end = map(to_ordinal, window)
        return before < start <= first and last < end <= after

    def _identify(self, file: SourceFile, number: int) -> str:
        """What a file's judged rows depend on: its bytes, its format, and what its name or folders say."""
        counted = self.contract.counted
        covers = None if counted is None or counted.covers is None else counted.covers[number].tolist()
        kind = get_format(file.path.name)
        name = (kind and kind._replace(suffix=""), sorted(file.constants.items()), covers)
        return hashlib.sha256(repr((self.key, file.input.sha256, *name)).encode()).hexdigest()

    def _list_days(self, span: FileSpan, batches: Sequence[JudgedBatch]) -> str:
        """The first and the last day that count, then the nearest days before and after that were left out.

        Days are those of rows, and those that file names say.
        """
        days = np.concatenate([*(batch.days for batch in batches if batch.days is not None), _NO_DAYS])
        counted, window = self.contract.counted, self.contract.window
        if window is None:
            return "none"
        start, end = map(to_ordinal, window)
        days = np.unique(days[days != NO_DAY])
        counting = days[(days >= start) & (days < end)]
        if counted is not None and counted.covers is not None:
            # Rows without a readable time count for the day of a file of one day.
            covers = counted.covers[span.start : span.stop]
            counting = np.append(counting, covers[covers[:, 1] - covers[:, 0] == 1, 0])
        first, last = (counting.min(), counting.max()) if len(counting) else (start, start)
        before = days[days < start].max(initial=FIRST_CREDIBLE - 1)
        after = days[days >= end].min(initial=END_CREDIBLE)
        return f"{first}_{last}_{before}_{after}"

    def _make_room(self, path: Path, size: int) -> bool:
        """Remove the least recently used entries until one of this size fits; False if it never does."""
        earlier = self.entries.pop(path, None)
        self.size -= earlier.size if earlier else 0
        candidates = [entry_path for entry_path in self.entries if entry_path not in self.used]
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


def _name_entry(ids: Sequence[str], days: str) -> str:
    return f"{ids[0][:16]}-{len(ids)}-{hashlib.sha256(''.join(ids).encode()).hexdigest()[:32]}-{days}.judged"
