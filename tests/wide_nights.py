"""Two nights of customers with many columns, in a process of its own: prints its peak of memory in MB."""

import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench.nights import run_nights
from bench.sides import peak_mb
from config.definition import Definition

FIRST = date(2026, 1, 1)


def define(columns: int) -> Definition:
    """A definition whose columns are numbers, all of them features."""
    names = [f"x{i:03d}" for i in range(columns)]
    return Definition.model_validate(
        {
            "name": "wide",
            "source": {"path": "unused.parquet"},
            "rows": {"grain": "customer", "id": "id", "columns": {name: {"type": "float"} for name in names}},
            "features": names,
            "scaling": {"default": "standard"},
            "k": {"max": 3, "rule": "fixed", "fixed": 3},
        }
    )


def write_customers(path: Path, rows: int, columns: int, seed: int) -> None:
    """Customers of three groups, of which each night has nearly the same values; one group of rows."""
    groups = np.arange(rows) % 3
    noise, drift = np.random.default_rng(0), np.random.default_rng(seed)
    table = {"id": [f"c{i:07d}" for i in range(rows)]}
    for i in range(columns):
        values = 5.0 * ((groups * (i + 1)) % 3) + noise.normal(size=rows) + 0.05 * drift.normal(size=rows)
        table[f"x{i:03d}"] = values.round(2).tolist()
    pq.write_table(pa.table(table), path, row_group_size=rows)


def main(folder: Path, columns: int) -> None:
    """Run the nights from files that exist."""
    for _ in run_nights(
        define(columns),
        lambda day: str(folder / f"{day}.parquet"),
        folder / "store",
        [FIRST, FIRST + timedelta(days=1)],
    ):
        pass
    sys.stdout.write(f"{peak_mb():.0f}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
