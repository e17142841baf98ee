"""Judging a source of which earlier nights have judged most files.

Known files are loaded, new ones judged, in the source's order. What an entry is valid for is decided in
judged_cache.py. Judging a batch belongs in judged_batches.py.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from schemas.night import Night
from segmentation.partitions import map_parts
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.judged_batches import JudgedBatch, judge_batches, judge_files
from segmentation.rows.judging.judged_cache import MOST_BATCHES, FileSpan, JudgedCache, can_keep
from segmentation.rows.judging.judged_entry import shift_batch
from segmentation.rows.judging.writing import JudgedRows, write_rows
from segmentation.rows.reading.source_batches import SourceBatch, merge_small_batches, read_files
from segmentation.sources.content import SourceFile


def judge_rows(
    night: Night, files: Sequence[SourceFile], contract: Contract, tombstones: str | None, folder: Path
) -> tuple[JudgedRows, int]:
    """Judge and write a night's rows; returns them, and how many files an earlier night had judged.

    `tombstones` is their fingerprint.
    """
    cache = JudgedCache(night, contract, tombstones) if can_keep(files, contract) else None
    rows = write_rows(judge_source(files, contract, cache), folder, [file.input for file in files])
    return rows, cache.known_files if cache else 0


class _Work(NamedTuple):
    """Batches of a span to judge, or None where the span is known."""

    span: FileSpan
    batches: Sequence[SourceBatch] | None


class _Judged(NamedTuple):
    """The judged batches of a work, and whether an entry had them. Numbered within the span."""

    work: _Work
    batches: list[JudgedBatch]
    is_known: bool


def judge_source(
    files: Sequence[SourceFile], contract: Contract, cache: JudgedCache | None
) -> Iterator[JudgedBatch]:
    """Like judge_files, but files that the cache knows are not judged again."""
    if cache is None:
        yield from judge_files(files, contract)
        return
    keeper = _Keeper(files, cache)
    span, rows_before, span_rows = None, 0, 0
    is_numbered = files[0].input.numbered
    for judged in map_parts(partial(_judge, files, contract, cache), _list_works(files, contract, cache)):
        if judged.work.span != span:
            span, rows_before, span_rows = judged.work.span, rows_before + span_rows, 0
        keeper.add(judged, span_rows)
        for batch in judged.batches:
            span_rows += batch.good.num_rows + batch.refused.num_rows + batch.outside + batch.erased
            yield shift_batch(batch, span.start, rows_before if is_numbered else 0)
    keeper.flush()


def _list_works(files: Sequence[SourceFile], contract: Contract, cache: JudgedCache) -> Iterator[_Work]:
    for span in cache.plan(files):
        if span.entry is not None:
            yield _Work(span, None)
            continue
        batches = read_files(files[span.start : span.stop], contract.rows, contract.dialect.csv)
        yield from (_Work(span, group) for group in merge_small_batches(batches))


def _judge(files: Sequence[SourceFile], contract: Contract, cache: JudgedCache, work: _Work) -> _Judged:
    span, counted = work.span, contract.counted
    if counted is not None and counted.covers is not None:
        counted = counted._replace(covers=counted.covers[span.start : span.stop])
    contract = contract._replace(counted=counted)
    if work.batches is not None:
        return _Judged(work, [judge_batches(work.batches, contract)], False)
    kept_batches = cache.load(span, files)
    if kept_batches is not None:
        return _Judged(work, kept_batches, True)
    batches = read_files(files[span.start : span.stop], contract.rows, contract.dialect.csv)
    return _Judged(work, [judge_batches(group, contract) for group in merge_small_batches(batches)], False)


class _Keeper:
    """Gives the cache the batches of new files, once all rows of these files are judged."""

    def __init__(self, files: Sequence[SourceFile], cache: JudgedCache) -> None:
        self.files, self.cache = files, cache
        self.span, self.rows_before = (
            FileSpan(0, 0),
            0,
        )  # of the pending batches, in the source and in their span
        self.offset = 0
        self.pending: list[JudgedBatch] = []

    def add(self, judged: _Judged, rows_before: int) -> None:
        """Take what was judged. `rows_before` are the rows of the same span before it."""
        span, batches = judged.work.span, judged.work.batches
        if judged.is_known:
            self.cache.known_files += span.stop - span.start
            return
        first, last = (
            (0, span.stop - span.start - 1) if batches is None else (batches[0].file, batches[-1].file)
        )
        if span.start + first >= self.span.stop:
            self.flush()
            self.span, self.offset = FileSpan(span.start + first, span.start + last + 1), first
            self.rows_before = rows_before
        self.span = self.span._replace(stop=span.start + last + 1)
        # Longer files are not kept, so what is pending stays small.
        self.pending += judged.batches if len(self.pending) <= MOST_BATCHES else []

    def flush(self) -> None:
        """Keep what is pending."""
        if self.pending:
            is_numbered = self.files[self.span.start].input.numbered
            rows = self.rows_before if is_numbered else 0
            batches = [shift_batch(batch, -self.offset, -rows) for batch in self.pending]
            self.cache.keep(self.span, self.files, batches)
        self.pending = []
