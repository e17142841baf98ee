"""Customers of the previous edition whose ids were merged since, under the ids that stay.

So a merger is neither a customer who left nor one who joined. Which ids were merged is read in
segmentation/attributes/aliases.py.
"""

from collections.abc import Iterator, Sequence

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.identity import MergedCustomers
from schemas.part import Part
from segmentation.identity.join import read_published, split_at_id
from segmentation.parts import read_part
from segmentation.rows.casting.merged_ids import MergedIds
from segmentation.store.files.objects import AnyPath


def load_merged_ids(part: Part | None) -> MergedIds | None:
    """The mergers that ingest wrote; None without any."""
    if part is None or not part.rows:
        return None
    table = read_part(part)
    return MergedIds(table["old"].combine_chunks(), table["new"].combine_chunks())


def count_merged(path: AnyPath, merged: MergedIds) -> MergedCustomers:
    """How many customers of a published table have an id that was given up since, and are one with others."""
    old, stays = list[str](), set[str]()
    for table in read_published(path, []):
        ids = table["customer_id"]
        old += ids.filter(pc.is_in(ids, value_set=merged.old)).to_pylist()
        stays.update(ids.filter(pc.is_in(ids, value_set=merged.new)).to_pylist())
    new = set(merged.apply(pa.chunked_array([pa.array(old, pa.string())])).to_pylist()) - {None}
    # Of customers whose ids are one now, one row is followed: that of the id that stays, if it has one.
    return MergedCustomers(ids=len(merged.old), continued=len(old), absorbed=len(old) - len(new - stays))


def read_merged(path: AnyPath, columns: Sequence[str], merged: MergedIds) -> Iterator[pa.Table]:
    """A published table as read_published has it, with old ids replaced, in the order of the new ids.

    The row of the id that stays counts. If it has none, that of the old id counts, the smallest of several.
    """
    # A pass before that of the rows: an id that stays may come long before or after the old one.
    stays, given_up = set[str](), []
    for table in read_published(path, columns):
        ids = table["customer_id"]
        stays.update(ids.filter(pc.is_in(ids, value_set=merged.new)).to_pylist())
        given_up.append(table.filter(pc.is_in(ids, value_set=merged.old)))
    renamed = pa.concat_tables(given_up)
    names = merged.apply(renamed["customer_id"])
    frame = pd.DataFrame({"new": names.to_pandas(), "old": renamed["customer_id"].to_pandas()})
    survivors = frame[~frame["new"].isin(stays)].dropna().sort_values(["new", "old"]).drop_duplicates("new")
    # By bytes, as Arrow compares texts.
    order = sorted(survivors.index, key=lambda position: str(frame["new"].iloc[position]).encode())
    renamed = renamed.set_column(0, renamed.schema.field(0), names).take(pa.array(order, pa.int64()))
    yield from _insert(read_published(path, columns), renamed, merged)


def _insert(tables: Iterator[pa.Table], renamed: pa.Table, merged: MergedIds) -> Iterator[pa.Table]:
    """The tables without old ids, with the renamed rows where their ids belong."""
    for table in tables:
        remaining = table.filter(pc.invert(pc.is_in(table["customer_id"], value_set=merged.old)))
        if not remaining.num_rows:
            yield remaining
            continue
        due, renamed = split_at_id(renamed, remaining["customer_id"][-1])
        yield pa.concat_tables([remaining, due]).sort_by("customer_id")
    yield renamed
