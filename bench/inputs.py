"""What all sides read: files of two nights, and the definitions for ours.

Files of customers are clean, because scikit-learn cannot read the rows that ours would put in quarantine.
Files of orders have the dirty lines of the sample.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from config.cores import count_usable_cores
from config.definition import BUILT_IN

CHUNK = 131_072
SEED = 7
K, K_MAX = 5, 12
CHANGED = 0.01  # share of the customers who differ on the second night
WINDOW_DAYS = 365
LINES_PER_CUSTOMER = 29  # of the sample shop in these days
NIGHTS = (date(2026, 1, 1), date(2026, 1, 2))
SEPARATED = [f"x{number}" for number in range(1, 9)]


def write_definition(folder: Path, name: str, base: str, k_max: int = K_MAX) -> list[str]:
    """Write the definition of a sample with a fixed k and, but for `orders`, numbers that are standardised.

    The article's are not scaled, as on the article's side. Returns the features.
    """
    if base == "separated":
        content: dict[str, Any] = {"source": {"path": "separated.parquet"}, "features": SEPARATED}
        content["rows"] = {
            "id": "customer_id",
            "columns": {column: {"type": "float"} for column in SEPARATED},
        }
    else:
        content = yaml.safe_load((BUILT_IN / f"{base}.yaml").read_text(encoding="utf-8"))
    if base == "shop":
        content["rows"]["columns"] = {column: {"type": "float"} for column in content["rows"]["columns"]}
    if base in ("shop", "separated"):
        content["scaling"] = {"default": "standard"}
    content |= {"name": name, "k": {"max": k_max, "rule": "fixed", "fixed": K}}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return list(content["features"])


def write_customers(job: dict[str, Any]) -> dict[str, Any]:
    """Write two nights of job["rows"] customers of job["sample"] to the Parquet files job["nights"].

    On the second, 1 % of the customers have exchanged their values, so both nights have the same rows and
    the same best fit. It runs as a side, in a process of its own, so that the one that starts sides stays
    small. Returns the number of rows.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, rows, writers = np.random.default_rng(SEED), 0, list[Any]()
    make_tables = _generate_shop if job["sample"] == "shop" else _generate_clusters
    for first in make_tables(job["rows"]):
        rows += first.num_rows
        order = np.arange(first.num_rows)
        changed = np.flatnonzero(rng.random(first.num_rows) < CHANGED)
        order[changed] = rng.permutation(changed)
        second = first.take(pa.array(order)).set_column(0, "customer_id", first["customer_id"])
        writers = writers or [pq.ParquetWriter(path, first.schema) for path in job["nights"]]
        for writer, table in zip(writers, (first, second), strict=True):
            writer.write_table(table)
    for writer in writers:
        writer.close()
    return {"rows": rows}


def write_orders(job: dict[str, Any]) -> dict[str, Any]:
    """Write the order files of two nights' windows to job["folder"], CSV or Parquet by job["format"].

    Returns the number of lines and bytes.
    """
    from segmentation.samples.orders import Shop, write_day

    folder, shop = Path(job["folder"]), Shop(job["customers"], SEED)
    folder.mkdir()
    days = [NIGHTS[0] + timedelta(days=number) for number in range(-WINDOW_DAYS, 1)]
    with ThreadPoolExecutor(count_usable_cores()) as pool:
        paths = list(filter(None, pool.map(lambda day: write_day(folder, day, shop, job["format"]), days)))
    return {
        "lines": sum(_count_lines(path) for path in paths),
        "bytes": sum(path.stat().st_size for path in paths),
    }


def list_window(folder: str, night: date) -> list[str]:
    """The order files that the night's window needs."""
    first = night - timedelta(days=WINDOW_DAYS)
    days = {path: date.fromisoformat(path.stem.removeprefix("orders-")) for path in Path(folder).iterdir()}
    return sorted(str(path) for path, day in days.items() if first <= day < night)


def _count_lines(path: Path) -> int:
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        return int(pq.read_metadata(path).num_rows)
    return path.read_bytes().count(b"\n") - 1


def _generate_shop(rows: int) -> Iterator[Any]:
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


def _generate_clusters(rows: int) -> Iterator[Any]:
    """Customers of five round clusters, in chunks: centres ten standard deviations apart or more."""
    import numpy as np
    import pyarrow as pa

    centres = 10 * np.eye(K, len(SEPARATED))
    for start in range(0, rows, CHUNK):
        rng, count = np.random.default_rng((SEED, start)), min(CHUNK, rows - start)
        values = centres[rng.integers(0, K, count)] + rng.normal(size=(count, len(SEPARATED)))
        ids = [f"C{number:09d}" for number in range(start, start + count)]
        yield pa.table({"customer_id": ids, **dict(zip(SEPARATED, values.T.round(3), strict=True))})
