"""Rewriting a Parquet file of an edition without some of its rows, one row group at a time.

Order, columns and footer stay. Which rows go is decided in matching.py.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.erasing.matching import Detector
from segmentation.parts import open_parquet
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_audit, damaged
from segmentation.store.layout import EDITION_KEY, MANIFEST_KEY, SEGMENTS
from segmentation.store.publication.segments_file import Write, write_segments


def count_erased_rows(path: AnyPath, columns: list[str], detect: Detector) -> int:
    """How many rows of the file would go. Refused if the file cannot be read."""
    rows = 0
    try:
        with open_parquet(path) as table:
            for number in range(table.num_row_groups):
                rows += int(detect(table.read_row_group(number, columns=columns, use_threads=False)).sum())
    except (OSError, pa.ArrowException, KeyError) as error:
        raise _make_refusal(path, error) from None
    return rows


def rewrite_table(source: Path, target: Path, detect: Detector) -> int:
    """Write the file's other rows to `target`. Returns how many are gone. Refused if it cannot be read."""
    removed = 0
    # Only what reads the source is refused as damaged: a full disk is another matter.
    with ExitStack() as stack:
        try:
            table = stack.enter_context(open_parquet(source))
        except (OSError, pa.ArrowException) as error:
            raise _make_refusal(source, error) from None

        def remaining() -> Iterator[pa.Table]:
            nonlocal removed
            for number in range(table.num_row_groups):
                try:
                    rows = table.read_row_group(number, use_threads=False)
                except (OSError, pa.ArrowException) as error:
                    raise _make_refusal(source, error) from None
                mask = detect(rows)
                removed += int(mask.sum())
                if not mask.all():
                    yield rows.filter(pa.array(~mask)) if mask.any() else rows

        footer = table.metadata.metadata or {}
        _write_like(target, remaining(), table.schema_arrow, footer)
    return removed


def _write_like(
    target: Path, tables: Iterator[pa.Table], schema: pa.Schema, footer: Mapping[bytes, bytes]
) -> None:
    """Write tables as the edition's file of that name was written: its columns, its encodings, its footer."""
    if target.name == SEGMENTS:
        keys = {key.decode(): footer[key].decode() for key in (EDITION_KEY, MANIFEST_KEY) if key in footer}

        def fill(write: Write) -> None:
            for table in tables:
                write(table)

        write_segments(target, fill, schema, keys)
        return
    with pq.ParquetWriter(target, schema, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            writer.write_table(table)


def _make_refusal(path: AnyPath, error: Exception) -> Exception:
    problem = "has other columns" if isinstance(error, KeyError) else "is cut or not a Parquet file"
    home = path.parent.parent.parent.parent
    return damaged(path, problem, "a table whose rows can be searched", advise_audit(home))
