"""Stage summarise: one row per customer, in an order that does not depend on the input's.

Events are segmentation/rows/events.py's work. Rows of customers are routed to buckets small enough for
memory, each bucket sorted and its duplicates settled by the definition's policy. With an id the
order is the id's; without one it is a hash of the row.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from config.parameters import Segmentation
from schemas.records import Customers, Ingested, Night, Part
from segmentation.errors import Refused, UnaccountedRows
from segmentation.keys import hash_rows, hash_texts, mix
from segmentation.parts import (
    cut_parts,
    name_part,
    read_part,
    start_folder,
    to_matrix,
    write_part,
    write_parts,
)
from segmentation.rows.duplicates import settle_duplicates
from segmentation.rows.events import Summarised, summarise_events
from segmentation.rows.refusing import refuse_rows
from tasks.runtime.artifacts import show_quarantine
from tasks.runtime.stage import stage

BUCKET_VALUES = 10_000_000
SKETCH = 4096


def count_buckets(rows: int, columns: int) -> int:
    """How many buckets keep each near BUCKET_VALUES values (about 80 MB)."""
    return max(1, -(-rows * columns // BUCKET_VALUES))


def find_splitters(parts: Sequence[Part], buckets: int) -> list[str]:
    """Ids that split the customers into ranges of about equal size, ascending.

    From the SKETCH ids with the smallest hashes: a sample of the distinct ids that depends on
    neither order nor repetition of rows.
    """
    best = pd.Series(dtype=object, index=pd.Index([], dtype=np.uint64))
    for part in parts:
        ids = read_part(part, ["customer_id"])["customer_id"].combine_chunks()
        keys = hash_texts(ids)
        low = np.argsort(keys, kind="stable")[: 4 * SKETCH]
        found = pd.Series(ids.take(pa.array(low)).to_pylist(), index=keys[low], dtype=object)
        best = pd.concat([best, found]).groupby(level=0).first().sort_index()[:SKETCH]
    ordered = sorted(best, key=lambda text: text.encode())
    return [ordered[len(ordered) * i // buckets] for i in range(1, buckets)]


def order_keys(table: pa.Table, segmentation: Segmentation) -> np.ndarray:
    """For rows without an id: a hash of the features, uint64 (n,)."""
    texts = [name for name in segmentation.features if pa.types.is_string(table[name].type)]
    keys = hash_rows(to_matrix(table, [name for name in segmentation.features if name not in texts]))
    for name in texts:
        keys = mix(keys ^ hash_texts(pc.fill_null(table[name], "\0").combine_chunks()))
    return keys


def find_bucket(
    table: pa.Table, segmentation: Segmentation, splitters: Sequence[str], buckets: int
) -> np.ndarray:
    """The bucket of each row, int64 (n,): by id range, or by the hash where rows have no id."""
    if segmentation.rows.id is None:
        return (order_keys(table, segmentation) >> np.uint64(32)).astype(np.int64) * buckets >> 32
    bucket = np.zeros(table.num_rows, np.int64)
    for splitter in splitters:
        bucket += pc.greater_equal(table["customer_id"], splitter).to_numpy()
    return bucket


def route(parts: Sequence[Part], segmentation: Segmentation, folder: Path) -> list[tuple[Part, ...]]:
    """Rewrite the rows into one file per bucket, unless one bucket holds all."""
    buckets = count_buckets(sum(p.rows for p in parts), len(segmentation.rows.columns) + 2)
    if buckets == 1:
        return [tuple(parts)]
    splitters = find_splitters(parts, buckets) if segmentation.rows.id is not None else []
    paths = [folder / f"bucket-{i:05d}.parquet" for i in range(buckets)]
    schema = read_part(parts[0]).schema
    writers = [pq.ParquetWriter(path, schema, compression="lz4", use_dictionary=False) for path in paths]
    counts = np.zeros(buckets, np.int64)
    for part in parts:
        table = read_part(part)
        bucket = find_bucket(table, segmentation, splitters, buckets)
        order = np.argsort(bucket, kind="stable")
        ends = np.bincount(bucket, minlength=buckets).cumsum()
        table = table.take(pa.array(order))
        for i, end in enumerate(ends):
            start = int(ends[i - 1]) if i else 0
            writers[i].write_table(table.slice(start, int(end) - start))
            counts[i] += end - start
    for writer in writers:
        writer.close()
    return [(name_part(path, int(n)),) for path, n in zip(paths, counts, strict=True) if n]


def sort_rows(table: pa.Table, segmentation: Segmentation) -> pa.Table:
    """Canonical order: by id, then source; without an id by the hash of the row, then source."""
    if segmentation.rows.id is not None:
        ids = table["customer_id"].combine_chunks()
        if pc.all(pc.less(ids[:-1], ids[1:])).as_py() is not False:
            return table  # already ascending and unique, as most exports are
        keys = [("customer_id", "ascending"), ("source_file", "ascending"), ("source_row", "ascending")]
        return table.take(pc.sort_indices(table, sort_keys=keys))
    place = (table["source_row"].to_numpy(), table["source_file"].to_numpy())
    return table.take(pa.array(np.lexsort((*place, order_keys(table, segmentation)))))


def settle_customers(night: Night, rows: Ingested, folder: Path) -> Summarised:
    """Customer grain: sort, settle duplicates, and write one row per customer."""
    segmentation, names = night.segmentation, [None if one.numbered else one.name for one in rows.inputs]
    buckets = route(rows.parts, segmentation, folder)
    quarantine: list[Part] = []
    reasons = Counter[str]()
    merged = 0

    def settle() -> Iterator[pa.Table]:
        nonlocal merged
        for number, bucket in enumerate(buckets):
            table = pa.concat_tables([read_part(part) for part in bucket])
            settled = settle_duplicates(sort_rows(table, segmentation), segmentation)
            merged += settled.merged
            if settled.conflicting.num_rows:
                reasons[settled.reason] += settled.conflicting.num_rows
                said = pa.array([settled.reason] * settled.conflicting.num_rows)
                told = settled.conflicting.append_column("reason", said).append_column("reasons", said)
                refused = refuse_rows(told, segmentation.rows.id, names)
                quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", refused))
            yield settled.customers.select(["customer_id", *segmentation.features])

    parts = write_parts(folder, "customers", cut_parts(settle()))
    used = sum(part.rows for part in parts)
    if used == 0:
        raise Refused("no-customers", f"all {reasons.total()} rows contradict another row of their customer")
    return Summarised(parts, tuple(quarantine), reasons, reasons, used, merged)


@stage("summarise {night.as_of}")
def summarise(night: Night, rows: Ingested) -> Customers:
    """Write one row per customer, from events or customers; every row is accounted for."""
    folder = start_folder(night.staging / "summarise")
    work = summarise_events if night.segmentation.rows.grain == "event" else settle_customers
    found = work(night, rows, folder)

    refused = rows.counts.quarantined + sum(part.rows for part in found.quarantine)
    if rows.counts.read != found.used + found.merged + refused:
        raise UnaccountedRows(
            f"{rows.counts.read} rows were read, but {found.used} used + {found.merged} merged "
            f"+ {refused} refused"
        )
    customers = Customers(
        parts=found.parts,
        quarantine=(*rows.quarantine, *found.quarantine),
        read=rows.counts.read,
        used=found.used,
        merged=found.merged,
        quarantined=refused,
        reasons=dict(sorted((Counter(rows.counts.reasons) + found.reasons).items())),
        mentions=dict(sorted((Counter(rows.counts.mentions) + found.mentions).items())),
        outside=rows.counts.outside,
        warnings=rows.warnings,
    )
    show_quarantine(night, customers)
    return customers
