"""Profiles, sketches, dialects and roles, checked against pandas and by hand."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from config.sources import Csv
from segmentation.keys import mix
from segmentation.proposing.column_names import infer_order_part, is_count_name, rank_as_id
from segmentation.proposing.column_profile import profile_column
from segmentation.proposing.dialects import detect_decimal, detect_delimiter
from segmentation.proposing.encodings import detect_encoding
from segmentation.proposing.profiling import merge_profiles, profile_files
from segmentation.proposing.roles import infer_role, round_out
from segmentation.proposing.sketches import SKETCH_SIZE, agree, merge_agreements, merge_sketches, sketch
from segmentation.sources.content import fingerprint

CSV = Csv()


def column(*values: Any) -> pa.ChunkedArray:
    """A column of one batch."""
    return pa.chunked_array([pa.array(values)])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_profile_agrees_with_pandas(suffix: str, tmp_path: Path) -> None:
    """Counts, bounds, levels and distinct values of 300,000 rows match, over several batches of two files."""
    random = np.random.default_rng(2)
    frame = pd.DataFrame(
        {
            "amount": random.normal(5, 9, 300_000).round(1)
            + 0.0,  # turns -0.0 into 0.0, which is written differently
            "visits": random.integers(0, 12, 300_000),
            "city": random.choice(["Bonn", "Ulm"], 300_000),
        }
    )
    frame.loc[frame.index % 7 == 0, "amount"] = np.nan
    files = []
    for number, half in enumerate((frame[:150_000], frame[150_000:])):
        path = tmp_path / f"{number}.{suffix}"
        half.to_csv(path, index=False) if suffix == "csv" else half.to_parquet(path)
        files.append(fingerprint(path))
    profiles = profile_files(files, ["amount", "visits", "city"], CSV)
    amount, visits, city = profiles["amount"], profiles["visits"], profiles["city"]
    assert (amount.rows, amount.missing) == (300_000, int(frame["amount"].isna().sum()))
    assert (amount.low, amount.high) == (frame["amount"].min(), frame["amount"].max())
    assert amount.negative == int((frame["amount"] < 0).sum())
    assert amount.distinct.values == frame["amount"].nunique()
    assert (visits.whole, visits.numbers) == (300_000, 300_000)
    assert visits.levels == frozenset(str(i) for i in range(12))
    assert (city.levels, city.numbers) == (frozenset(["Bonn", "Ulm"]), 0)
    assert city.distinct.counts.sum() == 300_000


def test_text_is_counted_by_what_it_looks_like() -> None:
    """Marks, empty texts, numbers, whole numbers, times and other dates are counted separately."""
    texts = ["", "?", "NA", "1", "2.5", "-3", "1e3", "inf", "oops", "17.0"]
    profile = profile_column(column(*texts), CSV)
    assert (profile.rows, profile.missing, profile.marks) == (10, 1, Counter({"?": 1, "NA": 1}))
    assert (profile.numbers, profile.whole, profile.negative, profile.point_zeros) == (5, 3, 1, 1)
    assert (profile.low, profile.high) == (-3.0, 1000.0)
    times = profile_column(column("2026-01-31", "2026-01-02 08:30:00", "2026-01-03T10:00Z", "31.1.2026"), CSV)
    assert {pattern: reading.matches for pattern, reading in times.times.items()} == {
        "iso": 3, "%Y-%m-%d": 1, "%Y-%m-%d %H:%M:%S": 1, "%d.%m.%Y": 1, "%Y-%m-%dT%H:%M%z": 1
    }  # fmt: skip
    assert (times.times["iso"].first, times.times["iso"].last) == (
        "2026-01-02 08:30:00",
        "2026-01-31 00:00:00",
    )


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1, 2, None], pa.int8()), "int"),
        (pa.array([1.5, float("nan"), 2.0]), "float"),
        (pa.array([True, None, False]), "bool"),
        (pa.array([1, 2, None], pa.timestamp("ns")), "timestamp"),
        (pa.array([1, 2, None], pa.date32()), "timestamp"),
        (pa.array(["a", "b", None]).dictionary_encode(), "text"),
        (pa.array([None, None, None], pa.null()), "float"),
        (pa.array([[1], [2], None]), "other"),
        (pa.array([b"a", b"b", None]), "other"),
    ],
)
def test_every_type_of_a_parquet_file_has_a_profile(values: pa.Array, kind: str) -> None:
    """Missing values are counted in every type, and unknown types are 'other'."""
    profile = profile_column(pa.chunked_array([values]), CSV)
    missing = 3 if pa.types.is_null(values.type) else 1
    assert (profile.kind, profile.rows, profile.missing) == (kind, 3, missing)
    assert infer_role("x", profile).use in ("feature", "declared", "left out")


def test_a_profile_does_not_depend_on_batches() -> None:
    """Profiles of batches merge to the profile of the whole column."""
    texts = [str(i * i % 977) for i in range(5000)] + ["?", "", "x"]
    whole = profile_column(column(*texts), CSV)
    batches = [profile_column(column(*texts[i : i + 700]), CSV) for i in range(0, len(texts), 700)]
    merged = batches[0]
    for batch in batches[1:]:
        merged = merge_profiles(merged, batch)
    assert merged._replace(distinct=whole.distinct) == whole
    assert np.array_equal(merged.distinct.keys, whole.distinct.keys)
    assert np.array_equal(merged.distinct.counts, whole.distinct.counts)


def test_a_sketch_is_exact_when_small_and_close_when_large() -> None:
    """Up to its size, a sketch counts exactly. Beyond, within 10 %, and rows per value stay exact."""
    assert sketch(mix(np.arange(100, dtype=np.uint64))).values == 100
    keys = mix(np.arange(200_000, dtype=np.uint64))
    merged = merge_sketches(sketch(keys), sketch(keys[::-1]))
    assert merged.values == pytest.approx(200_000, rel=0.1)
    assert (len(merged.keys), merged.rows_per_value) == (SKETCH_SIZE, 2.0)
    empty = sketch(np.empty(0, np.uint64))
    assert (empty.values, empty.rows_per_value) == (0, 0.0)


def test_repeated_and_conflicting_rows_are_distinguished() -> None:
    """Of ids 1, 1, 2, 2, 3 with rows a, a, b, c, d: two rows repeat, and the two of id 2 differ."""
    ids, rows = np.array([1, 1, 2, 2, 3], np.uint64), np.array([7, 7, 8, 9, 1], np.uint64)
    for cut in range(6):
        merged = merge_agreements(agree(ids[:cut], rows[:cut]), agree(ids[cut:], rows[cut:]))
        assert (merged.conflicting, merged.repeated) == (2 / 5, 2 / 5)
    empty = agree(ids[:0], rows[:0])
    assert (empty.conflicting, empty.repeated) == (0, 0)


@pytest.mark.parametrize(
    ("lines", "delimiter", "decimal"),
    [
        (["a,b\n", "1,2\n"], ",", "."),
        (["a;b\n", "1,5;2,5\n"], ";", ","),
        (["a;b\n", "1.5;2\n"], ";", "."),
        (["a\tb\n", "x, y\t2\n"], "\t", "."),
        (["a|b|c\n", "1|2|3\n"], "|", "."),
        (['"a;b",c\n', '"x;y",2\n'], ",", "."),
        (["alone\n", "1\n"], ",", "."),
        ([], ",", "."),
    ],
)
def test_delimiter_and_decimal_mark_are_detected(lines: list[str], delimiter: str, decimal: str) -> None:
    """The delimiter that splits all lines into as many fields wins. The default is a comma."""
    assert detect_delimiter(lines) == delimiter
    assert detect_decimal(lines, delimiter) == decimal


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("é".encode(), "utf-8"),
        ("é".encode("utf-16"), "utf-16"),
        ("é".encode("latin-1"), "latin-1"),
        ("€é".encode("cp1252"), "cp1252"),
        (b"\xe9\x81\x80", "utf-8"),
        (b"\xe9 \x81", "latin-1"),
        (b"a" * (1 << 20) + b"\xe9", "latin-1"),
        ("订单编号,客户\n".encode("gbk") + "1,客茶\n".encode("gbk") * 300, "gbk"),
        ("주문번호,고객\n".encode("cp949") + "1,고객\n".encode("cp949") * 300, "cp949"),
    ],
)
def test_encodings_are_detected_in_the_whole_file(content: bytes, encoding: str, tmp_path: Path) -> None:
    """A single byte at the very end decides."""
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with path.open("rb") as file:
        assert detect_encoding(file) == encoding


@pytest.mark.parametrize(
    ("name", "rank"),
    [("CustomerID", 3), ("customer_id", 3), ("Kundennummer", 3), ("user", 2), ("ID", 2), ("InvoiceNo", 1),
     ("paid", 0), ("Country", 0), ("Spending Score (1-100)", 0), ("id_cliente", 3), ("Nº Cliente", 3),
     ("user_pseudo_id", 3), ("uid", 2), ("num_customers", 0), ("Kd-Nr.", 3), ("cc_num", 3),
     ("Buyer Username", 3)],
)  # fmt: skip
def test_names_are_ranked_as_ids(name: str, rank: int) -> None:
    """Customer ids rank first and other ids lower; words that merely end like an id do not rank."""
    assert rank_as_id(name) == rank


def test_names_of_counts_and_order_parts_are_recognised() -> None:
    """Names distinguish counts from codes, and the parts of an order from other columns."""
    assert [is_count_name(name) for name in ("complains", "Region", "orders_2025")] == [True, False, True]
    names = ["InvoiceNo", "Quantity", "Unit Price", "total_amount", "Description"]
    assert [infer_order_part(name) for name in names] == ["order", "quantity", "price", "amount", None]


@pytest.mark.parametrize(
    ("name", "values", "use", "contract"),
    [
        ("spend", [str(i / 4) for i in range(200)], "feature", {"type": "float", "ge": 0, "le": 100}),
        ("income", [f"{i * 2}.0" for i in range(200)], "feature", {"type": "float", "ge": 0, "le": 1000}),
        ("balance", [str(i - 5) for i in range(200)], "feature", {"type": "int", "ge": -10, "le": 500}),
        ("Region", ["1", "2"] * 100, "left out", {"type": "int", "isin": [1, 2]}),
        ("visits", ["1", "2", "3", "4"] * 50, "feature", {"type": "int", "ge": 0, "le": 10}),
        ("same", ["5"] * 200, "left out", {"type": "int", "ge": 0, "le": 10}),
        ("store_id", [str(i % 20) for i in range(200)], "left out", {"type": "int", "ge": 0, "le": 50}),
        ("long", [str(i / 4) for i in range(200)], "left out", {"type": "float", "ge": 0, "le": 100}),
        ("birth_year", [str(1950 + i % 50) for i in range(200)], "feature",
         {"type": "int", "ge": 1900, "le": 2100}),
        ("First Name", ["Ann", "Bob"] * 100, "left out", {"type": "text"}),
        ("sent to", ["shop@example.com"] * 200, "left out", {"type": "text"}),
        ("zip code", [str(500 + i) for i in range(200)], "left out", {"type": "text"}),
        ("city", ["a", "b", "", "a"] * 50, "left out", {"type": "category", "isin": ["", "a", "b"]}),
        ("notes", [f"n{i}" for i in range(200)], "left out", {"type": "text"}),
        ("nothing", [""] * 200, "left out", {"type": "text", "nullable": True}),
    ],
)  # fmt: skip
def test_roles_by_hand(name: str, values: list[str], use: str, contract: dict[str, Any]) -> None:
    """Amounts are features. Codes, categories, constants and texts are not; each has a contract."""
    role = infer_role(name, profile_column(column(*values), CSV))
    assert (role.use, role.contract) == (use, contract)
    assert role.reason or use == "feature"


def test_ranges_are_rounded_outwards() -> None:
    """A rounded value is 1, 2 or 5 times a power of ten, and never below the original."""
    for value in np.random.default_rng(1).lognormal(0, 9, 500):
        rounded = round_out(float(value))
        assert value <= rounded <= 2.5 * value
        assert f"{rounded:e}"[0] in "125"
