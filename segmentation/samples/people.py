"""The sample `people`: customers as a loyalty scheme knows them.

Where they live, who they are, what they do and what they think is drawn from each customer's latent
type. The table is seeded and generated chunk by chunk. Other samples are in
segmentation/samples/catalogue.py.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from segmentation.keys import mix, to_uniform

DIRTY_SHARE = 0.002
REGIONS = ("Bavaria", "Berlin", "Hamburg", "Hesse", "Lower Saxony", "Rhineland", "Saxony")
# First two digits of the zip code by region. In Saxony the first digit is 0.
ZIP_STARTS = (80, 10, 20, 60, 30, 50, 1)
PLACES = ("village", "town", "city")
EDUCATION = ("none", "school", "vocational", "bachelor", "master")
HOUSEHOLDS = ("single", "couple", "family", "shared")
GENDERS = ("female", "male", "other")
ATTITUDES = ("price_matters", "quality_matters", "green_matters", "likes_new_things")


class CustomerType(NamedTuple):
    """A latent type of customer. Odds are in the order of the lists above."""

    share: float
    regions: tuple[float, ...]
    places: tuple[float, ...]
    age: tuple[float, float]
    income: float
    education: tuple[float, ...]
    households: tuple[float, ...]
    orders: float
    basket: float
    recency: float
    newsletter: float
    attitudes: tuple[float, ...]


CUSTOMER_TYPES = (
    CustomerType(  # students in the large cities
        0.24, (1, 5, 3, 1, 1, 1, 2), (0, 1, 9), (24, 3), 16_000, (0, 5, 1, 4, 1), (4, 1, 0, 5),
        4, 22, 60, 0.5, (4.6, 2.2, 3.9, 4.5),
    ),
    CustomerType(  # families outside of them
        0.30, (4, 0.3, 0.5, 3, 4, 4, 2), (5, 5, 1), (41, 6), 52_000, (0, 2, 5, 2, 1), (0, 1, 9, 0),
        24, 48, 12, 0.7, (4.0, 3.4, 2.8, 2.1),
    ),
    CustomerType(  # well-off couples
        0.18, (5, 1, 3, 4, 1, 2, 0.3), (1, 4, 5), (52, 7), 98_000, (0, 0.5, 1, 4, 5), (2, 8, 1, 0),
        12, 150, 20, 0.4, (1.6, 4.8, 3.2, 3.2),
    ),
    CustomerType(  # pensioners who seldom order
        0.20, (2, 1, 1, 2, 3, 3, 5), (5, 4, 1), (72, 6), 24_000, (1, 6, 4, 0.5, 0.2), (5, 5, 0, 0),
        2, 35, 170, 0.15, (3.4, 4.0, 2.2, 1.3),
    ),
    CustomerType(  # young and green
        0.08, (2, 5, 3, 1, 1, 2, 3), (1, 2, 8), (33, 5), 41_000, (0, 1, 1, 5, 4), (4, 4, 1, 2),
        15, 40, 18, 0.85, (2.4, 4.2, 4.9, 3.9),
    ),
)  # fmt: skip


def people_table(start: int, count: int, seed: int) -> pa.Table:
    """Customers start..start+count, a few of them dirty or incomplete. Every column is text."""
    random = np.random.default_rng([seed, 2, start])
    shares = np.array([type_.share for type_ in CUSTOMER_TYPES])
    kind = random.choice(len(CUSTOMER_TYPES), count, p=shares / shares.sum())
    region = _draw(random, kind, [type_.regions for type_ in CUSTOMER_TYPES])
    zip_code = np.array(ZIP_STARTS)[region] * 1000 + random.integers(1, 1000, count)
    orders = 1 + random.poisson(_of(kind, "orders") * random.gamma(4.0, 0.25, count))
    revenue = np.round(orders * _of(kind, "basket") * random.lognormal(0.0, 0.3, count), 2)
    low, spread = np.array([type_.age for type_ in CUSTOMER_TYPES])[kind].T
    columns: dict[str, pa.Array] = {
        "customer_id": pa.array([f"P{start + i + 1:09d}" for i in range(count)]),
        "region": _name(REGIONS, region),
        "zip_code": pc.utf8_lpad(_text(zip_code), 5, "0"),
        "place": _name(PLACES, _draw(random, kind, [type_.places for type_ in CUSTOMER_TYPES])),
        "age": _text(np.clip(random.normal(low, spread), 18, 99).astype(int)),
        "gender": _name(GENDERS, random.choice(3, count, p=[0.53, 0.455, 0.015])),
        "income": _text((_of(kind, "income") * random.lognormal(0, 0.25, count) / 100).astype(int) * 100),
        "education": _name(EDUCATION, _draw(random, kind, [type_.education for type_ in CUSTOMER_TYPES])),
        "household": _name(HOUSEHOLDS, _draw(random, kind, [type_.households for type_ in CUSTOMER_TYPES])),
        "orders": _text(orders),
        "revenue": pa.array([f"{value:.2f}" for value in revenue]),
        "recency_days": _text(np.minimum(random.gamma(2, _of(kind, "recency") / 2), 364).astype(int)),
        "newsletter": _name(("false", "true"), (random.random(count) < _of(kind, "newsletter")).astype(int)),
    }
    for position, name in enumerate(ATTITUDES):
        centre = np.array([type_.attitudes[position] for type_ in CUSTOMER_TYPES])[kind]
        columns[name] = _text(np.clip(np.round(random.normal(centre, 0.7)), 1, 5).astype(int))
    return _spoil(pa.table(columns), start, seed)


def _of(kind: np.ndarray, name: str) -> np.ndarray:
    """One number of each customer's type: float64 (n,)."""
    values: np.ndarray = np.array([getattr(type_, name) for type_ in CUSTOMER_TYPES], np.float64)[kind]
    return values


def _draw(random: np.random.Generator, kind: np.ndarray, odds: list[tuple[float, ...]]) -> np.ndarray:
    """A random choice per customer with the odds of its type: positions, int64 (n,)."""
    ends = np.cumsum(odds, axis=1)
    is_beyond = random.random(len(kind))[:, None] * ends[kind, -1:] >= ends[kind]
    positions: np.ndarray = np.count_nonzero(is_beyond, axis=1)
    return positions


def _name(names: tuple[str, ...], positions: np.ndarray) -> pa.Array:
    return pa.array(names).take(pa.array(positions))


def _text(numbers: np.ndarray) -> pa.Array:
    return pc.cast(pa.array(numbers.astype(np.int64)), pa.string())


def _spoil(table: pa.Table, start: int, seed: int) -> pa.Table:
    """Remove some answers, as people do, and damage a few rows, as exports do."""
    rows = np.arange(start, start + table.num_rows, dtype=np.uint64)
    gaps = [("income", 0.09, ""), ("age", 0.03, ""), *((name, 0.05, "") for name in ATTITUDES)]
    stains = [("customer_id", DIRTY_SHARE / 2, ""), ("orders", DIRTY_SHARE / 2, "n/a")]
    for number, (column, share, stain) in enumerate((*gaps, *stains)):
        is_hit = pa.array(to_uniform(mix(rows), seed + number) < share)
        table = table.set_column(
            table.column_names.index(column), column, pc.if_else(is_hit, stain, table[column])
        )
    return table
