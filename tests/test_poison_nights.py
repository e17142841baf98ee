"""Bad nights do no harm: each is refused or held with a reason, and the live edition stays.

The order lines of a good night are spoilt in twelve ways for the next.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segmentation.errors import Refused
from segmentation.store.dates import published_dates
from segmentation.store.pointer import read_live
from segmentation.store.repair.audit import audit_store
from tests.nights import Town, create_town, day

EVENTS = {
    "name": "planted",
    "source": {"path": "orders.csv"},
    "rows": {
        "grain": "event",
        "id": "customer",
        "time": "at",
        "columns": {
            "at": {"type": "timestamp"},
            "order": {"type": "text"},
            "amount": {"type": "float", "gt": 0},
        },
    },
    "summary": {
        "window_days": 365,
        "features": {
            "orders": {"op": "count_distinct", "column": "order"},
            "revenue": {"op": "sum", "column": "amount"},
        },
    },
    "features": ["orders", "revenue"],
    "scaling": {"default": "standard"},
    "k": {"min": 1, "max": 6},
}


def draw_orders() -> pd.DataFrame:
    """Lines of 300 customers: a third each orders rarely, often, and often for large amounts."""
    random = np.random.default_rng(7)
    rows = []
    for number in range(300):
        orders, amount = ((4, 20.0), (20, 20.0), (20, 200.0))[number % 3]
        for i in range(orders + number % 2):
            time = pd.Timestamp("2025-12-31 12:00") - pd.Timedelta(days=i * 9)
            rows.append(
                (f"c{number:03d}", time, f"o{number:03d}-{i}", round(amount * random.uniform(0.9, 1.1), 2))
            )
    return pd.DataFrame(rows, columns=["customer", "at", "order", "amount"])


def swap(lines: pd.DataFrame) -> pd.DataFrame:
    """Customers who ordered rarely swap places with those who order large amounts."""
    number = lines["customer"].str[1:].astype(int)
    swapped = np.where(number % 3 == 0, number + 2, np.where(number % 3 == 2, number - 2, number))
    return lines.assign(customer=[f"c{partner:03d}" for partner in swapped])


def as_csv(lines: pd.DataFrame) -> bytes:
    """The lines as the source writes them."""
    return lines.to_csv(index=False).encode()


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0a\nsize 12345\n"
POISON: dict[str, tuple[Callable[[pd.DataFrame], bytes], str]] = {
    "empty file": (lambda _: b"", "empty"),
    "half the rows": (
        lambda x: as_csv(x.iloc[::2]),
        "rows-volume: .* a change of 50% or more is not allowed",
    ),
    "doubled rows": (
        lambda x: as_csv(pd.concat([x, x.assign(order=x["order"] + "b")])),
        "rows-volume: .* a change of 50% or more is not allowed",
    ),
    "amounts x100": (lambda x: as_csv(x.assign(amount=x["amount"] * 100)), "drift: PSI of revenue"),
    "a missing column": (lambda x: as_csv(x.drop(columns="amount")), "missing-column: .* lacks amount"),
    "a pointer file": (lambda _: POINTER, "pointer-file: .* run 'git lfs pull'"),
    "another encoding": (lambda x: x.to_csv(index=False).encode("utf-16"), "encoding: .* UTF-16"),
    "negatives": (
        lambda x: as_csv(x.assign(amount=-x["amount"])),
        "no-rows: .* all 4,550 rows are refused: amount: not above 0",
    ),
    "one customer only": (
        lambda x: as_csv(x.assign(customer="c000")),
        "all-constant: every feature is constant for all customers",
    ),
    "a constant column": (
        lambda x: as_csv(x.assign(amount=1 / x.groupby("customer")["order"].transform("size"))),
        "features-vary: constant: revenue",
    ),
    "future dates": (
        lambda x: as_csv(x.assign(at=x["at"] + pd.Timedelta(days=300))),
        "no-rows: .* 4550 are outside the window",
    ),
    "mass churn": (lambda x: as_csv(swap(x)), "churn: 6.* of staying customers change segment"),
}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """One good night is live."""
    town = create_town(tmp_path_factory.mktemp("poison"), **EVENTS)
    source = town.folder / "good.csv"
    source.write_bytes(as_csv(draw_orders()))
    assert (town.run(1, source).outcome, town.run(2, source).outcome) == ("published", "published")
    return town


@pytest.mark.parametrize("poison", POISON)
def test_a_poison_night_does_no_harm(town: Town, poison: str) -> None:
    """It ends with an understandable reason; live.json and every published table stay."""
    spoil, reason = POISON[poison]
    tables = {path: path.read_bytes() for path in (town.home / "published").rglob("*") if path.is_file()}
    live = read_live(town.home)
    source = town.folder / f"{poison.replace(' ', '-')}.csv"
    source.write_bytes(spoil(draw_orders()))
    try:
        night = town.run(3, source)
        message = "; ".join(night.reasons)
        assert night.outcome == "held"
        assert Path(night.segments_path).is_file(), "kept for inspection"
    except Refused as refusal:
        message = str(refusal)
    assert pd.Series([message]).str.contains(reason).all(), message
    assert read_live(town.home) == live == (day(2), live[1] if live else "")
    assert tables == {
        path: path.read_bytes() for path in (town.home / "published").rglob("*") if path.is_file()
    }
    assert published_dates(town.home) == [day(1), day(2)]
    assert audit_store(town.home)[1] == []


def test_the_night_after_is_published(town: Town) -> None:
    """After a refused or held run, the good input of the same date goes live."""
    source = town.folder / "repaired.csv"
    source.write_bytes(as_csv(draw_orders()))
    assert town.run(3, source).outcome == "published"
    assert read_live(town.home) is not None and published_dates(town.home)[-1] == day(3)
