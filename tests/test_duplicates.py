"""Deduplicating whole numbers: means in every bucket, and sums that overflow."""

from pathlib import Path

import pandas as pd
import pytest

from segmentation.rows.summarising.duplicates import OVERFLOW
from tasks import summarise as module
from tests.test_summarise import COLUMNS, NightMaker, run


def test_means_of_whole_numbers_have_one_type_in_all_buckets(
    make_night: NightMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket without repeated customers has the same type of numbers as the other buckets."""
    frame = pd.DataFrame({"id": ["a", "a", "b", "c", "d"], "spend": 1.0, "orders": range(1, 6), "note": "x"})
    monkeypatch.setattr(module, "BUCKET_VALUES", 5)
    night = make_night(rows={"id": "id", "columns": COLUMNS, "on_duplicate": "mean"})
    _, table = run(night, frame, tmp_path)
    assert table["orders"].tolist() == [1.5, 3.0, 4.0, 5.0]


def test_a_sum_that_overflows_is_refused(make_night: NightMaker, tmp_path: Path) -> None:
    """If a customer's sum overflows int64, the rows are quarantined."""
    frame = pd.DataFrame({"id": ["a", "a", "b", "b"], "spend": 1.0, "orders": [9 * 10**18] * 2 + [1, 2]})
    night = make_night(
        rows={"id": "id", "columns": {k: COLUMNS[k] for k in ("spend", "orders")}, "on_duplicate": "sum"}
    )
    customers, table = run(night, frame, tmp_path)
    assert (table["customer_id"].tolist(), table["orders"].tolist()) == (["b"], [3])
    assert customers.balance.reasons == {OVERFLOW: 2}
    balance = customers.balance
    assert (balance.read, balance.used, balance.merged, balance.quarantined) == (4, 1, 1, 2)
