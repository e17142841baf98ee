"""Is the choice of k the same when other customers happen to be there? `python -m bench.k_stability`.

    python -m bench.k_stability online-retail FOLDER --as-of 2011-12-10 --samples 20

The customers of one night, drawn again with replacement so many times; each time the stages scale, sweep,
score, weigh and choose run afresh, as on a first night.
"""

import argparse
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.nights import hold_quietly
from bench.stages import run_stages
from config.definitions import find_definition, read_definition
from config.parameters import Segmentation
from schemas.evidence import Choice
from schemas.records import Night
from segmentation.k.choosing import choose_k
from segmentation.parts import read_part
from tasks.ingest import ingest
from tasks.summarise import summarise


def read_customers(night: Night) -> pa.Table:
    """One row per customer: id and features."""
    with hold_quietly(night):
        customers = summarise.fn(night, ingest.fn(night))
        return pa.concat_tables([read_part(part) for part in customers.parts])


def draw(table: pa.Table, seed: int) -> pa.Table:
    """As many customers, with replacement; one drawn twice is two customers, each with an id of its own."""
    rows = np.sort(np.random.default_rng(seed).integers(0, len(table), len(table)))
    ids = [f"{name}/{i}" for i, name in enumerate(table["customer_id"].take(rows).to_pylist())]
    drawn = table.take(rows)
    return drawn.set_column(drawn.schema.get_field_index("customer_id"), "customer_id", pa.array(ids))


def choose(segmentation: Segmentation, table: pa.Table) -> Choice:
    """The definition's choice for these customers."""
    with tempfile.TemporaryDirectory() as folder:
        night = make_night(segmentation, None, date(2026, 1, 31), Path(folder))
        tried = run_stages(night, table)
    return choose_k(segmentation.k, tried.curve, tried.evidence)


def make_night(segmentation: Segmentation, source: str | None, as_of: date, folder: Path) -> Night:
    """A night in a store of its own."""
    return Night(
        run_id="bench", segmentation=segmentation, as_of=as_of, source=source, store=folder, force=False
    )


def main() -> None:
    """Print the choice for all customers and for each sample of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("definition")
    parser.add_argument("source")
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--samples", type=int, default=20)
    asked = parser.parse_args()
    segmentation = read_definition(find_definition(asked.definition, Path("config/segmentations")))
    with tempfile.TemporaryDirectory() as folder:
        table = read_customers(make_night(segmentation, asked.source, asked.as_of, Path(folder)))
    whole = choose(segmentation, table)
    print(f"{len(table):,} customers: k = {whole.k}; {'; '.join(whole.reasons)}", flush=True)
    chosen = Counter[tuple[int, str]]()
    for seed in range(asked.samples):
        choice = choose(segmentation, draw(table, seed))
        chosen[choice.k, choice.strength] += 1
    for (k, strength), times in chosen.most_common():
        print(f"{times} of {asked.samples} samples: k = {k}, evidence {strength}")


if __name__ == "__main__":
    main()
