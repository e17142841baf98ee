"""The name of an entry of judged files: what it is valid for.

It says which files the entry holds, judged by which contract and code, and which windows have the same rows
of them. Finding and keeping entries belongs in judged_cache.py, what they hold in judged_entry.py.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.judged_batches import JudgedBatch
from segmentation.rows.judging.row_counts import END_CREDIBLE, FIRST_CREDIBLE, NO_DAY, to_ordinal
from segmentation.sources.content import SourceFile
from segmentation.sources.file_formats import get_format
from segmentation.store.catalogue.edition_key import digest_code

START = 16  # characters of the first file's id in an entry's name
_NO_DAYS = np.empty(0, np.int64)
_NO_WINDOW = "none"
_NAME = re.compile(rf"([0-9a-f]{{{START}}})-(\d+)-[0-9a-f]{{32}}-([\w-]+)\.judged")


class EntryName(NamedTuple):
    """What the name of an entry says: the start of its first file's id, how many files, and its days."""

    first: str
    files: int
    days: str


def name_entry(ids: Sequence[str], days: str) -> str:
    """The name of the entry of the files with these ids."""
    digest = hashlib.sha256("".join(ids).encode()).hexdigest()[:32]
    return f"{ids[0][:START]}-{len(ids)}-{digest}-{days}.judged"


def read_entry_name(name: str) -> EntryName | None:
    """The parts of an entry's name; None if no entry has such a name."""
    match = _NAME.fullmatch(name)
    return None if match is None else EntryName(match[1], int(match[2]), match[3])


def digest_contract(contract: Contract, schema: str | None) -> str:
    """The digest of all that rows are judged by, whatever the files, the window and the tombstones.

    schema: the source of the definition's Python schema. pandera's is made from the contract by this code.
    """
    counted = contract.counted
    counting = counted and (
        counted.filters.to_pylist(),
        counted.without_id.to_pylist(),
        counted.margins,
        counted.totals,
    )
    content = (
        digest_code(),
        contract.rows,
        contract.dialect,
        contract.currencies,
        contract.amounts,
        schema,
        contract.window is None,
        counting,
    )
    return hashlib.sha256(repr(content).encode()).hexdigest()


def identify_files(files: Sequence[SourceFile], covers: np.ndarray | None, key: str) -> list[str]:
    """What the judged rows of each file depend on: its bytes, its format, and what its name or folders say.

    covers: the days that the files' names say, int64 (f, 2). key: the digest of the contract.
    """
    ids = []
    for file, days in zip(files, [None] * len(files) if covers is None else covers.tolist(), strict=True):
        kind = get_format(file.path.name)
        content = (
            key,
            file.input.sha256,
            kind and kind._replace(suffix=""),
            sorted(file.constants.items()),
            days,
        )
        ids.append(hashlib.sha256(repr(content).encode()).hexdigest())
    return ids


def format_days(batches: Sequence[JudgedBatch], contract: Contract, covers: np.ndarray | None) -> str:
    """`FIRST_LAST_BEFORE_AFTER`: the first and last day that count, and the nearest ones left out.

    In days since 1970; `none` without a window. covers: the days that the files' names say, int64 (f, 2).
    """
    days = np.concatenate([*(batch.days for batch in batches if batch.days is not None), _NO_DAYS])
    if contract.window is None:
        return _NO_WINDOW
    start, end = map(to_ordinal, contract.window)
    days = np.unique(days[days != NO_DAY])
    counting = days[(days >= start) & (days < end)]
    if covers is not None:
        # Rows without a readable time count for the day of a file of one day.
        counting = np.append(counting, covers[covers[:, 1] - covers[:, 0] == 1, 0])
    first, last = (counting.min(), counting.max()) if len(counting) else (start, start)
    before = days[days < start].max(initial=FIRST_CREDIBLE - 1)
    after = days[days >= end].min(initial=END_CREDIBLE)
    return f"{first}_{last}_{before}_{after}"


def has_same_rows(days: str, contract: Contract) -> bool:
    """Does tonight's window have the rows that the window of the entry's night had?"""
    if contract.window is None or days == _NO_WINDOW:
        return True
    first, last, before, after = map(int, days.split("_"))
    start, end = map(to_ordinal, contract.window)
    return before < start <= first and last < end <= after
