"""The least that a steady night of customers must do, by plain calls of pyarrow, hashlib and numpy.

    python -m bench.bound bound JOB.json ANSWER.json

Each step runs once over the file, batch by batch. bench/growth.py prints what they take next to the stages.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.inputs import K
from bench.sides import answer

BATCH = 131_072
STEPS = {
    "hash": "SHA-256 of the file",
    "decode": "decode all columns",
    "ids": "ids in order, and those of last night",
    "distances": "one pass of distances",
    "labels": "write id, values, segment and distance",
}


def measure_bound(job: dict[str, Any]) -> dict[str, Any]:
    """CPU seconds of each step for the Parquet file job["source"], last night's being job["previous"]."""
    import hashlib

    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def step(name: str) -> Iterator[None]:
        start = time.process_time()
        yield
        seconds[name] += time.process_time() - start

    with step("hash"), Path(job["source"]).open("rb") as file:
        hashlib.file_digest(file, "sha256")
    batches = pq.ParquetFile(job["source"]).iter_batches(BATCH)
    earlier = pq.ParquetFile(job["previous"]).iter_batches(BATCH, columns=["customer_id"])
    names = pa.array([f"S{number:02d}" for number in range(1, K + 1)])
    centres, writer = None, None
    while True:
        with step("decode"):
            batch = next(batches, None)
        if batch is None:
            break
        with step("ids"):
            ids = batch["customer_id"]
            previous = next(earlier)["customer_id"]
            if not (pc.all(pc.less(ids[:-1], ids[1:])).as_py() and ids.equals(previous)):
                raise SystemExit("the ids are not the same, or not in order")
        with step("distances"):
            x = np.column_stack([batch[name].to_numpy() for name in job["features"]])
            centres = x[:K].copy() if centres is None else centres
            squares = (centres**2).sum(axis=1) - 2 * (x @ centres.T)
            labels = squares.argmin(axis=1)
            distances = np.sqrt(np.maximum(squares.min(axis=1) + (x**2).sum(axis=1), 0))
        with step("labels"):
            segments = pa.DictionaryArray.from_arrays(pa.array(labels, pa.int8()), names)
            table = pa.table(batch).append_column("segment_id", segments)
            table = table.append_column("distance", pa.array(distances, pa.float32()))
            writer = writer or pq.ParquetWriter(Path(job["store"]) / "labels.parquet", table.schema)
            writer.write_table(table)
    if writer is not None:
        with step("labels"):
            writer.close()
    return {"seconds": seconds}


if __name__ == "__main__":
    answer({"bound": measure_bound}, sys.argv[1:])
