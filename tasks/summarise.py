"""Stage summarise: one row per customer, in an order that does not depend on the order of the input.

Events are aggregated in segmentation/rows/summarising/events.py. Rows of customers that are in order stay
where they are. Others are routed to buckets that fit in memory; each bucket is sorted and deduplicated.
Customers are ordered by id, or, without an id, by a hash of the row.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from config.definition import Definition
from schemas.night import Night
from schemas.part import Part
from schemas.rows import Customers, Ingested
from segmentation.attributes.joining import join_attributes
from segmentation.errors import Refused, UnaccountedRows
from segmentation.groups.assignment import TonightCustomers, assign_groups
from segmentation.groups.refused_rows import count_refused_lapsed
from segmentation.identity.merged_customers import load_merged_ids
from segmentation.keys import hash_rows, hash_texts, mix
from segmentation.partitions import write_parts
from segmentation.parts import (
    choose_part_rows,
    create_empty_folder,
    read_part,
    rechunk,
    to_matrix,
    write_part,
)
from segmentation.rows.judging.refusing import refuse_rows
from segmentation.rows.summarising.duplicates import deduplicate, name_reasons, warn_of_merged
from segmentation.rows.summarising.engine import open_engine
from segmentation.rows.summarising.events import Summarised, summarise_events
from segmentation.rows.summarising.kept_rows import QuerySession
from segmentation.rows.summarising.odd_ids import warn_of_odd_ids
from segmentation.rows.summarising.sorted_rows import have_ascending_ids, keep_sorted_rows
from segmentation.rows.summarising.table_rules import apply_table_rules, make_table_rules
from tasks.runtime.stage import stage

BUCKET_VALUES = 10_000_000
SKETCH = 4096


def count_buckets(rows: int, columns: int) -> int:
    """How many buckets keep each near BUCKET_VALUES values (about 80 MB)."""
    return max(1, -(-rows * columns // BUCKET_VALUES))


def estimate_splitters(parts: Sequence[Part], buckets: int) -> list[str]:
    """Ids that split the customers into ranges of about equal size, ascending.

    Taken from the SKETCH ids with the smallest hashes, a sample of the distinct ids that depends neither
    on the order nor on the repetition of rows.
    """
    best = pd.Series(dtype=object, index=pd.Index([], dtype=np.uint64))
    for part in parts:
        ids = read_part(part, ["customer_id"])["customer_id"].combine_chunks()
        keys = hash_texts(ids)
        low = np.argsort(keys, kind="stable")[: 4 * SKETCH]
        sample = pd.Series(ids.take(pa.array(low)).to_pylist(), index=keys[low], dtype=object)
        best = pd.concat([best, sample]).groupby(level=0).first().sort_index()[:SKETCH]
    # By bytes, as Arrow compares texts.
    ordered = sorted(best, key=lambda text: text.encode())
    return [ordered[len(ordered) * i // buckets] for i in range(1, buckets)]


def hash_features(table: pa.Table, definition: Definition) -> np.ndarray:
    """For rows without an id: a hash of the features, uint64 (n,)."""
    texts = [name for name in definition.features if pa.types.is_string(table[name].type)]
    keys = hash_rows(to_matrix(table, [name for name in definition.features if name not in texts]))
    for name in texts:
        keys = mix(keys ^ hash_texts(pc.fill_null(table[name], "\0").combine_chunks()))
    return keys


def assign_buckets(
    table: pa.Table, definition: Definition, splitters: Sequence[str], buckets: int
) -> np.ndarray:
    """The bucket of each row, int64 (n,): by id range, or by the hash where rows have no id."""
    if definition.rows.id is None:
        return (hash_features(table, definition) >> np.uint64(32)).astype(np.int64) * buckets >> 32
    bucket = np.zeros(table.num_rows, np.int64)
    for splitter in splitters:
        bucket += pc.greater_equal(table["customer_id"], splitter).to_numpy()
    return bucket


def route_to_buckets(parts: Sequence[Part], definition: Definition, folder: Path) -> Iterator[pa.Table]:
    """The rows of each bucket that has any. If there are several, they are written to a file each."""
    buckets = count_buckets(sum(part.rows for part in parts), len(definition.rows.columns) + 2)
    if buckets == 1:
        yield pa.concat_tables([read_part(part) for part in parts])
        return
    splitters = estimate_splitters(parts, buckets) if definition.rows.id is not None else []
    schema, paths = read_part(parts[0]).schema, [folder / f"bucket-{i:05d}.arrow" for i in range(buckets)]
    # One open file per bucket, so that a single pass over the rows is enough. Not Parquet: its writers keep
    # 10 kB in memory for each of the thousands of pieces.
    with ExitStack() as stack:
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        files = [stack.enter_context(pa.OSFile(str(path), "wb")) for path in paths]
        writers = [stack.enter_context(pa.ipc.new_stream(file, schema, options=options)) for file in files]
        for part in parts:
            table = read_part(part)
            bucket = assign_buckets(table, definition, splitters, buckets)
            # Stable: within a bucket, rows keep the source's order.
            order, ends = np.argsort(bucket, kind="stable"), np.bincount(bucket, minlength=buckets).cumsum()
            table = table.take(pa.array(order))
            for writer, start, end in zip(writers, np.append(0, ends), ends, strict=False):
                writer.write_table(table.slice(int(start), int(end - start)))
    for path in paths:
        with pa.OSFile(str(path)) as file:
            table = pa.ipc.open_stream(file).read_all()
        path.unlink()  # so that rows are on disk twice, not three times
        if table.num_rows:
            yield table


def sort_rows(table: pa.Table, definition: Definition) -> pa.Table:
    """Canonical order: by id, then source; without an id by the hash of the row, then source."""
    if definition.rows.id is not None:
        ids = table["customer_id"].combine_chunks()
        if pc.all(pc.less(ids[:-1], ids[1:])).as_py() is not False:
            return table  # already ascending and unique, as most exports are
        keys = [("customer_id", "ascending"), ("source_file", "ascending"), ("source_row", "ascending")]
        return table.take(pc.sort_indices(table, sort_keys=keys))
    place = (table["source_row"].to_numpy(), table["source_file"].to_numpy())
    return table.take(pa.array(np.lexsort((*place, hash_features(table, definition)))))


def is_deduplicated(parts: Sequence[Part], definition: Definition) -> bool:
    """Are these rows what deduplication would leave of them, in canonical order?"""
    rows = definition.rows
    # Averaging turns whole numbers into floats, even where no customer has two rows.
    return rows.id is not None and rows.on_duplicate != "mean" and have_ascending_ids(parts)


def list_stage_columns(definition: Definition) -> list[str]:
    """The columns of customers that are kept, and the one that says who is new."""
    new = definition.groups.new if definition.groups else None
    first_seen = [new.first_seen] if new and new.first_seen else []
    return list(dict.fromkeys((*definition.kept_of_rows, *first_seen)))


def summarise_rows(night: Night, ingested: Ingested, folder: Path) -> Summarised:
    """Customer grain: sort, deduplicate by the definition's policy, and write one row per customer."""
    definition = night.definition
    names = [None if source.numbered else source.name for source in ingested.inputs]
    rules, columns = make_table_rules(night), ["customer_id", *list_stage_columns(definition)]
    quarantine: list[Part] = []
    reasons = Counter[str]()
    merged, ids = 0, load_merged_ids(ingested.aliases)
    part_rows = choose_part_rows(1 + len(definition.kept_columns))

    def deduplicated_tables() -> Iterator[pa.Table]:
        nonlocal merged
        for number, table in enumerate(route_to_buckets(ingested.parts, definition, folder)):
            result = deduplicate(sort_rows(table, definition), definition)
            merged += result.merged
            if result.conflicting.num_rows:
                reason = name_reasons(result.conflicting, result.reason, ids)
                reasons.update(reason.to_pylist())
                conflicts = result.conflicting.append_column("reason", reason).append_column(
                    "reasons", reason
                )
                refused = refuse_rows(conflicts, definition.rows.id, names)
                quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", refused))
            yield result.customers if rules else result.customers.select(columns)

    if is_deduplicated(ingested.parts, definition):
        parts = keep_sorted_rows(ingested.parts, None if rules else columns, part_rows, folder)
    else:
        parts = write_parts(folder, "customers", rechunk(deduplicated_tables(), part_rows))
    used = sum(part.rows for part in parts)
    if used == 0:
        raise Refused("no-customers", f"all {reasons.total()} rows contradict another row of their customer")
    summarised = Summarised(parts, tuple(quarantine), reasons, reasons, used, merged)
    if rules is None:
        return summarised
    with open_engine(night.staging, folder / "spill") as connection:
        remaining = apply_table_rules(parts, rules, QuerySession(connection, folder, names))
    tables = (read_part(part, columns) for part in remaining.parts)
    return Summarised(
        write_parts(folder, "unique-customers", rechunk(tables, part_rows)),
        (*quarantine, *remaining.quarantine),
        reasons + remaining.reasons,
        reasons + remaining.mentions,
        sum(part.rows for part in remaining.parts),
        merged,
    )


def count_groups(night: Night, customers: Customers, summary: Summarised) -> Customers:
    """The customers without those who are new, and all known customers by group."""
    folder = create_empty_folder(night.staging / "groups")
    tonight = TonightCustomers(customers.parts, summary.seen_days)
    assigned = assign_groups(night, customers.ingested, tonight, folder)
    refused = count_refused_lapsed(night, assigned.known_parts, customers.quarantine)
    groups = assigned.groups.model_copy(update={"refused": refused})
    return customers.model_copy(
        update={"parts": assigned.parts, "known_parts": assigned.known_parts, "groups": groups}
    )


@stage("summarise {night.as_of}")
def summarise(night: Night, ingested: Ingested) -> Customers:
    """Write one row per customer, from events or from rows of customers. Every row is accounted for."""
    folder = create_empty_folder(night.staging / "summarise")
    by_event = night.definition.rows.grain == "event"
    summary = (summarise_events if by_event else summarise_rows)(night, ingested, folder)
    balance = ingested.balance.after_summary(
        used=summary.used, merged=summary.merged, reasons=summary.reasons, mentions=summary.mentions
    )
    quarantine = (*ingested.quarantine, *summary.quarantine)
    if not balance.adds_up or balance.quarantined != sum(part.rows for part in quarantine):
        raise UnaccountedRows(
            f"{balance.read} rows were read, but {balance.used} used + {balance.merged} merged "
            f"+ {balance.quarantined} quarantined + {balance.erased} erased"
        )
    with_attributes = None
    if ingested.attributes is not None:
        folder = night.staging / "attributes"
        with_attributes = join_attributes(night, ingested.attributes, summary.parts, folder, ingested.aliases)
    has_ids = night.definition.rows.id is not None
    odd_ids = warn_of_odd_ids(summary.parts) if has_ids else ()
    customers = Customers(
        ingested=ingested,
        parts=with_attributes.parts if with_attributes else summary.parts,
        quarantine=quarantine,
        balance=balance,
        warnings=(*ingested.warnings, *odd_ids, *warn_of_merged(summary.reasons)),
        largest=summary.largest,
        events=summary.events,
        attributes=with_attributes.balance if with_attributes else None,
        attribute_quarantine=with_attributes.quarantine if with_attributes else (),
    )
    return customers if night.definition.groups is None else count_groups(night, customers, summary)
