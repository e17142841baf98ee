"""The factual names in an edition's descriptions.parquet.

How they are chosen is in segmentation/report/words/factual_names.py. Given names are in the manifest.
"""

import pyarrow as pa

from segmentation.parts import read_table
from segmentation.store.files.objects import AnyPath


def read_factual_names(folder: AnyPath) -> dict[str, str]:
    """Factual names by segment id; empty if the table is damaged, which `resegment audit` reports."""
    try:
        table = read_table(folder / "descriptions.parquet", ["segment_id", "name"]).to_pydict()
    except (OSError, pa.ArrowException):
        return {}
    return dict(zip(table["segment_id"], table["name"], strict=True))
