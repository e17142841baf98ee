"""One customer's path over the nights: segment, name, margin, and what moved them, read from a store.

Tables are sorted by id, so the statistics of their row groups say where a customer can be, and only that
group is read. Why a customer moved is computed in move_reasons.py. Printing is in resegment/customer.py.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.wording import format_count
from segmentation.errors import DamagedFile, Refused
from segmentation.parts import open_parquet
from segmentation.store.catalogue.preceding import identify_edition
from segmentation.store.catalogue.pruned import list_pruned_dates
from segmentation.store.dates import published_dates
from segmentation.store.edition.descriptions import read_factual_names
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.ledger import PUBLISHING, read_ledger
from segmentation.store.pointer import read_live, read_pointer
from segmentation.store.tombstones import read_tombstones

_ID = "customer_id"
_STATE = ("segment_id", "segment_name", "margin", "previous_segment_id", "change", "cause")
REASONS = ("moved_by", "before", "after", "moved_by_2", "before_2", "after_2")


class Stop(NamedTuple):
    """A customer on one date. state: columns of segments.parquet, and of changes.parquet if they moved.

    Empty where the customer is in no segment. The columns that an edition's version did not have are missing.
    """

    as_of: date
    edition: str
    state: dict[str, Any]


class CustomerPath(NamedTuple):
    """The stops by date, from the first one in a segment on, and how many dates could not be read."""

    stops: list[Stop]
    damaged: int = 0
    pruned: int = 0


def trace_customer(home: AnyPath, customer_id: str, since: date | None = None) -> CustomerPath:
    """The customer's path. Refused if no edition has the customer, or if they were erased."""
    live = read_live(home)
    manifest = try_read_manifest(edition_folder(home, *live)) if live else None
    if manifest is not None and not (manifest.definition.get("rows") or {}).get("id"):
        raise Refused("no-ids", "rows of this segmentation have no id, so no customer can be followed")
    tombstones = read_tombstones(home)
    if tombstones is not None and tombstones.list_erased(pa.array([customer_id])):
        raise Refused("erased", "this customer was erased, so no edition may hold their rows")
    pointer, pruned = read_pointer(home), list_pruned_dates(home)
    stops, damaged = list[Stop](), 0
    days = [day for day in list_recorded_days(home) if since is None or day >= since]
    lost_dates = [day for day in pruned if (since is None or day >= since) and day not in days]
    for day in days:
        edition = identify_edition(home, day, pointer)
        if edition in pointer.superseded or edition is None:
            continue
        state = _read_state(home, day, edition, customer_id)
        damaged += state is None
        if state or (stops and state is not None):
            stops.append(Stop(day, edition, state))
    if not stops:
        _refuse_unknown(len(days) - damaged, damaged + len(lost_dates))
    return CustomerPath(stops, damaged, len(lost_dates))


def list_recorded_days(home: AnyPath) -> list[date]:
    """Dates that are published, or were according to the ledger and not pruned since, ascending."""
    recorded = {
        date.fromisoformat(row["as_of"])
        for row in read_ledger(home).rows
        if row.get("outcome") in PUBLISHING and row.get("as_of")
    }
    return sorted({*published_dates(home), *(recorded - list_pruned_dates(home))})


def _refuse_unknown(days_read: int, days_unread: int) -> None:
    remark = f", {days_unread} could not be read" if days_unread else ""
    # The id is the customer's: not even its length belongs in a message, which may be logged.
    raise Refused(
        "customer",
        f"no edition has this customer ({format_count(days_read, 'date')} read{remark}); "
        "expected an id as in segments.parquet",
    )


def _read_state(home: AnyPath, day: date, edition: str, customer_id: str) -> dict[str, Any] | None:
    """What the date's tables say about the customer; empty if they are not in it, None if it is damaged."""
    folder = edition_folder(home, day, edition)
    for path in (published_path(home, day), folder / SEGMENTS):
        try:
            state = look_up_row(path, customer_id, _STATE)
        except (OSError, pa.ArrowException, DamagedFile):
            continue
        if state.get("change") == "moved":
            state |= _read_reasons(folder, customer_id)
        if state and "segment_name" not in state:
            state["segment_name"] = _read_factual_name(folder, state["segment_id"])
        return state
    return None


def look_up_row(path: AnyPath, customer_id: str, columns: Sequence[str]) -> dict[str, Any]:
    """The customer's row of a table that is sorted by id, as far as it has the columns; empty without one.

    OSError or ArrowException if the table cannot be read, or if a page is not as it was written.
    """
    with open_parquet(path, page_checksum_verification=True) as file:
        present = [name for name in columns if name in file.schema_arrow.names]
        for group in _list_groups(file, customer_id):
            ids = file.read_row_group(group, [_ID], use_threads=False)[_ID].cast(pa.string())
            place = pc.index(ids, pa.scalar(customer_id)).as_py()
            if place >= 0:
                row = file.read_row_group(group, present, use_threads=False).slice(place, 1)
                return dict(row.to_pylist()[0])
    return {}


def _list_groups(file: pq.ParquetFile, customer_id: str) -> list[int]:
    """The row groups whose range of ids holds this one."""
    position, groups = file.schema_arrow.names.index(_ID), []
    for group in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(group).column(position).statistics
        is_unknown = statistics is None or not statistics.has_min_max
        # Texts are compared by code points here, which sort as their UTF-8 does in the table.
        if is_unknown or statistics.min <= customer_id <= statistics.max:
            groups.append(group)
    return groups


def _read_reasons(folder: AnyPath, customer_id: str) -> dict[str, Any]:
    try:
        return look_up_row(folder / "changes.parquet", customer_id, REASONS)
    except (OSError, pa.ArrowException):
        return {}  # `resegment audit` reports it; where the customer is, is known all the same


def _read_factual_name(folder: AnyPath, segment_id: str) -> str:
    """The name in an edition of an earlier version, whose table has none."""
    is_readable = try_read_manifest(folder) is not None
    return read_factual_names(folder).get(segment_id, "") if is_readable else ""
