"""The model: feature order, transforms, centres and segment ids; numbers and names only.

`model.json` is its whole form. Assigning a table takes numpy alone. Fitting belongs in tasks/.
"""

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from pydantic import ValidationError, model_validator

from schemas.numbers import ColumnScale, Encoding, Training
from schemas.record import Record
from segmentation.errors import Refused
from segmentation.features.grid import blocks, nearest, snap, squared_distances
from segmentation.features.transforms import to_original, to_scaled
from segmentation.store.objects import ObjectPath

FURTHEST = 1e15  # scaled units


class Model(Record):
    """A fitted segmentation. Centres (k, d') are in scaled units, on the grid of `quantum`."""

    name: str
    version: str
    encodings: tuple[Encoding, ...]
    columns: tuple[ColumnScale, ...]
    quantum: float
    trained: Training
    segment_ids: tuple[str, ...]
    centres: tuple[tuple[float, ...], ...]

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if [one.name for one in self.encodings] != [one.feature for one in self.columns]:
            raise ValueError("encodings and columns do not belong together")
        width = sum(not column.aside for column in self.columns)
        if len(self.segment_ids) != len(self.centres) or {len(one) for one in self.centres} != {width}:
            raise ValueError("segment_ids, centres and columns do not belong together")
        if not self.quantum > 0:
            raise ValueError("the quantum must be above 0")
        return self

    def centre_matrix(self) -> np.ndarray:
        """Centres as float64 (k, d')."""
        return np.array(self.centres, np.float64).reshape(len(self.segment_ids), -1)

    @property
    def features(self) -> frozenset[str]:
        """The columns of the customer table that it needs."""
        return frozenset(one.column for one in self.encodings)

    def scale(self, matrix: np.ndarray) -> np.ndarray:
        """Scaled features (d', n) on the grid from original ones (d, n) in feature order."""
        return snap(to_scaled(matrix, self.columns), self.quantum)

    def can_scale(self, matrix: np.ndarray) -> np.ndarray:
        """Which of n customers (d, n) have values that the transforms take: bool (n,).

        log-standard takes no negative value, and distances beyond FURTHEST leave float32.
        """
        able: np.ndarray = np.abs(to_scaled(matrix, self.columns)).max(axis=0, initial=0.0) <= FURTHEST
        for values, column in zip(matrix, self.columns, strict=True):
            able &= (column.transform != "log-standard") | (values >= 0)
        return able

    def original_centres(self) -> np.ndarray:
        """Centres (k, d) in original units, all features."""
        return to_original(self.centre_matrix(), self.columns)


class Assignment(NamedTuple):
    """Labels of n customers. runner_up is -1 and margin NaN where there is one segment only."""

    label: np.ndarray
    distance: np.ndarray
    margin: np.ndarray
    runner_up: np.ndarray


def assign(scaled: np.ndarray, centres: np.ndarray) -> Assignment:
    """Nearest centre of each column of scaled (d', n): int32 labels, float32 distance and margin.

    margin = 1 - d1 / d2, with d1, d2 the distances to the nearest and second nearest centre; 0
    where both are 0.
    """
    found = [_assign_block(block, centres) for block in blocks(scaled)]
    if not found:
        empty = np.empty(0, np.float32)
        return Assignment(empty.astype(np.int32), empty, empty, empty.astype(np.int32))
    return Assignment(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _assign_block(x: np.ndarray, centres: np.ndarray) -> Assignment:
    distances = squared_distances(x, centres)
    label, best = nearest(distances)
    if len(centres) == 1:
        nothing = np.full(label.size, np.nan, np.float32)
        return Assignment(label, np.sqrt(best).astype(np.float32), nothing, np.full_like(label, -1))
    distances[label, np.arange(label.size)] = np.inf
    runner_up, second = nearest(distances)
    with np.errstate(invalid="ignore"):
        ratio = np.where(second > 0, np.sqrt(best / second), 1.0)
    return Assignment(label, np.sqrt(best).astype(np.float32), (1.0 - ratio).astype(np.float32), runner_up)


def read_model(path: Path | ObjectPath) -> Model:
    """Read a model.json. Refused with code `model` if it is not one."""
    try:
        return Model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise Refused("model", f"{path.name} is not a readable model.json") from error
