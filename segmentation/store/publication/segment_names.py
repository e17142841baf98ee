"""The name of each segment in an edition's tables: the one that people gave it, else its factual name.

Given names are in names.json (segmentation/store/names_file.py), factual ones in descriptions.parquet.
"""

from collections.abc import Mapping

from schemas.draft import Reported
from segmentation.parts import read_part


def collect_names(reported: Reported, given_names: Mapping[str, str]) -> dict[str, str]:
    """Names by segment id. A segment that is gone has its last factual name, if the history has it."""
    # Dates ascend in the history, so the last name of a segment replaces earlier ones.
    past, tonight = (
        read_part(part, ["segment_id", "name"]).to_pydict()
        for part in (reported.history, reported.descriptions)
    )
    names = dict(zip(past["segment_id"], past["name"], strict=True))
    names |= zip(tonight["segment_id"], tonight["name"], strict=True)
    return names | dict(given_names)
