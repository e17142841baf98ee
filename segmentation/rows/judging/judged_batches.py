"""Judging rows: each batch of a source is split into good and refused rows by the contract.

The checks are in schemas/contract.py. Reading batches belongs in segmentation/rows/reading/source_batches.py,
writing parts in the stages.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import list_refusals
from schemas.part import Part
from segmentation.partitions import map_parts
from segmentation.rows.judging.cast_batch import Contract, cast_batch
from segmentation.rows.judging.currencies import (
    CurrencyCounts,
    count_currencies,
)
from segmentation.rows.judging.erased_rows import LeftOut, leave_out
from segmentation.rows.judging.python_rules import add_python_refusals
from segmentation.rows.judging.refused_value import MeasuredBatch, Pieces, measure_amounts
from segmentation.rows.judging.refusing import (
    count_mentions,
    refuse_batch,
    refuse_malformed,
    sort_reasons,
)
from segmentation.rows.judging.row_counts import (
    CountedPieces,
    RowCounts,
    compute_event_days,
    count_pieces,
    detect_outside,
)
from segmentation.rows.judging.row_rules import detect_broken_rules
from segmentation.rows.judging.sketches import Sketch, sketch_rows
from segmentation.rows.judging.versions import concat_versions, rename_id, take_versions
from segmentation.rows.reading.file_batches import RawBatch
from segmentation.rows.reading.source_batches import SourceBatch, merge_small_batches, read_files
from segmentation.sources.content import SourceFile


class JudgedBatch(NamedTuple):
    """One batch after judging: good rows, and refused rows with their reasons.

    `reasons` counts each refused row once, by its primary reason; `mentions` counts every reason of
    every row. `outside` counts events outside the window, which are in neither table. `oddities`
    counts what was read but is suspicious, by the sentence that warns about it: "the id
    begins or ends with a space".
    """

    good: pa.Table
    refused: pa.Table
    reasons: Counter[str]
    mentions: Counter[str]
    outside: int = 0
    oddities: Counter[str] = Counter()  # noqa: RUF012 - never changed
    replacing: pa.Table | None = None  # with a key: the keys and places of rows that are not good
    sketch: Sketch | None = None
    currencies: CurrencyCounts = CurrencyCounts()
    days: np.ndarray | None = None  # of all rows of the batch, also those outside the window
    counts: RowCounts | None = None
    sums: np.ndarray | None = None  # of the contract's amounts by piece, as refused_value.py says
    erased: int = 0  # rows of erased customers, which are in neither table
    # Good rows are numbered from these, the first file of the batch and that file's first row, so that their
    # stage file is the same whatever comes before it in the source.
    first_file: int = 0
    first_row: int = 0
    part: Part | None = None  # the stage file of the good rows, once they are written: then `good` is empty

    @property
    def good_rows(self) -> int:
        """How many rows are good."""
        return self.good.num_rows if self.part is None else self.part.rows


def list_event_days(table: pa.Table, contract: Contract) -> np.ndarray | None:
    """The local day of each event, as compute_event_days has it. None where days do not matter."""
    if contract.window is None or contract.rows.time is None:
        return None
    return compute_event_days(table[contract.rows.time])


def judge_batch(raw: RawBatch, contract: Contract, pieces: Pieces) -> JudgedBatch:
    """Cast and validate one batch. Refused rows carry all their reasons, the primary one first.

    Events outside the window are counted and dropped first, so they are never refused.
    """
    cast = cast_batch(raw, contract)
    days = list_event_days(cast.table, contract)
    outside = None if days is None or contract.window is None else detect_outside(days, contract.window)
    versions: list[pa.Table] = []
    if outside is not None:
        if contract.rows.key:
            versions.append(take_versions(cast.table, raw.rows, outside, contract.rows))
        raw = RawBatch(raw.table.filter(pa.array(~outside)), raw.rows[~outside], raw.malformed)
        cast, pieces = cast.filter(~outside), pieces._replace(of_row=pieces.of_row[~outside])
    table, oddities = cast.table, Counter({kind: int(mask.sum()) for kind, mask in cast.oddities.items()})
    dropped = 0 if outside is None else int(outside.sum())
    broken_rules = detect_broken_rules(table, contract.rows)
    # All checks and not the first that fails: quarantine shows people every reason for a row.
    refusals = list_refusals(table, contract.schema, cast.unreadable, broken_rules)
    if contract.python is not None:
        refusals, warned = add_python_refusals(table, refusals, contract.python)
        oddities += warned
    reasons = sort_reasons(refusals)
    is_good = np.ones(table.num_rows, bool)
    is_good[reasons.positions] = False
    good = table.append_column("source_row", pa.array(raw.rows, pa.int64()))
    if refusals:
        good = good.filter(pa.array(is_good))
        if contract.rows.key:
            versions.append(take_versions(table, raw.rows, ~is_good, contract.rows))
    refused = refuse_batch(raw, reasons, None if contract.rows.id is None else table[contract.rows.id])
    counts = Counter(refused["reason"].to_pylist())
    judged = JudgedBatch(good, refused, counts, count_mentions(refusals), dropped, +oddities)
    sums = _measure(MeasuredBatch(table, raw.table, reasons, pieces), contract)
    return judged._replace(replacing=concat_versions(versions), days=days, sums=sums)


def _measure(batch: MeasuredBatch, contract: Contract) -> np.ndarray | None:
    if not contract.amounts or contract.counted is None:
        return None
    decimal = contract.dialect.csv.decimal
    return measure_amounts(batch, contract.amounts, contract.counted.no_loss, decimal)


def judge_files(files: Sequence[SourceFile], contract: Contract) -> Iterator[JudgedBatch]:
    """Judge every batch of every file in the source's order. Reading and judging overlap.

    Good rows get customer_id, source_file and source_row; refused rows get the file's name.
    """
    batches = read_files(files, contract.rows, contract.dialect.csv)
    return map_parts(partial(judge_batches, contract=contract), merge_small_batches(batches))


def judge_batches(batches: Sequence[SourceBatch], contract: Contract) -> JudgedBatch:
    """Judge several batches as one. Without an id column, a row's id is its number in the whole source."""
    left_out = LeftOut()
    if contract.erased:
        batches, left_out = leave_out(batches, contract)
    table = pa.concat_tables([batch.raw.table for batch in batches])
    rows = np.concatenate([batch.raw.rows for batch in batches])
    batch_of_row = np.repeat(np.arange(len(batches)), [batch.raw.table.num_rows for batch in batches])
    # Rows are numbered by their position in the group, to look up each one's file and row afterwards.
    judged = judge_batch(
        RawBatch(table, np.arange(len(rows)), []), contract, Pieces(len(batches), batch_of_row)
    )

    first, files = batches[0], np.array([batch.file for batch in batches], np.int32)[batch_of_row]
    good, good_rows = _number_in_source(judged.good, rows - first.first_row, files - np.int32(first.file))
    replacing = judged.replacing
    if replacing is not None:
        replacing, _ = _number_in_source(replacing, rows, files)
        judged = judged._replace(replacing=rename_id(replacing, contract.rows))
    if contract.rows.id is None:
        rows_before = np.array([batch.rows_before for batch in batches])[batch_of_row[good_rows]]
        # Padded with zeros, so that ids sort like the rows they number.
        ids = pd.Series(rows[good_rows] + rows_before).astype(str).str.zfill(12)
        good = good.append_column("customer_id", pa.array(ids, pa.string()))
    else:
        good = rename_id(good, contract.rows)
        judged = judged._replace(oddities=judged.oddities + count_odd_ids(good["customer_id"]))
    if contract.sketched:
        judged = judged._replace(sketch=sketch_rows(good, contract.rows, contract.sketched).shift(first.file))
    if contract.currencies:
        judged = judged._replace(currencies=count_currencies(good, contract.currencies))
    malformed = [refuse_malformed(batch.raw) for batch in batches]
    malformed_reasons = Counter(reason for lines in malformed for reason in lines["reason"].to_pylist())
    if contract.counted is not None:
        pieces = CountedPieces(np.array([batch.file for batch in batches]), batch_of_row, malformed)
        judged = judged._replace(counts=count_pieces(pieces, judged.days, judged.refused, contract.counted))
    refused, refused_rows = _number_refused(judged.refused, rows)
    batch_of_line = np.repeat(np.arange(len(batches)), [lines.num_rows for lines in malformed])
    return judged._replace(
        good=good,
        refused=_sort_refused(
            pa.concat_tables([refused, *malformed]),
            np.concatenate([batch_of_row[refused_rows], batch_of_line]),
            batches,
        ),
        reasons=judged.reasons + malformed_reasons,
        mentions=judged.mentions + malformed_reasons,
        outside=judged.outside + left_out.outside,
        erased=left_out.erased,
        first_file=first.file,
        first_row=first.first_row,
    )


def _number_in_source(table: pa.Table, rows: np.ndarray, files: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """The table with each row's number and file, and the positions it had: int64 (n,).

    `rows` and `files` have the number and the file by position, int64 and int32 (n,).
    """
    positions = table["source_row"].to_numpy()
    table = table.drop_columns("source_row").append_column("source_row", pa.array(rows[positions]))
    return table.append_column("source_file", pa.array(files[positions])), positions


def _number_refused(refused: pa.Table, rows: np.ndarray) -> tuple[pa.Table, np.ndarray]:
    """The same for refused rows, without files."""
    positions = refused["source_row"].to_numpy()
    place = refused.column_names.index("source_row")
    return refused.set_column(place, "source_row", pa.array(rows[positions])), positions


def _sort_refused(refused: pa.Table, batch_of_row: np.ndarray, batches: Sequence[SourceBatch]) -> pa.Table:
    """Refused rows with their file's name, in the source's order. `batch_of_row` is int64 (n,)."""
    names = pa.array([batch.name for batch in batches], pa.string())
    order = np.lexsort((refused["source_row"].to_numpy(), batch_of_row))
    with_names = refused.add_column(0, "source_file", names.take(pa.array(batch_of_row)))
    return with_names.take(pa.array(order))


def count_odd_ids(ids: pa.ChunkedArray) -> Counter[str]:
    """How many ids look like another id but differ from it. They are kept: nobody knows which is meant."""
    counts = {"the id begins or ends with a space": pc.not_equal(ids, pc.utf8_trim_whitespace(ids))}
    # Invisible characters and other normal forms need Unicode; nearly all ids are ASCII.
    if not pc.all(pc.string_is_ascii(ids)).as_py():
        counts["the id has invisible characters"] = pc.match_substring_regex(ids, r"\p{Cf}")
        counts["the id is not in Unicode's normal form C"] = pc.not_equal(
            ids, pc.utf8_normalize(ids, form="NFC")
        )
    return +Counter({oddity: pc.sum(mask).as_py() or 0 for oddity, mask in counts.items()})
