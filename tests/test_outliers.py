"""Automatic scaling excludes rare events and clips a few far values, each with a reason."""

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


def run_scale(night: Night, tmp_path: Path, **columns: np.ndarray) -> Scaled:
    """Run the stage on these columns, split over two parts."""
    night.staging.mkdir(parents=True, exist_ok=True)
    table = pa.table(columns)
    halves = (table.slice(0, N // 2), table.slice(N // 2))
    parts = tuple(write_part(tmp_path / f"{i}.parquet", half) for i, half in enumerate(halves))
    return scale(night, make_customers(parts), PreviousEdition())


def night_of(make_night: NightMaker, *names: str, **scaling: str) -> Night:
    """A night with these columns as features, scaled automatically unless `scaling` names them."""
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


@pytest.mark.parametrize(("share", "is_excluded"), [(0.05, True), (0.06, False), (0.001, True)])
def test_a_feature_with_one_value_in_nearly_all_rows_is_excluded(
    share: float, is_excluded: bool, spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """That is from 95 % on, over all parts; the reason gives the share and says what to do."""
    result = run_scale(night_of(make_night, "spend", "refunds"), tmp_path, spend=spend, refunds=rare(share))
    column = result.columns[1]
    assert column.excluded == is_excluded
    assert (f"a rare event: {1 - share:.1%} of customers have the value 0;" in column.reason) == is_excluded
    matrix = np.concatenate([to_matrix(read_part(part)) for part in result.parts], axis=1)
    assert len(matrix) == (1 if is_excluded else 2)


def test_a_value_common_in_one_part_only_is_not_a_rare_event(
    spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """The share is of all customers, not of a part."""
    flag = np.r_[np.zeros(N // 2), np.arange(N // 2) % 2.0]
    result = run_scale(night_of(make_night, "spend", "flag"), tmp_path, spend=spend, flag=flag)
    assert not result.columns[1].excluded


def test_a_named_scaling_includes_a_rare_event_and_aside_excludes_any_feature(
    spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """A definition has the last word on each column."""
    night = night_of(make_night, "spend", "refunds", "orders", refunds="standard", orders="aside")
    result = run_scale(night, tmp_path, spend=spend, refunds=rare(0.01), orders=spend[::-1].copy())
    assert [column.excluded for column in result.columns] == [False, False, True]


def test_if_every_feature_is_a_rare_event_all_stay(tmp_path: Path, make_night: NightMaker) -> None:
    """Nothing else distinguishes the customers."""
    result = run_scale(night_of(make_night, "a", "b"), tmp_path, a=rare(0.01), b=rare(0.02)[::-1].copy())
    assert [column.excluded for column in result.columns] == [False, False]


@pytest.mark.parametrize(("outliers", "is_clipped"), [(8, True), (200, False)])
def test_a_few_far_values_are_clipped_and_a_group_of_them_is_not(
    outliers: int, is_clipped: bool, spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """Fewer than smallest_share beyond four standard deviations are clipped; more may be a segment."""
    values = spend.copy()
    values[:outliers] = 1000.0 if outliers > 100 else 300.0
    result = run_scale(
        night_of(make_night, "spend", "other"), tmp_path, spend=values, other=spend[::-1].copy()
    )
    column = result.columns[0]
    assert (column.clip == 4.0) == is_clipped
    assert ("of customers clipped at 4 standard deviations" in column.reason) == is_clipped
    matrix = np.concatenate([to_matrix(read_part(part)) for part in result.parts], axis=1)
    if is_clipped:
        assert np.abs(matrix[0]).max() <= 4.0 + result.quantum


def test_far_values_are_clipped_where_every_size_is_allowed(
    spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """`resegment init` writes k.smallest_share: 0, but a few rows must not outweigh the rest."""
    values = spend.copy()
    values[:8] = 300.0
    night = make_night(
        rows={"id": None, "columns": {"spend": {"type": "float"}}},
        features=["spend"],
        k={"smallest_share": 0},
    )
    assert run_scale(night, tmp_path, spend=values).columns[0].clip == 4.0


def test_a_column_with_a_named_scaling_is_not_clipped(
    spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """`standard` means standard."""
    spend[:4] = 300.0
    result = run_scale(night_of(make_night, "spend", spend="standard"), tmp_path, spend=spend)
    assert result.columns[0].clip is None


def test_a_few_impossible_values_do_not_set_the_scale_of_all_others(
    spend: np.ndarray, tmp_path: Path, make_night: NightMaker
) -> None:
    """Their column has the deviation of the other customers, and the reason says so; others stay as is."""
    values = spend.copy()
    values[:4] = [-1e6, 2e6, 3e7, 5e7]
    result = run_scale(
        night_of(make_night, "spend", "visits"), tmp_path, spend=values, visits=spend[::-1].copy()
    )
    column = result.columns[0]
    assert column.scale == pytest.approx(spend[4:].std(), rel=0.1)
    assert column.shift == pytest.approx(spend[4:].mean(), abs=1)
    assert column.clip == 4.0
    assert "a few values inflated the deviation" in column.reason
    assert result.columns[1].scale == pytest.approx(spend.std())


def test_a_heavy_tail_keeps_less_than_a_hundredth_clipped(tmp_path: Path, make_night: NightMaker) -> None:
    """The deviation shrinks only as far as that, for below it the far values may be a segment."""
    values = np.random.default_rng(3).standard_t(1.0, N)
    result = run_scale(night_of(make_night, "balance"), tmp_path, balance=values)
    column = result.columns[0]
    beyond = float(np.mean(np.abs(values - column.shift) > 4 * column.scale))
    assert 0.002 < beyond < 0.01
    assert f"{beyond:.2%} clipped" in column.reason
