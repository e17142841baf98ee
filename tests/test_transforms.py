"""Applying and inverting transforms. Fitting them is tested in test_scale.py."""

from typing import get_args

import numpy as np
import pytest

from config.clauses import NamedScaling
from schemas.numbers import ColumnScale, Transform
from segmentation.features.transforms import (
    TRANSFORMS,
    accepts,
    apply_transform,
    invert_transform,
    to_original,
    to_scaled,
)


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
    """scaled = weight * (t(x) - shift) / scale, with t = log1p for log-standard, computed by hand."""
    matrix = np.array([[0.0, np.e - 1], [7.0, 7.0], [1.0, -3.0], [5.0, -5.0]])
    expected = [[-4.0, -2.0], [2.0, 0.0], [5.0, -5.0]]
    assert to_scaled(matrix, COLUMNS) == pytest.approx(np.array(expected))


def test_scaling_is_inverted() -> None:
    """Scaling and inverting returns the values; a constant feature has its one value."""
    random = np.random.default_rng(1)
    matrix = random.lognormal(2, 1, (4, 50))
    restored = to_original(to_scaled(matrix, COLUMNS).T, COLUMNS)
    assert restored.shape == (50, 4)
    assert (restored[:, 1] == 7.0).all()
    for j in (0, 2, 3):
        assert restored[:, j] == pytest.approx(matrix[j], rel=1e-12)


def test_only_constant_features_leave_nothing() -> None:
    """With only constant features the scaled matrix has no rows, and centres are the constants."""
    assert to_scaled(np.full((1, 3), 7.0), [CONSTANT]).shape == (0, 3)
    assert to_original(np.empty((2, 0)), [CONSTANT]).tolist() == [[7.0], [7.0]]


def test_linear_transforms_leave_values_unchanged() -> None:
    """t is the identity for transforms other than log-standard."""
    values = np.array([-5.0, 0.0, 3.0])
    assert apply_transform(values, column("robust")).tolist() == values.tolist()
    assert invert_transform(values, column("robust")).tolist() == values.tolist()


def test_log_keeps_small_values() -> None:
    """log1p and expm1 lose no digits near 0, where log(1 + x) does."""
    tiny, log = np.array([1e-18, 1e-12]), column("log-standard")
    assert invert_transform(apply_transform(tiny, log), log).tolist() == tiny.tolist()


def test_log_of_less_than_minus_one_is_nan() -> None:
    """Under log-standard a value below -1 gives NaN, without a warning."""
    assert np.isnan(apply_transform(np.array([-2.0]), column("log-standard"))).all()


def test_every_scaling_of_a_definition_is_a_transform() -> None:
    """TRANSFORMS has each named scaling, and one-hot for the numbers of categories."""
    assert {*TRANSFORMS} == {*get_args(NamedScaling), "one-hot"}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_transform_is_monotone_and_inverted(transform: Transform) -> None:
    """From its lowest value on, a transform accepts every value, ascends, and is undone by its inverse."""
    kind = TRANSFORMS[transform]
    values = max(kind.lowest, -1000.0) + np.linspace(0, 2000, 401)
    transformed = apply_transform(values, column(transform))
    assert accepts(values, column(transform)).all()
    assert (np.diff(transformed) > 0).all()
    assert invert_transform(transformed, column(transform)) == pytest.approx(values, rel=1e-12)
    assert accepts(values[:1] - 1, column(transform)).all() == (kind.lowest == -np.inf)


def test_features_and_columns_must_agree() -> None:
    """More columns than features raise ValueError."""
    with pytest.raises(ValueError, match="zip"):
        to_scaled(np.zeros((1, 2)), COLUMNS)
