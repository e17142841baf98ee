"""Refused rows as tables for quarantine: what is kept of a row, and why it was refused.

The contract's reasons come from schemas/contract.py; stages add the reasons they detect themselves.
"""

import json
from collections import Counter
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from schemas.fields import arrow_schema
from schemas.tables import QUARANTINE
from segmentation.rows.raw_values import list_values
from segmentation.rows.reading import RawBatch

_PLACE = ("source_file", "source_row")


def quarantine_table(rows: list[dict[str, object]]) -> pa.Table:
    """Refused rows as an Arrow table: the columns of quarantine.parquet except source_file."""
    schema = arrow_schema(QUARANTINE).remove_metadata()
    # Typed by the published schema, so that a table without rows has the same types as any other.
    schema = pa.schema([f.with_nullable(True).remove_metadata() for f in schema if f.name != "source_file"])
    return pa.Table.from_pylist(rows, schema=schema)


def summarise_reasons(reasons: Counter[str]) -> str:
    """The three most common reasons: `amount: missing (12), sent back (3)`."""
    return ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(3))


def refuse_batch(raw: RawBatch, reasons: pd.DataFrame, ids: pa.ChunkedArray | None) -> pa.Table:
    """The refused rows of a batch with their original values. `reasons` comes from list_reasons."""
    primary = reasons.groupby("row", sort=True).first()
    all_reasons = primary["full_reason"].copy()
    # Only these need texts joined, which is a Python call per row.
    repeats = reasons[reasons["row"].duplicated(keep=False)]
    all_reasons.update(repeats.groupby("row")["full_reason"].agg("; ".join))
    positions = primary.index.to_numpy()
    customers = [None] * len(positions) if ids is None else ids.take(pa.array(positions)).to_pylist()
    columns = raw.table.take(pa.array(positions))
    values = [list_values(column) for column in columns.columns]
    originals = [dict(zip(columns.column_names, row, strict=True)) for row in zip(*values, strict=True)]
    return quarantine_table(
        [
            {
                "source_row": int(raw.rows[position]),
                "customer_id": customer or None,
                "reason": reason,
                "column": column,
                "reasons": row_reasons,
                # Typed files have dates and decimals, which JSON does not know: default=str.
                "record": json.dumps(record, ensure_ascii=False, default=str),
            }
            for position, customer, reason, column, row_reasons, record in zip(
                positions,
                customers,
                primary["full_reason"],
                primary["column"],
                all_reasons,
                originals,
                strict=True,
            )
        ]
    )


def refuse_malformed(raw: RawBatch) -> pa.Table:
    """Malformed lines as refused rows."""
    return quarantine_table(
        [
            {
                "source_row": line.row,
                "customer_id": None,
                "reason": line.reason,
                "column": None,
                "reasons": line.detail,
                "record": line.text,
            }
            for line in raw.malformed
        ]
    )


def refuse_rows(rows: pa.Table, column: str | None, names: Sequence[str | None]) -> pa.Table:
    """Good rows of ingest that a later stage refuses, because of one column or as a whole.

    `rows` has the columns `reason` and `reasons` in addition to the contract's. `names` are the
    source's file names by number.
    """
    values = [name for name in rows.column_names if name not in (*_PLACE, "reason", "reasons")]
    records = rows.select(values).to_pandas().to_json(orient="records", lines=True, date_format="iso")
    entries = rows.select(["source_row", "customer_id", "reason", "reasons"]).to_pylist()
    quarantine = quarantine_table(
        [
            {**entry, "column": column, "record": record}
            for entry, record in zip(entries, records.splitlines(), strict=True)
        ]
    )
    files = pa.array([names[i] for i in rows["source_file"].to_pylist()], pa.string())
    return quarantine.add_column(0, "source_file", files)
