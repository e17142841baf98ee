"""Trying a proposed contract on its table: how many rows it refuses, and why.

Rows are judged as in a run, by segmentation/rows/judging/judged_batches.py. Nothing is written.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows
from schemas.contract import rows_schema
from segmentation.errors import Refused
from segmentation.keys import hash_texts, mix
from segmentation.proposing.sketches import (
    NO_ROWS,
    Agreement,
    agree,
    merge_agreements,
)
from segmentation.rows.casting.text_columns import Dialect
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.judged_batches import judge_files
from segmentation.rows.judging.refusing import summarise_reasons
from segmentation.rows.reading.file_batches import REPEATED_HEADER
from segmentation.sources.content import SourceFile


class Rehearsal(NamedTuple):
    """Rows read, refused rows by reason, and whether rows with the same id agree."""

    rows_read: int
    refused: Counter[str]
    agreement: Agreement

    @property
    def conflicting(self) -> int:
        """Rows whose id also has different rows: counted, or estimated beyond the sketch's size."""
        return round(self.agreement.conflicting * (self.rows_read - self.refused.total()))


def rehearse(files: Sequence[SourceFile], rows: Rows, dialect: Dialect) -> Rehearsal:
    """Judge every row of the files. Refused if a run would refuse the files, or every row."""
    rows_read, refused, agreement = 0, Counter[str](), NO_ROWS
    for judged in judge_files(files, Contract(rows, dialect, rows_schema(rows), None)):
        rows_read += judged.good.num_rows + judged.refused.num_rows
        refused += judged.reasons
        if judged.good.num_rows and rows.id is not None:
            ids = hash_texts(judged.good["customer_id"].combine_chunks())
            values = hash_values(judged.good.select(list(rows.columns)))
            # Merged at once, so that memory stays bounded.
            agreement = merge_agreements(agreement, agree(ids, values))
    if refused[REPEATED_HEADER] > 1:
        raise Refused(
            "repeated-header",
            f"{refused[REPEATED_HEADER]} rows repeat the header; give the concatenated files separately",
        )
    check_used_rows(rows_read, refused)
    return Rehearsal(rows_read, refused, agreement)


def check_used_rows(rows_read: int, refused: Counter[str]) -> None:
    """Refuse a table without any row to use."""
    if refused.total() == rows_read:
        subject = "the only row is" if rows_read == 1 else f"all {rows_read:,} rows are"
        problem = f"{subject} refused: {summarise_reasons(refused)}"
        problem = problem if rows_read else "the table has only a header"
        raise Refused("no-rows", f"{problem}; expected at least one row to use")


def hash_values(table: pa.Table) -> np.ndarray:
    """A hash of each row's values, uint64 (n,). Equal rows have equal hashes; null differs from any value."""
    keys = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        texts = pc.fill_null(pc.utf8_slice_codeunits(column.cast(pa.string()), 0, 256), "\0")
        keys = mix(keys ^ hash_texts(texts.combine_chunks()))
    return keys
