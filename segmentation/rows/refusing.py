"""Refused rows as tables: what is kept of a row that is not used, and why it is not.

Finding the reasons is schemas/contract.py's business, and each stage's for what it finds.
"""

import json
from collections import Counter
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from schemas.fields import arrow_schema
from schemas.tables import QUARANTINE
from segmentation.rows.reading import RawBatch

_PLACE = ("source_file", "source_row")


def quarantine_table(rows: list[dict[str, object]]) -> pa.Table:
    """Refused rows as an Arrow table, all columns of quarantine.parquet but the file."""
    schema = arrow_schema(QUARANTINE).remove_metadata()
    schema = pa.schema([f.with_nullable(True).remove_metadata() for f in schema if f.name != "source_file"])
    return pa.Table.from_pylist(rows, schema=schema)


def tell_reasons(reasons: Counter[str]) -> str:
    """The most common reasons in words: `amount: missing (12), sent back (3)`."""
    return ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(3))


def refuse_batch(raw: RawBatch, reasons: pd.DataFrame, ids: pa.ChunkedArray | None) -> pa.Table:
    """The rows of a batch that have reasons (from find_reasons), as refused rows with their originals."""
    primary = reasons.groupby("row", sort=True).first()
    every = primary["said"].copy()
    several = reasons[reasons["row"].duplicated(keep=False)]
    every.update(several.groupby("row")["said"].agg("; ".join))
    at = primary.index.to_numpy()
    names = [None] * len(at) if ids is None else ids.take(pa.array(at)).to_pylist()
    originals = raw.table.take(pa.array(at)).to_pylist()
    return quarantine_table(
        [
            {
                "source_row": int(raw.rows[row]),
                "customer_id": name or None,
                "reason": said,
                "column": column,
                "reasons": told,
                "record": json.dumps(record, ensure_ascii=False, default=str),
            }
            for row, name, said, column, told, record in zip(
                at, names, primary["said"], primary["column"], every, originals, strict=True
            )
        ]
    )


def refuse_malformed(raw: RawBatch) -> pa.Table:
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


def refuse_rows(rows: pa.Table, column: str | None, names: Sequence[str | None]) -> pa.Table:
    """Good rows of ingest that a later stage refuses, all about one column or the whole row.

    rows have `reason` and `reasons` beside their own columns; names are the source's files by number.
    """
    own = [name for name in rows.column_names if name not in (*_PLACE, "reason", "reasons")]
    records = rows.select(own).to_pandas().to_json(orient="records", lines=True, date_format="iso")
    said = rows.select(["source_row", "customer_id", "reason", "reasons"]).to_pylist()
    refused = quarantine_table(
        [
            {**one, "column": column, "record": record}
            for one, record in zip(said, records.splitlines(), strict=True)
        ]
    )
    files = pa.array([names[i] for i in rows["source_file"].to_pylist()], pa.string())
    return refused.add_column(0, "source_file", files)
