"""What identifies a source: the content of its rows if they are typed, its bytes if it is text.

The same table has the same digest, and so the same edition, whether it comes from a database or from
Parquet files of any layout. Digests of files belong in segmentation/parts.py.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.rows import Digest
from segmentation.partitions import map_parts
from segmentation.parts import choose_part_rows, rechunk
from segmentation.rows.judging.cast_batch import Contract, cast_batch
from segmentation.rows.reading.raw_values import to_text
from segmentation.rows.reading.source_batches import SourceBatch, read_files
from segmentation.sources.content import SourceFile

_NO_VALUES, _SOME_VALUES, _ALL_VALUES = b"\0", b"\1", b"\2"


def compute_digests(files: Sequence[SourceFile], contract: Contract) -> tuple[Digest, ...]:
    """The source's digests: one of bytes per CSV file, and one of rows for all typed files together."""
    typed = [file for file in files if file.input.numbered]
    inputs = [file.input for file in files if not file.input.numbered]
    digests = [Digest(of="bytes", name=csv.name, sha256=csv.sha256) for csv in inputs]
    if not typed:
        return tuple(digests)
    # A rebuild reads the very version of a Delta table.
    return (*digests, digest_rows(typed, contract).model_copy(update={"version": typed[0].input.version}))


def digest_rows(files: Sequence[SourceFile], contract: Contract) -> Digest:
    """sha256 of the contract's columns in their declared types, in the source's row order.

    Hashed are the column names, then tables of equal length, whatever the files' layout. Each column
    contributes which of its values are null, the lengths of its texts, and its values.
    """
    # The names as JSON, so that "a,b" and "a", "b" differ.
    digest, rows = hashlib.sha256(json.dumps(list(contract.schema.columns)).encode()), 0
    cast = map_parts(
        partial(_cast, contract=contract), read_files(files, contract.rows, contract.dialect.csv)
    )
    # Tables of equal length, because row groups and batches depend on the writer.
    size = choose_part_rows(len(contract.schema.columns))
    for octets, count in map_parts(_to_bytes, rechunk(cast, size)):
        digest.update(octets)
        rows += count
    digest.update(str(rows).encode())
    return Digest(of="rows", sha256=digest.hexdigest())


def _cast(batch: SourceBatch, contract: Contract) -> pa.Table:
    """The contract's columns in their types, each followed by the text of its unreadable values."""
    cast = cast_batch(batch.raw, contract)
    table, unreadable = cast.table, cast.unreadable
    columns = {}
    for name in contract.schema.columns:
        columns[name] = table[name]
        # Column names never contain NUL, so the extra column cannot clash with a real one.
        columns[f"{name}\0"] = pa.nulls(table.num_rows, pa.string())
        if name in unreadable:
            texts = to_text(batch.raw.table[name])
            columns[f"{name}\0"] = pc.if_else(pa.array(unreadable[name]), texts, None)
    return pa.table(columns)


def _to_bytes(table: pa.Table) -> tuple[bytes, int]:
    """A table as bytes that depend on its values only, and its number of rows."""
    return b"".join(octets for column in table.columns for octets in _list_octets(column)), table.num_rows


def _list_octets(column: pa.ChunkedArray) -> Iterator[bytes]:
    """A column's bytes: which values it has, the lengths of texts, and the values."""
    if column.null_count == len(column):
        yield _NO_VALUES
        return
    values = pa.concat_arrays(column.chunks)
    if values.null_count:
        yield _SOME_VALUES
        yield np.packbits(pc.is_valid(values).to_numpy(zero_copy_only=False)).tobytes()
        # What a null's slot holds is up to the writer.
        nothing = pa.scalar("" if pa.types.is_string(values.type) else 0)
        values = pc.fill_null(values, nothing.cast(values.type))
    else:
        yield _ALL_VALUES
    if pa.types.is_string(values.type):
        yield pc.binary_length(values).to_numpy().astype("<i4", copy=False).tobytes()
        yield _characters(values)
        return
    numbers = values.to_numpy(zero_copy_only=False)
    # Adding 0.0 turns -0.0 into 0.0: equal values must have equal bytes.
    yield (numbers + 0.0 if numbers.dtype == np.float64 else numbers).tobytes()


def _characters(texts: pa.StringArray) -> bytes:
    """The UTF-8 bytes of all texts, concatenated, straight from Arrow's buffers. No nulls."""
    _, ends, data = texts.buffers()
    ends = np.frombuffer(ends, np.int32, len(texts) + 1, texts.offset * 4)
    return data[int(ends[0]) : int(ends[-1])].to_pybytes() if data is not None else b""
