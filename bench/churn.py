"""How many customers change segment in a night, by the number of segments.

    python -m bench.churn online-retail FOLDER --as-of 2011-11-10 --nights 20
    python -m bench.churn shoppers --days-between 3.5 --nights 20

Real nights, one after another, with k fixed at 4 to 8. `shoppers` is a simulated shop whose median customer
comes every `--days-between` days; it is written to a temporary folder.
"""

import argparse
import tempfile
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.nights import run_variants
from bench.tables import format_head, format_row, format_setting
from config.definition import Definition
from config.definition_files import read_definition, resolve_definition
from schemas.night import Night
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.layout import edition_folder

KS = range(4, 9)
SHOP_START = date(2025, 1, 1)
SHOP_DAYS = 450
SHOPPERS: dict[str, Any] = {
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
    births = rng.uniform(-SHOP_DAYS, SHOP_DAYS, customers)
    deaths = births + rng.exponential(500, customers)
    orders = []
    for customer, (rate, basket, birth, death) in enumerate(zip(rates, baskets, births, deaths, strict=True)):
        gaps = rng.gamma(2, 1 / (2 * rate), int(3 * rate * SHOP_DAYS) + 20)
        times = birth + np.cumsum(gaps)
        times = times[(times >= 0) & (times < min(death, SHOP_DAYS))]
        amounts = (basket * np.exp(rng.normal(0, 0.5, len(times)))).round(2)
        orders.append(pd.DataFrame({"customer": f"c{customer:05d}", "days": times, "amount": amounts}))
    table = pd.concat(orders, ignore_index=True)
    times = pd.Timestamp(SHOP_START) + pd.to_timedelta(table.pop("days"), unit="D")
    return table.assign(time=times.dt.floor("s"), order=[f"o{number}" for number in range(len(table))])


def fix_k(definition: Definition, k: int) -> Definition:
    """The definition with this number of segments, so that nothing but customers and refits moves anybody."""
    content = definition.model_dump(mode="json", exclude_unset=True)
    return Definition.model_validate({**content, "k": {"min": k, "max": k, "rule": "fixed", "fixed": k}})


def measure_nightly_churn(
    definition: Definition, source: str, days: Sequence[date], folder: Path
) -> dict[int, list[float]]:
    """The share of returning customers who changed segment, by k, for each night after the first."""
    shares: dict[int, list[float]] = {k: [] for k in KS}
    for day in days:
        nights = [
            Night(
                run_id=f"{k}-{day}",
                definition=fix_k(definition, k),
                as_of=day,
                source=source,
                store=folder / str(k),
                force=False,
            )
            for k in KS
        ]
        for k, published in zip(KS, run_variants(nights, folder / "shared"), strict=True):
            home = folder / str(k) / definition.name
            churn = read_manifest(edition_folder(home, day, published.edition)).churn
            if churn is not None:
                shares[k].append(churn.moved_share)
    return shares


def main() -> None:
    """Print the median and the largest share of a night for each k."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("definition")
    parser.add_argument("source", nargs="?")
    parser.add_argument("--as-of", type=date.fromisoformat, help="The first night.")
    parser.add_argument("--nights", type=int, default=20, help="Nights after the first.")
    parser.add_argument("--days-between", type=float, default=3.5, help="shoppers: a median customer's gap.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.definition == "shoppers":
            source = str(folder / "shop.parquet")
            draw_shoppers(options.days_between).to_parquet(source)
            definition = Definition.model_validate({**SHOPPERS, "source": {"path": source}})
            first = SHOP_START + timedelta(days=400)
        else:
            definition = read_definition(resolve_definition(options.definition, Path("config/segmentations")))
            source, first = options.source, options.as_of
        days = [first + timedelta(days=number) for number in range(options.nights + 1)]
        shares = measure_nightly_churn(definition, source, days, folder)
    print(format_setting())
    print(format_head("k", "median night", "largest night", words=0))
    for k, values in shares.items():
        print(format_row(str(k), f"{np.median(values):.2%}", f"{max(values):.2%}"))


if __name__ == "__main__":
    main()
