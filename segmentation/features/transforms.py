"""The transforms between original and scaled units, both ways. TRANSFORMS has each by the definition's name.

scaled = weight * (t(x) - shift) / scale, where t bends the values (log1p) or is the identity. A new transform
needs its name in config/definition.py, an entry here, and its line in docs/definition.md. Choosing a
transform and fitting it to the customers is in segmentation/features/scaling.py.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.numbers import ColumnScale, Transform


class Quartiles(NamedTuple):
    """Lower quartile, median and upper quartile of a feature."""

    lower: float
    median: float
    upper: float


class FeatureSummary(NamedTuple):
    """What a transform is fitted to: mean and population standard deviation of t(x), quartiles of x.

    Quartiles are a function, since they take a pass over all customers. block: see Encoding.
    """

    mean: float
    std: float
    block: int
    quartiles: Callable[[], Quartiles]


class Standardisation(NamedTuple):
    """standardised = (t(x) - shift) / scale."""

    shift: float
    scale: float


class TransformKind(NamedTuple):
    """How a transform is fitted, and how it bends values: t and its inverse, None for the identity.

    lowest: the least value that t accepts. is_logarithmic: do equal ratios have equal distances?
    keeps_size: are scaled values as large as the values themselves, instead of about 1?
    """

    fit: Callable[[FeatureSummary], Standardisation]
    bend: Callable[[np.ndarray], np.ndarray] | None = None
    unbend: Callable[[np.ndarray], np.ndarray] | None = None
    lowest: float = -np.inf
    is_logarithmic: bool = False
    keeps_size: bool = False


def fit_standard(summary: FeatureSummary) -> Standardisation:
    """Mean 0 and standard deviation 1."""
    return Standardisation(summary.mean, summary.std)


def fit_unchanged(summary: FeatureSummary) -> Standardisation:
    """The values as they are. L one-hot levels together weigh as one feature: 1 / sqrt(L) each."""
    return Standardisation(0.0, float(np.sqrt(summary.block)))


def fit_robust(summary: FeatureSummary) -> Standardisation:
    """Median 0 and interquartile range 1.

    Half of the rows may share one value. Then the range is 0, and the standard deviation measures the rest.
    """
    quartiles = summary.quartiles()
    spread = quartiles.upper - quartiles.lower
    return Standardisation(quartiles.median, spread if spread > 0 else summary.std)


TRANSFORMS: dict[Transform, TransformKind] = {
    "none": TransformKind(fit_unchanged, keeps_size=True),
    "standard": TransformKind(fit_standard),
    "robust": TransformKind(fit_robust),
    "log-standard": TransformKind(
        fit_standard, bend=np.log1p, unbend=np.expm1, lowest=0.0, is_logarithmic=True
    ),
    "one-hot": TransformKind(fit_unchanged),
    "aside": TransformKind(fit_standard),  # excluded, so its fit is not used
}


def is_bent(column: ColumnScale) -> bool:
    """Is t other than the identity?"""
    return TRANSFORMS[column.transform].bend is not None


def is_logarithmic(column: ColumnScale) -> bool:
    """Do equal ratios of values have equal distances? Axes of the report follow this."""
    return TRANSFORMS[column.transform].is_logarithmic


def apply_transform(values: np.ndarray, column: ColumnScale) -> np.ndarray:
    """t(x): log1p or the identity. Any shape. Values below -1 give NaN under log-standard."""
    bend = TRANSFORMS[column.transform].bend
    if bend is None:
        return values
    # A later night may have values that the fit never saw. They become NaN here and are judged by `accepts`.
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(bend(values))


def invert_transform(values: np.ndarray, column: ColumnScale) -> np.ndarray:
    """The inverse of `apply_transform`: expm1 or the identity."""
    # expm1 of a centre that was never logged gives infinity, so the inverse follows the fitted transform.
    unbend = TRANSFORMS[column.transform].unbend
    return values if unbend is None else np.asarray(unbend(values))


def accepts(values: np.ndarray, column: ColumnScale) -> np.ndarray:
    """Which values the transform accepts: bool, same shape. log-standard accepts none below 0."""
    lowest = TRANSFORMS[column.transform].lowest
    return np.full(values.shape, True) if lowest == -np.inf else values >= lowest


def clip_scaled(values: np.ndarray, column: ColumnScale) -> np.ndarray:
    """Standardised values, limited to the column's clip on either side."""
    return values if column.clip is None else np.clip(values, -column.clip, column.clip)


def to_scaled(matrix: np.ndarray, columns: Sequence[ColumnScale]) -> np.ndarray:
    """Scaled features (d', n) from original ones (d, n), without the d - d' excluded features.

    Values so far from those of the fit that float64 cannot hold the quotient become infinite.
    """
    varying = [pair for pair in zip(matrix, columns, strict=True) if not pair[1].excluded]
    scaled = np.empty((len(varying), matrix.shape[1]))
    with np.errstate(over="ignore"):
        for row, (values, column) in zip(scaled, varying, strict=True):
            # In place: memory for each step's result would take longer than the arithmetic.
            np.subtract(apply_transform(values, column), column.shift, out=row)
            row /= column.scale
            row[:] = clip_scaled(row, column)
            row *= column.weight
    return scaled


def to_original(centres: np.ndarray, columns: Sequence[ColumnScale]) -> np.ndarray:
    """Centres (k, d) in original units from scaled ones (k, d'). Excluded features have their one value."""
    original = np.empty((len(centres), len(columns)))
    scaled = iter(centres.T)
    for j, column in enumerate(columns):
        # Zero, scaled back, is the column's shift: the one value that an excluded column had.
        values = np.zeros(len(centres)) if column.excluded else next(scaled)
        original[:, j] = invert_transform(values * column.scale / column.weight + column.shift, column)
    return original
