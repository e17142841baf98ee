"""The two sides of a comparison, and their customers joined by id, a batch at a time.

What is counted from it is in cross_table.py, who differs is written in differing.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from segmentation.errors import Refused
from segmentation.identity.join import JoinedPart, join_tables, look_up_positions, read_published
from segmentation.store.catalogue.editions import Edition
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import SEGMENTS, edition_folder


class Side(NamedTuple):
    """One side: an edition, the home that it is in, and names of its segments by id.

    is_draft: it was made for the comparison, in a store that will be removed.
    """

    home: AnyPath
    edition: Edition
    names: Mapping[str, str]
    is_draft: bool = False

    @property
    def folder(self) -> AnyPath:
        """The edition's folder."""
        return edition_folder(self.home, self.edition.as_of, self.edition.edition)

    @property
    def segment_ids(self) -> tuple[str, ...]:
        """The ids of its segments."""
        return tuple(self.edition.manifest.sizes)


class PairedCustomers(NamedTuple):
    """A batch of customers of either side, in the order of their ids.

    ids: n strings. first, second (n,) int64: positions of their segments, -1 for who is not on that side.
    """

    ids: pa.Array
    first: np.ndarray
    second: np.ndarray


def check_customer_ids(first: Side, second: Side) -> None:
    """Refuse sides whose rows have no ids, since their customers cannot be recognised."""
    for side in (first, second):
        definition: dict[str, Any] = side.edition.manifest.definition
        # Manifests of early versions have no definition; those nights always had ids.
        if definition and definition.get("rows", {}).get("id") is None:
            raise Refused(
                "no-ids",
                f"the definition of {side.edition.manifest.name} has no rows.id, so its customers cannot be "
                "recognised in another edition; set rows.id and run the date again",
            )


def pair_sides(first: Side, second: Side) -> Iterator[PairedCustomers]:
    """The customers of both sides, each once, in the order of their ids."""
    tables, others = (read_published(side.folder / SEGMENTS, ["segment_id"]) for side in (first, second))
    for table, part in join_tables(_drop_empty(tables), others):
        yield _pair_part(table, part, first.segment_ids, second.segment_ids)


def _drop_empty(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Those with rows; the last one if all are empty, since a join needs at least one."""
    is_empty = True
    for table in tables:
        if table.num_rows:
            is_empty = False
            yield table
    if is_empty:
        yield table


def _pair_part(
    table: pa.Table, part: JoinedPart, first_ids: tuple[str, ...], second_ids: tuple[str, ...]
) -> PairedCustomers:
    first = look_up_positions(table["segment_id"], first_ids)
    # -1 for no row: of the appended row, which has no segment.
    earlier = np.append(look_up_positions(part.earlier["segment_id"], second_ids), -1)
    left = look_up_positions(part.left["segment_id"], second_ids)
    ids = pa.chunked_array(
        [
            *table["customer_id"].cast(pa.string()).chunks,
            *part.left["customer_id"].cast(pa.string()).chunks,
        ],
        pa.string(),
    ).combine_chunks()
    pairs = pa.table(
        {
            "id": ids,
            "first": np.append(first, np.full(len(left), -1)),
            "second": np.append(earlier[part.place], left),
        }
    )
    if len(left):
        pairs = pairs.sort_by("id")
    return PairedCustomers(
        pairs["id"].combine_chunks(), pairs["first"].to_numpy(), pairs["second"].to_numpy()
    )
