"""Night after night for a year and more: what a night costs, how many move, and that ids keep their meaning.

    resegment sample orders --customers 20000 --start 2024-01-01 --nights 731 -o orders
    python -m bench.years orders orders --start 2025-01-01 --nights 365

Prints a line for every 30 nights. It ends with an error at the first night on which an id is given twice, or
a survivor shares less than half of its customers with the segment whose id it carries.
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

from bench.identity import change, measure_churn, read_ids
from bench.nights import run_nights
from config.definitions import find_definition, read_definition
from schemas.records import Published

HEADER = ("nights to", "s a night", "median moved", "largest", "k", "refits", "held", "ids given")


class Told(NamedTuple):
    """One night."""

    day: date
    seconds: float
    k: int
    moved: float | None
    refitted: bool
    held: bool
    ids: frozenset[str]


def follow(published: Iterator[tuple[date, Published]]) -> Iterator[Told]:
    """Measure each night against the one before. Raises ValueError where ids lose their meaning."""
    before: pd.Series | None = None
    ever: set[str] = set()
    gone: set[str] = set()
    began = perf_counter()
    for day, night in published:
        seconds = perf_counter() - began
        folder = Path(night.report_path).parent
        now = read_ids(night, by_size=False)
        ids = frozenset(now.unique())
        if night.outcome != "held":
            check_ids(day, before, now, gone)
            gone |= ever - ids
            ever |= ids
        moved = None if before is None else measure_churn(before, now)
        manifest = pd.read_json(folder / "manifest.json", typ="series")
        yield Told(day, seconds, night.k, moved, manifest["how"] != "scored", night.outcome == "held", ids)
        if night.outcome != "held":
            before = now
        began = perf_counter()


def check_ids(day: date, before: pd.Series | None, now: pd.Series, gone: set[str]) -> None:
    """An id that was gone stays gone; one that is there still names mostly the same customers."""
    again = set(now.unique()) & gone
    if again:
        raise ValueError(f"{day}: {sorted(again)} are given again")
    if before is None:
        return
    both = before.index.intersection(now.index)
    table = pd.crosstab(before[both], now[both])
    for name in table.index.intersection(table.columns):
        most = max(table.at[name, name] / table.loc[name].sum(), table.at[name, name] / table[name].sum())
        if most < 0.5:
            raise ValueError(
                f"{day}: {name} shares {most:.0%} with the segment that bore its id the night before"
            )


def tell(nights: list[Told], given: int) -> str:
    """A line of the table."""
    moved = [one.moved for one in nights if one.moved is not None]
    cells = (
        str(nights[-1].day),
        f"{median(one.seconds for one in nights):.2f}",
        f"{median(moved):.2%}",
        f"{max(moved):.2%}",
        "/".join(map(str, sorted({one.k for one in nights}))),
        str(sum(one.refitted for one in nights)),
        str(sum(one.held for one in nights)),
        str(given),
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table as the nights go by."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("definition")
    parser.add_argument("source")
    parser.add_argument("--start", type=date.fromisoformat, required=True)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--way", default="auto")
    parser.add_argument("--k", default="auto")
    parser.add_argument("--store", type=Path, help="Keep the store here, for resegment history.")
    asked = parser.parse_args()
    segmentation = read_definition(find_definition(asked.definition, Path("config/segmentations")))
    segmentation = change(segmentation, asked.k, asked.way)
    days = [asked.start + timedelta(days=i) for i in range(asked.nights)]
    print(f"| {' | '.join(HEADER)} |\n" + "| --- " * len(HEADER) + "|", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        waiting, ever = list[Told](), set[str]()
        for told in follow(run_nights(segmentation, asked.source, asked.store or Path(scratch), days)):
            waiting.append(told)
            ever |= told.ids
            if len(waiting) == 30 or told.day == days[-1]:
                print(tell(waiting, len(ever)), flush=True)
                waiting = []


if __name__ == "__main__":
    main()
