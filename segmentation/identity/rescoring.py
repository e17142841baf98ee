"""Tonight's customers scored with the previous model: their labels, and how well the model fits them.

Whether that calls for a refit is decided in segmentation/identity/refitting.py. Whether the previous edition
can be continued at all is checked in previous_model.py.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.model import Model
from schemas.numbers import Training
from schemas.part import Part
from segmentation.features.encoding import encode
from segmentation.features.grid import exact_sum
from segmentation.features.training import count_bins, population_stability_index
from segmentation.model import assign_and_measure, scale_customers
from segmentation.partitions import map_parts
from segmentation.parts import read_part, to_matrix, write_part


class Rescored(NamedTuple):
    """How a model fits some customers.

    labels: part by part, the columns of Assignment; label -1 where the model cannot place a customer.
    sizes (k,). inertia: of all customers. drift: PSI by scaled number. constant: features that no longer
    vary. beyond: customers outside the range that the grid covers.
    """

    labels: tuple[Part, ...]
    sizes: np.ndarray
    inertia: float
    drift: dict[str, float]
    constant: tuple[str, ...]
    beyond: int


class _PartScore(NamedTuple):
    """The same for one part: inertia in quantum^2, counts by bin, ranges (2, d') of the scaled numbers."""

    labels: Part
    sizes: np.ndarray
    units: int
    bins: list[np.ndarray]
    ranges: np.ndarray
    beyond: int


def rescore_customers(parts: Sequence[Part], model: Model, folder: Path) -> Rescored:
    """Label tonight's customers with the model, and measure how it fits them."""
    edges = {bins.feature: np.array(bins.edges) for bins in model.trained.bins}
    paths = [folder / f"rescored-{i:05d}.parquet" for i in range(len(parts))]
    rescore = partial(_rescore_part, model=model, edges=edges)
    scores = list(map_parts(lambda pair: rescore(*pair), zip(parts, paths, strict=True)))
    sizes = np.sum([score.sizes for score in scores], axis=0)
    units = sum(score.units for score in scores)
    return Rescored(
        labels=tuple(score.labels for score in scores),
        sizes=sizes,
        inertia=units * model.quantum**2,
        drift=compute_drift(model.trained, [score.bins for score in scores]),
        constant=detect_constant(model, [score.ranges for score in scores]),
        beyond=sum(score.beyond for score in scores),
    )


def _rescore_part(part: Part, path: Path, model: Model, edges: dict[str, np.ndarray]) -> _PartScore:
    matrix = to_matrix(encode(read_part(part, sorted(model.features)), model.encodings))
    scaled, scalable, beyond = scale_customers(model, matrix)
    assignment, squares = assign_and_measure(scaled, model.centre_matrix())
    label = np.where(scalable, assignment.label, -1)
    if not scalable.all():  # rare, and worth no copies of all other nights
        scaled, squares = scaled[:, scalable], squares[scalable]
    low, high = scaled.min(axis=1, initial=np.inf), scaled.max(axis=1, initial=-np.inf)
    return _PartScore(
        labels=write_part(path, pa.table(assignment._replace(label=label)._asdict())),
        sizes=np.bincount(label[scalable], minlength=len(model.centres)),
        units=exact_sum(squares, model.quantum**2),
        bins=[count_bins(values, inner) for values, inner in zip(scaled, edges.values(), strict=True)],
        ranges=np.stack([low, high]),
        beyond=int(np.count_nonzero(beyond | ~scalable)),
    )


def detect_constant(model: Model, ranges: Sequence[np.ndarray]) -> tuple[str, ...]:
    """Features that varied in training and have one value for all customers.

    ranges: of each part, least and largest of each scaled number (2, d'). A category still varies if
    one of its levels vanished and others remain.
    """
    columns = {encoding.name: encoding.column for encoding in model.encodings}
    low = np.min([part_ranges[0] for part_ranges in ranges], axis=0)
    high = np.max([part_ranges[1] for part_ranges in ranges], axis=0)
    numbers = list(zip(model.trained.bins, low < high, strict=True))
    varied = {columns[bins.feature] for bins, _ in numbers if bins.edges}
    varying = {columns[bins.feature] for bins, varies in numbers if varies}
    return tuple(sorted(varied - varying))


def compute_drift(training: Training, counts: Sequence[Sequence[np.ndarray]]) -> dict[str, float]:
    """PSI of each scaled number, from the parts' counts by bin."""
    totals = [np.sum(by_part, axis=0) for by_part in zip(*counts, strict=True)]
    return {
        bins.feature: population_stability_index(np.array(bins.shares), total / max(1, int(total.sum())))
        for bins, total in zip(training.bins, totals, strict=True)
    }
