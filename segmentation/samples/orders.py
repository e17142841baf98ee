"""The sample `orders`: a file of order lines per day, as a shop exports them, and files with the truth.

A day's file depends only on the seed, the day and the number of customers, so any day can be written
without the days before it. Files are written chunk by chunk. Their lines are generated in
segmentation/samples/order_lines.py. Samples with one row per customer are in
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
from segmentation.samples.lifecycles import compute_lifecycles, draw_places, truth_table
from segmentation.samples.order_calendar import FIRST, LAST, has_file, to_day_number
from segmentation.samples.order_lines import day_table

ORDERS_CUSTOMERS = 5000
PLACES_PER_CHUNK = 262_144
_REMEMBERED = 400  # days for which the truth still contains customers who have left
_UNREADABLE = "n/a"

Format = Literal["csv", "parquet"]


class Shop(NamedTuple):
    """A shop with places for `customers`, about nine in ten of them taken at any time."""

    customers: int
    seed: int

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Places chunk by chunk, with the random bits of each place."""
        for start in range(0, self.customers, PLACES_PER_CHUNK):
            places = np.arange(start, min(start + PLACES_PER_CHUNK, self.customers))
            yield places, draw_places(places, self.seed)


def write_order_files(folder: Path, window: tuple[date, date], customers: int, seed: int) -> list[Path]:
    """Write the CSV files of a window, such as `orders-2025-01-03.csv`. Returns their paths by date.

    The window is half open: [first, last). Days without a file are left out, as in a real shop. A day's
    file has the same bytes for every window. Refused outside 2001 to 2099.
    """
    shop = Shop(customers, seed)
    paths = [write_day(folder, day, shop) for day in list_order_days(*window)]
    return [path for path in paths if path is not None]


def list_order_days(first: date, last: date) -> list[date]:
    """The days in [first, last). Refused outside the sample's calendar."""
    if first < FIRST or last > LAST:
        raise Refused(
            "sample-days", f"the sample orders has days from {FIRST} to {LAST}, not {first}..{last}"
        )
    return [first + timedelta(days=number) for number in range((last - first).days)]


def write_day(folder: Path, day: date, shop: Shop, form: Format = "csv") -> Path | None:
    """Write one day's file. Returns its path, or None on a day without a file."""
    if not has_file(day, shop.seed):
        return None
    tables = (day_table(to_day_number(day), places, bits, shop.seed) for places, bits in shop.chunks())
    if form == "csv":
        tables = (_to_text(table) for table in tables)
    return _write(folder / f"orders-{day}.{form}", tables)


def write_truth(folder: Path, day: date, shop: Shop) -> Path:
    """Write `truth-2025-01-03.parquet`: the customers and their latent segments at the end of the day.

    Customers who have left are included for 400 days.
    """
    number = to_day_number(day)
    tables = (_chunk_truth(number, places, bits) for places, bits in shop.chunks())
    return _write(folder / f"truth-{day}.parquet", tables)


def _chunk_truth(day: int, places: np.ndarray, bits: np.ndarray) -> pa.Table:
    """The truth about one chunk: the latest customer of each place, and the previous one."""
    latest = compute_lifecycles(places, bits, day)
    # A place is taken for at least eight years, so 400 days never reach back further than one customer.
    previous = compute_lifecycles(places, bits, latest.joined - 1)
    generations = [customers.pick(customers.left > day - _REMEMBERED) for customers in (latest, previous)]
    return pa.concat_tables([truth_table(customers, day) for customers in generations]).combine_chunks()


def _to_text(table: pa.Table) -> pa.Table:
    """A day's lines as text, with what the CSV file has in place of null."""
    quantity = pc.fill_null(table["quantity"].cast(pa.string()), _UNREADABLE)
    return table.set_column(table.column_names.index("quantity"), "quantity", quantity)


def _write(path: Path, tables: Iterator[pa.Table]) -> Path:
    """Write tables to a CSV or Parquet file, which gets its name only when it is complete."""
    partial = path.with_name(path.name + ".part")
    first = next(tables)
    if path.suffix == ".csv":
        # No value contains a comma or a quote. Without quotes a missing id is an empty field.
        unquoted = arrow_csv.WriteOptions(quoting_style="none", quoting_header="none")
        writer = arrow_csv.CSVWriter(partial, first.schema, write_options=unquoted)
    else:
        writer = pq.ParquetWriter(partial, first.schema, compression="zstd")
    with writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)
    # A run that reads the folder meanwhile sees the whole file or none.
    return partial.replace(path)
