"""What identifies a source: its rows' content where it is typed, its bytes where it is text.

The same table as Parquet of any layout, or from a database, has the same digest, and so the same
edition. Digests of files are in segmentation/parts.py.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import Digest
from segmentation.partitions import over_parts
from segmentation.parts import cut_parts
from segmentation.rows.judging import Contract, Piece, cast_batch, read_files
from segmentation.source import SourceFile


def identify(files: Sequence[SourceFile], contract: Contract) -> tuple[Digest, ...]:
    """The source's digests: one of bytes for each CSV file, one of rows for all other files together."""
    typed = [file for file in files if file.input.numbered]
    texts = [file.input for file in files if not file.input.numbered]
    found = [Digest(of="bytes", name=one.name, sha256=one.sha256) for one in texts]
    return (*found, digest_rows(typed, contract)) if typed else tuple(found)


def digest_rows(files: Sequence[SourceFile], contract: Contract) -> Digest:
    """sha256 of the contract's columns, cast to their declared types, row by row in the source's order.

    Column names first, then pieces of equal length, whatever the files' layout: of each column
    which values are there, how long texts are, and the values themselves.
    """
    digest, rows = hashlib.sha256(json.dumps(list(contract.schema.columns)).encode()), 0
    cast = over_parts(
        partial(_cast, contract=contract), read_files(files, contract.rows, contract.dialect.csv)
    )
    for octets, count in over_parts(_canonical, cut_parts(cast)):
        digest.update(octets)
        rows += count
    digest.update(str(rows).encode())
    return Digest(of="rows", sha256=digest.hexdigest())


def _cast(piece: Piece, contract: Contract) -> pa.Table:
    """The contract's columns in their types, each beside the text of what could not be read."""
    table, unreadable = cast_batch(piece.raw, contract)
    columns = {}
    for name in contract.schema.columns:
        columns[name] = table[name]
        columns[f"{name}\0"] = pa.nulls(table.num_rows, pa.string())
        if name in unreadable:
            texts = piece.raw.table[name].cast(pa.string())
            columns[f"{name}\0"] = pc.if_else(pa.array(unreadable[name]), texts, None)
    return pa.table(columns)


def _canonical(table: pa.Table) -> tuple[bytes, int]:
    """A table as bytes that depend on its values alone, and its rows."""
    pieces = []
    for column in table.columns:
        values = pa.concat_arrays(column.chunks)
        pieces.append(np.packbits(pc.is_valid(values).to_numpy(zero_copy_only=False)).tobytes())
        if pa.types.is_string(values.type):
            texts = pc.fill_null(values, "")
            pieces.append(pc.binary_length(texts).to_numpy().astype("<i4").tobytes())
            pieces.append(_characters(texts))
            continue
        nothing = pa.scalar(0).cast(values.type)
        numbers = pc.fill_null(values, nothing).to_numpy(zero_copy_only=False)
        pieces.append((numbers + 0.0 if numbers.dtype == np.float64 else numbers).tobytes())
    return b"".join(pieces), table.num_rows


def _characters(texts: pa.StringArray) -> bytes:
    """The UTF-8 of all texts without nulls, one after another, straight from Arrow's buffers."""
    _, ends, data = texts.buffers()
    ends = np.frombuffer(ends, np.int32, len(texts) + 1, texts.offset * 4)
    return data[int(ends[0]) : int(ends[-1])].to_pybytes() if data is not None else b""
