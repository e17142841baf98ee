"""Judging rows: every batch of a source against its contract, split into good rows and refused ones.

The rules are schemas/contract.py's, reading is reading.py's; writing parts is up to the caller.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandera.pandas import DataFrameSchema

from config.columns import Column, Rows
from config.parameters import Segmentation
from config.sources import Csv
from schemas.contract import FIRST_YEAR, LAST_YEAR, find_reasons, rows_schema
from segmentation.partitions import over_parts
from segmentation.rows.casting import Dialect, cast_column
from segmentation.rows.conditions import find_broken
from segmentation.rows.reading import RawBatch, read_batches
from segmentation.rows.refusing import quarantine_table, refuse_batch, refuse_malformed
from segmentation.source import SourceFile, check_unchanged


class Piece(NamedTuple):
    """One batch of the source, its file's number and name, and the rows of the files before it.

    Rows of typed files are numbered through the source: no name, and none before.
    """

    raw: RawBatch
    file: int
    name: str | None
    before: int


_TEXT = Column(type="text")
TOGETHER = 50_000  # rows of small files that are judged as one batch


class Contract(NamedTuple):
    """What rows must look like, how they are written, and the days of events that count."""

    rows: Rows
    dialect: Dialect
    schema: DataFrameSchema
    window: tuple[date, date] | None


class Judged(NamedTuple):
    """One batch after judgement: rows to use and rows refused, with reasons; odd ids among the good.

    reasons counts each refused row once, by its primary reason; mentions every reason of every row.
    outside: events before or after the window, which are in neither table.
    """

    good: pa.Table
    refused: pa.Table
    reasons: Counter[str]
    mentions: Counter[str]
    outside: int = 0
    oddities: Counter[str] = Counter()  # noqa: RUF012 - never changed


def make_contract(rows: Rows, segmentation: Segmentation, window: tuple[date, date] | None) -> Contract:
    """The contract of rows: the segmentation's own or its customers', written as its source says."""
    dialect = Dialect(segmentation.source.csv, segmentation.timezone)
    return Contract(rows, dialect, rows_schema(rows), window)


def cast_batch(raw: RawBatch, contract: Contract) -> tuple[pa.Table, dict[str, np.ndarray]]:
    """The batch in its declared types and, per column, which values could not be read: bool (n,)."""
    rows = contract.rows
    typed, unreadable = {}, {}
    for name in contract.schema.columns:
        column = _TEXT if name == rows.id else rows.columns[name]
        typed[name], mask = cast_column(name, raw.table[name], column, contract.dialect)
        if mask is not None:
            unreadable[name] = mask
    if rows.id is not None and rows.id_suffix is not None:
        ids = typed[rows.id]
        bare = pc.utf8_slice_codeunits(ids, 0, -len(rows.id_suffix))
        typed[rows.id] = pc.if_else(pc.ends_with(ids, rows.id_suffix), bare, ids)
    return pa.table(typed), unreadable


def find_outside(table: pa.Table, contract: Contract) -> np.ndarray | None:
    """Which events lie before or after the window: bool (n,); None if none does.

    Times are local, so the window's ends are local midnights; a time that cannot be true is not
    outside, it is for the contract to refuse.
    """
    if contract.window is None or contract.rows.time is None:
        return None
    stamps = table[contract.rows.time]
    first, end = (pa.scalar(day, pa.date32()).cast(stamps.type) for day in contract.window)
    years = pc.year(stamps)
    credible = pc.and_(pc.greater_equal(years, FIRST_YEAR), pc.less_equal(years, LAST_YEAR))
    away = pc.or_(pc.less(stamps, first), pc.greater_equal(stamps, end))
    outside: np.ndarray = pc.fill_null(pc.and_(credible, away), False).to_numpy()
    return outside if outside.any() else None


def judge_batch(raw: RawBatch, contract: Contract) -> Judged:
    """Cast and validate one batch; refused rows carry every reason, the primary one first.

    Events outside the window are counted and left out before anything else is said of them.
    """
    table, unreadable = cast_batch(raw, contract)
    outside = find_outside(table, contract)
    if outside is not None:
        inside = pa.array(~outside)
        raw = RawBatch(raw.table.filter(inside), raw.rows[~outside], raw.malformed)
        table = table.filter(inside)
        unreadable = {name: mask[~outside] for name, mask in unreadable.items()}
    left_out = 0 if outside is None else int(outside.sum())
    broken = find_broken(table, contract.rows)
    reasons = find_reasons(table.to_pandas(), contract.schema, unreadable, broken)
    good = table.append_column("source_row", pa.array(raw.rows, pa.int64()))
    if reasons.empty:
        return Judged(good, quarantine_table([]), Counter(), Counter(), left_out)
    keep = np.ones(table.num_rows, bool)
    keep[reasons["row"].unique()] = False
    refused = refuse_batch(raw, reasons, None if contract.rows.id is None else table[contract.rows.id])
    counts = Counter(refused["reason"].to_pylist())
    mentions = Counter(reasons[["row", "said"]].drop_duplicates()["said"].tolist())
    return Judged(good.filter(pa.array(keep)), refused, counts, mentions, left_out)


def judge_files(files: Sequence[SourceFile], contract: Contract) -> Iterator[Judged]:
    """Judge every batch of every file, in the source's order; reading and judging overlap.

    Good rows get customer_id and where they came from, refused ones the file's name.
    """
    pieces = read_files(files, contract.rows, contract.dialect.csv)
    return over_parts(partial(judge_pieces, contract=contract), gather(pieces))


def gather(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces of small files together, so that hundreds of daily files cost what one file does."""
    held: list[Piece] = []
    for piece in pieces:
        rows = sum(one.raw.table.num_rows for one in held) + piece.raw.table.num_rows
        if held and (rows > TOGETHER or piece.raw.table.schema != held[0].raw.table.schema):
            yield held
            held = []
        held.append(piece)
    if held:
        yield held


def read_files(files: Sequence[SourceFile], rows: Rows, csv: Csv) -> Iterator[Piece]:
    """The batches of all files. SourceChanged if a file is not what it was when the run began."""
    before = 0
    for number, file in enumerate(files):
        seen = 0
        for raw in read_batches(file.path, rows, csv):
            seen += raw.table.num_rows + len(raw.malformed)
            if file.input.numbered:
                yield Piece(raw._replace(rows=raw.rows + before), number, None, 0)
            else:
                yield Piece(raw, number, file.input.name, before)
        check_unchanged(file)
        before += seen


def judge_pieces(pieces: Sequence[Piece], contract: Contract) -> Judged:
    """Judge batches as one. A row without an id is named by its number in the whole source."""
    table = pa.concat_tables([piece.raw.table for piece in pieces])
    rows = np.concatenate([piece.raw.rows for piece in pieces])
    of = np.repeat(np.arange(len(pieces)), [piece.raw.table.num_rows for piece in pieces])
    judged = judge_batch(RawBatch(table, np.arange(len(rows)), []), contract)

    at = judged.good["source_row"].to_numpy()
    files = np.array([piece.file for piece in pieces], np.int32)[of[at]]
    good = judged.good.drop_columns("source_row")
    good = good.append_column("source_row", pa.array(rows[at])).append_column("source_file", pa.array(files))
    if contract.rows.id is None:
        before = np.array([piece.before for piece in pieces])[of[at]]
        ids = pd.Series(rows[at] + before).astype(str).str.zfill(12)
        good = good.append_column("customer_id", pa.array(ids, pa.string()))
        oddities = Counter[str]()
    else:
        good = good.rename_columns({contract.rows.id: "customer_id"})
        oddities = count_oddities(good["customer_id"])
    malformed = [refuse_malformed(piece.raw) for piece in pieces]
    more = Counter(reason for one in malformed for reason in one["reason"].to_pylist())
    at = judged.refused["source_row"].to_numpy()
    place = judged.refused.column_names.index("source_row")
    broken = judged.refused.set_column(place, "source_row", pa.array(rows[at]))
    belongs = np.concatenate([of[at], np.repeat(np.arange(len(pieces)), [one.num_rows for one in malformed])])
    return judged._replace(
        good=good,
        refused=_in_order(pa.concat_tables([broken, *malformed]), belongs, pieces),
        reasons=judged.reasons + more,
        mentions=judged.mentions + more,
        oddities=oddities,
    )


def _in_order(refused: pa.Table, belongs: np.ndarray, pieces: Sequence[Piece]) -> pa.Table:
    """Refused rows with their file's name, in the source's order. belongs (n,): the piece of each."""
    names = pa.array([piece.name for piece in pieces], pa.string())
    order = np.lexsort((refused["source_row"].to_numpy(), belongs))
    named = refused.add_column(0, "source_file", names.take(pa.array(belongs)))
    return named.take(pa.array(order))


def count_oddities(ids: pa.ChunkedArray) -> Counter[str]:
    """How many ids look like another id and are not. They are kept as they are: which is meant is unknown."""
    counts = {"begin or end with a space": pc.not_equal(ids, pc.utf8_trim_whitespace(ids))}
    if not pc.all(pc.string_is_ascii(ids)).as_py():
        counts["have invisible characters"] = pc.match_substring_regex(ids, r"\p{Cf}")
        counts["are not in Unicode's normal form C"] = pc.not_equal(ids, pc.utf8_normalize(ids, form="NFC"))
    return +Counter({what: pc.sum(mask).as_py() or 0 for what, mask in counts.items()})
