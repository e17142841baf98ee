"""Stage 1, ingest: source files to typed parts and quarantine, every row judged by the contract.

One batch at a time. Duplicates are the next stage's business.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pandera.pandas import DataFrameSchema

from config.parameters import Column, Csv, Rows
from schemas.contract import find_reasons, rows_schema
from schemas.records import Counts, Ingested, Night, Part
from schemas.tables import QUARANTINE, arrow_schema
from segmentation.casting import cast_column
from segmentation.errors import Refused
from segmentation.parts import start_folder, write_part
from segmentation.reading import RawBatch, check_header, columns_to_read, read_batches, read_header
from segmentation.samples import write_sample
from segmentation.source import SourceFile, check_content, check_unchanged, find_files, fingerprint
from segmentation.store import is_whole, make_edition_key
from tasks.options import stage

_TEXT = Column(type="text")


class Judged(NamedTuple):
    """One batch after judgement: rows to use and rows refused."""

    good: pa.Table
    refused: pa.Table
    reasons: Counter[str]


def find_source(night: Night) -> list[SourceFile]:
    """The source's files, each accepted by its first bytes and fingerprinted."""
    source = night.segmentation.source
    if night.source is None and source.sample is not None:
        folder = start_folder(night.staging / "sample")
        paths = [write_sample(source, night.segmentation.seed, folder)]
    else:
        paths = find_files(source, night.source, night.as_of)
    files = [fingerprint(path) for path in paths]
    for path in paths:
        check_content(path, source.csv)
    return files


def check_headers(files: Iterable[SourceFile], rows: Rows, csv: Csv) -> list[str]:
    """Refuse a source with a header that breaks the contract; warnings otherwise."""
    wanted = columns_to_read(rows)
    found = (
        check_header(file.path.name, read_header(file.path, csv), wanted, csv.delimiter) for file in files
    )
    return [warning for warnings in found for warning in warnings]


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
                "reason": "too many fields" if bad.found > bad.expected else "too few fields",
                "column": None,
                "reasons": f"{bad.found} fields where the header has {bad.expected}",
                "record": bad.text,
            }
            for bad in raw.malformed
        ]
    )


def judge_files(files: list[SourceFile], rows: Rows, csv: Csv) -> Iterator[Judged]:
    """Judge every batch of every file; good rows get customer_id and where they came from."""
    schema = rows_schema(rows)
    before = 0
    for number, file in enumerate(files):
        last = 0
        for raw in read_batches(file.path, rows, csv):
            judged = judge_batch(raw, rows, csv, schema)
            malformed = judge_malformed(raw)
            last += raw.table.num_rows + malformed.num_rows
            refused = pa.concat_tables([judged.refused, malformed])
            refused = refused.add_column(
                0, "source_file", pa.array([file.input.name] * refused.num_rows, pa.string())
            )
            good = judged.good.append_column(
                "source_file", pa.array(np.full(judged.good.num_rows, number, np.int32))
            )
            if rows.id is None:
                numbers = good["source_row"].to_numpy() + before
                ids = pd.Series(numbers).astype(str).str.zfill(12)
                good = good.append_column("customer_id", pa.array(ids, pa.string()))
            else:
                good = good.rename_columns({rows.id: "customer_id"})
            yield Judged(good, refused, judged.reasons + Counter(malformed["reason"].to_pylist()))
        check_unchanged(file)
        before += last


@stage("ingest {night.as_of}")
def ingest(night: Night) -> Ingested:
    """Read, judge and write every row of the source; stop early if its edition is published."""
    rows, csv = night.segmentation.rows, night.segmentation.source.csv
    folder = start_folder(night.staging / "ingest")
    files = find_source(night)
    inputs = tuple(file.input for file in files)
    key = make_edition_key(night, inputs)
    if not night.force and is_whole(night.home, night.as_of, key.edition):
        nothing = Counts(read=0, good=0, quarantined=0, reasons={})
        return Ingested(
            key=key, inputs=inputs, published=True, counts=nothing, parts=(), quarantine=(), warnings=()
        )

    warnings = check_headers(files, rows, csv)
    parts: list[Part] = []
    quarantine: list[Part] = []
    reasons: Counter[str] = Counter()
    for number, judged in enumerate(judge_files(files, rows, csv)):
        reasons += judged.reasons
        if judged.good.num_rows:
            parts.append(write_part(folder / f"rows-{number:05d}.parquet", judged.good))
        if judged.refused.num_rows:
            quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", judged.refused))

    good, refused = sum(p.rows for p in parts), sum(p.rows for p in quarantine)
    if good == 0:
        names = ", ".join(one.name for one in inputs)
        found = f"all {refused} rows are refused: {dict(reasons.most_common(3))}" if refused else "no rows"
        raise Refused("no-rows", f"{names}: {found}; expected at least one row to use")
    counts = Counts(
        read=good + refused, good=good, quarantined=refused, reasons=dict(sorted(reasons.items()))
    )
    return Ingested(
        key=key,
        inputs=inputs,
        published=False,
        counts=counts,
        parts=tuple(parts),
        quarantine=tuple(quarantine),
        warnings=tuple(warnings),
    )
