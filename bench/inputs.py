"""What both sides read: clean files of the two samples, and the definitions for ours.

The files are clean because the article's way cannot read the rows that ours would put in quarantine.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from config.definition import BUILT_IN

CHUNK = 131_072
SEED = 7
K_MAX = 12


def write_definition(folder: Path, name: str, base: str, k: int) -> list[str]:
    """Write a shipped definition with a fixed k and the article's scaling. Returns its features.

    As on the article's side, the shop's features are standardised and the article's are not scaled.
    """
    content = yaml.safe_load((BUILT_IN / f"{base}.yaml").read_text(encoding="utf-8"))
    if base == "shop":
        content["scaling"] = {"default": "standard"}
        content["rows"]["columns"] = {column: {"type": "float"} for column in content["rows"]["columns"]}
    content |= {"name": name, "k": {"max": K_MAX, "rule": "fixed", "fixed": k}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return list(content["features"])


def write_input(job: dict[str, Any]) -> dict[str, Any]:
    """Write job["data"], CSV or Parquet by its suffix, from job["sample"]. Returns the number of rows.

    It runs as a side, in a process of its own, so that the process that starts the sides stays small.
    """
    import pyarrow.csv as arrow_csv
    import pyarrow.parquet as pq

    from segmentation.samples.catalogue import article_table

    path = Path(job["data"])
    tables = _clean_shop(job["rows"]) if job["sample"] == "shop" else iter([article_table()])
    first = next(tables)
    rows = first.num_rows
    make = arrow_csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
    with make(path, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
            rows += table.num_rows
    return {"rows": rows}


def _clean_shop(rows: int) -> Iterator[Any]:
    """The shop's customers in chunks, with typed numbers and without dirty rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from segmentation.samples.catalogue import shop_table

    for start in range(0, rows, CHUNK):
        table = shop_table(start, min(CHUNK, rows - start), SEED)
        clean = pc.and_(pc.not_equal(table["customer_id"], ""), pc.not_equal(table["orders"], "n/a"))
        table = table.filter(pc.and_(clean, pc.not_equal(table["revenue"], "-1.00")))
        numbers = {name: pc.cast(table[name], pa.float64()) for name in table.column_names[1:]}
        yield pa.table({"customer_id": table["customer_id"], **numbers})
