"""Judged batches as bytes, and back: what is kept of source files next to their good rows.

Good rows are in stage files, which nights share. Files are numbered from 0, and rows from the first file's
first row, whatever comes before them in the source. Which files are kept together, and where, is decided in
judged_cache.py.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.parts import shift_places
from segmentation.rows.judging.judged_batches import JudgedBatch
from segmentation.rows.judging.row_counts import RowCounts
from segmentation.rows.judging.sketches import Sketch

_DIGEST_BYTES, _LENGTH_BYTES = 32, 8
_FILE = "source_file"
_SKETCHED = ("hashes", "files", "versions", "near")


class EntryBatch(NamedTuple):
    """A batch of an entry, and the stage file of its good rows: its sha256, None without any, and rows."""

    batch: JudgedBatch
    part_sha256: str | None
    good_rows: int


def shift_batch(batch: JudgedBatch, files: int, rows: int) -> JudgedBatch:
    """The batch with these added to its numbers of files and rows."""
    counts, sketch = batch.counts, batch.sketch
    if counts is not None:
        reasons = {
            (kind, key + files if kind == "file" else key, reason): count
            for (kind, key, reason), count in counts.reasons.items()
        }
        counts = counts._replace(files=counts.files + files, reasons=Counter(reasons))
    return batch._replace(
        refused=shift_places(batch.refused, 0, rows),  # these have the names of their files
        replacing=None if batch.replacing is None else shift_places(batch.replacing, files, rows),
        counts=counts,
        sketch=None if sketch is None else sketch.shift(files),
        first_file=batch.first_file + files,
        first_row=batch.first_row + rows,
    )


def encode_batches(batches: Sequence[EntryBatch], names: Sequence[str | None], seal: str) -> bytes:
    """The batches as bytes that begin with a digest of them and of `seal`. `names` are the files' names."""
    records, blobs = [], []
    for batch, *part in batches:
        refused = batch.refused
        places = pc.index_in(refused[_FILE], value_set=pa.array(names, pa.string()), skip_nulls=True)
        tables = [refused.set_column(0, _FILE, places), batch.replacing, _to_table(batch.sketch)]
        texts = [b"" if table is None else _to_bytes(table) for table in tables]
        records.append({**_describe(batch), "part": part, "tables": [len(text) for text in texts]})
        blobs += texts
    header = json.dumps(records).encode()
    content = b"".join([len(header).to_bytes(_LENGTH_BYTES, "big"), header, *blobs])
    return _seal(content, seal) + content


def decode_batches(content: bytes, names: Sequence[str | None], seal: str) -> list[EntryBatch] | None:
    """The batches, or None if the bytes are damaged or have another seal. `names` are tonight's."""
    octets = memoryview(content)
    if _seal(octets[_DIGEST_BYTES:], seal) != octets[:_DIGEST_BYTES]:
        return None
    end = _DIGEST_BYTES + _LENGTH_BYTES
    start = end + int.from_bytes(octets[_DIGEST_BYTES:end], "big")
    batches = []
    for record in json.loads(bytes(octets[end:start])):
        tables = []
        for length in record["tables"]:
            tables.append(pa.ipc.open_stream(octets[start : start + length]).read_all() if length else None)
            start += length
        batches.append(EntryBatch(_restore(record, tables, names), *record["part"]))
    return batches


def _seal(content: bytes | memoryview, seal: str) -> bytes:
    digest = hashlib.sha256(content)
    digest.update(seal.encode())
    return digest.digest()


def _to_bytes(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table.combine_chunks())
    return memoryview(sink.getvalue())


def _describe(batch: JudgedBatch) -> dict[str, Any]:
    """All of a batch but its tables, for JSON."""
    counts, sketch = batch.counts, batch.sketch
    return {
        "reasons": batch.reasons,
        "mentions": batch.mentions,
        "outside": batch.outside,
        "oddities": {oddity: int(count) for oddity, count in batch.oddities.items()},
        "currencies": [[*key, count] for key, count in batch.currencies.items()],
        "sums": None if batch.sums is None else batch.sums.tolist(),
        "sketch": None if sketch is None else [sketch.present.tolist(), sketch.share],
        "counts": None
        if counts is None
        else {
            "files": counts.files.tolist(),
            "by_file": counts.by_file.tolist(),
            "first_day": counts.first_day,
            "by_day": counts.by_day.tolist(),
            "reasons": [[*key, count] for key, count in counts.reasons.items()],
        },
    }


def _to_table(sketch: Sketch | None) -> pa.Table | None:
    return None if sketch is None else pa.table({name: getattr(sketch, name) for name in _SKETCHED})


def _to_sketch(table: pa.Table, present: Sequence[int], share: float) -> Sketch:
    columns = {name: table[name].to_numpy() for name in _SKETCHED}
    return Sketch(**columns, present=np.array(present, np.int64), share=share)


def _restore(record: dict[str, Any], tables: Sequence[pa.Table], names: Sequence[str | None]) -> JudgedBatch:
    refused, replacing, sketch = tables
    counts, sums = record["counts"], record["sums"]
    if counts is not None:
        counts = RowCounts(
            files=np.array(counts["files"], np.int64),
            by_file=np.array(counts["by_file"], np.int64).reshape(-1, 4),
            first_day=counts["first_day"],
            by_day=np.array(counts["by_day"], np.int64).reshape(-1, 4),
            reasons=Counter({tuple(key): count for *key, count in counts["reasons"]}),
        )
    return JudgedBatch(
        good=pa.table({}),
        refused=refused.set_column(
            0, _FILE, pa.array(names, pa.string()).take(refused[_FILE].combine_chunks())
        ),
        reasons=Counter(record["reasons"]),
        mentions=Counter(record["mentions"]),
        outside=record["outside"],
        oddities=Counter(record["oddities"]),
        replacing=replacing,
        sketch=None if sketch is None else _to_sketch(sketch, *record["sketch"]),
        currencies=Counter({(column, currency): count for column, currency, count in record["currencies"]}),
        counts=counts,
        sums=None if sums is None else np.array(sums),
    )
