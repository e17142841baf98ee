"""A shop whose definition has every clause at once, for tests of what they do to each other.

Orders of 40 days, dated files of attributes, a table of merged ids, given names and an outcome. The victim
of an erasure is among the customers who move, in attributes, in refused rows and under two ids.
"""

from pathlib import Path
from typing import Any

import numpy as np

from config.definition import Definition
from flows.validate import validate_newest
from schemas.night import Night
from segmentation.identity.given_names import name_segment
from tasks.validate import list_complete_editions
from tests.late_shop import LENIENT, Shop, day

VICTIM, OLD_ID = "c0101-7be41c", "c0900-51ad9e"
CUSTOMERS, DAYS = 400, 40
CHANNELS, COUNTRIES = np.array(["web", "shop", "phone"]), np.array(["DE", "FR", "ES", "Malta"])
NIGHTS = (24, 25, 26, 27, 28, 29)
VALIDATED_BEFORE = 28


def name_customer(number: int) -> str:
    """The id of a customer."""
    return {101: VICTIM, 900: OLD_ID}.get(number, f"c{number:04d}-5f")


def write_orders(folder: Path) -> None:
    """A file a day. Customers come and go; some stay away for long, others appear late."""
    random = np.random.default_rng(20)
    start, length = random.integers(1, 30, CUSTOMERS), random.integers(4, 40, CUSTOMERS)
    group = random.integers(0, 3, CUSTOMERS)
    start[101], length[101], group[101] = 2, 40, 0
    folder.mkdir(parents=True)
    for number in range(1, DAYS + 1):
        is_open = (start <= number) & (number < start + length)
        buys = np.flatnonzero(is_open & (random.random(CUSTOMERS) < np.array([0.15, 0.4, 0.75])[group]))
        # The victim orders a lot from day 25 on, so it moves.
        buyers = [*buys.tolist(), *([101] * 4 if number >= 25 else []), 900]
        lines = ["id,invoice,day,pieces,price,channel"]
        for place, buyer in enumerate(buyers):
            kind = group[buyer] if buyer < CUSTOMERS else 0
            price = [5, 40, 90][kind] + random.integers(0, 9)
            channel = CHANNELS[min(kind, random.integers(0, 3))]
            lines.append(
                f"{name_customer(buyer)},i{number}-{place},{day(number)} 1{place % 10}:00:00,"
                f"{random.integers(1, 4)},{price},{channel}"
            )
        lines += [f"{VICTIM},i{number}-x,{day(number)} 10:00:00,none,5,web"]
        (folder / f"{day(number)}.csv").write_text("\n".join([*lines, ""]))


def write_side_tables(folder: Path) -> None:
    """Attributes every ten days, with a row of the victim that is refused, and merged ids from day 27 on."""
    (folder / "crm").mkdir()
    for number in (10, 20, 28):
        random = np.random.default_rng(number)
        lines = ["no,age,country"]
        for customer in range(CUSTOMERS):
            if customer % 9:
                country = COUNTRIES[min(3, random.geometric(0.6) - 1)]
                lines.append(f"{name_customer(customer)},{random.integers(18, 90)},{country}")
        lines.append(f"{OLD_ID},17x,DE")
        (folder / "crm" / f"crm-{day(number)}.csv").write_text("\n".join([*lines, ""]))
    (folder / "merged.csv").write_text(
        f"old,new,at\n{OLD_ID},{VICTIM},{day(27)}\nc0007-5f,c0008-5f,{day(26)}\n"
    )


COLUMNS: dict[str, Any] = {
    "invoice": {"type": "text"},
    "day": {"type": "timestamp"},
    "pieces": {"type": "int", "gt": 0},
    "price": {"type": "float", "ge": 0, "unit": "EUR"},
    "channel": {"type": "category"},
}


def make_everything_shop(folder: Path, store: str = "store", **changes: Any) -> Shop:
    """The shop's definition. Its files are written by `write_everything`."""
    content: dict[str, Any] = {
        "name": "demo",
        "source": {"path": str(folder / "days"), "date_in_name": "%Y-%m-%d"},
        "rows": {
            "grain": "event",
            "id": "id",
            "time": "day",
            "columns": COLUMNS,
        },
        "summary": {
            "window_days": 14,
            "features": {
                "recency_days": {"op": "days_since_last"},
                "orders": {"op": "count_distinct", "column": "invoice"},
                "revenue": {"op": "sum", "expression": "pieces * price", "unit": "EUR"},
                "main_channel": {"op": "mode", "column": "channel"},
                "last_channel": {"op": "last", "column": "channel"},
            },
        },
        "attributes": {
            "source": {"path": str(folder / "crm"), "date_in_name": "crm-%Y-%m-%d.csv"},
            "id": "no",
            "columns": {
                "age": {"type": "int", "ge": 16, "nullable": True, "fill": {"by": "median"}},
                "country": {"type": "category", "nullable": True},
            },
        },
        "aliases": {
            "source": {"path": str(folder / "merged.csv")},
            "old_id": "old",
            "new_id": "new",
            "valid_from": "at",
        },
        "groups": {"lapsed": True, "new": {"days": 4}},
        "features": ["orders", "revenue", "main_channel", "age"],
        "profile": ["country", "last_channel", "recency_days"],
        "rfm": {"recency": "recency_days", "frequency": "orders", "monetary": "revenue"},
        "value": "revenue",
        "outcome": {"days": 3, "measures": ["revenue", "orders"]},
        "k": {"min": 3, "max": 4},
        "fit": {"starts": 2},
        "checks": {**LENIENT, "max_quarantined": 0.9, "max_quarantined_day": 0.99},
        **changes,
    }
    return Shop(folder, Definition.model_validate(content))


def write_everything(folder: Path) -> None:
    """The shop's files."""
    write_orders(folder / "days")
    write_side_tables(folder)


def act_between(shop: Shop, number: int) -> None:
    """What people do before the night of a day: they name segments, and validate an edition."""
    if number == NIGHTS[1]:
        name_segment(shop.home, "S01", {"name": 'Best, "really" ÷ 😀'}, "ana")
    if number == NIGHTS[3]:
        name_segment(shop.home, "S02", {"name": "=1+1"}, "ana")
        name_segment(shop.home, "S01", {"name": "Best"}, "ana")
    if number == VALIDATED_BEFORE:
        validate_everything(shop, number)


def validate_everything(shop: Shop, number: int) -> None:
    """Validate the newest edition whose horizon was over on a day."""
    night = Night(
        run_id=f"validate-{number}",
        definition=shop.definition,
        as_of=day(number),
        source=None,
        store=shop.folder / "store",
        force=True,
    )
    validate_newest(night, list_complete_editions(night, str(day(number))))
