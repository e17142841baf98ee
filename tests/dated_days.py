"""A segmentation `demo` whose source has a file per day, for tests of nights and backfills.

Customers drift a little from day to day, so every date's edition is different.
"""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from config.settings import read_settings
from flows.resegment import resegment
from schemas.backfills import BackfillResult
from schemas.night import Published
from tests.test_flow import digests

FIRST = date(2026, 1, 1)
CENTRES = ((80.0, 4.0), (400.0, 9.0), (900.0, 30.0))


class Days(NamedTuple):
    """A folder with definitions, a file per day, and a store."""

    folder: Path

    @property
    def home(self) -> Path:
        """The segmentation's folder in the store."""
        return self.folder / "store" / "demo"

    def file(self, number: int) -> Path:
        """The file of a day, counting from 1."""
        return self.folder / "days" / f"{day(number)}.csv"

    def write(self, number: int) -> None:
        """Write a day's file: the same 150 customers around three centres, each moved a little."""
        rng = np.random.default_rng(7)
        drift = np.random.default_rng(number)
        lines = ["id,spend,orders"]
        for group, (spend, orders) in enumerate(CENTRES):
            for i in range(50):
                values = (spend + rng.normal(0, 9) + drift.normal(0, 1), orders + rng.normal(0, 0.4))
                lines.append(f"{'abc'[group]}{i:03d},{values[0]:.2f},{values[1]:.3f}")
        self.file(number).write_text("\n".join(lines) + "\n")

    def break_file(self, number: int) -> None:
        """Replace a day's file with one that has no usable row."""
        self.file(number).write_text("id,spend,orders\na001,much,1\n")

    def night(self, number: int, **parameters: Any) -> Published:
        """Run one night."""
        published = resegment("demo", as_of=day(number), store=str(self.folder / "store"), **parameters)
        assert isinstance(published, Published)
        return published

    def forward(self, numbers: Iterable[int]) -> dict[str, str]:
        """Run these nights in order. Returns the sha256 of every published file and edition file."""
        for number in numbers:
            assert self.night(number).outcome == "published"
        return digests(self.home)


def day(number: int) -> date:
    """The date of a day, counting from 1."""
    return FIRST + timedelta(days=number - 1)


def create_days(folder: Path, count: int, monkeypatch: pytest.MonkeyPatch, **source: Any) -> Days:
    """Write the definition and the files of this many days, and point the settings at them."""
    days = Days(folder)
    (folder / "days").mkdir()
    (folder / "definitions").mkdir()
    content = {
        "name": "demo",
        "source": {"path": str(folder / "days"), "date_in_name": "%Y-%m-%d", **source},
        "rows": {"id": "id", "columns": {"spend": {"type": "float", "ge": 0}, "orders": {"type": "float"}}},
        "features": ["spend", "orders"],
        "k": {"max": 5},
    }
    (folder / "definitions" / "demo.yaml").write_text(json.dumps(content))
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(folder / "definitions"))
    monkeypatch.setenv("RESEGMENT_STORE", str(folder / "store"))
    read_settings.cache_clear()
    for number in range(1, count + 1):
        days.write(number)
    return days


def outcomes(backfilled: BackfillResult) -> list[str]:
    """The outcomes of the dates, in order."""
    return [result.outcome for result in backfilled.dates]
