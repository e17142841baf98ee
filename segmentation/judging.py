"""Judging rows: every batch of a source against its contract, split into good rows and refused ones.

The rules are schemas/contract.py's, reading is reading.py's; writing parts is up to the caller.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pandera.pandas import DataFrameSchema

from config.columns import Column, Rows
from config.sources import Csv
from schemas.contract import find_reasons, rows_schema
from schemas.tables import QUARANTINE, arrow_schema
from segmentation.casting import cast_column
from segmentation.partitions import over_parts
from segmentation.reading import RawBatch, read_batches
from segmentation.source import SourceFile, check_unchanged


class Piece(NamedTuple):
    """One batch of the source, its file's number and name, and the rows of the files before it."""

    raw: RawBatch
    file: int
    name: str
    before: int


_TEXT = Column(type="text")


class Judged(NamedTuple):
    """One batch after judgement: rows to use and rows refused, with reasons; odd ids among the good."""

    good: pa.Table
    refused: pa.Table
    reasons: Counter[str]
    oddities: Counter[str] = Counter()  # noqa: RUF012 - never changed


def judge_batch(raw: RawBatch, rows: Rows, csv: Csv, schema: DataFrameSchema) -> Judged:
    """Cast and validate one batch; refused rows carry every reason, the primary one first."""
    typed, unreadable = {}, {}
    for name in schema.columns:
        column = _TEXT if name == rows.id else rows.columns[name]
        typed[name], mask = cast_column(name, raw.table[name], column, csv)
        if mask is not None:
            unreadable[name] = mask
    table = pa.table(typed)
    reasons = find_reasons(table.to_pandas(), schema, unreadable)
    table = table.append_column("source_row", pa.array(raw.rows, pa.int64()))
    if reasons.empty:
        return Judged(table, quarantine_table([]), Counter())
    bad = reasons.groupby("row", sort=True)
    primary = bad.first()
    said = (reasons["column"] + ": " + reasons["reason"]).groupby(reasons["row"], sort=True).agg("; ".join)
    keep = np.ones(table.num_rows, bool)
    keep[primary.index] = False
    originals = raw.table.take(primary.index.to_numpy())
    refused = quarantine_table(
        [
            {
                "source_row": int(raw.rows[row]),
                "customer_id": record.get(rows.id) or None,
                "reason": f"{column}: {reason}",
                "column": column,
                "reasons": every,
                "record": json.dumps(record, ensure_ascii=False, default=str),
            }
            for row, column, reason, every, record in zip(
                primary.index, primary["column"], primary["reason"], said, originals.to_pylist(), strict=True
            )
        ]
    )
    return Judged(table.filter(pa.array(keep)), refused, Counter(refused["reason"].to_pylist()))


def quarantine_table(rows: list[dict[str, object]]) -> pa.Table:
    """Refused rows as an Arrow table, all columns of quarantine.parquet but the file."""
    schema = arrow_schema(QUARANTINE).remove_metadata()
    schema = pa.schema([f.with_nullable(True).remove_metadata() for f in schema if f.name != "source_file"])
    return pa.Table.from_pylist(rows, schema=schema)


def judge_malformed(raw: RawBatch) -> pa.Table:
    """Lines that are no rows, as refused rows."""
    return quarantine_table(
        [
            {
                "source_row": bad.row,
                "customer_id": None,
                "reason": bad.reason,
                "column": None,
                "reasons": bad.detail,
                "record": bad.text,
            }
            for bad in raw.malformed
        ]
    )


def judge_files(files: Sequence[SourceFile], rows: Rows, csv: Csv) -> Iterator[Judged]:
    """Judge every batch of every file, in the source's order; reading and judging overlap.

    Good rows get customer_id and where they came from, refused ones the file's name.
    """
    kernel = partial(judge_piece, rows=rows, csv=csv, schema=rows_schema(rows))
    return over_parts(kernel, read_files(files, rows, csv))


def read_files(files: Sequence[SourceFile], rows: Rows, csv: Csv) -> Iterator[Piece]:
    """The batches of all files. SourceChanged if a file is not what it was when the run began."""
    before = 0
    for number, file in enumerate(files):
        seen = 0
        for raw in read_batches(file.path, rows, csv):
            seen += raw.table.num_rows + len(raw.malformed)
            yield Piece(raw, number, file.input.name, before)
        check_unchanged(file)
        before += seen


def judge_piece(piece: Piece, rows: Rows, csv: Csv, schema: DataFrameSchema) -> Judged:
    """Judge one batch. A row without an id is named by its number in the whole source."""
    judged = judge_batch(piece.raw, rows, csv, schema)
    malformed = judge_malformed(piece.raw)
    refused = pa.concat_tables([judged.refused, malformed])
    names = pa.array([piece.name] * refused.num_rows, pa.string())
    files = pa.array(np.full(judged.good.num_rows, piece.file, np.int32))
    good = judged.good.append_column("source_file", files)
    if rows.id is None:
        ids = pd.Series(good["source_row"].to_numpy() + piece.before).astype(str).str.zfill(12)
        good = good.append_column("customer_id", pa.array(ids, pa.string()))
        oddities = Counter[str]()
    else:
        good = good.rename_columns({rows.id: "customer_id"})
        oddities = count_oddities(good["customer_id"])
    reasons = judged.reasons + Counter(malformed["reason"].to_pylist())
    return Judged(good, refused.add_column(0, "source_file", names), reasons, oddities)


def count_oddities(ids: pa.ChunkedArray) -> Counter[str]:
    """How many ids look like another id and are not. They are kept as they are: which is meant is unknown."""
    counts = {"begin or end with a space": pc.not_equal(ids, pc.utf8_trim_whitespace(ids))}
    if not pc.all(pc.string_is_ascii(ids)).as_py():
        counts["have invisible characters"] = pc.match_substring_regex(ids, r"\p{Cf}")
        counts["are not in Unicode's normal form C"] = pc.not_equal(ids, pc.utf8_normalize(ids, form="NFC"))
    return +Counter({what: pc.sum(mask).as_py() or 0 for what, mask in counts.items()})
