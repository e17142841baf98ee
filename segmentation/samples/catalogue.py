"""The sample data sets, written as CSV files that a run reads like any other source.

- `article`: the data of the article on k-means segmentation.
- `shop`: a seeded simulation of a shop whose customers belong to latent segments.
- `people`: a simulation with more about each customer. See segmentation/samples/people.py.
- `orders`: their orders, one file per day. See segmentation/samples/orders.py.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from config.sources import Source
from segmentation.samples.orders import ORDERS_CUSTOMERS, write_order_files
from segmentation.samples.people import people_table

# The 24 distinct rows among the article's 24,000: products_purchased, complains, money_spent, count.
ARTICLE_ROWS = (
    (1, 0, 260.0, 2376), (1, 0, 261.0, 1176), (1, 0, 263.0, 1200), (1, 0, 790.2, 2376),
    (1, 0, 791.2, 1200), (1, 0, 799.2, 1176), (1, 0, 890.0, 1176), (1, 0, 891.0, 1200),
    (1, 0, 892.0, 1152), (1, 0, 894.0, 1200), (1, 1, 261.0, 24), (1, 1, 790.2, 24),
    (1, 1, 799.2, 24), (1, 1, 892.0, 48), (1, 2, 260.0, 24), (1, 2, 890.0, 24),
    (2, 0, 102.0, 1176), (2, 0, 103.0, 1200), (2, 0, 105.0, 2400), (2, 1, 102.0, 24),
    (3, 0, 232.2, 1200), (3, 0, 234.2, 1200), (3, 0, 235.2, 1200), (3, 0, 238.2, 1200),
)  # fmt: skip

SHOP_CUSTOMERS = 20_000
_CHUNK = 131_072
# Latent segments: share, orders a year, basket value, days since the last order, years as customer.
_SHOP_SEGMENTS = np.array(
    [
        (0.34, 2.0, 35.0, 160.0, 1.2),  # occasional
        (0.27, 9.0, 28.0, 30.0, 3.0),  # regular, small baskets
        (0.19, 6.0, 120.0, 45.0, 2.5),  # large baskets
        (0.12, 30.0, 60.0, 7.0, 5.0),  # devoted
        (0.08, 1.2, 70.0, 330.0, 4.0),  # gone
    ]
)
_DIRTY_SHARE = 0.002


def write_samples(source: Source, seed: int, folder: Path, window: tuple[date, date] | None) -> list[Path]:
    """Write the source's sample into `folder`: one file, or one per day of the window."""
    if window is None:
        return [write_sample(source, seed, folder)]
    return write_order_files(folder, window, source.customers or ORDERS_CUSTOMERS, seed)


def write_sample(source: Source, seed: int, folder: Path) -> Path:
    """Write a sample with one row per customer into `folder`. Returns the path of its CSV file."""
    path = folder / f"{source.sample}.csv"
    if source.sample == "article":
        arrow_csv.write_csv(article_table(), path)
        return path
    count = source.customers or SHOP_CUSTOMERS
    make_table = people_table if source.sample == "people" else shop_table
    tables = (make_table(start, min(_CHUNK, count - start), seed) for start in range(0, count, _CHUNK))
    first = next(tables)
    with arrow_csv.CSVWriter(path, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return path


def article_table() -> pa.Table:
    """The article's 24,000 rows: products_purchased, complains, money_spent."""
    columns = np.array(ARTICLE_ROWS).T
    products, complains, money = (np.repeat(column, columns[3].astype(int)) for column in columns[:3])
    return pa.table(
        {
            "products_purchased": products.astype(np.int64),
            "complains": complains.astype(np.int64),
            "money_spent": money,
        }
    )


def shop_table(start: int, count: int, seed: int) -> pa.Table:
    """Customers start..start+count of the shop, with a few dirty rows. Every column is text.

    Within a segment, spend is log-normal and counts are Poisson. Complaints are rare.
    """
    # A stream per chunk: each can be generated alone, and only one is in memory at a time.
    random = np.random.default_rng([seed, start])
    _, orders_mean, basket_mean, recency_mean, years = _SHOP_SEGMENTS[
        random.choice(len(_SHOP_SEGMENTS), count, p=_SHOP_SEGMENTS[:, 0])
    ].T
    orders = 1 + random.poisson(orders_mean * random.gamma(4.0, 0.25, count))
    basket = basket_mean * random.lognormal(0.0, 0.35, count)
    revenue = np.round(orders * basket * random.lognormal(0.0, 0.2, count), 2)
    numbers = {
        "orders": orders,
        "revenue": revenue,
        "average_basket": np.round(revenue / orders, 2),
        "items": orders + random.poisson(orders * basket / 20.0),
        "recency_days": np.minimum(random.gamma(2.0, recency_mean / 2.0).astype(int), 364),
        "tenure_days": 30 + random.gamma(3.0, years * 365.0 / 3.0).astype(int),
        "returns": random.binomial(orders, 0.06),
        "complaints": random.binomial(orders, 0.004),
    }
    ids = [f"C{start + i + 1:09d}" for i in range(count)]
    table = pa.table({"customer_id": ids, **numbers})
    return _soil(pa.table({name: pc.cast(table[name], pa.string()) for name in table.column_names}), random)


def _soil(table: pa.Table, random: np.random.Generator) -> pa.Table:
    """Damage a few rows as real exports do: a missing id, text for a number, a negative amount."""
    damage = random.random(table.num_rows)
    # Disjoint ranges of one number, so a row has at most one kind of damage.
    third = _DIRTY_SHARE / 3
    stains = [("customer_id", 0.0, ""), ("orders", third, "n/a"), ("revenue", 2 * third, "-1.00")]
    for column, low, stain in stains:
        is_damaged = pa.array((damage >= low) & (damage < low + third))
        values = pc.if_else(is_damaged, stain, table[column])
        table = table.set_column(table.column_names.index(column), column, values)
    return table
