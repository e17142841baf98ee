"""Who is on a list: members of segments or groups, those who entered since a date, and clear members.

Both nights' tables are sorted by id and read in batches, so that neither is in memory whole. Writing the
list is in campaign_list.py.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.manifest import EditionRef
from segmentation.errors import Refused
from segmentation.identity.join import join_tables, read_published
from segmentation.parts import open_parquet
from segmentation.store.catalogue.preceding import UNKNOWN, previous_edition
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_audit, damaged
from segmentation.store.layout import KNOWN_CUSTOMERS, SEGMENTS, edition_folder


class ListTable(NamedTuple):
    """The edition's table that a list is made from.

    label: its column of the segment or group. columns: what every list has of it. noun: what label names.
    """

    file: str
    label: str
    columns: tuple[str, ...]
    noun: str


OF_SEGMENTS = ListTable(SEGMENTS, "segment_id", ("customer_id", "segment_id"), "segment")
OF_GROUPS = ListTable(KNOWN_CUSTOMERS, "group", ("customer_id", "group", "last_seen"), "group")


class Selection(NamedTuple):
    """Which customers of an edition are selected, and which columns of theirs.

    table: of segments, or of groups outside them. segment_ids: these segments or groups; empty for all.
    since: only customers who were not in the same segment or group in this earlier edition. min_margin: the
    least margin, 0 to 1; None for any.
    """

    table: ListTable = OF_SEGMENTS
    segment_ids: tuple[str, ...] = ()
    since: EditionRef | None = None
    min_margin: float | None = None
    columns: tuple[str, ...] = ()


class Members(NamedTuple):
    """A batch of selected customers, and how many members of the segments were left out.

    table: the list's columns of the edition's table. earlier: in the segment or group before. unclear: below
    the least margin.
    """

    table: pa.Table
    earlier: int
    unclear: int


def check_margin(table: ListTable, min_margin: float | None) -> None:
    """Refuse a least margin for customers who have none."""
    if table == OF_GROUPS and min_margin is not None:
        raise Refused("min-margin", "new and lapsed customers are in no segment, so they have no margin")


def resolve_baseline(home: AnyPath, day: date, table: ListTable) -> EditionRef:
    """The newest edition of a date up to `day`, with which an export compares. Refused without its table."""
    # previous_edition looks before a date.
    ref = previous_edition(home, day + timedelta(days=1))
    if ref is None:
        raise Refused(
            "entered-since",
            f"nothing was published on or before {day}, so Resegment cannot say who entered since "
            "then; choose a later date from 'resegment history'",
        )
    if ref.edition == UNKNOWN or not (edition_folder(home, *ref) / SEGMENTS).is_file():
        raise Refused(
            "entered-since",
            f"the edition of {ref.as_of} is no longer in the store, so Resegment cannot say who entered "
            f"since then; choose another date, or {advise_audit(home)}",
        )
    if not (edition_folder(home, *ref) / table.file).is_file():
        raise Refused(
            "entered-since",
            f"the edition of {ref.as_of} has no {table.file}, so Resegment cannot say who entered a "
            f"{table.noun} since then; choose a later date",
        )
    return ref


def describe_members(folder: AnyPath, selection: Selection) -> pa.Schema:
    """The columns that select_members yields. Refused if the edition's table lacks one."""
    table = folder / selection.table.file
    try:
        with open_parquet(table) as file:
            schema = file.schema_arrow
    except (OSError, pa.ArrowException) as error:
        problem = f"cannot be read ({type(error).__name__})"
        raise damaged(table, problem, "the edition's table", "see 'resegment audit'") from None
    if missing := [column for column in selection.columns if column not in schema.names]:
        raise Refused(
            "columns",
            f"{selection.table.file} has no column {', '.join(missing)}; it has {', '.join(schema.names)}",
        )
    return pa.schema([schema.field(name) for name in _list_columns(selection)])


def select_members(home: AnyPath, folder: AnyPath, selection: Selection) -> Iterator[Members]:
    """The selected customers of the edition in `folder`, in the order of their ids."""
    names = dict.fromkeys(_list_columns(selection))
    if selection.min_margin is not None:
        names["margin"] = None
    names.pop("customer_id")
    tables = read_published(folder / selection.table.file, [*names])
    batches = (_keep_segments(table, selection) for table in tables)
    members = (table for table in batches if table.num_rows)
    for table, has_entered in _compare(home, members, selection):
        is_clear = np.ones(table.num_rows, bool)
        if selection.min_margin is not None:
            # A single segment has no border, so its margin is null.
            margin = pc.fill_null(table["margin"], 1.0).to_numpy()
            is_clear = margin >= selection.min_margin
        yield Members(
            table.filter(pa.array(has_entered & is_clear)).select(_list_columns(selection)),
            earlier=int((~has_entered).sum()),
            unclear=int((has_entered & ~is_clear).sum()),
        )


def _list_columns(selection: Selection) -> list[str]:
    return list(dict.fromkeys((*selection.table.columns, *selection.columns)))


def _keep_segments(table: pa.Table, selection: Selection) -> pa.Table:
    if not selection.segment_ids:
        return table
    ids = pa.array(selection.segment_ids, pa.string())
    return table.filter(pc.is_in(table[selection.table.label].cast(pa.string()), value_set=ids))


def _compare(
    home: AnyPath, tables: Iterable[pa.Table], selection: Selection
) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """Each table, and who of it was not in the same segment or group in the earlier edition: bool (n,)."""
    since, label = selection.since, selection.table.label
    if since is None:
        yield from ((table, np.ones(table.num_rows, bool)) for table in tables)
        return
    earlier = read_published(edition_folder(home, *since) / selection.table.file, [label])
    for table, part in join_tables(tables, earlier):
        places = pa.array(part.place, mask=part.place < 0)
        earlier_ids = part.earlier[label].cast(pa.string()).combine_chunks().take(places)
        stayed = pc.fill_null(pc.equal(table[label].cast(pa.string()), earlier_ids), False)
        yield table, ~stayed.to_numpy(zero_copy_only=False)
