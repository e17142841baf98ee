"""Fitted transforms against scikit-learn's scalers; what is chosen, set aside or refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.preprocessing import RobustScaler, StandardScaler

from config.clauses import Scaling
from config.definition import Definition
from schemas.identity import PreviousEdition
from schemas.night import Night
from schemas.numbers import ColumnScale, Encoding
from schemas.part import Part
from segmentation.errors import Refused
from segmentation.features.feature_moments import measure_part, merge_parts
from segmentation.features.grid_step import compute_largest, mean_variance
from segmentation.features.scaling import (
    EncodedCustomers,
    choose_transform,
    compute_quartiles,
    fit_columns,
)
from segmentation.parts import read_part, to_matrix, write_part
from tasks.scale import scale
from tests.stage_records import make_customers

NightMaker = Callable[..., Night]
FEATURES = ["spend", "orders"]
PLAIN = tuple(Encoding(name=name, column=name) for name in FEATURES)


def write_customers(folder: Path, spend: np.ndarray, orders: np.ndarray, cuts: int = 400) -> list[Part]:
    """Customers parts of two features."""
    parts = []
    for i, start in enumerate(range(0, len(spend), cuts)):
        piece = slice(start, start + cuts)
        ids = [f"{j:06d}" for j in range(start, start + len(spend[piece]))]
        table = pa.table({"customer_id": ids, "spend": spend[piece], "orders": orders[piece]})
        parts.append(write_part(folder / f"c{i}.parquet", table))
    return parts


def fit(night: Night, parts: list[Part]) -> tuple[ColumnScale, ...]:
    """Fitted transforms of the night's features."""
    moments = merge_parts(measure_part(part, FEATURES) for part in parts)
    return fit_columns(night.definition, EncodedCustomers(PLAIN, tuple(parts)), moments)


def run(night: Night, parts: list[Part]) -> Any:
    """The scale stage."""
    return scale(night, make_customers(parts), PreviousEdition())


@pytest.fixture
def spend() -> np.ndarray:
    """A heavy-tailed feature."""
    return np.random.default_rng(1).lognormal(3, 1, 1001)


@pytest.fixture
def orders() -> np.ndarray:
    """A feature with ties and negatives."""
    return np.random.default_rng(2).integers(-20, 20, 1001).astype(float)


@pytest.mark.parametrize("transform", ["standard", "log-standard"])
def test_standard_is_scikit_learns(
    make_night: NightMaker, tmp_path: Path, spend: np.ndarray, orders: np.ndarray, transform: str
) -> None:
    """standard centres and scales as StandardScaler does, log-standard as it does after log1p."""
    night = make_night(scaling={"default": "standard", "columns": {"spend": transform}})
    columns = fit(night, write_customers(tmp_path, spend, orders))
    for values, column in zip((spend, orders), columns, strict=True):
        x = np.log1p(values) if column.transform == "log-standard" else values
        oracle = StandardScaler().fit(x[:, None])
        assert column.shift == pytest.approx(oracle.mean_[0], rel=1e-11)
        assert column.scale == pytest.approx(oracle.scale_[0], rel=1e-11)


def test_robust_is_scikit_learns_where_ranks_are_whole(
    make_night: NightMaker, tmp_path: Path, spend: np.ndarray, orders: np.ndarray
) -> None:
    """With 4 m + 1 rows quartiles need no interpolation, and robust is RobustScaler."""
    columns = fit(make_night(scaling={"default": "robust"}), write_customers(tmp_path, spend, orders))
    for values, column in zip((spend, orders), columns, strict=True):
        oracle = RobustScaler().fit(values[:, None])
        assert column.shift == pytest.approx(oracle.center_[0], rel=1e-11)
        assert column.scale == pytest.approx(oracle.scale_[0], rel=1e-11)


def test_robust_falls_back_where_quartiles_meet(make_night: NightMaker, tmp_path: Path) -> None:
    """Where most rows share one value the standard deviation scales."""
    values = np.array([0.0] * 90 + [1.0] * 10)
    columns = fit(make_night(scaling={"default": "robust"}), write_customers(tmp_path, values, values))
    assert columns[0].shift == 0.0
    assert columns[0].scale == pytest.approx(0.3)


def test_quartiles_are_those_of_a_sort(tmp_path: Path, spend: np.ndarray, orders: np.ndarray) -> None:
    """Quartiles are numpy's with the lower value, over parts."""
    parts = write_customers(tmp_path, spend[:999], orders[:999], 100)
    expected = np.quantile(orders[:999], [0.25, 0.5, 0.75], method="lower")
    assert compute_quartiles(parts, "orders", 999) == tuple(expected)


@pytest.mark.parametrize(
    ("scaling", "raw", "log", "low", "expected"),
    [
        ("auto", 5.0, 0.3, 0.0, "log-standard"),
        ("auto", 5.0, -0.3, 0.0, "log-standard"),
        ("auto", 5.0, 0.3, -1.0, "standard"),
        ("auto", 0.9, 0.0, 0.0, "standard"),
        ("auto", 2.0, -2.5, 0.0, "standard"),
        ("auto", -5.0, -9.0, 0.0, "standard"),
        ("auto", 0.0, 0.0, 0.0, "standard"),
        ("none", 5.0, 0.3, 0.0, "none"),
        ("robust", 5.0, 0.3, 0.0, "robust"),
    ],
)
def test_auto_takes_the_log_where_it_lowers_a_high_skew(
    scaling: Scaling, raw: float, log: float, low: float, expected: str
) -> None:
    """auto means log for a skewed feature that is never negative, if that helps; else standard."""
    assert choose_transform(scaling, raw, log, low)[0] == expected


def test_none_leaves_values_and_weights_take_the_root(
    make_night: NightMaker, tmp_path: Path, spend: np.ndarray, orders: np.ndarray
) -> None:
    """none shifts and scales nothing; a weight of 4 doubles the feature's part in distances."""
    night = make_night(scaling={"default": "none"}, weights={"spend": 4})
    columns = fit(night, write_customers(tmp_path, spend, orders))
    assert [(c.shift, c.scale, c.weight) for c in columns] == [(0.0, 1.0, 2.0), (0.0, 1.0, 1.0)]


def test_constant_features_are_set_aside(make_night: NightMaker, tmp_path: Path, spend: np.ndarray) -> None:
    """A feature with one value, up to rounding, takes no part, and the night is warned."""
    constant = np.full(spend.size, 0.1) * (1 + np.arange(spend.size) % 2 * 1e-15)
    result = run(make_night(), write_customers(tmp_path, spend, constant))
    assert [column.excluded for column in result.columns] == [False, True]
    assert result.columns[1].shift == pytest.approx(0.1)
    assert read_part(result.parts[0]).column_names == ["spend"]
    assert "feature orders is constant and was excluded" in result.warnings


def test_only_constant_features_are_refused(make_night: NightMaker, tmp_path: Path) -> None:
    """Where every feature is constant there is nothing to segment by."""
    with pytest.raises(Refused, match="all-constant"):
        run(make_night(), write_customers(tmp_path, np.ones(5), np.zeros(5)))


@pytest.mark.parametrize(
    ("feature", "expected"),
    [("recency_days", "standard"), ("orders", "log-standard")],
)
def test_days_since_something_are_never_logged(
    feature: str, expected: str, make_night: NightMaker, tmp_path: Path, spend: np.ndarray
) -> None:
    """However skewed: a day that passes would move recent customers far. Other skewed numbers are logged."""
    columns = {name: {"type": "float"} for name in (feature, "spend")}
    night = make_night(rows={"id": None, "columns": columns}, features=[feature, "spend"])
    part = write_part(tmp_path / "0.parquet", pa.table({feature: spend, "spend": spend[::-1]}))
    night.staging.mkdir(parents=True, exist_ok=True)
    transforms = [column.transform for column in run(night, [part]).columns]
    assert transforms == [expected, "log-standard"]


@pytest.mark.parametrize("operation", ["days_since_last", "days_since_first"])
def test_days_that_events_count_are_never_logged(operation: str) -> None:
    """The operations that count days are known by name, whatever the feature is called."""
    content = {
        "name": "shop",
        "source": {"path": "orders.csv"},
        "rows": {
            "grain": "event",
            "id": "id",
            "time": "at",
            "columns": {"at": {"type": "timestamp"}, "amount": {"type": "float"}},
        },
        "summary": {
            "window_days": 365,
            "features": {"age": {"op": operation}, "spend": {"op": "sum", "column": "amount"}},
        },
        "features": ["age", "spend"],
    }
    definition = Definition.model_validate(content)
    assert definition.grows_daily("age")
    assert not definition.grows_daily("spend")


def test_negative_values_have_no_log(make_night: NightMaker, tmp_path: Path, orders: np.ndarray) -> None:
    """log-standard on a feature with negative values is refused by its name."""
    night = make_night(scaling={"columns": {"orders": "log-standard"}})
    with pytest.raises(Refused, match="feature orders has values below 0"):
        run(night, write_customers(tmp_path, orders, orders))


@pytest.mark.parametrize("value", [1e301, 1e-306])
def test_values_at_the_ends_of_float64_are_refused(
    make_night: NightMaker, tmp_path: Path, value: float
) -> None:
    """Values whose sums or differences float64 cannot hold are refused by the feature's name, not lost."""
    for plan in ("standard", "none", "robust"):
        night = make_night(scaling={"default": plan})
        with pytest.raises(Refused, match="feature spend"):
            run(night, write_customers(tmp_path, np.arange(9) * value, np.arange(9.0)))


def test_scaled_parts_lie_on_the_grid(
    make_night: NightMaker, tmp_path: Path, spend: np.ndarray, orders: np.ndarray
) -> None:
    """Scaled values are the formula's, within half a quantum, multiples of it, and have unit variance."""
    parts = write_customers(tmp_path, spend, orders)
    result = run(make_night(scaling={"default": "standard"}), parts)
    scaled = np.concatenate([to_matrix(read_part(part)) for part in result.parts], axis=1)
    plain = StandardScaler().fit_transform(np.stack([spend, orders], axis=1)).T
    assert np.abs(scaled - plain).max() <= result.quantum * (0.5 + 1e-6)
    assert not np.mod(scaled, result.quantum).any()
    assert result.variance == pytest.approx(1.0)
    assert [part.rows for part in result.parts] == [part.rows for part in parts]


def test_variance_and_largest_are_those_of_the_values(
    make_night: NightMaker, tmp_path: Path, spend: np.ndarray, orders: np.ndarray
) -> None:
    """The largest scaled value and the mean variance equal numpy's on the scaled values."""
    parts = write_customers(tmp_path, spend, orders)
    night = make_night(scaling={"default": "none"}, weights={"orders": 9})
    moments = merge_parts(measure_part(part, FEATURES) for part in parts)
    columns = fit_columns(night.definition, EncodedCustomers(PLAIN, tuple(parts)), moments)
    plain = np.stack([spend, 3 * orders])
    assert compute_largest(columns, moments.raw) == np.abs(plain).max()
    assert mean_variance(columns, moments) == pytest.approx(plain.var(axis=1).mean(), rel=1e-11)


def test_k_never_exceeds_distinct_rows(make_night: NightMaker, tmp_path: Path) -> None:
    """With three distinct customers k ends at 3, with a warning; k.min above that is refused."""
    values = np.repeat([1.0, 2.0, 5.0], 4)
    result = run(make_night(), write_customers(tmp_path, values, values))
    assert result.ks == (1, 2, 3)
    assert result.sample.exact
    assert any("k.max lowered from 6 to 3" in warning for warning in result.warnings)
    with pytest.raises(Refused, match="too-few-rows"):
        run(make_night(k={"min": 4, "max": 6}), write_customers(tmp_path, values, values))
