"""What the evidence for k adds to the sweep, in CPU seconds: `python -m bench.evidence --rows 1000000`.

The project's own sample shop, eight features scaled as the definition says, k = 1..12.
"""

import argparse
import tempfile
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from bench.inputs import write_definition, write_input
from bench.stages import run_stages
from config.definitions import read_definition
from schemas.records import Night


def main() -> None:
    """Print a line for each repeat."""
    parser = argparse.ArgumentParser(prog="python -m bench.evidence", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        features = write_definition(folder, "shop", "shop", 5)
        write_input({"data": folder / "shop.parquet", "sample": "shop", "rows": asked.rows})
        table = pq.read_table(folder / "shop.parquet")
        definition = read_definition(folder / "shop.yaml")
        for i in range(asked.repeats):
            night = Night(
                run_id="bench",
                segmentation=definition,
                as_of=date(2026, 1, 31),
                source=None,
                store=folder / f"store-{i}",
                force=False,
            )
            tried = run_stages(night, table)
            print(
                f"{len(table):,} customers of {len(features)} features: sweep and score {tried.sweeping:.2f} "
                f"CPU s, the evidence {tried.seconds:.2f} CPU s more",
                flush=True,
            )


if __name__ == "__main__":
    main()
