"""How many customers change their published segment id a night, by how the model is refitted.

    python -m bench.identity DEFINITION SOURCE --start 2011-09-01 --nights 30 --ks 4,5,6,auto

Runs the stages of the nightly flow without Prefect, a fresh store for each way. `cold, by size` is what a
team has that refits and numbers the clusters by size: the ids of the cold nights, put aside.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

import pandas as pd

from config.definitions import find_definition, read_definition
from config.parameters import Segmentation
from schemas.records import Night, Published
from tasks.align import align
from tasks.check import check
from tasks.choose import choose
from tasks.fit import fit
from tasks.ingest import ingest
from tasks.night import hold_night, keep_published
from tasks.publish import publish, settle
from tasks.recall import recall
from tasks.report import report
from tasks.scale import scale
from tasks.summarise import summarise
from tasks.sweep import score, sweep
from tasks.weigh import weigh

WAYS: dict[str, dict[str, str]] = {
    "auto": {},
    "warm": {"policy": "always", "mode": "warm"},
    "combine": {"policy": "always", "mode": "combine"},
    "cold": {"policy": "always", "mode": "cold"},
}
SHOWN = (
    "choose.show_sweep",
    "publish.show_edition",
    "report.show_changes",
    "summarise.show_quarantine",
)


def run_night(night: Night) -> Published:
    """The stages of flows/resegment.py, in its order, with no server to show artifacts on."""
    with ExitStack() as stack:
        for name in SHOWN:
            stack.enter_context(patch(f"tasks.{name}"))
        stack.enter_context(hold_night(night))
        rows = ingest.fn(night)
        if rows.published:
            return keep_published(night, rows)
        customers = summarise.fn(night, rows)
        memory = recall.fn(night, rows, customers)
        scaled = scale.fn(night, customers, memory)
        candidates = [sweep.fn(night, scaled, k) for k in scaled.ks]
        curve, evidence = score.fn(night, scaled, candidates), weigh.fn(night, scaled, candidates)
        choice = choose.fn(night, curve, evidence, memory)
        fitted = fit.fn(night, scaled, candidates, choice, memory)
        aligned = align.fn(night, rows, customers, scaled, fitted, memory)
        verdict = check.fn(night, rows, customers, scaled, choice, aligned, memory)
        reported = report.fn(night, rows, customers, scaled, choice, aligned, memory, verdict)
        published = publish.fn(night, rows, customers, scaled, choice, aligned, memory, verdict, reported)
        return settle(night, rows, published)


def run_nights(
    segmentation: Segmentation, source: str | Callable[[date], str] | None, store: Path, days: list[date]
) -> Iterator[tuple[date, Published]]:
    """Night after night in one store. source: the path, the path of each day, or None."""
    for day in days:
        place = source(day) if callable(source) else source
        night = Night(
            run_id=f"night-{day}",
            segmentation=segmentation,
            as_of=day,
            source=place,
            store=store,
            force=False,
        )
        yield day, run_night(night)


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


def measure(segmentation: Segmentation, source: str, days: list[date]) -> dict[str, Any]:
    """One way, all nights: churn by published ids, and by ranks of size; held nights; seconds a night."""
    found: dict[str, list[float]] = {"ids": [], "by_size": []}
    last: dict[str, pd.Series] = {}
    ks, wanted, held, began = list[int](), list[int](), list[str](), perf_counter()
    with tempfile.TemporaryDirectory() as store:
        for day, published in run_nights(segmentation, source, Path(store), days):
            ks.append(published.k)
            manifest = json.loads((Path(published.report_path).parent / "manifest.json").read_text())
            wanted.append(manifest["wanted_k"] or published.k)
            if published.outcome == "held":
                held.append(f"{day}: {'; '.join(published.reasons)}")
                continue
            for name in found:
                now = read_ids(published, by_size=name == "by_size")
                if name in last:
                    found[name].append(measure_churn(last[name], now))
                last[name] = now
    seconds = (perf_counter() - began) / len(days)
    return {**found, "ks": ks, "wanted": wanted, "held": held, "seconds": seconds}


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
    print(
        "| k | refit | median | largest | k published | k by the rule | held | s a night |\n"
        + "| --- " * 8
        + "|"
    )
    for k in asked.ks.split(","):
        for way in asked.ways.split(","):
            found = measure(change(segmentation, k, way), asked.source, days)
            kinds = {way: found["ids"]} | ({"cold, by size": found["by_size"]} if way == "cold" else {})
            for name, churn in kinds.items():
                ks = f"{tell_course(found['ks'])} | {tell_course(found['wanted'])}"
                figures = f"{median(churn):.2%} | {max(churn):.2%} | {ks} | {len(found['held'])}"
                print(f"| {k} | {name} | {figures} | {found['seconds']:.1f} |", flush=True)
            for words in found["held"]:
                print(f"<!-- held {k} {way} {words} -->", flush=True)


if __name__ == "__main__":
    main()
