"""A shop whose customers come and go, and which of them are known, new and lapsed by pandas."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.late_shop import Shop, day, make_shop

WINDOW, NEW_DAYS, CUSTOMERS, DAYS = 14, 5, 240, 60
GROUPS: dict[str, Any] = {"lapsed": True, "new": {"days": NEW_DAYS}}


def draw_orders() -> pd.DataFrame:
    """Orders of 60 days. Each customer begins and stops on days of their own; some come back."""
    random = np.random.default_rng(4)
    frames = []
    for number in range(CUSTOMERS):
        start, length = (int(draw) for draw in random.integers(1, (50, 40)))
        days = {day for day in range(start, min(start + length, DAYS + 1)) if random.random() < 0.4}
        if number % 7 == 0:
            days.add(min(start + length + 18, DAYS))
        frames.append(pd.DataFrame({"id": f"c{number:03d}", "number": sorted(days), "group": number % 2}))
    orders = pd.concat(frames, ignore_index=True)
    orders["price"] = np.where(orders["group"] == 0, 5.0, 90.0) + random.integers(0, 5, len(orders))
    return orders


ORDERS = draw_orders()
# On every day, these also have an order that is refused.
REFUSED = ["c016", "c017", "c018", "c020", "c050"]


def write_orders(folder: Path) -> None:
    """A file per day, with a cancellation of somebody who never ordered, and lines that are refused."""
    folder.mkdir(parents=True)
    for number in range(1, DAYS + 1):
        rows = ORDERS[ORDERS["number"] == number]
        timestamp = f"{day(number)} 10:00:00"
        lines = [f"{row.id},i{number}-{row.id},{timestamp},1,{row.price}" for row in rows.itertuples()]
        lines += [f"z{number},Ci{number},{timestamp},1,5.0"]
        lines += [f"{name},x{number}-{name},{timestamp},none,5.0" for name in (f"y{number}", *REFUSED)]
        text = "\n".join(["id,invoice,day,pieces,price", *lines])
        (folder / f"{day(number)}.csv").write_text(f"{text}\n")


def make_known_shop(folder: Path, **changes: Any) -> Shop:
    """The shop, with a window of 14 days and customers who are new for 5."""
    events = make_shop(folder).definition.model_dump(mode="json", by_alias=True)
    summary = {**events["summary"], "window_days": WINDOW}
    checks = {**events["checks"], "max_quarantined": 0.9}
    return make_shop(folder, **{"summary": summary, "groups": GROUPS, "checks": checks, **changes})


def group_customers(number: int, aliases: Mapping[str, str] | None = None) -> pd.DataFrame:
    """first_seen, last_seen and group of everybody who ordered before a day, by the id that stays."""
    orders = ORDERS[ORDERS["number"] < number].assign(
        id=lambda frame: frame["id"].replace(dict(aliases or {}))
    )
    spans = orders.groupby("id")["number"].agg(["min", "max"])
    group = pd.Series("segment", spans.index)
    group[spans["min"] >= number - NEW_DAYS] = "new"
    group[spans["max"] < number - WINDOW] = "lapsed"
    days = {number: str(day(number)) for number in range(1, DAYS + 1)}
    return pd.DataFrame(
        {"first_seen": spans["min"].map(days), "last_seen": spans["max"].map(days), "group": group}
    )
