"""Each known customer's group: in a segment, new or lapsed; and who is left for the segments.

Who was known before is read in previous.py. The table of all known customers is published with the edition.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.definition import Definition
from config.groups import GroupOptions
from schemas.known_customers import LAPSED, NEW, SEGMENT, GroupFlow, KnownCustomers
from schemas.night import Night
from schemas.part import Part
from schemas.rows import Ingested
from schemas.wording import format_count
from segmentation.errors import Refused, UnaccountedRows
from segmentation.groups.merging import MergedRange, PartWriter, merge_by_id
from segmentation.groups.previous import EarlierCustomers, read_earlier_customers
from segmentation.parts import read_part
from segmentation.rows.summarising.seen_days import FIRST_DAY, LAST_DAY

_DAY = pa.date32()


class TonightCustomers(NamedTuple):
    """Tonight's customers in parts, and with events the same parts with their first and last day."""

    parts: Sequence[Part]
    seen_days: Sequence[Part]


class AssignedGroups(NamedTuple):
    """The customers for the segments, all known customers, and how many are in each group."""

    parts: tuple[Part, ...]
    known_parts: tuple[Part, ...]
    groups: KnownCustomers


class _Assigned(NamedTuple):
    customers: pa.Table
    is_new: np.ndarray


def assign_groups(
    night: Night, ingested: Ingested, tonight: TonightCustomers, folder: Path
) -> AssignedGroups:
    """Decide every known customer's group. New customers are left out of the parts."""
    definition = night.definition
    groups = definition.groups or GroupOptions()
    new_from = night.as_of - timedelta(groups.new.days) if groups.new else None
    earlier = read_earlier_customers(night, ingested)
    tables = _read_tonight(definition, tonight, night.as_of)
    known_writer, remaining = PartWriter(folder, "known"), PartWriter(folder, "segmented")
    flows: Counter[tuple[str | None, str]] = Counter()
    since, count = night.as_of, 0
    for id_range in merge_by_id(tables, earlier.tables):
        assigned = _assign(id_range, new_from)
        known_writer.add(assigned.customers)
        count += id_range.earlier.num_rows
        flows.update(_count_flows(assigned.customers))
        since = min(since, pc.min(assigned.customers["first_seen"]).as_py())
        if new_from is not None:
            segmented = id_range.tonight.filter(pa.array(~assigned.is_new))
            remaining.add(segmented.select(["customer_id", *definition.kept_columns]))
    parts = tuple(tonight.parts) if new_from is None else tuple(remaining.close())
    record = _make_record(flows, earlier, new_from is not None, since)
    record = record.model_copy(update=_count_gone(earlier, count))
    if not parts:
        raise Refused("all-new", _describe_all_new(record, groups))
    if record.sizes[SEGMENT] != sum(part.rows for part in parts):
        raise UnaccountedRows(f"{record.describe()}, but {sum(part.rows for part in parts):,} are segmented")
    return AssignedGroups(parts, tuple(known_writer.close()), record)


def _read_tonight(definition: Definition, tonight: TonightCustomers, as_of: date) -> Iterator[pa.Table]:
    """Tonight's customers with the columns FIRST_DAY and LAST_DAY."""
    if tonight.seen_days:
        for part, days_part in zip(tonight.parts, tonight.seen_days, strict=True):
            days = read_part(days_part)
            table = read_part(part).append_column(FIRST_DAY, days["first_seen"])
            yield table.append_column(LAST_DAY, days["last_seen"])
        return
    new = definition.groups.new if definition.groups else None
    for part in tonight.parts:
        table = read_part(part)
        days = pa.repeat(pa.scalar(as_of, _DAY), table.num_rows)
        first = days
        if new is not None and new.first_seen is not None:
            # A customer without such a day, or with one in the future, is first seen tonight.
            first = pc.min_element_wise(table[new.first_seen].cast(_DAY), pa.chunked_array([days]))
        yield table.append_column(FIRST_DAY, first).append_column(LAST_DAY, days)


def _assign(id_range: MergedRange, new_from: date | None) -> _Assigned:
    """The known customers of a range of ids, sorted by id, and which of tonight's are new, bool (n,)."""
    tonight, earlier = id_range
    ids = tonight["customer_id"].combine_chunks()
    earlier_ids = earlier["customer_id"].combine_chunks()
    place = pc.index_in(ids, value_set=earlier_ids)
    first = pc.min_element_wise(_flatten(tonight[FIRST_DAY]), _flatten(earlier["first_seen"]).take(place))
    last = pc.max_element_wise(_flatten(tonight[LAST_DAY]), _flatten(earlier["last_seen"]).take(place))
    is_new = np.zeros(len(ids), bool)
    if new_from is not None:
        is_new = pc.greater_equal(first, pa.scalar(new_from, _DAY)).to_numpy(zero_copy_only=False)
    present = _tabulate(
        [ids, first, last, pc.if_else(pa.array(is_new), NEW, SEGMENT), _flatten(earlier["group"]).take(place)]
    )
    absent = earlier.filter(pc.invert(pc.is_in(earlier_ids, value_set=ids)))
    lapsed = pa.array([LAPSED] * absent.num_rows, pa.string())
    columns = [absent["customer_id"], absent["first_seen"], absent["last_seen"], lapsed, absent["group"]]
    return _Assigned(pa.concat_tables([present, _tabulate(columns)]).sort_by("customer_id"), is_new)


def _tabulate(columns: Sequence[pa.Array | pa.ChunkedArray]) -> pa.Table:
    names = ["customer_id", "first_seen", "last_seen", "group", "previous_group"]
    types = [pa.string(), _DAY, _DAY, pa.string(), pa.string()]
    return pa.table(list(columns), names=names).cast(pa.schema(list(zip(names, types, strict=True))))


def _flatten(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _count_flows(customers: pa.Table) -> Counter[tuple[str | None, str]]:
    counts = customers.group_by(["previous_group", "group"]).aggregate([([], "count_all")]).to_pylist()
    return Counter({(row["previous_group"], row["group"]): row["count_all"] for row in counts})


def _make_record(
    flows: Counter[tuple[str | None, str]], earlier: EarlierCustomers, has_new: bool, since: date
) -> KnownCustomers:
    sizes = {SEGMENT: 0, **({NEW: 0} if has_new else {}), LAPSED: 0}
    for (_, group), count in flows.items():
        sizes[group] += count
    ordered = sorted(flows.items(), key=lambda item: (item[0][0] or "", item[0][1]))
    moves = [
        GroupFlow(previous=previous, group=group, customers=count) for (previous, group), count in ordered
    ]
    return KnownCustomers(
        sizes=sizes,
        since=since,
        source=earlier.source,
        compared=earlier.rows is not None,
        flows=tuple(moves) if earlier.rows is not None else (),
    )


def _count_gone(earlier: EarlierCustomers, count: int) -> dict[str, int]:
    """How many customers of the previous edition were erased or merged into another id. count: the others."""
    if earlier.rows is None:
        return {}
    rows = earlier.rows.rows
    return {"erased": max(0, (earlier.known_count or rows) - rows), "merged": rows - count}


def _describe_all_new(record: KnownCustomers, groups: GroupOptions) -> str:
    days = groups.new.days if groups.new else 0
    return (
        f"all {record.sizes[NEW]:,} customers were first seen within {format_count(days, 'day')} "
        f"(groups.new.days), the first on {record.since}: lower that number, or give the source its earlier "
        "history"
    )
