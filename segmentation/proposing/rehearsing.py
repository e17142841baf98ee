"""A proposed contract tried on the table it was made from: how many rows it refuses, and why.

The judging is the run's own, in segmentation/rows/judging.py; nothing is written.
"""

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows
from config.sources import Csv
from schemas.contract import rows_schema
from segmentation.errors import Refused
from segmentation.keys import hash_texts, mix
from segmentation.proposing.sketches import Agreement, agree, merge_agreements
from segmentation.rows.casting import Dialect
from segmentation.rows.judging import Contract, judge_files
from segmentation.rows.reading import REPEATED_HEADER
from segmentation.rows.refusing import tell_reasons
from segmentation.source import SourceFile


class Rehearsal(NamedTuple):
    """Rows read, rows refused by reason, and whether rows of one id agree."""

    read: int
    refused: Counter[str]
    agreement: Agreement

    @property
    def conflicting(self) -> int:
        """Rows whose id has rows that differ: counted, or estimated beyond the sketch's size."""
        return round(self.agreement.conflicting * (self.read - self.refused.total()))


def rehearse(files: Sequence[SourceFile], rows: Rows, csv: Csv) -> Rehearsal:
    """Judge every row of the files. Refused where a run would refuse the files, or every row."""
    read, refused = 0, Counter[str]()
    nothing = np.empty(0, np.uint64)
    agreements = [agree(nothing, nothing)]
    for judged in judge_files(files, Contract(rows, Dialect(csv), rows_schema(rows), None)):
        read += judged.good.num_rows + judged.refused.num_rows
        refused += judged.reasons
        if judged.good.num_rows and rows.id is not None:
            ids = hash_texts(judged.good["customer_id"].combine_chunks())
            agreements.append(agree(ids, hash_values(judged.good.select(list(rows.columns)))))
            agreements = [reduce(merge_agreements, agreements)]
    if refused[REPEATED_HEADER] > 1:
        raise Refused(
            "repeated-header",
            f"{refused[REPEATED_HEADER]} rows repeat the header: give concatenated files one by one",
        )
    if refused.total() == read:
        why = f"all {read} rows are refused: {tell_reasons(refused)}" if read else "there are no rows"
        raise Refused("no-rows", f"{why}; expected at least one row to use")
    return Rehearsal(read, refused, agreements[0])


def hash_values(table: pa.Table) -> np.ndarray:
    """A hash of each row's values, uint64 (n,); equal rows have equal hashes, null is a value of its own."""
    keys = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        texts = pc.fill_null(pc.utf8_slice_codeunits(column.cast(pa.string()), 0, 256), "\0")
        keys = mix(keys ^ hash_texts(texts.combine_chunks()))
    return keys
