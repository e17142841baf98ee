"""Transforms there and back. How they are fitted is test_scale.py's."""

import numpy as np
import pytest

from schemas.numbers import ColumnScale, Transform
from segmentation.features.transforms import apply_transform, invert_transform, to_original, to_scaled


def column(
    transform: Transform = "standard", shift: float = 0.0, scale: float = 1.0, weight: float = 1.0
) -> ColumnScale:
    """A fitted column."""
    return ColumnScale(
        feature="f", transform=transform, shift=shift, scale=scale, weight=weight, excluded=False, reason=""
    )


CONSTANT = column("none", 7.0).model_copy(update={"excluded": True})
COLUMNS = [column("log-standard", 2.0, 0.5), CONSTANT, column("standard", -3.0, 4.0, 2.0), column("none")]


def test_scaled_values_follow_the_formula() -> None:
    """scaled = weight * (t(x) - shift) / scale, with t = log1p for log-standard, worked by hand."""
    matrix = np.array([[0.0, np.e - 1], [7.0, 7.0], [1.0, -3.0], [5.0, -5.0]])
    wanted = [[-4.0, -2.0], [2.0, 0.0], [5.0, -5.0]]
    assert to_scaled(matrix, COLUMNS) == pytest.approx(np.array(wanted))


def test_scaling_is_inverted() -> None:
    """Going there and back gives the values, and a constant feature its one value."""
    random = np.random.default_rng(1)
    matrix = random.lognormal(2, 1, (4, 50))
    back = to_original(to_scaled(matrix, COLUMNS).T, COLUMNS)
    assert back.shape == (50, 4)
    assert (back[:, 1] == 7.0).all()
    for j in (0, 2, 3):
        assert back[:, j] == pytest.approx(matrix[j], rel=1e-12)


def test_only_constant_features_leave_nothing() -> None:
    """With constant features only, the scaled matrix has no rows, and centres are the constants."""
    assert to_scaled(np.full((1, 3), 7.0), [CONSTANT]).shape == (0, 3)
    assert to_original(np.empty((2, 0)), [CONSTANT]).tolist() == [[7.0], [7.0]]


def test_curve_is_the_identity_without_log() -> None:
    """Transforms other than log-standard leave values as they are."""
    values = np.array([-5.0, 0.0, 3.0])
    assert apply_transform(values, column("robust")).tolist() == values.tolist()
    assert invert_transform(values, column("robust")).tolist() == values.tolist()


def test_curve_keeps_small_values() -> None:
    """log1p and expm1 lose no digits near 0, where log(1 + x) does."""
    tiny = np.array([1e-18, 1e-12])
    assert invert_transform(apply_transform(tiny, column("log-standard")), column("log-standard")).tolist() == tiny.tolist()


def test_log_of_less_than_minus_one_is_nan() -> None:
    """Under log-standard a value below -1 gives NaN, quietly."""
    assert np.isnan(apply_transform(np.array([-2.0]), column("log-standard"))).all()


def test_features_and_columns_must_agree() -> None:
    """More columns than features raise ValueError."""
    with pytest.raises(ValueError, match="zip"):
        to_scaled(np.zeros((1, 2)), COLUMNS)
