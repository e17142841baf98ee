"""segments.parquet as a file: its encodings, statistics and footer.

Its rows are computed in edition_files.py. An erasure writes the file again in the same way.
"""

from base64 import b64encode
from collections.abc import Callable
from io import BufferedWriter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.parts import DICTIONARY_BYTES
from segmentation.store.files.hashed_file import HashedFile

Write = Callable[[pa.Table], None]
_DISTINCT = ("customer_id", "distance", "margin")  # columns whose values hardly repeat
_BUFFER = 1 << 20  # Arrow writes a page's header and values one by one
_ARROW_SCHEMA = "ARROW:schema"  # where Arrow keeps the types of a Parquet file's columns


def write_segments(
    path: Path, fill: Callable[[Write], None], schema: pa.Schema, metadata: dict[str, str]
) -> str:
    """Write segments.parquet: one row group per table, with page checksums, and the range of ids in each.

    fill: calls a function with each table, in order, from any thread. Returns the file's sha256, computed by
    another thread while it is written.
    """
    # Texts after the features have few values: segment ids, change and cause.
    added = schema.names[schema.names.index("segment_id") :]
    texts = [name for name in added if schema.field(name).type == pa.string()]
    file_schema = schema
    for name in texts:
        field = schema.field(name).with_type(pa.dictionary(pa.int32(), pa.string()))
        file_schema = file_schema.set(schema.get_field_index(name), field)
    with (
        HashedFile(path) as file,
        BufferedWriter(file, _BUFFER) as buffered,
        pq.ParquetWriter(
            buffered,
            file_schema,
            compression="zstd",
            compression_level=1,
            # Counts and days repeat. A dictionary that grows is given up, and distances never have one.
            use_dictionary=[name for name in schema.names if name not in _DISTINCT],
            dictionary_pagesize_limit=DICTIONARY_BYTES,
            # Sorted ids share long prefixes.
            column_encoding={"customer_id": "DELTA_BYTE_ARRAY"},
            # Rows are in the order of the ids, so the range of any other column says nothing.
            write_statistics=["customer_id"],
            write_page_checksum=True,
            store_schema=False,
        ) as writer,
    ):
        fill(lambda table: writer.write_table(table.cast(file_schema)))
        # Arrow would store that the texts were dictionaries, and give its readers those.
        stored = {_ARROW_SCHEMA: b64encode(schema.serialize()).decode()}
        writer.add_key_value_metadata({**(schema.metadata or {}), **metadata, **stored})
    return file.hexdigest()
