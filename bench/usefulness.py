"""What the defaults make of a table: `python -m bench.usefulness TABLE…`.

Each table, a file or a folder of dated files, goes through `resegment init` and one night as proposed. The
rows say whether a person could use the segments: 4 to 8 of them that hold when customers are drawn again, or
natural ones.
"""

import argparse
import tempfile
from collections.abc import Hashable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from bench.nights import run_night
from bench.tables import format_head, format_row, format_setting
from config.definition_files import parse_definition
from schemas.night import Night
from segmentation.k.borders import plateau
from segmentation.k.judging import HOLDS, LEAST_SHARE
from segmentation.proposing.proposal import make_name, propose

MIN_K, MAX_K = 4, 8
DAY = date(2026, 1, 31)  # of tables of customers, which have no dates


class Usefulness(NamedTuple):
    """One table's night. natural: what the border test speaks for; 1 for one crowd."""

    table: str
    as_of: date
    customers: int
    k: int
    natural: int
    stability: float
    smallest: float
    segments: list[str]

    @property
    def verdict(self) -> str:
        """Natural segments are usable however many, a division if people can handle it and it holds."""
        if self.k == self.natural > 1 and self.stability >= HOLDS:
            return "natural"
        is_usable = MIN_K <= self.k <= MAX_K and self.stability >= HOLDS and self.smallest >= LEAST_SHARE
        return "usable" if is_usable else "no"


def run_table(place: str, day: date | None, folder: Path) -> Usefulness:
    """Propose a definition for the table, and run one night with it as it is."""
    name = make_name(place)
    proposal = propose(place, name, None)
    definition = parse_definition(proposal.text, f"{name}.yaml")
    as_of = day or (date.fromisoformat(proposal.as_of) if proposal.as_of else DAY)
    published = run_night(
        Night(run_id="bench", definition=definition, as_of=as_of, source=None, store=folder, force=False)
    )
    edition = Path(published.report_path).parent
    table = pd.read_parquet(edition / "alternatives.parquet")
    rows = table[table["is_published"]]
    sweep = pd.read_parquet(edition / "sweep.parquet").set_index("k")
    return Usefulness(
        table=place.rstrip("/").rpartition("/")[2],
        as_of=as_of,
        customers=published.customers,
        k=published.k,
        # As the rule sees it, but for k beyond k.max, which the table lacks.
        natural=plateau([int(count) for count in sweep["natural"]]),
        stability=float(rows["stability"].iloc[0]),
        smallest=float(rows["share"].min()),
        segments=[format_segment(row) for row in rows.to_dict("records")],
    )


def format_segment(row: Mapping[Hashable, Any]) -> str:
    """`high revenue, recent (24 %, 61 % of value)`."""
    value = float(str(row["value_share"]))
    worth = "" if pd.isna(value) else f", {value:.0%} of value"
    return f"{row['name']} ({float(str(row['share'])):.0%}{worth})"


def run_tables(places: list[str], days: list[date]) -> Iterator[Usefulness]:
    """One night of each table; folders of dated files on each of the days."""
    for place in places:
        chosen_days: list[date | None] = [*days] if Path(place).is_dir() else []
        for day in chosen_days or [None]:
            with tempfile.TemporaryDirectory() as folder:
                yield run_table(place, day, Path(folder))


def main() -> None:
    """Run every table and print a row for each."""
    parser = argparse.ArgumentParser(prog="python -m bench.usefulness", description=__doc__)
    parser.add_argument("tables", nargs="+", metavar="TABLE")
    parser.add_argument("--day", type=date.fromisoformat, action="append", default=[], help="for folders")
    options = parser.parse_args()
    print(format_setting())
    print(
        format_head("table", "as of", "customers", "k", "stability", "smallest", "usable", "segments"),
        flush=True,
    )
    for night in run_tables(options.tables, options.day):
        figures = (f"{night.customers:,}", night.k, f"{night.stability:.2f}", f"{night.smallest:.1%}")
        print(
            format_row(night.table, night.as_of, *figures, night.verdict, "; ".join(night.segments)),
            flush=True,
        )


if __name__ == "__main__":
    main()
