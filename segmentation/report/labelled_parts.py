"""Customers with their segments, in parts: what words and tables are computed from.

Labels are written in tasks/fit.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.part import Part
from segmentation.parts import read_part, to_matrix


class LabelledPart(NamedTuple):
    """A customers part and its labels part."""

    customers: Part
    labels: Part


class LabelledMatrix(NamedTuple):
    """Customers of several segments. matrix: original features (d, n). labels: segment positions (n,)."""

    matrix: np.ndarray
    labels: np.ndarray


def read_labelled_part(part: LabelledPart, features: Sequence[str]) -> LabelledMatrix:
    """The features and labels of one part."""
    matrix = to_matrix(read_part(part.customers, features))
    return LabelledMatrix(matrix, read_part(part.labels, ["label"])["label"].to_numpy())
