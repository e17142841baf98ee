"""Whole numbers of customers with several rows: means in every bucket, sums that do not fit."""

from pathlib import Path

import pandas as pd
import pytest

from segmentation.rows.duplicates import OVERFLOW
from tasks import summarise as module
from tests.test_summarise import COLUMNS, NightMaker, run


def test_means_of_whole_numbers_go_together_in_any_bucket(
    make_night: NightMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket where no customer has two rows holds numbers of the same type as the others."""
    frame = pd.DataFrame({"id": ["a", "a", "b", "c", "d"], "spend": 1.0, "orders": range(1, 6), "note": ""})
    monkeypatch.setattr(module, "BUCKET_VALUES", 5)
    night = make_night(rows={"id": "id", "columns": COLUMNS, "on_duplicate": "mean"})
    _, found = run(night, frame, tmp_path)
    assert found["orders"].tolist() == [1.5, 3.0, 4.0, 5.0]


def test_a_sum_beyond_whole_numbers_is_refused(make_night: NightMaker, tmp_path: Path) -> None:
    """int64 would wrap round to a negative number in silence; that customer's rows are quarantined."""
    frame = pd.DataFrame({"id": ["a", "a", "b", "b"], "spend": 1.0, "orders": [9 * 10**18] * 2 + [1, 2]})
    night = make_night(
        rows={"id": "id", "columns": {k: COLUMNS[k] for k in ("spend", "orders")}, "on_duplicate": "sum"}
    )
    customers, found = run(night, frame, tmp_path)
    assert (found["customer_id"].tolist(), found["orders"].tolist()) == (["b"], [3])
    assert customers.balance.reasons == {OVERFLOW: 2}
    balance = customers.balance
    assert (balance.read, balance.used, balance.merged, balance.quarantined) == (4, 1, 1, 2)
