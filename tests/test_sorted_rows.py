"""Rows that come in order, one of each customer: they stay in their files, and order never shows."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas.night import Night
from schemas.part import Part
from segmentation import parts as parts_module
from segmentation.parts import read_part, write_part
from segmentation.rows.summarising.sorted_rows import have_ascending_ids
from tasks.ingest import ingest
from tasks.summarise import summarise

NightMaker = Callable[..., Night]
COLUMNS = {
    "spend": {"type": "float", "ge": 0},
    "orders": {"type": "int"},
    "note": {"type": "text", "nullable": True},
}
FEATURES = ["customer_id", "spend", "orders"]


@pytest.fixture(autouse=True)
def make_parts_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 100 rows, so that a small table has several."""
    monkeypatch.setattr(parts_module, "PART_ROWS", 100)
    # Batches of one file are not put together again.
    monkeypatch.setattr("segmentation.rows.reading.source_batches.MERGED_ROWS", 0)


def draw_customers() -> pd.DataFrame:
    """430 customers by id, Ł and 😀 among their ids, which UTF-16 would order otherwise."""
    ids = sorted([*(f"c{i:03d}" for i in range(428)), "Łódź", "😀"])
    draw = np.random.default_rng(5)
    return pd.DataFrame({"id": ids, "spend": draw.integers(0, 9, 430) / 2, "orders": 1, "note": "x"})


def run(night: Night, frame: pd.DataFrame, path: Path) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Write the rows as Parquet, ingest and summarise: the parts of both."""
    frame.to_parquet(path, row_group_size=37)
    night = night.model_copy(update={"source": str(path)})
    ingested = ingest(night)
    return ingested.parts, summarise(night, ingested).parts


def list_tables(parts: Sequence[Part]) -> list[pa.Table]:
    """The parts as tables."""
    return [read_part(part) for part in parts]


def test_full_parts_in_order_are_not_written_again(make_night: NightMaker, tmp_path: Path) -> None:
    """The customers of rows in order are in the files that ingest wrote, without columns nobody keeps."""
    night, frame = make_night(rows={"id": "id", "columns": COLUMNS}), draw_customers()
    rows, parts = run(night, frame, tmp_path / "a.parquet")
    assert [part.rows for part in parts] == [100, 100, 100, 100, 30]
    assert [part.path for part in parts] == [part.path for part in rows]
    assert not list((night.staging / "summarise").iterdir())
    expected = frame.rename(columns={"id": "customer_id"})[FEATURES]
    pd.testing.assert_frame_equal(
        pa.concat_tables(list_tables(parts)).to_pandas(), expected, check_dtype=False
    )


@pytest.mark.parametrize("fault", ["none", "refused", "swapped", "repeated"])
def test_parts_are_the_same_in_any_order(make_night: NightMaker, tmp_path: Path, fault: str) -> None:
    """Rows in order, with faults or without, give the parts that the same rows give shuffled."""
    night, frame = make_night(rows={"id": "id", "columns": COLUMNS}), draw_customers()
    if fault == "refused":
        frame.loc[[3, 250], "spend"] = -1.0
    if fault == "swapped":
        frame.iloc[[99, 100]] = frame.iloc[[100, 99]].to_numpy()
    if fault == "repeated":
        frame = pd.concat([frame[:300], frame[299:]], ignore_index=True)
    ordered = list_tables(run(night, frame, tmp_path / "a.parquet")[1])
    shuffled = run(night, frame.sample(frac=1, random_state=1), tmp_path / "b.parquet")[1]
    assert ordered == list_tables(shuffled)


def test_a_mean_is_no_whole_number_for_anybody(make_night: NightMaker, tmp_path: Path) -> None:
    """With on_duplicate: mean, customers of rows in order have the types that all customers have."""
    night = make_night(rows={"id": "id", "columns": COLUMNS, "on_duplicate": "mean"})
    _, parts = run(night, draw_customers(), tmp_path / "a.parquet")
    assert {table.schema.field("orders").type for table in list_tables(parts)} == {pa.float64()}


@pytest.mark.parametrize(
    ("tables", "expected"),
    [
        ([["a", "b"], ["c"]], True),
        ([["a"], ["a"]], False),
        ([["a", "a"]], False),
        ([["b"], ["a"]], False),
        ([["a", "z"], ["b", "zz"]], False),
        ([["Z", "a"], ["Ł"], ["\uffff"], ["😀"]], True),
    ],
)
def test_ids_ascend_within_parts_and_between_them(
    tmp_path: Path, tables: list[list[str]], expected: bool
) -> None:
    """Each id is above the one before, by the bytes of its UTF-8, also at the border of two parts."""
    parts = [
        write_part(tmp_path / f"{i}.parquet", pa.table({"customer_id": ids})) for i, ids in enumerate(tables)
    ]
    assert have_ascending_ids(parts) is expected
