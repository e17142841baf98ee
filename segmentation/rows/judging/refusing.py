"""Refused rows as tables for quarantine: what is kept of a row, and why it was refused.

The contract's reasons come from schemas/contract.py; stages add the reasons they detect themselves.
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.contract import Refusal
from schemas.fields import arrow_schema
from schemas.tables import QUARANTINE
from segmentation.rows.judging.json_records import encode_records
from segmentation.rows.reading.file_batches import RawBatch

_PLACE = ("source_file", "source_row")


@cache
def _make_schema() -> pa.Schema:
    schema = arrow_schema(QUARANTINE).remove_metadata()
    return pa.schema([f.with_nullable(True).remove_metadata() for f in schema if f.name != "source_file"])


def quarantine_table(rows: list[dict[str, object]]) -> pa.Table:
    """Refused rows as an Arrow table: the columns of quarantine.parquet except source_file."""
    # Typed by the published schema, so that a table without rows has the same types as any other.
    return pa.Table.from_pylist(rows, schema=_make_schema())


def summarise_reasons(reasons: Counter[str]) -> str:
    """The three most common reasons: `amount: missing (12), sent back (3)`."""
    return ", ".join(f"{reason} ({count:,})" for reason, count in reasons.most_common(3))


class SortedReasons(NamedTuple):
    """The reasons of a batch's refused rows by row, the primary reason of each row first.

    `positions` int64 (m,) are the rows in the batch; `codes` int64 (r,) number the refusals, those of row i
    from `starts[i]` to `starts[i + 1]`, int64 (m + 1,).
    """

    refusals: Sequence[Refusal]
    positions: np.ndarray
    codes: np.ndarray
    starts: np.ndarray

    @property
    def primary(self) -> np.ndarray:
        """The number of each row's primary refusal, int64 (m,)."""
        codes: np.ndarray = self.codes[self.starts[:-1]]
        return codes


def sort_reasons(refusals: Sequence[Refusal]) -> SortedReasons:
    """The refusals of a batch, which come in the order of list_refusals, by row."""
    rows = np.concatenate([np.empty(0, np.int64), *(refusal.rows for refusal in refusals)])
    codes = np.repeat(np.arange(len(refusals)), [len(refusal.rows) for refusal in refusals])
    # Stable: of each row, reasons keep the order of the refusals, so the primary one never changes.
    order = np.argsort(rows, kind="stable")
    rows, codes = rows[order], codes[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    return SortedReasons(refusals, rows[starts], codes, np.append(starts, len(rows)))


def count_mentions(refusals: Sequence[Refusal]) -> Counter[str]:
    """The rows of each reason. Two rules may give the same reason for one row."""
    rows: dict[str, list[np.ndarray]] = {}
    for refusal in refusals:
        rows.setdefault(refusal.reason, []).append(refusal.rows)
    return Counter({reason: len(np.unique(np.concatenate(groups))) for reason, groups in rows.items()})


def refuse_batch(raw: RawBatch, reasons: SortedReasons, ids: pa.ChunkedArray | None) -> pa.Table:
    """The refused rows of a batch with their original values."""
    positions = pa.array(reasons.positions)
    customers = pa.nulls(len(positions), pa.string())
    if ids is not None:
        customers = ids.take(positions).combine_chunks()
        customers = pc.if_else(pc.equal(customers, ""), None, customers)
    texts = pa.array([refusal.reason for refusal in reasons.refusals], pa.string())
    blamed = pa.array([refusal.column for refusal in reasons.refusals], pa.string())
    lists = pa.ListArray.from_arrays(reasons.starts.astype(np.int32), texts.take(pa.array(reasons.codes)))
    columns = {
        "source_row": pa.array(raw.rows[reasons.positions]),
        "customer_id": customers,
        "reason": texts.take(pa.array(reasons.primary)),
        "column": blamed.take(pa.array(reasons.primary)),
        "reasons": pc.binary_join(lists, "; "),
        "record": encode_records(raw.table.take(positions)),
    }
    schema = _make_schema()
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


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
