"""The sample `orders`: a file of order lines for each day, as a shop exports them, and the truth beside it.

A day's file depends on the seed, the day and the number of customers alone, so that any day can be
made without those before it; it is made chunk by chunk. What stands in it is made in
segmentation/samples/order_lines.py; the samples of one row per customer are in
segmentation/samples/catalogue.py.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from segmentation.errors import Refused
from segmentation.samples.lives import draw_places, find_lives, truth_table
from segmentation.samples.order_lines import day_table
from segmentation.samples.rhythm import FIRST, LAST, has_file, to_number

ORDERS_CUSTOMERS = 5000
CHUNK = 262_144  # places made at a time
_REMEMBERED = 400  # days for which the truth tells of customers who have left
_UNREADABLE = "n/a"

Format = Literal["csv", "parquet"]


class Shop(NamedTuple):
    """Whose orders are made: places for so many customers, nine in ten of them taken at any time."""

    customers: int
    seed: int

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Places chunk by chunk, and the bits drawn for each."""
        for start in range(0, self.customers, CHUNK):
            places = np.arange(start, min(start + CHUNK, self.customers))
            yield places, draw_places(places, self.seed)


def write_orders(folder: Path, window: tuple[date, date], customers: int, seed: int) -> list[Path]:
    """Write the CSV files of a window's days, `orders-2025-01-03.csv` and so on; their paths by date.

    The window is half open, [first, last). Days without a file are left out, as they are at a shop. A
    file is the same bytes whatever the window. Refused outside of 2001 to 2099.
    """
    shop = Shop(customers, seed)
    paths = [write_day(folder, day, shop) for day in list_days(*window)]
    return [path for path in paths if path is not None]


def list_days(first: date, last: date) -> list[date]:
    """The days from first to before last. Refused if the sample's calendar does not hold them."""
    if first < FIRST or last > LAST:
        raise Refused(
            "sample-days", f"the sample orders has days from {FIRST} to {LAST}, not {first}..{last}"
        )
    return [first + timedelta(days=number) for number in range((last - first).days)]


def write_day(folder: Path, day: date, shop: Shop, form: Format = "csv") -> Path | None:
    """Write one day's file; its path, or None on a day without one."""
    if not has_file(day, shop.seed):
        return None
    tables = (day_table(to_number(day), places, drawn, shop.seed) for places, drawn in shop.chunks())
    if form == "csv":
        tables = (_to_text(table) for table in tables)
    return _write(folder / f"orders-{day}.{form}", tables)


def write_truth(folder: Path, day: date, shop: Shop) -> Path:
    """Write `truth-2025-01-03.parquet`: who was a customer, and what kind, at the end of the day.

    It tells of customers who have left for 400 days after they did.
    """
    number = to_number(day)
    tables = (_chunk_truth(number, places, drawn) for places, drawn in shop.chunks())
    return _write(folder / f"truth-{day}.parquet", tables)


def _chunk_truth(day: int, places: np.ndarray, drawn: np.ndarray) -> pa.Table:
    """The truth about one chunk: the last customer of each place, and the one before."""
    last = find_lives(places, drawn, day)
    before = find_lives(places, drawn, last.joined - 1)
    known = [lives.pick(lives.left > day - _REMEMBERED) for lives in (last, before)]
    return pa.concat_tables([truth_table(lives, day) for lives in known]).combine_chunks()


def _to_text(table: pa.Table) -> pa.Table:
    """A day's lines with what a CSV file holds where the table has null."""
    quantity = pc.fill_null(table["quantity"].cast(pa.string()), _UNREADABLE)
    return table.set_column(table.column_names.index("quantity"), "quantity", quantity)


def _write(path: Path, tables: Iterator[pa.Table]) -> Path:
    """Write tables to a CSV or Parquet file, which has its name only when it is whole."""
    partial = path.with_name(path.name + ".part")
    first = next(tables)
    if path.suffix == ".csv":
        # No value holds a comma or a quote, and without quotes an id that is missing is nothing at all.
        plain = arrow_csv.WriteOptions(quoting_style="none", quoting_header="none")
        writer = arrow_csv.CSVWriter(partial, first.schema, write_options=plain)
    else:
        writer = pq.ParquetWriter(partial, first.schema, compression="zstd")
    with writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    return partial.replace(path)
