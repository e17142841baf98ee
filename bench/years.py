"""A year of nights: what a night costs, how many customers move, and whether ids keep their meaning.

    resegment sample orders --customers 20000 --start 2024-01-01 --nights 731 -o orders
    python -m bench.years orders orders --start 2025-01-01 --nights 365

Prints a line for every 30 nights. It stops with an error on the first night that reuses an id, or on which a
segment shares less than half of its customers with last night's segment of the same id.
"""

import argparse
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import pandas as pd

from bench.identity import measure_churn, read_segment_ids, set_refit
from bench.nights import run_nights
from bench.tables import format_head, format_row, format_setting
from config.definition_files import read_definition, resolve_definition
from schemas.night import Published

HEADER = ("nights to", "s per night", "median moved", "largest", "k", "refits", "held", "ids used")
BATCH = 30  # nights per line


class NightFigures(NamedTuple):
    """What is measured of a night."""

    day: date
    seconds: float
    k: int
    moved: float | None
    is_refitted: bool
    is_held: bool
    ids: frozenset[str]


def measure_nights(nights: Iterator[tuple[date, Published]]) -> Iterator[NightFigures]:
    """Compare each night with the one before. Raises ValueError where ids lose their meaning."""
    previous: pd.Series | None = None
    retired: set[str] = set()
    used: set[str] = set()
    start = perf_counter()
    for day, published in nights:
        seconds = perf_counter() - start
        current = read_segment_ids(published, by_size=False)
        ids = frozenset(current.unique())
        is_held = published.outcome == "held"
        if not is_held:
            check_ids(day, previous, current, retired)
            retired |= used - ids
            used |= ids
        manifest = pd.read_json(Path(published.report_path).parent / "manifest.json", typ="series")
        yield NightFigures(
            day=day,
            seconds=seconds,
            k=published.k,
            moved=None if previous is None else measure_churn(previous, current),
            is_refitted=manifest["how"] != "scored",
            is_held=is_held,
            ids=ids,
        )
        if not is_held:
            previous = current
        start = perf_counter()


def check_ids(day: date, previous: pd.Series | None, current: pd.Series, retired: set[str]) -> None:
    """Raise ValueError if a retired id comes back, or an id now names mostly different customers."""
    if reused := set(current.unique()) & retired:
        raise ValueError(f"{day}: the ids {sorted(reused)} are used again")
    if previous is None:
        return
    customers = previous.index.intersection(current.index)
    table = pd.crosstab(previous[customers], current[customers])
    for name in table.index.intersection(table.columns):
        shared = table.at[name, name]
        share = max(shared / table.loc[name].sum(), shared / table[name].sum())
        if share < 0.5:
            raise ValueError(f"{day}: {name} shares {share:.0%} with last night's {name}")


def format_nights(nights: list[NightFigures], ids: int) -> str:
    """A line of the table. `ids` is how many ids were used up to these nights."""
    moved = [night.moved for night in nights if night.moved is not None]
    return format_row(
        nights[-1].day,
        f"{median(night.seconds for night in nights):.2f}",
        f"{median(moved):.2%}",
        f"{max(moved):.2%}",
        "/".join(map(str, sorted({night.k for night in nights}))),
        sum(night.is_refitted for night in nights),
        sum(night.is_held for night in nights),
        ids,
    )


def main() -> None:
    """Print the table, a line as soon as its nights are done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("definition")
    parser.add_argument("source")
    parser.add_argument("--start", type=date.fromisoformat, required=True)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--way", default="auto")
    parser.add_argument("--k", default="auto")
    parser.add_argument("--store", type=Path, help="Keep the store here, for resegment history.")
    options = parser.parse_args()
    definition = read_definition(resolve_definition(options.definition, Path("config/segmentations")))
    definition = set_refit(definition, options.k, options.way)
    days = [options.start + timedelta(days=i) for i in range(options.nights)]
    print(f"{format_setting()}\n{format_head(*HEADER)}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        nights = run_nights(definition, options.source, options.store or Path(scratch), days)
        batch, ids = list[NightFigures](), set[str]()
        for figures in measure_nights(nights):
            batch.append(figures)
            ids |= figures.ids
            if len(batch) == BATCH or figures.day == days[-1]:
                print(format_nights(batch, len(ids)), flush=True)
                batch = []


if __name__ == "__main__":
    main()
