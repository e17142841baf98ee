"""Who was known before tonight: from the previous edition or, if that has no table of them, from the source.

Reading the source is in history.py, deciding the groups in assignment.py.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.known_customers import SEGMENT
from schemas.night import Night
from schemas.rows import Ingested
from segmentation.groups.mergers import CountedTables, list_given_up, merge_known
from segmentation.identity.continuing import check_previous, get_previous_ref, was_accepted
from segmentation.identity.join import read_published
from segmentation.identity.merged_customers import load_merged_ids
from segmentation.parts import read_part
from segmentation.store.catalogue.preceding import UNKNOWN, previous_edition
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.edition.sealed_files import describe_problem, read_sealed_digests
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import KNOWN_CUSTOMERS, SEGMENTS, edition_folder, get_home

EARLIER = pa.schema(
    [
        ("customer_id", pa.string()),
        ("first_seen", pa.date32()),
        ("last_seen", pa.date32()),
        ("group", pa.string()),
    ]
)
# Of the definition's rows, what decides which events count and whose they are.
_READING = ("id", "id_suffix", "time", "where", "key", "on_duplicate", "order_by")


class NeededHistory(NamedTuple):
    """The source's history has to be read. reason: why an existing edition does not do; else empty."""

    reason: str = ""


def detect_needed_history(night: Night) -> NeededHistory | None:
    """Whether the night has to read the source's earlier events; None if the previous edition has them."""
    summary = night.definition.summary
    if night.definition.groups is None or summary is None:
        return None
    home = get_home(night)
    ref = previous_edition(home, night.as_of)
    if ref is None or ref.edition == UNKNOWN:
        return NeededHistory()
    is_accepted = night.accept_new_ids or was_accepted(night)
    if is_accepted and check_previous(night, ref).damage:
        return NeededHistory()  # nothing of a damaged edition is used
    folder = edition_folder(home, *ref)
    manifest = try_read_manifest(folder)
    if manifest is None:
        return NeededHistory()
    try:
        digests = read_sealed_digests(folder)
    except OSError:
        return NeededHistory()
    if KNOWN_CUSTOMERS not in digests:
        return NeededHistory(f"the edition of {ref.as_of} has no {KNOWN_CUSTOMERS}")
    if problem := describe_problem(folder, KNOWN_CUSTOMERS, digests):
        return NeededHistory(f"in the edition of {ref.as_of}, {problem}")
    if (night.as_of - ref.as_of).days > summary.window_days:
        return NeededHistory(f"the edition of {ref.as_of} is older than the window")
    tonight = _extract_reading(night.definition.decisive_content())
    if tonight != _extract_reading(manifest.definition):
        return NeededHistory("the definition now reads the source in another way")
    return None


def _extract_reading(definition: dict[str, Any]) -> dict[str, Any]:
    """The keys that decide which events count, when, and whose they are."""
    rows, groups = definition.get("rows") or {}, definition.get("groups") or {}
    columns = {name: {**column, "description": ""} for name, column in (rows.get("columns") or {}).items()}
    return {
        **{key: rows.get(key) for key in _READING},
        "columns": columns,
        "timezone": definition.get("timezone"),
        "since": groups.get("since"),
    }


class EarlierCustomers(NamedTuple):
    """Who was known before, in tables of EARLIER sorted by id, and what that is known from.

    rows: with an edition, its rows as they are read. known_count: how many known customers it counted.
    """

    tables: Iterator[pa.Table]
    source: str = "table"
    rows: CountedTables | None = None
    known_count: int | None = None


def read_earlier_customers(night: Night, ingested: Ingested) -> EarlierCustomers:
    """Who was known before tonight. Refused if the edition's table is damaged since ingest has checked it."""
    if ingested.history is not None:
        parts = (read_part(part) for part in ingested.history.parts)
        return EarlierCustomers(_complete(parts, None), "source")
    ref = get_previous_ref(ingested.key)
    if ref is None:
        source = "source" if night.definition.summary else "table"
        return EarlierCustomers(iter([EARLIER.empty_table()]), source)
    folder = edition_folder(get_home(night), *ref)
    rows, total = CountedTables(_read_edition(folder, ref.as_of)), None
    if (folder / KNOWN_CUSTOMERS).is_file():
        manifest = try_read_manifest(folder)
        total = manifest.groups.known if manifest and manifest.groups else None
    merged = load_merged_ids(ingested.aliases)
    if merged is None:
        return EarlierCustomers(iter(rows), "edition", rows, total)
    given_up = list_given_up(_read_edition(folder, ref.as_of), merged)
    return EarlierCustomers(merge_known(iter(rows), merged, given_up), "edition", rows, total)


def _read_edition(folder: AnyPath, as_of: date) -> Iterator[pa.Table]:
    """The known customers of an edition, in tables of EARLIER."""
    if (folder / KNOWN_CUSTOMERS).is_file():
        tables = read_published(folder / KNOWN_CUSTOMERS, ["first_seen", "last_seen", "group"])
        return map(_cast, tables)
    # A table of customers: whoever was in a segment is known from then on.
    return _complete((_date(table, as_of) for table in read_published(folder / SEGMENTS, [])), SEGMENT)


def _complete(tables: Iterable[pa.Table], group: str | None) -> Iterator[pa.Table]:
    """Tables of EARLIER, at least one, whose customers were all in one group."""
    yield EARLIER.empty_table()
    for table in tables:
        groups = pa.array([group] * table.num_rows, pa.string())
        yield _cast(table.append_column("group", groups))


def _date(table: pa.Table, day: date) -> pa.Table:
    days = pa.repeat(pa.scalar(day, pa.date32()), table.num_rows)
    return table.append_column("first_seen", days).append_column("last_seen", days)


def _cast(table: pa.Table) -> pa.Table:
    return table.select(EARLIER.names).cast(EARLIER)
