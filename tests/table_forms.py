"""A table of orders and every form that people keep it in, for tests. Each form is written to a folder.

What the orders come to, computed by pandas, is in test_one_table.py.
"""

import csv
import gzip
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

AS_OF = date(2024, 6, 16)
FIRST = date(2024, 3, 25)


def draw_orders() -> pd.DataFrame:
    """About 1,200 order lines of 40 customers over twelve weeks, in the order of their times."""
    rng = np.random.default_rng(11)
    days = (AS_OF - FIRST).days
    lines = []
    for order in range(500):
        customer = f"C{rng.integers(0, 40):03d}"
        at = pd.Timestamp(FIRST) + pd.Timedelta(seconds=int(rng.integers(0, days * 86_400)))
        lines += [
            (f"O{order:04d}", customer, at, int(rng.integers(1, 6)), round(float(rng.lognormal(3, 1)), 2))
            for _ in range(rng.integers(1, 5))
        ]
    names = ["order_id", "customer_id", "ordered_at", "quantity", "unit_price"]
    return pd.DataFrame(lines, columns=names).sort_values("ordered_at", kind="stable", ignore_index=True)


ORDERS = draw_orders()


def write_csv(orders: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write order lines as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    orders.to_csv(path, index=False, **options)


def write_by_period(folder: Path, name: Callable[[date], str], shift: int = 0) -> None:
    """Write a CSV file per name: each line's name is that of its day, `shift` days later."""
    names = [name((at + timedelta(days=shift)).date()) for at in ORDERS["ordered_at"]]
    for file_name, orders in ORDERS.groupby(names):
        write_csv(orders, folder / str(file_name))


def make_csv(folder: Path) -> dict[str, Any]:
    """One CSV file."""
    write_csv(ORDERS, folder / "orders.csv")
    return {"path": str(folder / "orders.csv")}


def make_quoted_csv(folder: Path) -> dict[str, Any]:
    """One CSV file with every field in quotes and Windows line ends."""
    quoting = csv.QUOTE_ALL
    write_csv(ORDERS, folder / "orders.csv", quoting=quoting, lineterminator="\r\n")
    return {"path": str(folder / "orders.csv")}


def make_spreadsheet_csv(folder: Path) -> dict[str, Any]:
    """What a German spreadsheet saves: semicolons, decimal commas, a byte order mark."""
    write_csv(ORDERS, folder / "orders.csv", sep=";", decimal=",", encoding="utf-8-sig")
    return {"path": str(folder / "orders.csv"), "csv": {"delimiter": ";", "decimal": ","}}


def make_gzip(folder: Path) -> dict[str, Any]:
    """One gzipped CSV file."""
    write_csv(ORDERS, folder / "orders.csv.gz", compression="gzip")
    return {"path": str(folder / "orders.csv.gz")}


def make_bz2(folder: Path) -> dict[str, Any]:
    """One CSV file packed by bzip2."""
    write_csv(ORDERS, folder / "orders.csv.bz2", compression="bz2")
    return {"path": str(folder / "orders.csv.bz2")}


def make_tsv(folder: Path) -> dict[str, Any]:
    """One tab-separated file."""
    write_csv(ORDERS, folder / "orders.tsv", sep="\t")
    return {"path": str(folder / "orders.tsv")}


def make_json_lines(folder: Path) -> dict[str, Any]:
    """One JSON object per line, gzipped."""
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / "orders.jsonl.gz", "wt") as file:
        for line in ORDERS.assign(ordered_at=ORDERS["ordered_at"].astype(str)).to_dict("records"):
            file.write(json.dumps(line) + "\n")
    return {"path": str(folder / "orders.jsonl.gz")}


def make_parquet(folder: Path) -> dict[str, Any]:
    """One Parquet file."""
    folder.mkdir(parents=True, exist_ok=True)
    ORDERS.to_parquet(folder / "orders.parquet")
    return {"path": str(folder / "orders.parquet")}


def make_hive_folders(folder: Path) -> dict[str, Any]:
    """A folder per day, as Spark writes them, with its success marker."""
    write_by_period(folder, lambda day: f"dt={day}/part-0.csv")
    (folder / "_SUCCESS").touch()
    return {"path": str(folder), "date_in_name": "dt=%Y-%m-%d"}


def make_delta(folder: Path) -> dict[str, Any]:
    """A Delta table that was overwritten once: its old files are still in the folder."""
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(str(folder), ORDERS)
    deltalake.write_deltalake(str(folder), ORDERS, mode="overwrite")
    return {"path": str(folder)}


def make_daily(folder: Path) -> dict[str, Any]:
    """A CSV file per day, a hidden file and the leftovers of a Mac."""
    write_by_period(folder, lambda day: f"{day}.csv")
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "._2024-06-12.csv").write_bytes(b"\0")
    return {"path": str(folder), "date_in_name": "%Y-%m-%d"}


def make_day_folders(folder: Path) -> dict[str, Any]:
    """A folder per year and month, in it a file per day."""
    write_by_period(folder, lambda day: f"{day:%Y/%m/%d}.csv")
    return {"path": str(folder), "date_in_name": "%Y/%m/%d"}


def make_weekly(folder: Path) -> dict[str, Any]:
    """A CSV file per ISO week."""
    write_by_period(folder, lambda day: f"orders-{day:%G-W%V}.csv")
    return {"path": str(folder), "date_in_name": "%G-W%V"}


def make_monthly(folder: Path) -> dict[str, Any]:
    """A CSV file per month; the window begins within one."""
    write_by_period(folder, lambda day: f"orders-{day:%Y-%m}.csv")
    return {"path": str(folder), "date_in_name": "%Y-%m"}


def make_export_dated(folder: Path) -> dict[str, Any]:
    """A CSV file per day, dated by the day after, on which it was exported."""
    write_by_period(folder, lambda day: f"{day}.csv", shift=1)
    return {"path": str(folder), "date_in_name": "%Y-%m-%d", "days_before": 1}


FORMS = {
    function.__name__.removeprefix("make_"): function
    for function in (
        make_csv, make_quoted_csv, make_spreadsheet_csv, make_gzip, make_bz2, make_tsv, make_json_lines,
        make_parquet, make_hive_folders, make_delta, make_daily, make_day_folders, make_weekly,
        make_monthly, make_export_dated,
    )
}  # fmt: skip
