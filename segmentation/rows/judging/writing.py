"""Writing judged batches as they come: good and refused parts, and the counts of the whole source.

Judging a batch belongs in judged_batches.py; what the counts mean for a night, in the stages.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.part import Part
from schemas.rows import Input, RowBalance
from segmentation.parts import write_part
from segmentation.rows.judging.currencies import CurrencyCounts, add_currencies
from segmentation.rows.judging.deliveries import Deliveries
from segmentation.rows.judging.judged_batches import JudgedBatch
from segmentation.rows.judging.source_counts import SourceCounts


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


def write_rows(batches: Iterable[JudgedBatch], folder: Path, inputs: Sequence[Input]) -> JudgedRows:
    """Write judged batches as they come, and count."""
    reasons, mentions, oddities = Counter[str](), Counter[str](), Counter[str]()
    parts: list[Part] = []
    quarantine: list[Part] = []
    replacing: list[Part] = []
    deliveries, currencies = Deliveries(inputs), CurrencyCounts()
    counts = SourceCounts(inputs)
    outside = erased = 0
    for number, batch in enumerate(batches):
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
        if batch.good.num_rows:
            parts.append(write_part(folder / f"rows-{number:05d}.parquet", batch.good))
        if batch.refused.num_rows:
            quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", batch.refused))
        if batch.replacing is not None:
            replacing.append(write_part(folder / f"replacing-{number:05d}.parquet", batch.replacing))
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
