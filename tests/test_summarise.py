"""One row per customer: every duplicate policy against pandas, the rows' balance, any order of rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from schemas.night import Night
from schemas.rows import Customers
from segmentation import parts as parts_module
from segmentation.errors import Refused, UnaccountedRows
from segmentation.keys import hash_rows
from segmentation.parts import read_part, rechunk
from tasks import summarise as module
from tasks.ingest import ingest
from tasks.summarise import count_buckets, summarise

COLUMNS = {"spend": {"type": "float"}, "orders": {"type": "int"}, "note": {"type": "text"}}
POLICIES = ["quarantine", "first", "last", "sum", "mean"]
NightMaker = Callable[..., Night]


def draw_frame() -> pd.DataFrame:
    """900 rows of about 500 customers: some alone, some repeated exactly, some contradicting."""
    random = np.random.default_rng(8)
    ids = [f"{i:03d}" for i in random.integers(0, 500, 600)]
    frame = pd.DataFrame(
        {"id": ids, "spend": random.choice([0.1, 0.2, 0.3, 1e9], 600), "orders": 1, "note": "x"}
    )
    repeats = frame.sample(300, random_state=1)
    return pd.concat([frame, repeats], ignore_index=True)


def run(night: Night, frame: pd.DataFrame, folder: Path) -> tuple[Customers, pd.DataFrame]:
    """Write the rows as CSV, ingest and summarise: the record, and the customers."""
    path = folder / "customers.csv"
    frame.to_csv(path, index=False)
    customers = summarise(
        night.model_copy(update={"source": str(path)}),
        ingest(night.model_copy(update={"source": str(path)})),
    )
    return customers, pa.concat_tables([read_part(part) for part in customers.parts]).to_pandas()


def deduplicate_with_pandas(frame: pd.DataFrame, policy: str) -> tuple[pd.DataFrame, int]:
    """Customers and refused rows by pandas."""
    features = ["spend", "orders"]
    groups = frame.groupby("id", sort=True)
    if policy == "quarantine":
        agree = groups.transform("nunique")[[*features, "note"]].eq(1).all(axis=1)
        return frame[agree].groupby("id", sort=True)[features].first().reset_index(), int((~agree).sum())
    result: pd.DataFrame = getattr(groups[features], policy)().reset_index()
    return result, 0


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("buckets", [1, 7])
def test_policies_are_those_of_a_groupby(
    make_night: NightMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    buckets: int,
) -> None:
    """Each policy keeps the customers that pandas keeps, in id order, in one bucket or in seven."""
    frame = draw_frame()
    monkeypatch.setattr(module, "BUCKET_VALUES", -(-len(frame) * 5 // buckets))
    night = make_night(rows={"id": "id", "columns": COLUMNS, "on_duplicate": policy})
    customers, result = run(night, frame, tmp_path)
    expected, refused = deduplicate_with_pandas(frame, policy)
    assert result["customer_id"].tolist() == expected["id"].tolist()
    assert result["spend"].to_numpy() == pytest.approx(expected["spend"].to_numpy(), rel=1e-15)
    assert result["orders"].tolist() == expected["orders"].tolist()
    assert customers.balance.read == len(frame)
    assert customers.balance.adds_up
    assert not list((night.staging / "summarise").glob("bucket-*"))
    assert (customers.balance.used, customers.balance.quarantined) == (len(expected), refused)
    assert (
        sum(customers.balance.reasons.values()) == sum(part.rows for part in customers.quarantine) == refused
    )


@pytest.mark.parametrize("policy", ["quarantine", "sum", "mean"])
def test_order_of_rows_does_not_matter(make_night: NightMaker, tmp_path: Path, policy: str) -> None:
    """Shuffled rows give the same customers, bit by bit."""
    frame = draw_frame()
    night = make_night(rows={"id": "id", "columns": COLUMNS, "on_duplicate": policy})
    results = [run(night, frame.sample(frac=1, random_state=seed), tmp_path)[1] for seed in range(4)]
    for shuffled in results[1:]:
        pd.testing.assert_frame_equal(results[0], shuffled, check_exact=True)


def test_quarantine_names_every_contradicting_row(make_night: NightMaker, tmp_path: Path) -> None:
    """Rows of one customer that differ, even in a column that is not a feature, are all refused."""
    frame = pd.DataFrame(
        {
            "id": ["a", "b", "a", "b", "c"],
            "spend": [1.0, 2, 1, 2, 3],
            "orders": 1,
            "note": ["x", "y", "x", "z", "w"],
        }
    )
    customers, result = run(make_night(rows={"id": "id", "columns": COLUMNS}), frame, tmp_path)
    assert result["customer_id"].tolist() == ["a", "c"]
    (part,) = customers.quarantine
    refused = read_part(part).to_pylist()
    assert [(row["source_row"], row["customer_id"]) for row in refused] == [(2, "b"), (4, "b")]
    assert {row["reason"] for row in refused} == {"conflicting rows of one customer"}


def test_large_whole_numbers_are_not_rounded_together(make_night: NightMaker, tmp_path: Path) -> None:
    """Rows that differ by one beyond 2^53 contradict each other, also next to nulls."""
    columns = {
        "spend": {"type": "float"},
        "orders": {"type": "int"},
        "code": {"type": "int", "nullable": True},
    }
    frame = pd.DataFrame(
        {
            "id": ["a", "a", "b", "b"],
            "spend": 1.0,
            "orders": 1,
            "code": ["9007199254740993", "9007199254740992", "", ""],
        }
    )
    customers, result = run(make_night(rows={"id": "id", "columns": columns}), frame, tmp_path)
    assert result["customer_id"].tolist() == ["b"]
    assert customers.balance.quarantined == 2


@pytest.mark.parametrize("buckets", [1, 3])
def test_rows_without_id_stand_for_themselves(
    make_night: NightMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, buckets: int
) -> None:
    """Without an id nothing is merged, and rows are ordered by a hash of their features."""
    random = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"spend": random.integers(0, 9, 300) / 2, "orders": random.integers(0, 3, 300), "note": "x"}
    )
    monkeypatch.setattr(module, "BUCKET_VALUES", -(-300 * 5 // buckets))
    night = make_night(rows={"id": None, "columns": COLUMNS})
    customers, result = run(night, frame, tmp_path)
    assert (customers.balance.used, customers.balance.merged) == (300, 0)
    assert sorted(result["customer_id"]) == [f"{i:012d}" for i in range(1, 301)]
    matrix = result[["spend", "orders"]].to_numpy(np.float64).T
    assert (np.diff(hash_rows(matrix).astype(object)) >= 0).all()
    shuffled = run(night, frame.sample(frac=1, random_state=3), tmp_path)[1]
    assert np.array_equal(shuffled[["spend", "orders"]], result[["spend", "orders"]])


def test_one_customer_is_enough(make_night: NightMaker, tmp_path: Path) -> None:
    """A single row is a single customer."""
    frame = pd.DataFrame({"id": ["007"], "spend": [1.5], "orders": [2], "note": ["x"]})
    _, result = run(make_night(rows={"id": "id", "columns": COLUMNS}), frame, tmp_path)
    assert result.to_dict("records") == [{"customer_id": "007", "spend": 1.5, "orders": 2}]


def test_only_contradictions_are_refused(make_night: NightMaker, tmp_path: Path) -> None:
    """Where every customer contradicts itself there is nobody to segment."""
    frame = pd.DataFrame({"id": ["a", "a"], "spend": [1.0, 2.0], "orders": 1, "note": "x"})
    with pytest.raises(Refused, match="no-customers"):
        run(make_night(rows={"id": "id", "columns": COLUMNS}), frame, tmp_path)


def test_unaccounted_rows_stop_the_night(make_night: NightMaker, tmp_path: Path) -> None:
    """If a row is lost between two stages, the stage fails instead of publishing the rest."""
    path = tmp_path / "a.csv"
    path.write_text("id,spend,orders,note\na,1,1,x\n")
    night = make_night(path, rows={"id": "id", "columns": COLUMNS})
    rows = ingest(night)
    wrong: dict[str, Any] = {"balance": rows.balance.model_copy(update={"read": 2})}
    with pytest.raises(UnaccountedRows, match="2 rows were read, but 1 used"):
        summarise(night, rows.model_copy(update=wrong))


def test_buckets_are_as_few_as_fit() -> None:
    """Buckets hold at most BUCKET_VALUES values each; there is always one."""
    assert count_buckets(0, 5) == count_buckets(1, 5) == count_buckets(2_000_000, 5) == 1
    assert count_buckets(2_000_001, 5) == 2


def test_parts_are_recut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever tables come, parts have the same size and order, and nothing gives nothing."""
    monkeypatch.setattr(parts_module, "PART_ROWS", 4)
    sizes = [0, 3, 1, 9, 0, 2]
    values = iter(range(100))
    tables = [pa.table({"x": pa.array([next(values) for _ in range(n)], pa.int64())}) for n in sizes]
    result = [table["x"].to_pylist() for table in rechunk(iter(tables))]
    assert result == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14]]
    assert list(rechunk(iter([]))) == []
