"""The files of the sample orders: reproducible by day, written in chunks, with gaps and dirty lines."""

import tracemalloc
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.errors import Refused
from segmentation.samples import orders
from segmentation.samples.lifecycles import draw_places
from segmentation.samples.order_calendar import has_file, is_closed, to_date, to_day_number
from segmentation.samples.order_lines import STAIN_SHARE, STAINS, day_table
from segmentation.samples.orders import Shop, write_day, write_order_files, write_truth

CUSTOMERS, SEED = 2000, 7


def test_a_days_file_does_not_depend_on_the_window(tmp_path: Path) -> None:
    """A day has the same bytes in any window, and different ones with another seed."""
    long, short = tmp_path / "long", tmp_path / "short"
    long.mkdir()
    short.mkdir()
    write_order_files(long, (date(2025, 5, 20), date(2025, 6, 20)), CUSTOMERS, SEED)
    alone = write_order_files(short, (date(2025, 6, 3), date(2025, 6, 6)), CUSTOMERS, SEED)
    assert [path.name for path in alone] == [f"orders-2025-06-0{day}.csv" for day in (3, 4, 5)]
    for path in alone:
        assert path.read_bytes() == (long / path.name).read_bytes()
    (reseeded,) = write_order_files(short, (date(2025, 6, 3), date(2025, 6, 4)), CUSTOMERS, SEED + 1)
    assert reseeded.read_bytes() != (long / reseeded.name).read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_adding_customers_keeps_the_lines_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more customers, the lines of the first chunks stay the same."""
    monkeypatch.setattr(orders, "PLACES_PER_CHUNK", 300)
    contents = []
    for customers in (300, 900):
        path = write_day(tmp_path, date(2025, 3, 3), Shop(customers, SEED))
        assert path is not None
        contents.append(path.read_bytes())
    assert contents[1].startswith(contents[0])
    assert len(contents[1]) > 2 * len(contents[0])


def test_parquet_holds_what_csv_holds(tmp_path: Path) -> None:
    """Parquet has the same lines with types, and null where CSV has no customer or no number."""
    shop = Shop(CUSTOMERS, SEED)
    path, text = (write_day(tmp_path, date(2025, 12, 13), shop, form) for form in ("parquet", "csv"))
    assert path is not None and text is not None
    typed = pq.read_table(path).to_pandas()
    texts = {"customer_id": "str", "quantity": "Int64"}
    unreadable = {"quantity": ["n/a"]}
    expected = pd.read_csv(text, dtype=texts, parse_dates=["ordered_at"], na_values=unreadable)
    assert len(expected) > 100
    pd.testing.assert_frame_equal(typed, expected, check_dtype=False)


def test_some_days_have_no_file(tmp_path: Path) -> None:
    """Public holidays and about one day in sixty are missing, always the same days."""
    first = date(2025, 1, 1)
    days = [first + timedelta(days=number) for number in range(365)]
    names = {path.name for path in write_order_files(tmp_path, (first, date(2026, 1, 1)), 1, SEED)}
    missing = [day for day in days if f"orders-{day}.csv" not in names]
    assert {(5, 1), (12, 25), (12, 26), (1, 1)} < {(day.month, day.day) for day in missing}
    assert missing == [day for day in days if not has_file(day, SEED)]
    century = [to_date(number) for number in range(20_000)]
    lost = [day for day in century if not has_file(day, SEED) and not is_closed(day)]
    assert len(lost) / len(century) == pytest.approx(1 / 60, rel=0.2)


def test_about_one_line_in_a_thousand_is_dirty() -> None:
    """Each kind of damage has its share of lines, and all other lines are clean."""
    places = np.arange(orders.PLACES_PER_CHUNK)
    bits = draw_places(places, SEED)
    days = [to_day_number(date(2025, 11, day)) for day in range(3, 13)]
    tables = [day_table(day, places, bits, SEED) for day in days]
    frame = pa.concat_tables(tables).to_pandas()
    day = np.repeat([to_date(day) for day in days], [table.num_rows for table in tables])
    counts = {
        "no customer": frame["customer_id"].isna().sum(),
        "unreadable quantity": frame["quantity"].isna().sum(),
        "price of zero": (frame["unit_price"] == 0).sum(),
        "line repeated": frame.duplicated().sum(),
        "time of another day": (frame["ordered_at"].dt.date != day).sum(),
    }
    assert set(counts) == set(STAINS)
    expected = STAIN_SHARE * len(frame)
    # Five standard deviations of a Poisson count.
    assert all(abs(count - expected) < 5 * expected**0.5 for count in counts.values()), counts
    assert (frame["unit_price"] >= 0).all() and (frame["quantity"].dropna() != 0).all()


def test_memory_does_not_grow_with_the_customers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four chunks need no more memory than one, far below 500 MB."""
    monkeypatch.setattr(orders, "PLACES_PER_CHUNK", 65_536)
    peaks = []
    for chunks in (1, 4):
        tracemalloc.start()
        write_day(tmp_path, date(2025, 12, 13), Shop(chunks * 65_536, SEED))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[0] / 65_536 * 262_144 < 300e6


def test_one_customer_makes_order_files(tmp_path: Path) -> None:
    """The smallest shop has a file per day, most of them with a header only."""
    paths = write_order_files(tmp_path, (date(2025, 2, 3), date(2025, 2, 10)), 1, SEED)
    assert {path.read_text().split("\n")[0] for path in paths} == {
        "order_id,customer_id,ordered_at,product_group,quantity,unit_price,channel"
    }
    assert all(path.read_text().endswith("\n") for path in paths)
    assert pq.read_table(write_truth(tmp_path, date(2025, 2, 3), Shop(1, SEED))).num_rows == 1


def test_days_beyond_the_calendar_are_refused(tmp_path: Path) -> None:
    """Days outside 2001 to 2099 are refused, and the message names them."""
    with pytest.raises(Refused, match="has days from 2001-01-01 to 2099-12-31, not 2000-12-31"):
        write_order_files(tmp_path, (date(2000, 12, 31), date(2001, 1, 3)), 10, SEED)
    assert list(tmp_path.iterdir()) == []
