"""Refused rows as tables for quarantine: what is kept of a row, and why it was refused.

The contract's reasons come from schemas/contract.py; stages add the reasons they detect themselves.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.fields import arrow_schema
from schemas.tables import QUARANTINE
from segmentation.rows.judging.json_records import encode_records
from segmentation.rows.reading.file_batches import RawBatch

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
    """The refused rows of a batch with their original values.

    `reasons` comes from list_reasons, sorted by row, the primary reason of each row first.
    """
    rows = reasons["row"].to_numpy()
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    primary, positions = reasons.iloc[starts], pa.array(rows[starts])
    customers = pa.nulls(len(positions), pa.string())
    if ids is not None:
        customers = ids.take(positions).combine_chunks()
        customers = pc.if_else(pc.equal(customers, ""), None, customers)
    columns = {
        "source_row": pa.array(raw.rows[rows[starts]]),
        "customer_id": customers,
        "reason": pa.array(primary["full_reason"], pa.string()),
        "column": pa.array(primary["column"], pa.string()),
        "reasons": pa.array(_join_reasons(reasons["full_reason"].tolist(), starts), pa.string()),
        "record": encode_records(raw.table.take(positions)),
    }
    schema = quarantine_table([]).schema
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


def _join_reasons(reasons: Sequence[str], starts: np.ndarray) -> list[str]:
    """All reasons of each row, given where each row's reasons start."""
    ends = [*starts[1:].tolist(), len(reasons)]
    return [
        reasons[start] if end - start == 1 else "; ".join(reasons[start:end])
        for start, end in zip(starts.tolist(), ends, strict=True)
    ]


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
