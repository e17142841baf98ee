"""Files of events that were delivered twice, in the ways in which it happens, and files that were not."""

import gzip
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tests.event_inputs import HEADER

Layout = Callable[[Path, list[pd.DataFrame]], None]
COLUMNS = ["id", "invoice", "day", "pieces", "price"]


def draw_days(days: int = 12, rows: int = 40, seed: int = 1) -> list[pd.DataFrame]:
    """Events of some days of January 2026, one table per day."""
    rng = np.random.default_rng(seed)
    tables = []
    for day in range(days):
        times = pd.Timestamp(2026, 1, 3 + day) + pd.to_timedelta(rng.integers(0, 86_400, rows), unit="s")
        tables.append(
            pd.DataFrame(
                {
                    "id": [f"c{n}" for n in rng.integers(0, 60, rows)],
                    "invoice": [f"i{day}-{n}" for n in rng.integers(0, rows // 2, rows)],
                    "day": times,
                    "pieces": rng.integers(1, 9, rows),
                    "price": rng.integers(100, 9000, rows) / 100,
                }
            )
        )
    return tables


def write_day(folder: Path, table: pd.DataFrame, name: str) -> None:
    """Write a table as the CSV or Parquet file of this name."""
    path = folder / name
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), path)
    else:
        table.to_csv(path, index=False)


def write_days(folder: Path, tables: list[pd.DataFrame]) -> None:
    """Write one CSV file per day."""
    for number, table in enumerate(tables):
        write_day(folder, table, f"day-{number:03d}.csv")


def with_copy(folder: Path, days: list[pd.DataFrame]) -> None:
    """The same file again, as a browser names a second download."""
    write_days(folder, days)
    (folder / "day-004 (1).csv").write_bytes((folder / "day-004.csv").read_bytes())


def with_other_format(folder: Path, days: list[pd.DataFrame]) -> None:
    """The same day as CSV and as Parquet."""
    write_days(folder, days)
    write_day(folder, days[4], "warehouse-004.parquet")


def with_compressed_copy(folder: Path, days: list[pd.DataFrame]) -> None:
    """The same day compressed, under another name."""
    write_days(folder, days)
    (folder / "archive.csv.gz").write_bytes(gzip.compress((folder / "day-004.csv").read_bytes()))


def with_cut_values(folder: Path, days: list[pd.DataFrame]) -> None:
    """The same day from a warehouse: times with milliseconds, amounts as float32."""
    times = days[4]["day"] + pd.to_timedelta(np.arange(len(days[4])) * 7 % 900, unit="ms")
    write_days(folder, days)
    write_day(folder, days[4].assign(day=times, price=days[4]["price"].astype("float32")), "dwh.parquet")


def with_other_layout(folder: Path, days: list[pd.DataFrame]) -> None:
    """The same day again, with rows and columns in another order and an extra column."""
    write_days(folder, days)
    copy = days[4].sample(frac=1, random_state=1)[COLUMNS[::-1]].assign(exported="2026-01-30")
    write_day(folder, copy, "day-004-again.csv")


def with_most_rows_again(folder: Path, days: list[pd.DataFrame]) -> None:
    """A corrected day next to the first one: two thirds of its rows are the same."""
    write_days(folder, days)
    copy = days[4].copy()
    copy.loc[::3, "price"] += 1
    write_day(folder, copy, "day-004-corrected.csv")


def with_part_again(folder: Path, days: list[pd.DataFrame]) -> None:
    """A small file whose rows are all in a larger one."""
    write_days(folder, days)
    write_day(folder, days[4][:7], "late.csv")


def as_rolling_extracts(folder: Path, days: list[pd.DataFrame]) -> None:
    """Each file holds its day and the two before."""
    write_days(folder, [pd.concat(days[max(0, n - 2) : n + 1]) for n in range(len(days))])


def with_whole_history(folder: Path, days: list[pd.DataFrame]) -> None:
    """A file with all days, and the files of days."""
    write_days(folder, days)
    write_day(folder, pd.concat(days), "history.csv")


def with_three_days_of_history(folder: Path, days: list[pd.DataFrame]) -> None:
    """A file with all days, and three files of days."""
    write_days(folder, days[:3])
    write_day(folder, pd.concat(days), "history.csv")


def with_tiny_copy(folder: Path, days: list[pd.DataFrame]) -> None:
    """Two files with the same single row and the same bytes."""
    write_days(folder, [*days, days[0][:1].assign(price=0.01), days[0][:1].assign(price=0.01)])


def with_tiny_twin(folder: Path, days: list[pd.DataFrame]) -> None:
    """Two files with the same three rows in another order."""
    write_days(folder, [*days, days[0][:3].assign(price=0.5), days[0][2::-1].assign(price=0.5)])


REPEATED: list[tuple[Layout, str]] = [
    (with_copy, r"day-004 \(1\).csv and day-004.csv \(100%\)"),
    (with_other_format, r"day-004.csv and warehouse-004.parquet \(100%\)"),
    (with_compressed_copy, r"archive.csv.gz and day-004.csv \(100%\)"),
    (with_other_layout, r"day-004-again.csv and day-004.csv \(100%\)"),
    (with_most_rows_again, r"day-004-corrected.csv and day-004.csv \(6\d%\)"),
    (with_part_again, r"day-004.csv and late.csv \(100%\)"),
    (as_rolling_extracts, r"day-000.csv and day-001.csv \(100%\)"),
    (with_whole_history, r"day-000.csv and history.csv \(100%\)"),
    (with_three_days_of_history, r"day-002.csv and history.csv \(100%\)"),
    (with_tiny_copy, r"day-012.csv and day-013.csv \(100%\)"),
    (with_tiny_twin, r"day-012.csv and day-013.csv \(100%\)"),
    (with_cut_values, r"day-004.csv and dwh.parquet \(\d\d+%\)"),
]


def with_few_shared_rows(folder: Path, days: list[pd.DataFrame]) -> None:
    """Each file repeats one row of the file before."""
    write_days(folder, [days[0], *(pd.concat([a[:1], b]) for a, b in pairwise(days))])


def with_four_shared_rows_of_seven(folder: Path, days: list[pd.DataFrame]) -> None:
    """A tiny file shares four of its seven rows with another: too few to say more."""
    write_days(folder, [*days, pd.concat([days[0][:4], days[0][:3].assign(price=0.5)])])


def with_repeats_within(folder: Path, days: list[pd.DataFrame]) -> None:
    """Two sales may look alike: some rows repeat a row of their own file."""
    write_days(folder, [pd.concat([day, day[:1]]) for day in days])


def with_empty_copies(folder: Path, days: list[pd.DataFrame]) -> None:
    """Files of a header alone have the same bytes and no rows."""
    write_days(folder, days)
    for name in ("x.csv", "y.csv"):
        (folder / name).write_text(f"{HEADER}\n")


def with_copies_outside(folder: Path, days: list[pd.DataFrame]) -> None:
    """Copies whose rows are all outside the window change nothing."""
    write_days(folder, [*days, days[0].assign(day="2024-01-01"), days[0].assign(day="2024-01-01")])


def with_refused_copies(folder: Path, days: list[pd.DataFrame]) -> None:
    """Copies whose rows are all refused change nothing."""
    write_days(folder, [*days, days[0][:2].assign(pieces=0), days[0][:2].assign(pieces=0)])


def by_the_same_times(folder: Path, days: list[pd.DataFrame]) -> None:
    """Shops that export customers and times alike, with their own orders."""
    write_days(folder, [*days, days[0].assign(invoice="other")])
