"""Erased customers at reading: which rows of a source are theirs, inside and outside the window."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentation.erasing.erasure import erase_customers
from segmentation.erasing.matching import ErasedCustomers, get_id_reading
from segmentation.erasing.requests import make_request
from segmentation.rows.judging.erased_rows import list_words
from segmentation.store.tombstones import ErasureIntent, create_tombstones
from tests.late_shop import Shop, day, make_shop
from tests.nights import manifest, read

INTENT = ErasureIntent(erasure="0", who="ana", when="2026-01-31", reason="")


def erase(shop: Shop, *ids: str) -> None:
    """Erase these customers of the shop."""
    request = make_request(shop.home, ids, "ana", "", shop.home)
    erase_customers(shop.home, request, lambda line: None)


def write_days(shop: Shop, numbers: range, end: str) -> dict[int, int]:
    """Write the files of these days, one for each; returns the rows of customer c007 by day."""
    shop.write(numbers, end)
    counts = {}
    for number in numbers:
        path = shop.days / f"{day(number)}{end}"
        table = pd.read_parquet(path) if end == ".parquet" else pd.read_csv(path)
        counts[number] = int((table["id"] == "c007").sum())
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("end", [".csv", ".parquet"])
def test_events_of_the_window_are_left_out(tmp_path: Path, end: str) -> None:
    """Their count is in the balance; the other customers are as in a source without them."""
    shop, reference = make_shop(tmp_path / "one"), make_shop(tmp_path / "other")
    counts = write_days(shop, range(1, 9), end)
    for store in (shop, reference):
        write_days(store, range(1, 9), end)
        assert store.night(8).outcome == "published"
    erase(shop, "c007")
    for path in reference.days.iterdir():
        table = pd.read_parquet(path) if end == ".parquet" else pd.read_csv(path)
        remaining = table[table["id"] != "c007"]
        remaining.to_parquet(path, index=False) if end == ".parquet" else remaining.to_csv(path, index=False)
    erased, expected = shop.night(9), reference.night(9)
    assert erased.rows is not None and expected.rows is not None
    assert erased.rows.erased == sum(counts[number] for number in range(2, 9))
    assert erased.rows.read == expected.rows.read + erased.rows.erased
    assert erased.rows.adds_up
    columns = ["customer_id", "recency_days", "orders", "revenue"]
    pd.testing.assert_frame_equal(read(erased)[columns], read(expected)[columns])


def test_a_file_of_one_erased_customer(tmp_path: Path) -> None:
    """A file whose rows are all left out is read like any other, and its malformed line is left out, too."""
    shop = make_shop(tmp_path)
    shop.write(range(1, 9))
    path = shop.days / f"{day(3)}.csv"
    lines = path.read_text().splitlines()
    customer_id = lines[1].split(",")[0]
    theirs = [line for line in lines if line.startswith(f"{customer_id},")]
    path.write_text("\n".join([lines[0], *theirs, f"{theirs[0]},one,too,many"]) + "\n")
    first = shop.night(8)
    assert first.rows is not None and first.rows.quarantined == 1
    erase(shop, customer_id)
    night = shop.night(9)
    assert night.rows is not None and night.rows.adds_up
    assert (night.rows.quarantined, night.rows.erased > len(theirs)) == (0, True)


@pytest.mark.slow
def test_rows_outside_the_window_use_no_tombstone(tmp_path: Path) -> None:
    """A customer whose events are all outside changes neither the name nor the bytes of the edition."""
    source = {"path": str(tmp_path / "events.csv")}
    shops = [make_shop(tmp_path / name, source=source) for name in ("one", "other")]
    shops[0].write(range(1, 9))
    days = [pd.read_csv(path) for path in sorted(shops[0].days.iterdir())]
    old = days[0].head(1).assign(id="gone", day="2025-11-01 00:00:00")
    pd.concat([old, *days]).to_csv(tmp_path / "events.csv", index=False)
    assert [shop.night(8).outcome for shop in shops] == ["published"] * 2
    erase(shops[0], "gone")
    first, second = (shop.night(9) for shop in shops)
    assert (first.edition, first.rows) == (second.edition, second.rows)
    assert "tombstones" not in manifest(first)


def make_customers(ids: set[str] | None, *erased: str) -> ErasedCustomers:
    """Customers to erase by id, or by the hashes of `erased`."""
    array = None if ids is None else pa.array(sorted(ids), pa.string())
    return ErasedCustomers(create_tombstones().add(erased, INTENT), array, set())


@pytest.mark.parametrize("by_hash", [False, True])
def test_an_id_is_found_by_text_or_by_hash(by_hash: bool) -> None:
    """Both ways find the same rows, and a null is not an erased customer's."""
    erased = {"c1", "Zo\u00eb", "a b"}
    customers = make_customers(None if by_hash else erased, *erased)
    ids = pa.chunked_array([["c1", "c2", None], ["Zo\u00eb", "zo\u00eb", "a b", ""]], pa.string())
    np.testing.assert_array_equal(customers.detect(ids), [1, 0, 0, 1, 0, 1, 0])


@pytest.mark.parametrize(
    ("customer_id", "record", "is_theirs"),
    [
        ("c1", "{}", True),
        (None, '{"id": "c1", "spend": "much"}', True),
        (None, '{"id": "c1.0", "spend": "much"}', True),
        (None, '{"id": "=\\"c1\\"", "spend": "much"}', True),
        (None, '{"id": "c2", "friend": "c1"}', False),
        ("c2", '{"id": "c2", "friend": "c1"}', False),
        (None, '"c1",1,2,3', True),
        (None, "c1;1;2", True),
        (None, "c12,1,2", False),
        (None, "x,c1.0,2", True),
        (None, '{"id": "c1", "spend": ', True),
        (None, '{"id": null}', False),
        (None, "", False),
    ],
)
def test_a_refused_row_is_recognised(customer_id: str | None, record: str, is_theirs: bool) -> None:
    """By its id, by the id in its record as the definition reads it, or by a word of a malformed line."""
    from segmentation.erasing.matching import detect_refused

    definition: dict[str, Any] = {"rows": {"id": "id", "id_suffix": ".0"}, "source": {"csv": {}}}
    table = pa.table(
        {"customer_id": pa.array([customer_id], pa.string()), "record": pa.array([record], pa.string())}
    )
    for customers in (make_customers({"c1"}), make_customers(None, "c1")):
        assert detect_refused(table, customers, get_id_reading(definition)).tolist() == [is_theirs]


def test_words_of_a_line() -> None:
    """Separators and quotes of every dialect end a word; an address of mail is one word."""
    assert list(list_words("'a@b.co'|\"c-1\"\t7", None)) == ["a@b.co", "c-1", "7"]
