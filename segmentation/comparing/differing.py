"""Who differs: a file with a row for each customer in segments that do not correspond, or on one side only.

It is the one thing in a comparison that has customers' rows, so it is written on request, outside the store.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from schemas.edition_comparison import EditionComparison
from segmentation.comparing.sides import PairedCustomers, Side, pair_sides
from segmentation.errors import Refused
from segmentation.exporting.campaign_list import check_output, count_formulas, open_list
from segmentation.store.files.objects import AnyPath

_TEXTS = ("customer_id", "segment_a", "segment_name_a", "segment_b", "segment_name_b")
SCHEMA = pa.schema([(name, pa.string()) for name in _TEXTS])


def check_differences_file(output: Path, store: AnyPath) -> None:
    """Refuse a file that is not .csv or .parquet, whose folder does not exist, or that is in the store."""
    check_output(output)
    if isinstance(store, Path) and output.resolve().is_relative_to(store.resolve()):
        raise Refused(
            "differences",
            f"{output.name} would be in the store; name a folder outside it, as for all lists of customers",
        )


def write_differences(first: Side, second: Side, comparison: EditionComparison, output: Path) -> int:
    """Write who differs, in the order of ids. Returns how many ids a spreadsheet would take for formulas.

    Null segments: the customer is not on that side.
    """
    # By position of the first side's segment; the last for -1, to which nothing corresponds.
    corresponding = np.full(len(first.segment_ids) + 1, -2)
    for match in comparison.matches:
        corresponding[first.segment_ids.index(match.first)] = second.segment_ids.index(match.second)
    formulas = 0
    with open_list(output, SCHEMA) as writer:
        for batch in _select_differing(pair_sides(first, second), corresponding):
            ids, is_first, is_second = batch
            table = pa.table(
                [ids, *_name_segments(first, is_first), *_name_segments(second, is_second)], schema=SCHEMA
            )
            writer.write_table(table)
            formulas += count_formulas(table["customer_id"])
    return formulas


def _select_differing(
    batches: Iterable[PairedCustomers], corresponding: np.ndarray
) -> Iterable[PairedCustomers]:
    for batch in batches:
        differs = corresponding[batch.first] != batch.second  # who is on one side only differs too
        yield PairedCustomers(
            batch.ids.filter(pa.array(differs)), batch.first[differs], batch.second[differs]
        )


def _name_segments(side: Side, positions: np.ndarray) -> tuple[pa.Array, pa.Array]:
    """Ids and names of segments by position; null for -1."""
    places = pa.array(positions, mask=positions < 0)
    names = [side.names.get(segment_id, "") for segment_id in side.segment_ids]
    return (
        pa.array(side.segment_ids, pa.string()).take(places),
        pa.array(names, pa.string()).take(places),
    )
