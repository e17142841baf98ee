"""Each feature's transform between original and scaled units, both ways, from its fitted record.

Fitting belongs in segmentation/features/scaling.py; here a fitted transform is only applied or inverted.
scaled = weight * (t(x) - shift) / scale, with t = log1p for log-standard, else the identity.
"""

from collections.abc import Sequence

import numpy as np

from schemas.numbers import ColumnScale


def curve(values: np.ndarray, column: ColumnScale) -> np.ndarray:
    """t(x): log1p or the identity. Any shape. Values below -1 give NaN under log-standard."""
    if column.transform != "log-standard":
        return values
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log1p(values))


def uncurve(values: np.ndarray, column: ColumnScale) -> np.ndarray:
    """The inverse of `curve`: expm1 or the identity."""
    return np.expm1(values) if column.transform == "log-standard" else values


def clipped(values: np.ndarray, column: ColumnScale) -> np.ndarray:
    """Standardised values, no further out than the column's clip."""
    return values if column.clip is None else np.clip(values, -column.clip, column.clip)


def to_scaled(matrix: np.ndarray, columns: Sequence[ColumnScale]) -> np.ndarray:
    """Scaled features (d', n) from original ones (d, n); the d - d' set aside are left out."""
    rows = [
        clipped((curve(values, column) - column.shift) / column.scale, column) * column.weight
        for values, column in zip(matrix, columns, strict=True)
        if not column.aside
    ]
    return np.stack(rows) if rows else np.empty((0, matrix.shape[1]))


def to_original(centres: np.ndarray, columns: Sequence[ColumnScale]) -> np.ndarray:
    """Centres (k, d) in original units from scaled ones (k, d'); features set aside give their value."""
    original = np.empty((len(centres), len(columns)))
    scaled = iter(centres.T)
    for j, column in enumerate(columns):
        values = np.zeros(len(centres)) if column.aside else next(scaled)
        original[:, j] = uncurve(values * column.scale / column.weight + column.shift, column)
    return original
