"""Rows delivered twice: files that repeat others are refused by name, other sources are read as before."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.definition import Definition
from schemas.rows import Customers, Input
from segmentation.errors import Refused
from segmentation.rows import deliveries as module
from segmentation.rows.deliveries import Deliveries, measure_overlap
from segmentation.rows.sketches import Sketch, hash_table, hash_words, sketch_rows
from tests.event_inputs import (
    HEADER,
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    with_features,
    with_rows,
)

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


def summarise_folder(folder: Path, definition: Definition | None = None) -> Customers:
    """Ingest and summarise every file of a folder."""
    return ingest_and_summarise(make_night(folder, definition))[1]


def with_copy(folder: Path, days: list[pd.DataFrame]) -> None:
    """The same file again, as a browser names a second download."""
    write_days(folder, days)
    (folder / "day-004 (1).csv").write_bytes((folder / "day-004.csv").read_bytes())


def with_other_format(folder: Path, days: list[pd.DataFrame]) -> None:
    """The same day as CSV and as Parquet."""
    write_days(folder, days)
    write_day(folder, days[4], "warehouse-004.parquet")


def with_other_layout(folder: Path, days: list[pd.DataFrame]) -> None:
    """The same day again, with rows and columns in another order and an extra column."""
    write_days(folder, days)
    copy = days[4].sample(frac=1, random_state=1)[COLUMNS[::-1]].assign(exported="2026-01-30")
    write_day(folder, copy, "day-004-again.csv")


def with_most_rows_again(folder: Path, days: list[pd.DataFrame]) -> None:
    """A corrected day beside the first one: two thirds of its rows are the same."""
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
    """A file with all days beside the files of days."""
    write_days(folder, days)
    write_day(folder, pd.concat(days), "history.csv")


def with_three_days_of_history(folder: Path, days: list[pd.DataFrame]) -> None:
    """A file with all days beside three files of days."""
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
    (with_other_layout, r"day-004-again.csv and day-004.csv \(100%\)"),
    (with_most_rows_again, r"day-004-corrected.csv and day-004.csv \(6\d%\)"),
    (with_part_again, r"day-004.csv and late.csv \(100%\)"),
    (as_rolling_extracts, r"day-000.csv and day-001.csv \(100%\)"),
    (with_whole_history, r"day-000.csv and history.csv \(100%\)"),
    (with_three_days_of_history, r"day-002.csv and history.csv \(100%\)"),
    (with_tiny_copy, r"day-012.csv and day-013.csv \(100%\)"),
    (with_tiny_twin, r"day-012.csv and day-013.csv \(100%\)"),
]


@pytest.mark.parametrize(("layout", "message"), REPEATED, ids=lambda value: getattr(value, "__name__", ""))
def test_files_that_repeat_rows_are_refused_by_name(tmp_path: Path, layout: Layout, message: str) -> None:
    """Files whose rows, or most of them, are also in other files are refused, and named."""
    layout(tmp_path, draw_days())
    with pytest.raises(Refused, match=message) as error:
        summarise_folder(tmp_path)
    assert error.value.code == "repeated-files"
    assert "rows.key" in error.value.message


@pytest.mark.parametrize(("layout", "message"), REPEATED[:3] + REPEATED[5:8])
def test_large_sources_are_judged_by_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout, message: str
) -> None:
    """With far fewer hashes than rows, the same files are refused."""
    monkeypatch.setattr("segmentation.rows.sketches.SKETCHED_ROWS", 1000)
    monkeypatch.setattr(module, "SKETCHED_ROWS", 1000)
    layout(tmp_path, draw_days(rows=1500))
    with pytest.raises(Refused, match="repeated-files"):
        summarise_folder(tmp_path)
    assert message


@pytest.mark.parametrize(("layout", "message"), REPEATED[:3] + REPEATED[5:8])
def test_with_a_key_the_numbers_are_right(tmp_path: Path, layout: Layout, message: str) -> None:
    """With a key, rows that are delivered several times count once."""
    days = [
        day.assign(invoice=[f"i{n}-{row}" for row in range(len(day))]) for n, day in enumerate(draw_days())
    ]
    layout(tmp_path, days)
    customers = summarise_folder(tmp_path, define(rows=with_rows(key=["invoice"])))
    every_day = pd.concat(days)
    revenue = (every_day["pieces"] * every_day["price"]).groupby(every_day["id"]).sum()
    assert read_customers(customers)["revenue"].to_dict() == pytest.approx(revenue.to_dict())
    assert customers.balance.adds_up and customers.balance.merged > 0
    assert message


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


@pytest.mark.parametrize(
    "layout",
    [
        write_days,
        with_few_shared_rows,
        with_four_shared_rows_of_seven,
        with_repeats_within,
        with_empty_copies,
        with_copies_outside,
        with_refused_copies,
        by_the_same_times,
    ],
)
def test_files_that_share_a_few_rows_are_read(tmp_path: Path, layout: Layout) -> None:
    """Sources in which nothing was delivered twice are read, without a word about rows."""
    layout(tmp_path, draw_days())
    customers = summarise_folder(tmp_path)
    assert not [warning for warning in customers.warnings if "rows" in warning]


def test_overlaps_below_the_limit_are_warned_of(tmp_path: Path) -> None:
    """A fifth of a file's rows in another file is a warning that names it, and rows.key."""
    days = draw_days(3)
    write_days(tmp_path, [days[0], pd.concat([days[0][:12], days[1]]), days[2]])
    (warning,) = summarise_folder(tmp_path).warnings
    assert warning.startswith(
        "about 30% of the rows of day-000.csv are in another file too, and fewer in 1 more"
    )
    assert "rows.key" in warning


@pytest.mark.parametrize(("share", "is_warned"), [(0.02, False), (0.3, True)])
def test_repeated_rows_within_a_file_are_warned_of(tmp_path: Path, share: float, is_warned: bool) -> None:
    """Rows that repeat each other in every declared column are warned of above 5 %."""
    table = pd.concat(draw_days())
    repeated = pd.concat([table, table.sample(frac=share, random_state=1)])
    write_day(tmp_path, repeated, "events.csv")
    warnings = summarise_folder(tmp_path).warnings
    assert [warning[:18] for warning in warnings] == (["about 23% of rows "] if is_warned else [])
    assert all("rows.key" in warning for warning in warnings)


def test_repeated_rows_that_change_nothing_are_not_warned_of(tmp_path: Path) -> None:
    """Features that are the same if an event is delivered twice need no warning."""
    table = pd.concat(draw_days()).assign(invoice=lambda table: table["invoice"] + table["id"])
    table["price"] = table.groupby("invoice")["price"].transform("first")
    write_day(tmp_path, pd.concat([table, table]), "events.csv")
    features = {
        "orders": {"op": "count_distinct", "column": "invoice"},
        "revenue": {"op": "sum", "column": "price", "once_per": "invoice"},
        "each": {"ratio": ["revenue", "orders"]},
    }
    assert summarise_folder(tmp_path, define(**with_features(features))).warnings == ()


@pytest.mark.parametrize(
    ("rows", "is_refused"),
    [
        ({"id": "id", "on_duplicate": "sum"}, True),
        ({"id": "id", "on_duplicate": "mean"}, True),
        ({"id": None}, True),
        ({"id": "id", "on_duplicate": "quarantine"}, False),
        ({"id": "id", "on_duplicate": "last"}, False),
    ],
)
def test_copies_of_customers_are_refused_where_they_add_up(
    tmp_path: Path, rows: dict[str, Any], is_refused: bool
) -> None:
    """A table of customers that is delivered twice is refused if its rows would count twice."""
    table = pd.DataFrame({"id": [f"c{n}" for n in range(50)], "spend": np.arange(50) * 1.5, "orders": 1})
    table.to_csv(tmp_path / "a.csv", index=False)
    table[::-1].to_csv(tmp_path / "b.csv", index=False)
    definition = Definition.model_validate(
        {
            "name": "demo",
            "source": {"path": "x"},
            "rows": {**rows, "columns": {"spend": {"type": "float"}, "orders": {"type": "int"}}},
            "features": ["spend"],
        }
    )
    if not is_refused:
        assert summarise_folder(tmp_path, definition).count == 50
        return
    with pytest.raises(Refused, match=r"a.csv and b.csv \(100%\)"):
        summarise_folder(tmp_path, definition)


def test_overlaps_are_counted_as_sets() -> None:
    """Shares and partners agree with Python's sets, with rows that repeat within files too."""
    rng = np.random.default_rng(2)
    files = np.sort(rng.integers(0, 6, 3000)).astype(np.int32)
    hashes = rng.integers(0, 400, 3000).astype(np.uint64) + (files // 2 * 300).astype(np.uint64)
    order = rng.permutation(3000)
    overlap = measure_overlap(hashes[order], files[order], 7)
    sets = [set(hashes[files == number].tolist()) for number in range(7)]
    for number, rows in enumerate(sets):
        others = set().union(*(rest for other, rest in enumerate(sets) if other != number))
        assert overlap.rows[number] == len(rows)
        assert overlap.shared[number] == len(rows & others)
        partner = overlap.partners[number]
        assert (partner == -1) == (not rows & others)
        assert partner == -1 or rows & sets[partner]
    assert overlap.sampled.tolist() == np.bincount(files, minlength=7).tolist()
    empty = measure_overlap(hashes[:0], files[:0], 2)
    assert empty.shares.tolist() == [0, 0] and empty.repeated_within == 0


def test_sketches_are_thinned_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of hashes stays bounded, and the same rows remain of each file."""
    monkeypatch.setattr(module, "SKETCHED_ROWS", 500)
    inputs = [Input(name=f"{n}.csv", size=1, sha256=f"{n}") for n in range(40)]
    deliveries = Deliveries(inputs)
    hashes = np.random.default_rng(1).integers(0, 2**64, 700, np.uint64)
    for number in range(40):
        deliveries.add(Sketch(hashes, np.full(700, number, np.int32), np.array([number])))
        assert len(deliveries.hashes) <= 1000
    overlap = measure_overlap(deliveries.hashes, deliveries.files, 40)
    assert overlap.shares.min() == 1 and overlap.rows.max() - overlap.rows.min() == 0


def test_hashes_depend_on_values_alone() -> None:
    """Equal rows have equal hashes in any chunks and slices; rows that differ anywhere have others."""
    texts = ["", "a", "b", "12345678", "123456789", "12345678 ", "é", "漢字漢字漢字", "x" * 40, "x" * 41]
    keys = hash_words(pa.array(texts))
    assert len(set(keys.tolist())) == len(texts)
    padded = pa.array(["other", *texts, "other"]).slice(1, len(texts))
    assert hash_words(padded).tolist() == keys.tolist()
    table = pa.table(
        {
            "text": pa.array(["a", "a", "a", "a", "b", None, ""]),
            "number": pa.array([0.0, -0.0, None, 1.0, 0.0, 0.0, 0.0]),
            "flag": pa.array([True, True, True, True, True, True, None]),
        }
    )
    rows = hash_table(table).tolist()
    assert rows[0] == rows[1] and len(set(rows)) == 6
    assert hash_table(pa.concat_tables([table.slice(0, 3), table.slice(3)])).tolist() == rows


def test_samples_hold_the_same_rows_of_every_file() -> None:
    """A row is in the sample of each file that holds it, whatever else is in the file."""
    definition = define()
    good = pa.Table.from_pandas(pd.concat(draw_days(rows=2000)), preserve_index=False)
    texts = {"customer_id": good["id"].cast(pa.string()), "invoice": good["invoice"].cast(pa.string())}
    good = pa.table({**texts, "day": good["day"].cast(pa.timestamp("us")), "price": good["price"]})
    good = good.append_column("source_row", pa.array(np.arange(len(good))))
    first = good.append_column("source_file", pa.array(np.zeros(len(good), np.int32)))
    part = good.slice(3000, 9000).append_column("source_file", pa.array(np.ones(9000, np.int32)))
    sketches = [sketch_rows(table, definition.rows, 0.1) for table in (first, part)]
    assert 0.08 < len(sketches[0].hashes) / len(first) < 0.12
    assert set(sketches[1].hashes.tolist()) <= set(sketches[0].hashes.tolist())
    assert sketches[1].present.tolist() == [1]
