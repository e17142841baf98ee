"""Judging a whole source to stage files; those of files that earlier nights judged are used again.

Known files are loaded, new ones judged and written, in the source's order. What an entry is valid for is
decided in entry_names.py. Judging a batch belongs in judged_batches.py, counting batches in writing.py.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from segmentation.partitions import map_parts
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.judged_batches import JudgedBatch, judge_batches
from segmentation.rows.judging.judged_cache import MOST_BATCHES, FileRange, JudgedCache
from segmentation.rows.judging.judged_entry import shift_batch
from segmentation.rows.judging.writing import JudgedRows, write_good, write_rows
from segmentation.rows.reading.source_batches import SourceBatch, merge_small_batches, read_files
from segmentation.sources.content import SourceFile


def judge_rows(
    files: Sequence[SourceFile], contract: Contract, folder: Path, cache: JudgedCache | None = None
) -> JudgedRows:
    """Judge every row of these files, and write them to stage files in `folder`."""
    batches = _judge_source(_Source(files, contract, folder, cache))
    rows = write_rows(batches, folder, [file.input for file in files])
    return rows if cache is None else rows._replace(known_files=cache.describe_use())


class _Source(NamedTuple):
    """The files to judge, and where their rows are written and kept."""

    files: Sequence[SourceFile]
    contract: Contract
    folder: Path
    cache: JudgedCache | None


class _Job(NamedTuple):
    """Batches of a range of files to judge, or None if an entry may have them."""

    number: int
    file_range: FileRange
    batches: Sequence[SourceBatch] | None


class _Judged(NamedTuple):
    """The judged batches of a job, numbered within its files, and whether an entry had them."""

    job: _Job
    batches: list[JudgedBatch]
    is_known: bool


def _judge_source(source: _Source) -> Iterator[JudgedBatch]:
    """Judged batches in the source's order, with their numbers of files and rows in the whole source."""
    files, contract, cache = source.files, source.contract, source.cache
    keeper = None if cache is None else _Keeper(files, cache)
    file_range, rows_before, range_rows = None, 0, 0
    is_numbered = any(file.input.numbered for file in files)
    for judged in map_parts(partial(_judge, source), _list_jobs(source)):
        if judged.job.file_range != file_range:
            file_range, rows_before, range_rows = judged.job.file_range, rows_before + range_rows, 0
        if keeper is not None:
            keeper.add(judged)
        for batch in judged.batches:
            range_rows += batch.good_rows + batch.refused.num_rows + batch.outside + batch.erased
            sketch = None if batch.sketch is None else batch.sketch.sample(contract.sketched)
            sampled = batch._replace(sketch=sketch)
            yield shift_batch(sampled, file_range.start, rows_before if is_numbered else 0)
    if keeper is not None:
        keeper.flush()


def _list_jobs(source: _Source) -> Iterator[_Job]:
    files, contract, cache = source.files, source.contract, source.cache
    number = 0
    for file_range in [FileRange(0, len(files))] if cache is None else cache.plan(files):
        if file_range.entry is not None:
            yield _Job(number, file_range, None)
            number += 1
            continue
        batches = read_files(files[file_range.positions], contract.rows, contract.dialect.csv)
        for group in merge_small_batches(batches):
            yield _Job(number, file_range, group)
            number += 1


def _judge(source: _Source, job: _Job) -> _Judged:
    files, contract, folder, cache = source
    file_range, counted = job.file_range, contract.counted
    if counted is not None and counted.covers is not None:
        counted = counted._replace(covers=counted.covers[file_range.positions])
    contract = contract._replace(counted=counted)
    if cache is not None:
        contract = contract._replace(sketched=cache.sketched)
    groups: Iterable[Sequence[SourceBatch]] = [] if job.batches is None else [job.batches]
    if cache is not None and job.batches is None:
        known_batches = cache.load(file_range, files, folder / f"known-{job.number:05d}")
        if known_batches is not None:
            return _Judged(job, known_batches, True)
        batches = read_files(files[file_range.positions], contract.rows, contract.dialect.csv)
        groups = merge_small_batches(batches)
    paths = (folder / f"rows-{job.number:05d}-{i}.parquet" for i in itertools.count())
    judged = [write_good(judge_batches(group, contract), contract.rows, next(paths)) for group in groups]
    return _Judged(job, judged, False)


class _Keeper:
    """Gives the cache the batches of new files, once all rows of these files are judged."""

    def __init__(self, files: Sequence[SourceFile], cache: JudgedCache) -> None:
        self.files, self.cache = files, cache
        self.file_range = FileRange(0, 0)  # of the pending batches
        self.pending: list[JudgedBatch] = []

    def add(self, judged: _Judged) -> None:
        """Take what was judged."""
        file_range, batches = judged.job.file_range, judged.job.batches
        if judged.is_known:
            self.cache.known_count += file_range.stop - file_range.start
            return
        start, stop = file_range.start, file_range.stop
        if batches is not None:
            start, stop = file_range.start + batches[0].file, file_range.start + batches[-1].file + 1
        if start >= self.file_range.stop:
            self.flush()
            self.file_range = FileRange(start, stop)
        self.file_range = self.file_range._replace(stop=stop)
        # Longer files are not kept, so what is pending stays small.
        self.pending += judged.batches if len(self.pending) <= MOST_BATCHES else []

    def flush(self) -> None:
        """Keep what is pending."""
        if self.pending:
            first = self.pending[0]
            batches = [shift_batch(batch, -first.first_file, -first.first_row) for batch in self.pending]
            self.cache.keep(self.file_range, self.files, batches)
        self.pending = []
