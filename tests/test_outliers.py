"""Automatic scaling's second look: rare events set aside, a few values far out clipped, with reasons."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.clustering import Scaled
from schemas.identity import PreviousEdition
from schemas.night import Night
from segmentation.parts import read_part, to_matrix, write_part
from tasks.scale import scale
from tests.stage_records import make_customers

N = 4000
NightMaker = Callable[..., Night]


def scaled(night: Night, tmp_path: Path, **columns: np.ndarray) -> Scaled:
    """Scale these columns, split over two parts."""
    night.staging.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    halves = (table.slice(0, N // 2), table.slice(N // 2))
    parts = tuple(write_part(tmp_path / f"{i}.parquet", half) for i, half in enumerate(halves))
    return scale(night, make_customers(parts), PreviousEdition())


def night_of(make_night: NightMaker, *names: str, **scaling: str) -> Night:
    """A night that clusters these columns, its scaling automatic but for those named."""
    return make_night(
        rows={"id": None, "columns": {name: {"type": "float"} for name in names}},
        features=list(names),
        scaling={"columns": scaling},
    )


@pytest.fixture
def spend() -> np.ndarray:
    """An ordinary feature."""
    return np.random.default_rng(1).normal(100, 20, N)


def rare(share: float) -> np.ndarray:
    """0, and 1 for this share of the customers, spread over both parts."""
    return (np.random.default_rng(2).permutation(N) < share * N).astype(float)


@pytest.mark.parametrize(("share", "is_aside"), [(0.05, True), (0.06, False), (0.001, True)])
def test_a_feature_with_one_value_in_nearly_all_rows_is_set_aside(
    share: float, is_aside: bool, spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """From 95 % on, counted over all parts; the reason gives the share and says what to do."""
    found = scaled(night_of(make_night, "spend", "refunds"), tmp_path, spend=spend, refunds=rare(share))
    column = found.columns[1]
    assert column.excluded == is_aside
    assert (f"a rare event: {1 - share:.1%} of customers have the value 0;" in column.reason) == is_aside
    matrix = np.concatenate([to_matrix(read_part(part)) for part in found.parts], axis=1)
    assert len(matrix) == (1 if is_aside else 2)


def test_what_is_common_in_one_part_only_is_no_rare_event(
    spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """The share is of all customers, not of a part."""
    flag = np.r_[np.zeros(N // 2), np.arange(N // 2) % 2.0]
    found = scaled(night_of(make_night, "spend", "flag"), tmp_path, spend=spend, flag=flag)
    assert not found.columns[1].excluded


def test_a_named_scaling_forces_a_rare_event_in_and_aside_forces_any_out(
    spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """A definition has the last word on each column."""
    night = night_of(make_night, "spend", "refunds", "orders", refunds="standard", orders="aside")
    found = scaled(night, tmp_path, spend=spend, refunds=rare(0.01), orders=spend[::-1].copy())
    assert [one.excluded for one in found.columns] == [False, False, True]


def test_where_every_feature_is_a_rare_event_they_stay(tmp_path: Path, make_night: NightMaker) -> None:
    """There is nothing else to tell customers apart by."""
    found = scaled(night_of(make_night, "a", "b"), tmp_path, a=rare(0.01), b=rare(0.02)[::-1].copy())
    assert [one.excluded for one in found.columns] == [False, False]


@pytest.mark.parametrize(("far", "is_clipped"), [(8, True), (200, False)])
def test_a_few_values_far_out_are_clipped_and_a_group_of_them_is_not(
    far: int, is_clipped: bool, spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """Fewer than smallest_share beyond four deviations are clipped there; more may be a segment."""
    values = spend.copy()
    values[:far] = 1000.0 if far > 100 else 300.0
    found = scaled(night_of(make_night, "spend", "other"), tmp_path, spend=values, other=spend[::-1].copy())
    column = found.columns[0]
    assert (column.clip == 4.0) == is_clipped
    assert ("of customers clipped at 4 standard deviations" in column.reason) == is_clipped
    matrix = np.concatenate([to_matrix(read_part(part)) for part in found.parts], axis=1)
    if is_clipped:
        assert np.abs(matrix[0]).max() <= 4.0 + found.quantum


def test_no_column_is_clipped_whose_scaling_is_named(
    spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """`standard` means standard."""
    spend[:4] = 300.0
    found = scaled(night_of(make_night, "spend", spend="standard"), tmp_path, spend=spend)
    assert found.columns[0].clip is None
