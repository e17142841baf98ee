"""Whether the choice of k depends on which customers happen to be there.

    python -m bench.k_stability online-retail FOLDER --as-of 2011-12-10 --samples 20

Draws the customers of one night again, with replacement, and chooses k for each sample, as on a first night.
"""

import argparse
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from bench.stages import evaluate_table
from bench.tables import format_head, format_row, format_setting
from config.definition import Definition
from config.definition_files import read_definition, resolve_definition
from schemas.evidence import Choice
from schemas.night import Night
from segmentation.k.rules import choose_k
from segmentation.parts import read_part
from tasks.ingest import ingest
from tasks.runtime.session import night_session
from tasks.summarise import summarise


def read_customers(night: Night) -> pa.Table:
    """One row per customer: id and features."""
    with night_session(night):
        customers = summarise(night, ingest(night))
        return pa.concat_tables([read_part(part) for part in customers.parts])


def draw_customers(table: pa.Table, seed: int) -> pa.Table:
    """As many customers, drawn with replacement. A customer drawn twice is two, with different ids."""
    rows = np.sort(np.random.default_rng(seed).integers(0, len(table), len(table)))
    ids = [f"{name}/{i}" for i, name in enumerate(table["customer_id"].take(rows).to_pylist())]
    sample = table.take(rows)
    return sample.set_column(sample.schema.get_field_index("customer_id"), "customer_id", pa.array(ids))


def choose_for(definition: Definition, table: pa.Table) -> Choice:
    """The k that the definition's rule chooses for these customers."""
    with tempfile.TemporaryDirectory() as folder:
        night = make_first_night(definition, None, date(2026, 1, 31), Path(folder))
        evaluation = evaluate_table(night, table)
    return choose_k(definition.k, evaluation.curve, evaluation.evidence)


def make_first_night(definition: Definition, source: str | None, as_of: date, folder: Path) -> Night:
    """A night in a new store."""
    return Night(run_id="bench", definition=definition, as_of=as_of, source=source, store=folder, force=False)


def main() -> None:
    """Print the choice for all customers and for each sample of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("definition")
    parser.add_argument("source")
    parser.add_argument("--as-of", type=date.fromisoformat, required=True)
    parser.add_argument("--samples", type=int, default=20)
    options = parser.parse_args()
    definition = read_definition(resolve_definition(options.definition, Path("config/segmentations")))
    with tempfile.TemporaryDirectory() as folder:
        table = read_customers(make_first_night(definition, options.source, options.as_of, Path(folder)))
    print(format_setting())
    print(format_head("samples", "k", "evidence", words=0))
    choice = choose_for(definition, table)
    print(format_row(f"all {len(table):,} customers", choice.k, choice.strength), flush=True)
    counts = Counter[tuple[int, str]]()
    for seed in range(options.samples):
        choice = choose_for(definition, draw_customers(table, seed))
        counts[choice.k, choice.strength] += 1
    for (k, strength), count in counts.most_common():
        print(format_row(f"{count} of {options.samples}", k, strength))


if __name__ == "__main__":
    main()
