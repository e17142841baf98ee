"""Writing judged batches: good and refused parts, and the counts of the whole source.

Judging a batch belongs in judged_batches.py; what the counts mean for a night, in the stages.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from config.columns import Rows
from schemas.known_files import KnownFiles
from schemas.part import Part
from schemas.rows import Input, RowBalance
from segmentation.parts import write_part
from segmentation.rows.judging.currencies import CurrencyCounts, add_currencies
from segmentation.rows.judging.deliveries import Deliveries
from segmentation.rows.judging.judged_batches import JudgedBatch
from segmentation.rows.judging.source_counts import SourceCounts
from segmentation.rows.reading.source_batches import choose_merged_rows


class JudgedRows(NamedTuple):
    """All rows of the source: good parts, refused parts, their balance, and what was odd, by kind.

    With a key, `replacing` has the keys of rows that are refused or outside the window.
    """

    parts: list[Part]
    quarantine: list[Part]
    balance: RowBalance
    oddities: Counter[str]
    replacing: list[Part]
    deliveries: Deliveries
    currencies: CurrencyCounts
    counts: SourceCounts
    known_files: KnownFiles = KnownFiles()


class _MergingWriter:
    """Writes the parts of one kind of rows; the rows of small batches together."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.folder, self.stem = folder, stem
        self.parts: list[Part] = []
        self.pending: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Take the rows of one batch."""
        rows = table.num_rows + sum(pending.num_rows for pending in self.pending)
        if self.pending and (rows > choose_merged_rows(table) or table.schema != self.pending[0].schema):
            self.finish()
        if table.num_rows:
            self.pending.append(table)

    def finish(self) -> list[Part]:
        """Write what is pending. Returns all parts."""
        if self.pending:
            path = self.folder / f"{self.stem}-{len(self.parts):05d}.parquet"
            self.parts.append(write_part(path, pa.concat_tables(self.pending)))
        self.pending = []
        return self.parts


def write_good(batch: JudgedBatch, rows: Rows, path: Path) -> JudgedBatch:
    """The batch with its good rows in a stage file; without one if it has none."""
    part = write_part(path, batch.good, ids_repeat=rows.grain == "event") if batch.good.num_rows else None
    return batch._replace(good=batch.good.slice(0, 0), part=part)


def write_rows(batches: Iterable[JudgedBatch], folder: Path, inputs: Sequence[Input]) -> JudgedRows:
    """Count judged batches as they come, and write their refused rows. Good rows are written before."""
    reasons, mentions, oddities = Counter[str](), Counter[str](), Counter[str]()
    refused, keys = (_MergingWriter(folder, stem) for stem in ("refused", "replacing"))
    parts: list[Part] = []
    deliveries, currencies = Deliveries(inputs), CurrencyCounts()
    counts = SourceCounts(inputs)
    outside = erased = 0
    for batch in batches:
        # Each part is written as it comes, so memory holds one batch and counts of fixed size.
        if batch.sketch is not None:
            deliveries.add(batch.sketch)
        add_currencies(currencies, batch.currencies)
        if batch.counts is not None:
            counts.add(batch.counts, batch.sums)
        reasons += batch.reasons
        mentions += batch.mentions
        oddities += batch.oddities
        outside += batch.outside
        erased += batch.erased
        if batch.part is not None:
            places = {"first_file": batch.first_file, "first_row": batch.first_row}
            parts.append(batch.part.model_copy(update=places))
        refused.add(batch.refused)
        if batch.replacing is not None:
            keys.add(batch.replacing)
    quarantine, replacing = refused.finish(), keys.finish()
    used, quarantined = (sum(part.rows for part in part_list) for part_list in (parts, quarantine))
    balance = RowBalance(
        read=used + quarantined + erased,
        used=used,
        quarantined=quarantined,
        reasons=dict(sorted(reasons.items())),
        mentions=dict(sorted(mentions.items())),
        outside=outside,
        erased=erased,
    )
    return JudgedRows(parts, quarantine, balance, oddities, replacing, deliveries, currencies, counts)
