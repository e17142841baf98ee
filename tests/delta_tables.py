"""Delta tables written by hand, with features that the deltalake package reads but does not write."""

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
MAGIC = 1681511377  # of a deletion vector: Delta protocol, "Deletion Vector Format"


def write_table(
    folder: Path,
    files: Sequence[pa.Table],
    deleted: Mapping[int, Sequence[int]] | None = None,
    mapping: str | None = None,
    features: Sequence[str] = ("deletionVectors", "columnMapping"),
) -> None:
    """A table of these files, all of partition region=eu.

    `deleted` are rows of a file that a deletion vector removes; with `mapping` the files' columns have other
    names than the table's.
    """
    (folder / "_delta_log").mkdir(parents=True)
    names = [*files[0].column_names, "region"]
    physical = {name: f"col-{i}" if mapping else name for i, name in enumerate(names)}
    types = {pa.large_string(): "string", pa.float64(): "double", pa.int64(): "long"}
    kinds = [types[kind] for kind in files[0].schema.types]
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": _map(physical[name], i) if mapping else {}}
        for i, (name, kind) in enumerate(zip(names, [*kinds, "string"], strict=True))
    ]
    configuration = {"delta.columnMapping.mode": mapping, "delta.columnMapping.maxColumnId": "9"}
    protocol = {"minReaderVersion": 3, "minWriterVersion": 7}
    actions: list[dict[str, Any]] = [
        {"protocol": {**protocol, "readerFeatures": [*features], "writerFeatures": [*features]}},
        {
            "metaData": {
                "id": "00000000-0000-0000-0000-000000000000",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": fields}),
                "partitionColumns": ["region"],
                "configuration": configuration if mapping else {},
                "createdTime": 1,
            }
        },
    ]
    for number, table in enumerate(files):
        path = folder / f"part-{number}.parquet"
        pq.write_table(table.rename_columns([physical[name] for name in table.column_names]), path)
        actions.append({"add": _add(path, {physical["region"]: "eu"}, (deleted or {}).get(number, ()))})
    lines = "".join(f"{json.dumps(action)}\n" for action in actions)
    (folder / "_delta_log" / f"{0:020d}.json").write_text(lines)


def _map(name: str, number: int) -> dict[str, Any]:
    return {"delta.columnMapping.id": number + 1, "delta.columnMapping.physicalName": name}


def _add(path: Path, partitions: Mapping[str, str], deleted: Sequence[int]) -> dict[str, Any]:
    add = {"path": path.name, "partitionValues": partitions, "size": path.stat().st_size}
    rows = pq.ParquetFile(path).metadata.num_rows
    stats = {"stats": json.dumps({"numRecords": rows})}
    vector = {}
    if deleted:
        bitmap = _encode_bitmap(deleted)
        content = {
            "pathOrInlineDv": _encode_z85(bitmap),
            "sizeInBytes": len(bitmap),
            "cardinality": len(deleted),
        }
        vector = {"deletionVector": {"storageType": "i", **content}}
    return {**add, "modificationTime": 1, "dataChange": True, **stats, **vector}


def _encode_bitmap(rows: Sequence[int]) -> bytes:
    """Rows below 65,536 as a 64-bit Roaring bitmap with one array container."""
    container = struct.pack(f"<{len(rows)}H", *rows)
    header = struct.pack("<II", 12346, 1) + struct.pack("<HH", 0, len(rows) - 1) + struct.pack("<I", 16)
    return struct.pack("<IQI", MAGIC, 1, 0) + header + container


def _encode_z85(content: bytes) -> str:
    content += b"\0" * (-len(content) % 4)
    digits = []
    for start in range(0, len(content), 4):
        number = int.from_bytes(content[start : start + 4], "big")
        digits += [_Z85[number // 85**power % 85] for power in (4, 3, 2, 1, 0)]
    return "".join(digits)
