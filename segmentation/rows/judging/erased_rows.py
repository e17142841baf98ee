"""Leaving out the rows of erased customers while a source is read.

First one pass over the ids finds which tombstones the source still has rows for, since these are part of the
edition's name. Without a tombstone nothing here runs. What a tombstone is: segmentation/store/tombstones.py.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows
from segmentation.partitions import map_parts
from segmentation.rows.casting.text_columns import cast_column
from segmentation.rows.judging.cast_batch import Contract, cast_ids
from segmentation.rows.judging.row_counts import compute_event_days, detect_outside
from segmentation.rows.reading.file_batches import Malformed
from segmentation.rows.reading.source_batches import SourceBatch, read_files
from segmentation.sources.content import SourceFile
from segmentation.store.tombstones import Tombstones

# Ids consist of more than word characters, but rarely of these.
_SEPARATORS = re.compile(r"[\s,;|:=\"'{}\[\]()<>]+")


class LeftOut(NamedTuple):
    """How many rows of erased customers a group of batches had: in the window, or malformed, and outside."""

    erased: int = 0
    outside: int = 0


def detect_erased(files: Sequence[SourceFile], contract: Contract, tombstones: Tombstones) -> list[str]:
    """The ids with a tombstone that have rows in the source's window, or malformed lines. Sorted."""
    rows = contract.rows
    if rows.id is None or not tombstones.tombstones:
        return []
    # Where a file's name is the id, as in folders of partitions, the rows have other columns to be read.
    is_column = all(rows.id not in file.constants for file in files)
    narrow = contract._replace(rows=_narrow(rows) if is_column else rows)
    batches = read_files(files, narrow.rows, contract.dialect.csv)
    erased = set[str]()
    for ids in map_parts(partial(_list_erased, contract=narrow, tombstones=tombstones), batches):
        erased.update(ids)
    if contract.merged is not None:  # an old id may have a tombstone of its own
        erased.update(detect_erased(files, contract._replace(merged=None), tombstones))
    return sorted(erased)


def leave_out(batches: Sequence[SourceBatch], contract: Contract) -> tuple[list[SourceBatch], LeftOut]:
    """The batches without the rows of the contract's erased ids, and what these rows were."""
    remaining, erased, outside = [], 0, 0
    ids = pa.array(contract.erased, pa.string())
    for batch in batches:
        raw = batch.raw
        mask = _to_mask(pc.is_in(cast_ids(raw.table, contract).values, value_set=ids))
        if contract.merged is not None:
            raw_ids = cast_ids(raw.table, contract._replace(merged=None)).values
            mask = mask | _to_mask(pc.is_in(raw_ids, value_set=ids))
        malformed = [line for line in raw.malformed if not _mentions(line, contract)]
        erased += len(raw.malformed) - len(malformed)
        if mask.any():
            count, rows_outside = int(mask.sum()), _count_outside(raw.table.filter(pa.array(mask)), contract)
            erased, outside = erased + count - rows_outside, outside + rows_outside
            raw = raw._replace(table=raw.table.filter(pa.array(~mask)), rows=raw.rows[~mask])
        remaining.append(batch._replace(raw=raw._replace(malformed=malformed)))
    return remaining, LeftOut(erased, outside)


def list_words(text: str, suffix: str | None = None) -> Iterator[str]:
    """What could be an id in a malformed line: its words, also without the suffix of ids.

    >>> list(list_words('c1;"c2.0",3', ".0"))
    ['c1', 'c2.0', 'c2', '3']
    """
    for word in _SEPARATORS.split(text):
        if word:
            yield word
            if suffix is not None and word.endswith(suffix):
                yield word.removesuffix(suffix)


def _narrow(rows: Rows) -> Rows:
    """The contract of ids and times alone, so that nothing else is read."""
    columns = {name: column for name, column in rows.columns.items() if name == rows.time}
    return rows.model_copy(update={"columns": columns})


def _list_erased(batch: SourceBatch, contract: Contract, tombstones: Tombstones) -> list[str]:
    table = batch.raw.table
    ids = cast_ids(table, contract).values
    erased = tombstones.list_erased(ids)
    if erased and contract.window is not None:
        inside = table.filter(pc.fill_null(pc.is_in(ids, value_set=pa.array(erased)), False))
        days = _compute_days(inside, contract)
        outside = None if days is None else detect_outside(days, contract.window)
        if outside is not None:
            erased = pc.unique(cast_ids(inside.filter(pa.array(~outside)), contract).values).to_pylist()
    for line in batch.raw.malformed:
        erased += tombstones.list_erased(_list_ids(line, contract))
    return erased


def _mentions(line: Malformed, contract: Contract) -> bool:
    return not contract.erased.isdisjoint(_list_ids(line, contract).to_pylist())


def _list_ids(line: Malformed, contract: Contract) -> pa.ChunkedArray:
    """What could be an id in a malformed line, as it is written and as it was merged."""
    words = pa.chunked_array([pa.array(list_words(line.text, contract.rows.id_suffix), pa.string())])
    merged = [] if contract.merged is None else contract.merged.apply(words).chunks
    return pa.chunked_array([*words.chunks, *merged])


def _count_outside(table: pa.Table, contract: Contract) -> int:
    days = _compute_days(table, contract)
    if days is None or contract.window is None:
        return 0
    outside = detect_outside(days, contract.window)
    return 0 if outside is None else int(outside.sum())


def _compute_days(table: pa.Table, contract: Contract) -> np.ndarray | None:
    rows = contract.rows
    if contract.window is None or rows.time is None:
        return None
    return compute_event_days(
        cast_column(rows.time, table[rows.time], rows.columns[rows.time], contract.dialect).values
    )


def _to_mask(flags: Iterable[bool]) -> np.ndarray:
    mask: np.ndarray = pc.fill_null(flags, False).to_numpy()
    return mask
