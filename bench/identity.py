"""How many customers change their published segment id a night, by how the model is refitted.

    python -m bench.identity DEFINITION SOURCE --start 2011-09-01 --nights 30 --ks 4,5,6,auto

Runs the stages of the nightly flow without Prefect, a fresh store for each way. `cold, by size` is what a
team has that refits and numbers the clusters by size: the ids of the cold nights, put aside.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from bench.nights import run_together
from config.definitions import find_definition, read_definition
from config.parameters import Segmentation
from schemas.records import Night, Published

WAYS: dict[str, dict[str, str]] = {
    "auto": {},
    "warm": {"policy": "always", "mode": "warm"},
    "combine": {"policy": "always", "mode": "combine"},
    "cold": {"policy": "always", "mode": "cold"},
}


def change(segmentation: Segmentation, k: str, way: str) -> Segmentation:
    """The definition with this k, refitted this way."""
    values: dict[str, Any] = segmentation.model_dump()
    if k != "auto":
        values["k"].update(rule="fixed", fixed=int(k))
    values["refit"].update(WAYS[way])
    return Segmentation.model_validate(values)


def read_ids(published: Published, by_size: bool) -> pd.Series:
    """Segment by customer; with by_size its rank among the sizes instead of its id."""
    frame = pd.read_parquet(published.segments_path, columns=["customer_id", "segment_id"])
    ids = frame.set_index("customer_id")["segment_id"]
    if not by_size:
        return ids
    sizes = ids.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return ids.map({name: f"S{rank:02d}" for rank, name in enumerate(sizes.index, 1)})


def measure_churn(before: pd.Series, after: pd.Series) -> float:
    """Share of the customers of both nights whose id changed."""
    both = before.index.intersection(after.index)
    return float((before[both] != after[both]).mean())


class Course:
    """One way over all nights: churn by published ids and by ranks of size, k, what the rule asked for."""

    def __init__(self, segmentation: Segmentation, store: Path) -> None:
        self.segmentation, self.store = segmentation, store
        self.churn: dict[str, list[float]] = {"ids": [], "by_size": []}
        self.ks, self.wanted, self.held = list[int](), list[int](), list[str]()
        self._last: dict[str, pd.Series] = {}

    def take(self, day: date, published: Published) -> None:
        """Note a night."""
        self.ks.append(published.k)
        manifest = json.loads((Path(published.report_path).parent / "manifest.json").read_text())
        self.wanted.append(manifest["wanted_k"] or published.k)
        if published.outcome == "held":
            self.held.append(f"{day}: {'; '.join(published.reasons)}")
            return
        for name, churn in self.churn.items():
            now = read_ids(published, by_size=name == "by_size")
            if name in self._last:
                churn.append(measure_churn(self._last[name], now))
            self._last[name] = now


def follow(courses: Sequence[Course], source: str, days: Sequence[date], folder: Path) -> None:
    """Run every way, night after night."""
    for day in days:
        nights = [
            Night(
                run_id=f"night-{day}",
                segmentation=one.segmentation,
                as_of=day,
                source=source,
                store=one.store,
                force=False,
            )
            for one in courses
        ]
        for one, published in zip(courses, run_together(nights, folder / f"rows-{day}"), strict=True):
            one.take(day, published)


def tell_course(ks: list[int]) -> str:
    """`4` or `4/5, 3 changes`: which k there were, and how often the next night had another."""
    changes = sum(before != after for before, after in pairwise(ks))
    return "/".join(map(str, sorted(set(ks)))) + (f", {changes} changes" if changes else "")


def main() -> None:
    """Print a table, a line for each k and way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("definition")
    parser.add_argument("source")
    parser.add_argument("--start", type=date.fromisoformat, required=True)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--ks", default="4,5,6,auto")
    parser.add_argument("--ways", default=",".join(WAYS))
    asked = parser.parse_args()
    segmentation = read_definition(find_definition(asked.definition, Path("config/segmentations")))
    days = [asked.start + timedelta(days=i) for i in range(asked.nights)]
    with tempfile.TemporaryDirectory() as scratch:
        courses = {
            (k, way): Course(change(segmentation, k, way), Path(scratch) / f"{k}-{way}")
            for k in asked.ks.split(",")
            for way in asked.ways.split(",")
        }
        follow(list(courses.values()), asked.source, days, Path(scratch))
    print("| k | refit | median | largest | k published | k by the rule | held |\n" + "| --- " * 7 + "|")
    for (k, way), found in courses.items():
        kinds = {way: found.churn["ids"]} | (
            {"cold, by size": found.churn["by_size"]} if way == "cold" else {}
        )
        for name, churn in kinds.items():
            ks = f"{tell_course(found.ks)} | {tell_course(found.wanted)}"
            print(f"| {k} | {name} | {median(churn):.2%} | {max(churn):.2%} | {ks} | {len(found.held)} |")
        for words in found.held:
            print(f"<!-- held {k} {way} {words} -->")


if __name__ == "__main__":
    main()
