"""A simulated shop whose median customer comes every 3.5 days: `python -m bench.shoppers FOLDER`.

Writes `shoppers.parquet` with a line for each order, and its definition `shoppers.yaml`.
bench/identity.py runs its nights.
"""

import argparse
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

START, DAYS = date(2025, 1, 1), 450
DEFINITION: dict[str, Any] = {
    "name": "shoppers",
    "rows": {
        "grain": "event",
        "id": "customer",
        "time": "time",
        "columns": {
            "order": {"type": "text"},
            "time": {"type": "timestamp"},
            "amount": {"type": "float", "unit": "EUR"},
        },
    },
    "summary": {
        "window_days": 365,
        "features": {
            "recency_days": {"op": "days_since_last", "unit": "days"},
            "orders": {"op": "count_distinct", "column": "order"},
            "revenue": {"op": "sum", "column": "amount", "unit": "EUR"},
        },
    },
    "features": ["recency_days", "orders", "revenue"],
}


def draw_shoppers(days_between: float, customers: int = 4000, seed: int = 1) -> pd.DataFrame:
    """Orders of customers who come and go: gaps between orders are gamma with shape 2.

    A customer's own rate is lognormal around the median, and so are their baskets.
    """
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.normal(np.log(1 / days_between), 0.5, customers))
    baskets = np.exp(rng.normal(3.3, 0.6, customers))
    births = rng.uniform(-DAYS, DAYS, customers)
    deaths = births + rng.exponential(500, customers)
    orders = []
    for customer, (rate, basket, birth, death) in enumerate(zip(rates, baskets, births, deaths, strict=True)):
        gaps = rng.gamma(2, 1 / (2 * rate), int(3 * rate * DAYS) + 20)
        times = birth + np.cumsum(gaps)
        times = times[(times >= 0) & (times < min(death, DAYS))]
        amounts = (basket * np.exp(rng.normal(0, 0.5, len(times)))).round(2)
        orders.append(pd.DataFrame({"customer": f"c{customer:05d}", "days": times, "amount": amounts}))
    table = pd.concat(orders, ignore_index=True)
    times = pd.Timestamp(START) + pd.to_timedelta(table.pop("days"), unit="D")
    return table.assign(time=times.dt.floor("s"), order=[f"o{number}" for number in range(len(table))])


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--days-between", type=float, default=3.5, help="a median customer's gap")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    path = options.folder / "shoppers.parquet"
    draw_shoppers(options.days_between).to_parquet(path)
    definition = yaml.safe_dump({**DEFINITION, "source": {"path": str(path)}})
    (options.folder / "shoppers.yaml").write_text(definition, encoding="utf-8")


if __name__ == "__main__":
    main()
