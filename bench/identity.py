"""How many customers get another segment id each night, by how the model is refitted.

    python -m bench.identity DEFINITION SOURCE --start 2011-09-01 --nights 30 --ks 4,5,6,auto

Each way of refitting has its own store. `cold, by size` is what a team gets that refits every night and
numbers the clusters by size: the cold nights' clusters, without the published ids.
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

from bench.nights import run_variants
from bench.tables import format_head, format_row, format_setting
from config.definition import Definition
from config.definition_files import read_definition, resolve_definition
from schemas.night import Night, Published

WAYS: dict[str, dict[str, str]] = {
    "auto": {},
    "warm": {"policy": "always", "mode": "warm"},
    "combine": {"policy": "always", "mode": "combine"},
    "cold": {"policy": "always", "mode": "cold"},
}


def set_refit(definition: Definition, k: str, way: str) -> Definition:
    """The definition with this k and this way of refitting."""
    values: dict[str, Any] = definition.model_dump()
    if k != "auto":
        values["k"].update(rule="fixed", fixed=int(k))
    values["refit"].update(WAYS[way])
    return Definition.model_validate(values)


def read_segment_ids(published: Published, by_size: bool) -> pd.Series:
    """Segment id by customer; with `by_size` the rank of the segment by size instead."""
    frame = pd.read_parquet(published.segments_path, columns=["customer_id", "segment_id"])
    ids = frame.set_index("customer_id")["segment_id"]
    if not by_size:
        return ids
    sizes = ids.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return ids.map({name: f"S{rank:02d}" for rank, name in enumerate(sizes.index, 1)})


def measure_churn(previous: pd.Series, current: pd.Series) -> float:
    """Share of the customers present on both nights whose id changed."""
    customers = previous.index.intersection(current.index)
    return float((previous[customers] != current[customers]).mean())


class Course:
    """The nights of one way of refitting: churn by id and by rank, k, and the k that the rule wanted."""

    def __init__(self, definition: Definition, store: Path) -> None:
        self.definition, self.store = definition, store
        self.churn: dict[str, list[float]] = {"ids": [], "by_size": []}
        self.ks, self.wanted_ks, self.held = list[int](), list[int](), list[str]()
        self._last: dict[str, pd.Series] = {}

    def add(self, day: date, published: Published) -> None:
        """Add a night's figures."""
        self.ks.append(published.k)
        manifest = json.loads((Path(published.report_path).parent / "manifest.json").read_text())
        self.wanted_ks.append(manifest["wanted_k"] or published.k)
        if published.outcome == "held":
            self.held.append(f"{day}: {'; '.join(published.reasons)}")
            return
        for name, churn in self.churn.items():
            ids = read_segment_ids(published, by_size=name == "by_size")
            if name in self._last:
                churn.append(measure_churn(self._last[name], ids))
            self._last[name] = ids


def run_courses(courses: Sequence[Course], source: str, days: Sequence[date], folder: Path) -> None:
    """Run every night of every course."""
    for day in days:
        nights = [
            Night(
                run_id=f"night-{day}",
                definition=course.definition,
                as_of=day,
                source=source,
                store=course.store,
                force=False,
            )
            for course in courses
        ]
        editions = run_variants(nights, folder / f"rows-{day}")
        for course, published in zip(courses, editions, strict=True):
            course.add(day, published)


def format_ks(ks: list[int]) -> str:
    """`4` or `4/5, 3 changes`: the values of k, and how often it changed from one night to the next."""
    changes = sum(previous != current for previous, current in pairwise(ks))
    return "/".join(map(str, sorted(set(ks)))) + (f", {changes} changes" if changes else "")


def main() -> None:
    """Print a table with a line for each k and way of refitting."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("definition")
    parser.add_argument("source")
    parser.add_argument("--start", type=date.fromisoformat, required=True)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--ks", default="4,5,6,auto")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--definitions", type=Path, default=Path("config/segmentations"))
    options = parser.parse_args()
    definition = read_definition(resolve_definition(options.definition, options.definitions))
    days = [options.start + timedelta(days=i) for i in range(options.nights)]
    with tempfile.TemporaryDirectory() as scratch:
        courses = {
            (k, way): Course(set_refit(definition, k, way), Path(scratch) / f"{k}-{way}")
            for k in options.ks.split(",")
            for way in options.ways.split(",")
        }
        run_courses(list(courses.values()), options.source, days, Path(scratch))
    titles = ("k", "refit", "median", "largest", "k published", "k by the rule", "held")
    print(f"{format_setting()}\n{format_head(*titles, words=len(titles))}")
    for (k, way), course in courses.items():
        kinds = {way: course.churn["ids"]}
        if way == "cold":
            kinds["cold, by size"] = course.churn["by_size"]
        for kind, churn in kinds.items():
            shares = (f"{median(churn):.2%}", f"{max(churn):.2%}")
            ks = (format_ks(course.ks), format_ks(course.wanted_ks))
            print(format_row(k, kind, *shares, *ks, len(course.held)))
        for reason in course.held:
            print(f"<!-- held {k} {way} {reason} -->")


if __name__ == "__main__":
    main()
