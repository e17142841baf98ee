"""Pairing the customers of two nights against a pandas merge."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from segmentation.identity import join
from segmentation.identity.join import join_parts, pair_ids
from segmentation.parts import write_part


def draw_ids(random: np.random.Generator, numbers: np.ndarray, share: float) -> list[str]:
    """Sorted ids of various lengths, some outside ASCII, of the numbers that are drawn."""
    present = numbers[random.random(len(numbers)) < share]
    return sorted((f"{'é' * (number % 3)}{number}" for number in present), key=str.encode)


def cut(random: np.random.Generator, ids: list[str]) -> list[pa.Table]:
    """The ids in tables that end at random places; last night's rows are numbered."""
    stops = [0, *sorted(random.integers(0, len(ids) + 1, 4).tolist()), len(ids)]
    table = pa.table({"customer_id": pa.array(ids, pa.string()), "row": np.arange(len(ids))})
    return [table.slice(start, stop - start) for start, stop in itertools.pairwise(stops)]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 0.97, 1.0])
def test_customers_are_paired_as_pandas_merges_them(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever joins or leaves and wherever parts end, each customer finds its row, and the rest have left."""
    monkeypatch.setattr(join, "_SLICE", 16)
    random = np.random.default_rng(int(100 * share))
    for attempt in range(4):
        tonight, earlier = (draw_ids(random, np.arange(400), share) for _ in range(2))
        tables = [table for table in cut(random, tonight) if table.num_rows] or cut(random, tonight)[:1]
        parts = [
            write_part(tmp_path / f"{attempt}-{i}.parquet", table.select(["customer_id"]))
            for i, table in enumerate(tables)
        ]
        joined = list(join_parts(parts, iter(cut(random, earlier))))

        rows = [part.earlier["row"].to_numpy() for part in joined]
        paired = [
            np.where(part.place >= 0, np.append(row, 0)[part.place], -1)
            for part, row in zip(joined, rows, strict=True)
        ]
        right = pd.DataFrame({"customer_id": earlier, "row": np.arange(len(earlier))}, dtype=object)
        merged = pd.DataFrame({"customer_id": tonight}, dtype=object).merge(right, "left")
        assert np.concatenate(paired).tolist() == merged["row"].fillna(-1).tolist()
        left = [name for part in joined for name in part.left["customer_id"].to_pylist()]
        assert left == [name for name in earlier if name not in set(tonight)]


def test_equal_nights_need_no_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Customers who are the same in both nights are paired by position, without a hash table."""
    ids = pa.array([f"C{number:05d}" for number in range(10_000)])
    monkeypatch.setattr("segmentation.identity.join.pc.index_in", None)
    assert pair_ids(ids, ids).tolist() == list(range(10_000))
