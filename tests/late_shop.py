"""A shop whose daily files of events may arrive late, its nights run without a server, and its backfills."""

import gzip
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from bench.nights import run_night
from config.definition import Definition
from schemas.backfills import BackfillRequest, Mode, PlannedDate
from schemas.night import Night, Published
from segmentation.backfill_plan import plan_backfill
from segmentation.parts import hash_file
from tests.event_inputs import EVENTS

FIRST = date(2026, 1, 1)
CUSTOMERS = 300
LENIENT = {"max_row_change": 0.99, "max_churn": 1, "max_drift": 1000}


class Shop(NamedTuple):
    """A folder of daily event files, and a store."""

    folder: Path
    definition: Definition
    name: str = "demo"

    @property
    def days(self) -> Path:
        """The folder of files."""
        return self.folder / "days"

    @property
    def home(self) -> Path:
        """The segmentation's folder in the store."""
        return self.folder / "store" / self.name

    def write(self, numbers: Iterable[int], end: str = ".csv", extra: int = 0) -> None:
        """Write the files of these days. `extra` changes the content."""
        self.days.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            write_events(self.days / f"{day(number)}{end}", number, extra)

    def night(self, number: int, **changes: Any) -> Published:
        """Run the night of the day with this number: it reads the days before."""
        night = Night(
            run_id=f"run-{len(list(self.home.glob('ledger/*')))}",
            definition=self.definition,
            as_of=day(number),
            source=None,
            store=self.folder / "store",
            force=False,
        )
        return run_night(night.model_copy(update=changes))

    def plan(self, mode: Mode = "changed", **changes: Any) -> tuple[PlannedDate, ...]:
        """The dates that a backfill would run."""
        request = BackfillRequest(
            run_id="backfill", name=self.name, store=str(self.folder / "store"), mode=mode, **changes
        )
        return plan_backfill(request, self.definition).dates

    def redo(self) -> list[str]:
        """Run the dates of the plan, in order. Returns the outcomes."""
        return [self.night((planned.as_of - FIRST).days + 1).outcome for planned in self.plan()]

    def digests(self) -> dict[str, dict[str, str]]:
        """sha256 by file of each date's published edition."""
        return {
            path.parent.name: {
                file.name: hash_file(file) for file in self.home.glob(f"editions/*/{edition_of(path)}/*")
            }
            for path in sorted(self.home.glob("published/*/segments.parquet"))
        }


def edition_of(table: Path) -> str:
    """The edition that a published table is of."""
    return str((pq.read_metadata(table).metadata or {})[b"resegment.edition"].decode())


def day(number: int) -> date:
    """The date of a day, counting from 1."""
    return FIRST + timedelta(days=number - 1)


def write_events(path: Path, number: int, extra: int = 0) -> None:
    """Events of a day: two groups of customers, whose orders differ from day to day."""
    random = np.random.default_rng([number, extra])
    buyers = np.flatnonzero(random.random(CUSTOMERS) < 0.7)
    frame = pd.DataFrame(
        {
            "id": [f"c{buyer:03d}" for buyer in buyers],
            "invoice": [f"i{number}-{buyer}" for buyer in buyers],
            "day": pd.Timestamp(day(number)) + pd.to_timedelta(random.integers(0, 86_400, len(buyers)), "s"),
            "pieces": random.integers(1, 4, len(buyers)),
            "price": np.where(buyers % 2, 5.0, 90.0) + random.integers(0, 5, len(buyers)),
        }
    )
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
        return
    frame["day"] = frame["day"].dt.strftime("%Y-%m-%d %H:%M:%S")
    text = frame.to_csv(index=False).encode()
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": partial(gzip.compress, mtime=0)}
    path.write_bytes(packers.get(path.suffix, bytes)(text))


def make_shop(folder: Path, **changes: Any) -> Shop:
    """A shop whose nights read seven days."""
    content = {
        **EVENTS,
        "timezone": "UTC",
        "source": {"path": str(folder / "days"), "date_in_name": "%Y-%m-%d"},
        "summary": {**EVENTS["summary"], "window_days": 7},
        "k": {"min": 2, "max": 2, "rule": "fixed", "fixed": 2},
        "fit": {"starts": 2},
        "refit": {"max_drift": 100, "max_inertia_rise": 10},  # the first model stays
        "checks": LENIENT,
        **changes,
    }
    return Shop(folder, Definition.model_validate(content))
