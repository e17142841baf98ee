"""Trying a proposed contract on its table: how many rows it refuses, and why.

Rows are judged as in a run, by segmentation/rows/judging/judged_batches.py. Nothing is written.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows
from schemas.contract import rows_schema
from segmentation.errors import Refused
from segmentation.keys import hash_texts, mix
from segmentation.proposing.sketches import (
    Agreement,
    Distinct,
    agree,
    merge_agreements,
    merge_sketches,
    sketch,
)
from segmentation.rows.casting.text_columns import Dialect
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.judged_batches import judge_files
from segmentation.rows.judging.refusing import summarise_reasons
from segmentation.rows.reading.file_batches import REPEATED_HEADER
from segmentation.sources.content import SourceFile


class Rehearsal(NamedTuple):
    """Rows within the window, refused rows by reason, whether rows with the same id agree, and customers."""

    rows_read: int
    refused: Counter[str]
    agreement: Agreement
    outside: int
    customers: Distinct

    @property
    def refused_share(self) -> float:
        """Share of the rows within the window that are refused."""
        return self.refused.total() / self.rows_read

    @property
    def conflicting(self) -> int:
        """Rows whose id also has different rows: counted, or estimated beyond the sketch's size."""
        return round(self.agreement.conflicting * (self.rows_read - self.refused.total()))


def rehearse(
    files: Sequence[SourceFile], rows: Rows, dialect: Dialect, window: tuple[date, date] | None = None
) -> Rehearsal:
    """Judge every row of the files, as on the night after `window`. Refused if a run would refuse them."""
    rows_read, outside, refused = 0, 0, Counter[str]()
    no_rows = np.empty(0, np.uint64)
    agreement, customers = agree(no_rows, no_rows), sketch(no_rows)
    for judged in judge_files(files, Contract(rows, dialect, rows_schema(rows), window)):
        rows_read += judged.good.num_rows + judged.refused.num_rows
        outside += judged.outside
        refused += judged.reasons
        if judged.good.num_rows and rows.id is not None:
            ids = hash_texts(judged.good["customer_id"].combine_chunks())
            # Merged at once, so that memory stays bounded.
            customers = merge_sketches(customers, sketch(ids))
            if window is None:
                values = hash_values(judged.good.select(list(rows.columns)))
                agreement = merge_agreements(agreement, agree(ids, values))
    if refused[REPEATED_HEADER] > 1:
        raise Refused(
            "repeated-header",
            f"{refused[REPEATED_HEADER]} rows repeat the header; give the concatenated files separately",
        )
    if refused.total() == rows_read:
        problem = f"all {rows_read} rows are refused: {summarise_reasons(refused)}"
        problem = problem if rows_read else "the table has only a header"
        raise Refused("no-rows", f"{problem}; expected at least one row to use")
    return Rehearsal(rows_read, refused, agreement, outside, customers)


def hash_values(table: pa.Table) -> np.ndarray:
    """A hash of each row's values, uint64 (n,). Equal rows have equal hashes; null differs from any value."""
    keys = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        texts = pc.fill_null(pc.utf8_slice_codeunits(column.cast(pa.string()), 0, 256), "\0")
        keys = mix(keys ^ hash_texts(texts.combine_chunks()))
    return keys
