"""Reports for the browser: each kind of night that a report may have to tell, made once by real stages.

What a page must show is tests/test_report_browser.py's. No Prefect server is needed.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.nights import run_night, run_nights
from config.definitions import read_definition
from config.parameters import BUILT_IN, Segmentation
from schemas.records import Night, Published
from tests.nights import FOUR, draw_customers, found_town

RETAIL_DAYS = 31  # thirty editions behind the last one
DAY = date(2026, 1, 31)


def build(segmentation: Segmentation, folder: Path, source: Path | None = None) -> Published:
    """One night of a definition."""
    night = Night(
        run_id="night",
        segmentation=segmentation,
        as_of=DAY,
        source=None if source is None else str(source),
        store=folder / "store",
        force=False,
    )
    return run_night(night)


def ship(name: str, **changes: Any) -> Segmentation:
    """A shipped definition with these clauses."""
    values = read_definition(BUILT_IN / f"{name}.yaml").model_dump()
    return Segmentation.model_validate({**values, **changes})


def scatter_customers(features: int, groups: int, customers: int = 2400) -> pd.DataFrame:
    """Customers in groups far apart, of so many features."""
    random = np.random.default_rng(features)
    centres = random.uniform(0, 1000, (groups, features))
    values = centres[np.arange(customers) % groups] + random.normal(0, 20, (customers, features))
    columns = [f"feature {i + 1}" for i in range(features)]
    frame = pd.DataFrame(values.round(2), columns=columns)
    return frame.assign(id=[f"c{i:06d}" for i in range(customers)])


def build_scattered(folder: Path, features: int, k: dict[str, Any], groups: int = 5) -> Published:
    """A night of so many features and groups."""
    frame = scatter_customers(features, groups)
    source = folder / "customers.csv"
    frame.to_csv(source, index=False)
    names = [name for name in frame.columns if name != "id"]
    plan = {
        "name": "scattered",
        "source": {"path": "customers.csv"},
        "rows": {"id": "id", "columns": {name: {"type": "float"} for name in names}},
        "features": names,
        "k": k,
    }
    return build(Segmentation.model_validate(plan), folder, source)


def build_planted(folder: Path, nights: int, last: dict[str, int]) -> Published:
    """Nights of four planted groups, the last one of other sizes."""
    town = found_town(folder, description="Four planted groups.")
    for number in range(1, nights):
        town.night(number, draw_customers({**FOUR, "a": 150 + 4 * number}))
    return town.night(nights, draw_customers(last))


def build_retail(folder: Path, shared: Path) -> Published:
    """Online Retail, night after night; the report of the last one."""
    days = [date(2011, 11, 1) + timedelta(days=i) for i in range(RETAIL_DAYS)]
    nights = run_nights(ship("online-retail"), str(shared / "online_retail_by_day"), folder / "store", days)
    return [published for _, published in nights][-1]


MAKERS: dict[str, Callable[[Path], Published]] = {
    "article": lambda folder: build(ship("article"), folder),
    "first": lambda folder: build_planted(folder, 1, FOUR),
    "moved": lambda folder: build_planted(folder, 3, {**FOUR, "c": 90, "e": 60}),
    "held": lambda folder: build_planted(folder, 3, {"a": 40, "b": 30, "c": 20, "d": 10}),
    "one": lambda folder: build_scattered(folder, 3, {"rule": "fixed", "fixed": 1}, 1),
    "twelve": lambda folder: build_scattered(folder, 3, {"max": 12, "rule": "fixed", "fixed": 12}, 12),
    "forty": lambda folder: build_scattered(folder, 40, {"max": 6}),
    "mixed": lambda folder: build(ship("blended"), folder),
    "million": lambda folder: build(
        ship(
            "shop",
            source={"sample": "shop", "customers": 1_000_000},
            k={"min": 6, "max": 6, "rule": "fixed", "fixed": 6},
        ),
        folder,
    ),
}


@pytest.fixture(scope="session")
def make_report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The report of a kind of night, by name; made when it is first asked for."""
    made = dict[str, Path]()

    def make(name: str) -> Path:
        if name not in made:
            made[name] = Path(MAKERS[name](tmp_path_factory.mktemp(name)).report_path)
        return made[name]

    return make
