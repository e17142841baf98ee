"""The edition before: its model, and how that fits tonight's customers, in one pass over them.

What follows from it is segmentation/identity/refitting.py's to say; matching segments aligning.py's.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from config.definition import Definition
from schemas.manifest import Manifest
from schemas.model import Model
from schemas.numbers import Encoding, Training
from schemas.part import Part
from segmentation.errors import Refused
from segmentation.features.encoding import encode
from segmentation.features.grid import compute_reach, exact_sum, nearest_centres, squared_distances
from segmentation.features.training import count_bins, population_stability_index
from segmentation.model import detect_scalable, read_model, scale_features
from segmentation.partitions import map_parts
from segmentation.parts import read_part, to_matrix, write_part
from segmentation.store.manifests import try_read_manifest
from segmentation.store.objects import AnyPath

MODEL_KEYS = ("features", "scaling", "weights", "categories", "fit", "seed")  # of a definition: makes another model


class PreviousModel(NamedTuple):
    """The edition before: its model and its manifest."""

    model: Model
    manifest: Manifest


class Rescored(NamedTuple):
    """How a model fits some customers. labels: one part each, -1 where the model cannot place a customer."""

    labels: tuple[Part, ...]
    sizes: np.ndarray
    inertia: float
    drift: dict[str, float]
    constant: tuple[str, ...]
    beyond: int


def read_previous_model(folder: AnyPath, definition: Definition) -> PreviousModel | str:
    """The edition in a folder, or why it cannot be gone by."""
    manifest = try_read_manifest(folder)
    try:
        model = read_model(folder / "model.json")
    except Refused:
        return "its model cannot be read"
    if manifest is None:
        return "its manifest cannot be read"
    if model.features != frozenset(definition.features):
        return "it has other features"
    if others := sorted({one.column for one in model.encodings if not is_encodable(one, definition)}):
        return f"it has features of another type, {', '.join(others)}"
    return PreviousModel(model, manifest)


def is_encodable(one: Encoding, definition: Definition) -> bool:
    """Is the column of the type that this number is made from?"""
    column = definition.customer_columns[one.column]
    kinds = ("level", "other") if column.order is None else ("rank",)
    return one.kind == "missing" or one.kind in (kinds if column.type == "category" else ("number",))


def list_changed_keys(definition: Definition, before: Manifest) -> list[str]:
    """Keys of the definition that make another model and are not as they were."""
    now = definition.decisive_content()
    was = before.definition
    changed = [key for key in MODEL_KEYS if now.get(key) != was.get(key)]
    made = [{key: make(one) for key, make in FEATURES.items()} for one in (now, was)]
    return changed + [key for key in FEATURES if made[0][key] != made[1][key]]


def _columns(definition: dict[str, Any]) -> dict[str, Any]:
    """How the columns that are clustered become numbers, without words for people."""
    columns = definition.get("rows", {}).get("columns", {})
    named = {name: columns.get(name, {}) for name in definition.get("features", ())}
    return {name: {key: one.get(key) for key in ("type", "order", "fill")} for name, one in named.items()}


def _summary(definition: dict[str, Any]) -> dict[str, Any]:
    """How the features that are clustered are computed from events, without words for people."""
    summary = definition.get("summary") or {}
    named = {name: summary.get("features", {}).get(name, {}) for name in definition.get("features", ())}
    keys = ("op", "column", "expression", "where")
    found = {name: {key: one.get(key) for key in keys} for name, one in named.items()}
    return {"window_days": summary.get("window_days"), **found}


FEATURES = {"rows.columns": _columns, "summary": _summary}  # what makes of the same name another feature


def rescore_customers(parts: Sequence[Part], model: Model, folder: Path) -> Rescored:
    """Label tonight's customers by the model, and measure how it fits them."""
    edges = {one.feature: np.array(one.edges) for one in model.trained.bins}
    found = list(map_parts(partial(_recall_part, model=model, edges=edges), parts))
    labels = tuple(
        write_part(folder / f"recalled-{i:05d}.parquet", pa.table({"label": one.label}))
        for i, one in enumerate(found)
    )
    sizes = np.sum([one.sizes for one in found], axis=0)
    units = sum(one.units for one in found)
    return Rescored(
        labels,
        sizes,
        units * model.quantum**2 / max(1, int(sizes.sum())),
        compute_drift(model.trained, [one.bins for one in found]),
        detect_constant(model, [one.ranges for one in found]),
        sum(one.beyond for one in found),
    )


class _Part(NamedTuple):
    label: np.ndarray
    sizes: np.ndarray
    units: int
    bins: list[np.ndarray]
    ranges: np.ndarray
    beyond: int


def _recall_part(part: Part, model: Model, edges: dict[str, np.ndarray]) -> _Part:
    matrix = to_matrix(encode(read_part(part, sorted(model.features)), model.encodings))
    able = detect_scalable(model, matrix)
    scaled = scale_features(model, np.where(able, matrix, 0.0))
    reach = compute_reach(model.quantum, len(scaled))
    beyond = able & (np.abs(scaled).max(axis=0, initial=0.0) > reach)
    scaled = np.clip(scaled, -reach, reach)
    label, best = nearest_centres(squared_distances(scaled, model.centre_matrix()))
    label[~able] = -1
    return _Part(
        label,
        np.bincount(label[able], minlength=len(model.centres)),
        exact_sum(best[able], model.quantum**2),
        [count_bins(values[able], own) for values, own in zip(scaled, edges.values(), strict=True)],
        np.stack(
            [scaled.min(axis=1, where=able, initial=reach), scaled.max(axis=1, where=able, initial=-reach)]
        ),
        int(np.count_nonzero(beyond | ~able)),
    )


def detect_constant(model: Model, ranges: Sequence[np.ndarray]) -> tuple[str, ...]:
    """Features that varied in training and have one value for all customers.

    ranges: of each part, smallest and largest of each scaled number (2, d'). Of a category that has become
    rarer one level may be gone.
    """
    column = {one.name: one.column for one in model.encodings}
    bins = model.trained.bins
    low = np.min([one[0] for one in ranges], axis=0)
    high = np.max([one[1] for one in ranges], axis=0)
    vary = {column[one.feature] for one, still in zip(bins, low < high, strict=True) if still}
    return tuple(sorted({column[one.feature] for one in bins if one.edges} - vary))


def compute_drift(trained: Training, counts: Sequence[Sequence[np.ndarray]]) -> dict[str, float]:
    """PSI of each scaled number, from the parts' counts by bin."""
    totals = [np.sum(columns, axis=0) for columns in zip(*counts, strict=True)]
    return {
        one.feature: population_stability_index(np.array(one.shares), total / max(1, int(total.sum())))
        for one, total in zip(trained.bins, totals, strict=True)
    }
