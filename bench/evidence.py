"""What the evidence for k adds to the sweep, in CPU seconds: `python -m bench.evidence --rows 1000000`.

The customers are the simulated shop's, with eight scaled features and k = 1..12, or up to --k-max.
"""

import argparse
import tempfile
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from bench.inputs import write_definition, write_input
from bench.stages import evaluate_table
from bench.tables import format_head, format_row, format_setting
from config.definition_files import read_definition
from schemas.night import Night


def main() -> None:
    """Print a line of the table for each repeat."""
    parser = argparse.ArgumentParser(prog="python -m bench.evidence", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--k-max", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(format_setting())
    print(
        format_head("customers", "features", "k.max", "sweep, CPU s", "evidence, CPU s", words=0), flush=True
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        features = write_definition(folder, "shop", "shop", 5)
        write_input({"data": folder / "shop.parquet", "sample": "shop", "rows": options.rows})
        table = pq.read_table(folder / "shop.parquet")
        definition = read_definition(folder / "shop.yaml")
        k = definition.k.model_copy(update={"max": options.k_max})
        for i in range(options.repeats):
            night = Night(
                run_id="bench",
                definition=definition.model_copy(update={"k": k}),
                as_of=date(2026, 1, 31),
                source=None,
                store=folder / f"store-{i}",
                force=False,
            )
            evaluation = evaluate_table(night, table)
            seconds = (f"{evaluation.sweep_seconds:.2f}", f"{evaluation.evidence_seconds:.2f}")
            print(format_row(f"{len(table):,}", len(features), options.k_max, *seconds), flush=True)


if __name__ == "__main__":
    main()
