"""The scaled features of a part, computed from its numbers.

How a number is transformed is in transforms.py, what the grid is in grid.py. Stage files of them are written
in tasks/scale.py, on nights that fit a model.
"""

from typing import NamedTuple

import numpy as np

from schemas.numbers import ColumnScale
from schemas.part import Part
from segmentation.features.grid import snap
from segmentation.features.transforms import to_scaled
from segmentation.parts import read_part, to_matrix


class Scales(NamedTuple):
    """The transform of each number, and the grid step of scaled values."""

    columns: tuple[ColumnScale, ...]
    quantum: float


def read_scaled(numbers: Part, scales: Scales) -> np.ndarray:
    """Scaled features (d', n) on the grid, from a part's numbers in original units."""
    columns, quantum = scales
    matrix = to_matrix(read_part(numbers, [column.feature for column in columns]))
    return snap(to_scaled(matrix, columns), quantum)
