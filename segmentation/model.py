"""Applying a model: scaling customers, and assigning each to the nearest centre.

The record of a model is in schemas/model.py. Fitting one belongs in tasks/fit.py.
"""

from typing import NamedTuple

import numpy as np
from pydantic import ValidationError

from schemas.model import Model
from segmentation.errors import Refused
from segmentation.features.grid import blocks, compute_reach, nearest_centres, snap, squared_distances
from segmentation.features.transforms import accepts, to_original, to_scaled
from segmentation.store.files.objects import AnyPath

MAX_SCALED = 1e15  # scaled units


def scale_features(model: Model, matrix: np.ndarray) -> np.ndarray:
    """Scaled features (d', n) on the grid, from original ones (d, n) in feature order."""
    return snap(to_scaled(matrix, model.columns), model.quantum)


def detect_scalable(model: Model, matrix: np.ndarray) -> np.ndarray:
    """Which of n customers (d, n) have values that the transforms accept: bool (n,).

    Each transform accepts values from its lowest on, and distances beyond MAX_SCALED overflow float32.
    """
    return _detect_scalable(model, matrix, np.abs(to_scaled(matrix, model.columns)).max(axis=0, initial=0.0))


def _detect_scalable(model: Model, matrix: np.ndarray, largest: np.ndarray) -> np.ndarray:
    # A comparison with NaN is false.
    scalable: np.ndarray = largest <= MAX_SCALED
    for values, column in zip(matrix, model.columns, strict=True):
        scalable &= accepts(values, column)
    return scalable


class ScaledCustomers(NamedTuple):
    """Scaled features (d', n), on the grid and within its reach.

    scalable, beyond: bool (n,), customers that the model can scale, and those of them who were out of reach.
    """

    matrix: np.ndarray
    scalable: np.ndarray
    beyond: np.ndarray


def scale_customers(model: Model, matrix: np.ndarray) -> ScaledCustomers:
    """Any customers (d, n) as the model sees them.

    Customers that it cannot scale count as if all their values were 0, those out of reach as on the edge.
    """
    scaled = to_scaled(matrix, model.columns)
    largest = np.abs(scaled).max(axis=0, initial=0.0)
    scalable = _detect_scalable(model, matrix, largest)
    if not scalable.all():
        scaled[:, ~scalable] = to_scaled(np.zeros((len(matrix), 1)), model.columns)
    reach = compute_reach(model.quantum, len(scaled))
    beyond = scalable & (snap(largest, model.quantum) > reach)
    snapped = snap(scaled, model.quantum)
    return ScaledCustomers(np.clip(snapped, -reach, reach, out=snapped), scalable, beyond)


def compute_original_centres(model: Model) -> np.ndarray:
    """Centres (k, d) in original units, all features."""
    return to_original(model.centre_matrix(), model.columns)


class Assignment(NamedTuple):
    """Labels of n customers. With only one segment, runner_up is -1 and margin NaN."""

    label: np.ndarray
    distance: np.ndarray
    margin: np.ndarray
    runner_up: np.ndarray


def assign(scaled: np.ndarray, centres: np.ndarray) -> Assignment:
    """Nearest centre of each column of scaled (d', n): int32 labels, float32 distance and margin.

    margin = 1 - d1 / d2, with d1, d2 the distances to the nearest and second nearest centre; 0
    where both are 0.
    """
    return assign_and_measure(scaled, centres)[0]


def assign_and_measure(scaled: np.ndarray, centres: np.ndarray) -> tuple[Assignment, np.ndarray]:
    """As `assign`, and the squared distances (n,) to the nearest centre, float64 and exact on the grid."""
    # An empty part has no blocks, but its arrays still need their types.
    pairs = [_assign_block(block, centres) for block in blocks(scaled) or [scaled]]
    columns = zip(*(assignment for assignment, _ in pairs), strict=True)
    return Assignment(*map(np.concatenate, columns)), np.concatenate([squares for _, squares in pairs])


def _assign_block(x: np.ndarray, centres: np.ndarray) -> tuple[Assignment, np.ndarray]:
    distances = squared_distances(x, centres)
    label, best = nearest_centres(distances)
    if len(centres) == 1:
        margin = np.full(label.size, np.nan, np.float32)
        return Assignment(label, np.sqrt(best).astype(np.float32), margin, np.full_like(label, -1)), best
    distances[label, np.arange(label.size)] = np.inf
    runner_up, second = nearest_centres(distances)
    with np.errstate(invalid="ignore"):
        ratio = np.where(second > 0, np.sqrt(best / second), 1.0)
    margin = (1.0 - ratio).astype(np.float32)
    return Assignment(label, np.sqrt(best).astype(np.float32), margin, runner_up), best


def read_model(path: AnyPath) -> Model:
    """The model in a model.json. Refused with code `model` if the file is not one."""
    try:
        return Model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise Refused("model", f"{path.name} is not a readable model.json") from error
