"""A shop whose customers are known for two months: heavy ones order again, light ones rarely do.

Tests of outcomes run nights in it and judge them.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bench.nights import run_night
from config.definition import Definition
from flows.validate import validate_newest
from schemas.night import Night, Published
from schemas.validation import Validated
from tasks.validate import list_complete_editions
from tests.event_inputs import AS_OF, HEADER, define, write_events

DAYS = 28
UNTIL = AS_OF + timedelta(DAYS)
OUTCOME = {"days": DAYS, "measures": ["revenue", "orders"]}
K = {"min": 1, "max": 4, "rule": "fixed", "fixed": 2}
CHECKS = {"max_churn": 1, "max_row_change": 1, "max_drift": 1000}  # customers do change in February
GROUPS = {"heavy": 60, "light": 90}


class Shop(NamedTuple):
    """A file of orders, a store with a night as of AS_OF, and its definition."""

    folder: Path
    definition: Definition

    def make_night(self, as_of: date = AS_OF, run_id: str = "night") -> Night:
        """A night of the shop."""
        return Night(
            run_id=run_id,
            definition=self.definition,
            as_of=as_of,
            source=str(self.folder / "orders.csv"),
            store=self.folder / "store",
            force=False,
        )

    def run(self, as_of: date = AS_OF) -> Published:
        """Run the night of a date."""
        return run_night(self.make_night(as_of, f"night-{as_of}"))

    def validate(self, today: str = "2026-12-31") -> Validated:
        """Validate the newest edition whose horizon is over."""
        night = self.make_night(run_id="validate").model_copy(update={"force": True})
        return validate_newest(night, list_complete_editions(night, today))

    @property
    def home(self) -> Path:
        """The segmentation's folder in the store."""
        return self.folder / "store" / self.definition.name


def draw_orders(shuffles: bool) -> Iterator[str]:
    """January: heavy customers order eight times, light ones once. February: heavy ones order again.

    shuffles: in February all customers behave alike.
    """
    rng = np.random.default_rng(3)
    for name, size in GROUPS.items():
        for i in range(size):
            customer, orders = f"{name}{i:03d}", 8 if name == "heavy" else 1
            for order in range(orders):
                day = date(2026, 1, 2) + timedelta(int(rng.integers(0, 29)))
                price = 80 + rng.random() * 20 if name == "heavy" else 5 + rng.random()
                yield f"{customer},i{name}{i}-{order},{day} 10:00:00,1,{price:.2f}"
            is_buyer = rng.random() < (0.4 if shuffles else {"heavy": 0.8, "light": 0.2}[name])
            for order in range(2 if is_buyer else 0):
                day = AS_OF + timedelta(int(rng.integers(0, DAYS)))
                yield f"{customer},f{name}{i}-{order},{day} 10:00:00,1,{20 + rng.random() * 10:.2f}"
    # Day by day up to the horizon's end, new customers order, and a cancellation counts for nobody.
    for offset in range(DAYS + 3):
        yield f"new{offset:03d},n{offset},{AS_OF + timedelta(offset)} 12:00:00,1,50"
    yield f"light000,Cancelled,{AS_OF} 12:00:00,1,99999"
    # The day after the horizon is not part of it.
    yield f"light001,late,{UNTIL} 00:00:00,1,77777"


def open_shop(folder: Path, lines: Iterable[str], **changes: Any) -> Shop:
    """A shop with these orders, and its night."""
    folder.mkdir(exist_ok=True)
    write_events(folder / "orders.csv", lines, HEADER)
    shop = Shop(folder, define(**{"k": K, "outcome": OUTCOME, "checks": CHECKS, **changes}))
    shop.run()
    return shop


def compute_outcomes(shop: Shop) -> pd.DataFrame:
    """Revenue, orders and whether there were any over the horizon, by segment and customer, with pandas."""
    orders = pd.read_csv(shop.folder / "orders.csv", parse_dates=["day"])
    orders = orders[~orders["invoice"].str.startswith("C")]
    inside = orders[(orders["day"] >= str(AS_OF)) & (orders["day"] < str(UNTIL))]
    sums = inside.assign(revenue=inside["pieces"] * inside["price"]).groupby("id")
    outcomes = pd.DataFrame({"revenue": sums["revenue"].sum(), "orders": sums["invoice"].nunique()})
    table = pd.read_parquet(shop.home / "published" / f"as_of={AS_OF}" / "segments.parquet")
    table = table.set_index("customer_id")[["segment_id"]].join(outcomes).fillna(0)
    return table.assign(bought_again=(table["orders"] > 0).astype(float))
