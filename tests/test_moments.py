"""Merged moments against numpy and scipy over all rows at once."""

import math

import numpy as np
import pytest

from segmentation.features.moments import (
    Moments,
    compute_moments,
    merge_all_moments,
    merge_moments,
    round_finite,
    round_significant,
)

stats = pytest.importorskip("scipy.stats")


def draw() -> np.ndarray:
    """Four columns of different shape: (4, 1000)."""
    random = np.random.default_rng(5)
    return np.stack(
        [
            random.normal(1e6, 1.0, 1000),
            random.lognormal(0, 2, 1000),
            -random.exponential(3, 1000),
            random.integers(0, 2, 1000).astype(float),
        ]
    )


def check(moments: Moments, matrix: np.ndarray, rel: float) -> None:
    """Compare with numpy and scipy on the whole matrix."""
    assert moments.n == matrix.shape[1]
    assert moments.mean == pytest.approx(matrix.mean(axis=1), rel=rel)
    assert moments.std == pytest.approx(matrix.std(axis=1), rel=rel)
    assert moments.skewness == pytest.approx(stats.skew(matrix, axis=1), rel=rel, abs=1e-9)
    assert moments.low.tolist() == matrix.min(axis=1).tolist()
    assert moments.high.tolist() == matrix.max(axis=1).tolist()


def test_moments_of_one_part() -> None:
    """Mean, deviation and skewness of a matrix equal numpy's and scipy's."""
    check(compute_moments(draw()), draw(), 1e-9)


@pytest.mark.parametrize("cuts", [[1], [500], [1, 2, 3], [10, 990]])
def test_merged_moments_are_those_of_the_whole(cuts: list[int]) -> None:
    """Parts of any sizes merge to the moments of all rows."""
    parts = np.split(draw(), cuts, axis=1)
    check(merge_all_moments(compute_moments(part) for part in parts), draw(), 1e-8)


def test_merge_is_symmetric() -> None:
    """a with b equals b with a, up to rounding."""
    a, b = compute_moments(draw()[:, :300]), compute_moments(draw()[:, 300:])
    merged, swapped = merge_moments(a, b), merge_moments(b, a)
    assert merged.m3 == pytest.approx(swapped.m3, rel=1e-10)
    assert merged.m2 == pytest.approx(swapped.m2, rel=1e-12)


@pytest.mark.parametrize("power", [-990, -400, 330, 900])
def test_moments_of_any_size(power: int) -> None:
    """Where squares and cubes would leave float64, moments are those of the values times a power of two."""
    parts = np.split(draw(), [3, 400], axis=1)
    plain = merge_all_moments(map(compute_moments, parts))
    merged = merge_all_moments(compute_moments(np.ldexp(part, power)) for part in parts)
    assert np.ldexp(merged.std, -power) == pytest.approx(plain.std, rel=1e-12)
    assert np.ldexp(merged.mean, -power) == pytest.approx(plain.mean, rel=1e-12)
    assert merged.skewness == pytest.approx(plain.skewness, rel=1e-12)


def test_parts_of_different_size_are_merged() -> None:
    """A part of zeros, one of tiny and one of huge values give the moments of all rows."""
    parts = [np.zeros((1, 5)), np.full((1, 5), 1e-200), np.array([[1e200, 3e200]])]
    merged = merge_all_moments(map(compute_moments, parts))
    expected = compute_moments(np.concatenate(parts, axis=1))
    assert (merged.mean[0], merged.std[0]) == pytest.approx((expected.mean[0], expected.std[0]), rel=1e-12)
    assert merged.std[0] == pytest.approx(np.array([0.0] * 10 + [1.0, 3.0]).std() * 1e200)


def test_constant_column_has_no_skewness() -> None:
    """A constant column has skewness 0 even where its mean is rounded, like that of 0.1."""
    for n in (1, 7, 1000):
        moments = compute_moments(np.full((1, n), 0.1))
        assert moments.skewness.tolist() == [0.0]
        assert moments.std[0] == pytest.approx(0.0, abs=1e-15)


def test_no_parts_have_no_moments() -> None:
    """Merging no parts raises TypeError, and measuring no rows raises ValueError."""
    with pytest.raises(TypeError):
        merge_all_moments([])
    with pytest.raises(ValueError, match="zero-size"):
        compute_moments(np.empty((1, 0)))


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (0.1 + 0.2, 12, 0.3),
        (123456.789, 3, 123000.0),
        (-0.00012345, 2, -0.00012),
        (0.0, 12, 0.0),
        (5.0, 1, 5.0),
    ],
)
def test_significant_digits(value: float, digits: int, expected: float) -> None:
    """Numbers are rounded to significant digits as by Python's %g."""
    assert round_significant(value, digits) == expected == float(f"{value:.{digits}g}")


def test_rounding_keeps_nan_and_infinity() -> None:
    """NaN stays NaN and infinity stays infinity; zero digits are an error."""
    assert math.isnan(round_significant(math.nan))
    assert round_significant(math.inf) == math.inf
    with pytest.raises(ValueError, match=r"[Pp]recision|[Ff]ormat"):
        round_significant(1.0, 0)


def test_values_without_a_finite_number_are_none() -> None:
    """Measures without a value are stored as null."""
    assert (round_finite(math.nan), round_finite(-math.inf), round_finite(0.1 + 0.2)) == (None, None, 0.3)
