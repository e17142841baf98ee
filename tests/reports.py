"""Reports of every kind of night for the browser tests, each made once by the real stages.

No Prefect server is needed. What a page must show is checked in test_report_browser.py.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.nights import run_night, run_nights
from config.definition import BUILT_IN, Definition
from config.definition_files import read_definition
from schemas.night import Night, Published
from tests.nights import FOUR, create_town, draw_customers

RETAIL_DAYS = 31  # thirty editions before the last one
DAY = date(2026, 1, 31)


def run_one_night(definition: Definition, folder: Path, source: Path | None = None) -> Published:
    """Run a night of a definition in an empty store."""
    night = Night(
        run_id="night",
        definition=definition,
        as_of=DAY,
        source=None if source is None else str(source),
        store=folder / "store",
        force=False,
    )
    return run_night(night)


def change_shipped(name: str, **changes: Any) -> Definition:
    """A shipped definition with changed clauses."""
    values = read_definition(BUILT_IN / f"{name}.yaml").model_dump()
    return Definition.model_validate({**values, **changes})


def scatter_customers(features: int, groups: int, customers: int = 2400) -> pd.DataFrame:
    """Customers in groups far apart."""
    random = np.random.default_rng(features)
    centres = random.uniform(0, 1000, (groups, features))
    values = centres[np.arange(customers) % groups] + random.normal(0, 20, (customers, features))
    columns = [f"feature {i + 1}" for i in range(features)]
    frame = pd.DataFrame(values.round(2), columns=columns)
    return frame.assign(id=[f"c{i:06d}" for i in range(customers)])


def build_scattered(folder: Path, features: int, k: dict[str, Any], groups: int = 5) -> Published:
    """The report of scattered customers."""
    frame = scatter_customers(features, groups)
    source = folder / "customers.csv"
    frame.to_csv(source, index=False)
    names = [name for name in frame.columns if name != "id"]
    definition = {
        "name": "scattered",
        "source": {"path": "customers.csv"},
        "rows": {"id": "id", "columns": {name: {"type": "float"} for name in names}},
        "features": names,
        "k": k,
    }
    return run_one_night(Definition.model_validate(definition), folder, source)


def build_planted(folder: Path, nights: int, last_sizes: dict[str, int]) -> Published:
    """The report of the last of several nights of four groups, with these sizes."""
    town = create_town(folder, description="Four planted groups.")
    for number in range(1, nights):
        town.night(number, draw_customers({**FOUR, "a": 150 + 4 * number}))
    return town.night(nights, draw_customers(last_sizes))


# Sixty characters: with underscores, with a camel's humps, in words, and without a point to break at.
LONG_NAMES = (
    "total_revenue_in_pounds_over_the_last_twelve_calendar_months",
    "AverageNumberOfDaysBetweenTwoOrdersOfTheSameCustomerInShops",
    "share of orders that were returned within thirty days of sale",
    "lifetimevalueoftheaveragecustomerinthelasttwelvemonthsofyear",
)


def build_long(folder: Path) -> Published:
    """The report of eleven segments with long names, huge and tiny numbers, on the second of two nights."""
    names = [*LONG_NAMES, "tiny_ratio"]
    columns: dict[str, dict[str, str]] = {name: {"type": "float"} for name in names}
    columns[names[0]]["unit"] = "GBP"
    definition = Definition.model_validate(
        {
            "name": "customers-of-the-whole-company",
            "source": {"path": "customers.csv"},
            "rows": {"id": "id", "columns": columns},
            "features": names,
            "k": {"max": 12, "rule": "fixed", "fixed": 11},
        }
    )
    random = np.random.default_rng(5)
    scales = np.array([1e9, 3, 0.05, 250, 1e-6])
    centres, source = random.uniform(1, 10, (11, len(names))), folder / "customers.csv"
    noise = random.normal(0, 0.2, (2200, len(names)))
    labels = np.arange(len(noise)) % 14 % 11  # three segments are twice as large
    published = []
    for number in range(2):
        labels = np.where(np.arange(len(labels)) < 40 * number, (labels + 1) % 11, labels)
        frame = pd.DataFrame(np.abs(centres[labels] + noise) * scales, columns=names)
        frame.assign(id=[f"c{i:05d}" for i in range(len(frame))]).to_csv(source, index=False)
        night = Night(
            run_id=f"night-{number}",
            definition=definition,
            as_of=DAY + timedelta(days=number),
            source=str(source),
            store=folder / "store",
            force=False,
        )
        published.append(run_night(night))
    return published[-1]


def build_retail(folder: Path, shared: Path) -> Published:
    """The report of the last of many nights of Online Retail.

    A window of sixty days and a fixed k take a third of the time of a year with a choice of k.
    """
    summary = {**change_shipped("online-retail").model_dump()["summary"], "window_days": 60}
    definition = change_shipped(
        "online-retail", summary=summary, k={"min": 4, "max": 4, "rule": "fixed", "fixed": 4}
    )
    days = [date(2011, 11, 1) + timedelta(days=i) for i in range(RETAIL_DAYS)]
    nights = run_nights(definition, str(shared / "online_retail_by_day"), folder / "store", days)
    return [published for _, published in nights][-1]


BUILDERS: dict[str, Callable[[Path], Published]] = {
    "article": lambda folder: run_one_night(change_shipped("article"), folder),
    "first": lambda folder: build_planted(folder, 1, FOUR),
    "moved": lambda folder: build_planted(folder, 3, {**FOUR, "c": 90, "e": 60}),
    "long": build_long,
    "held": lambda folder: build_planted(folder, 3, {"a": 40, "b": 30, "c": 20, "d": 10}),
    "one": lambda folder: build_scattered(folder, 3, {"rule": "fixed", "fixed": 1}, 1),
    "twelve": lambda folder: build_scattered(folder, 3, {"max": 12, "rule": "fixed", "fixed": 12}, 12),
    "forty": lambda folder: build_scattered(folder, 40, {"max": 6}),
    "mixed": lambda folder: run_one_night(change_shipped("blended"), folder),
    "million": lambda folder: run_one_night(
        change_shipped(
            "shop",
            source={"sample": "shop", "customers": 1_000_000},
            k={"min": 6, "max": 6, "rule": "fixed", "fixed": 6},
        ),
        folder,
    ),
}


@pytest.fixture(scope="session")
def make_report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The report of a kind of night by its name in BUILDERS, made on first use."""
    reports = dict[str, Path]()

    def make(name: str) -> Path:
        if name not in reports:
            reports[name] = Path(BUILDERS[name](tmp_path_factory.mktemp(name)).report_path)
        return reports[name]

    return make
