"""The previous edition's model: can it be continued under tonight's definition, and what changed since?

Scoring customers with it is in segmentation/identity/rescoring.py.
"""

from typing import Any, NamedTuple

from config.definition import Definition
from config.event_summary import PICKING_OPERATIONS
from schemas.manifest import Manifest
from schemas.model import Model
from schemas.numbers import Encoding
from schemas.wording import list_names
from segmentation.model import read_model
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.files.objects import AnyPath

# Keys of a definition whose change requires another model. Names and descriptions do not.
MODEL_KEYS = ("features", "scaling", "weights", "categories", "fit", "seed")


class PreviousModel(NamedTuple):
    """The previous edition: its model and its manifest."""

    model: Model
    manifest: Manifest


def read_previous_model(folder: AnyPath, definition: Definition) -> PreviousModel | str:
    """The model of the edition in a folder, or why it does not fit the definition.

    Refused if manifest or model cannot be read.
    """
    manifest, model = read_manifest(folder), read_model(folder / "model.json")
    if model.features != frozenset(definition.features):
        return describe_features(model.features, frozenset(definition.features))
    changed = {encoding.column for encoding in model.encodings if not is_encodable(encoding, definition)}
    if changed:
        return f"it has features of another type, {', '.join(sorted(changed))}"
    return PreviousModel(model, manifest)


def describe_features(previous: frozenset[str], tonight: frozenset[str]) -> str:
    """Which features came and went, the first three of each by name.

    >>> describe_features(frozenset({"a", "b"}), frozenset({"b", "c"}))
    'it has other features (new: c; gone: a)'
    """
    kinds = {"new": sorted(tonight - previous), "gone": sorted(previous - tonight)}
    changes = [f"{kind}: {list_names(names)}" for kind, names in kinds.items() if names]
    return f"it has other features ({'; '.join(changes)})"


def is_encodable(encoding: Encoding, definition: Definition) -> bool:
    """Does the column have the type that this number is made from?"""
    column = definition.customer_columns[encoding.column]
    if encoding.kind == "missing":
        return True
    if column.type != "category":
        return encoding.kind == "number"
    return encoding.kind in (("level", "other") if column.order is None else ("rank",))


def list_changed_keys(definition: Definition, manifest: Manifest) -> list[str]:
    """Keys of the definition that require another model and differ from the previous edition's."""
    tonight, previous = definition.decisive_content(), manifest.definition
    changed = [key for key in MODEL_KEYS if tonight.get(key) != previous.get(key)]
    return changed + [key for key, extract in _PARTS.items() if extract(tonight) != extract(previous)]


def _extract_columns(definition: dict[str, Any]) -> dict[str, Any]:
    """How the features' columns become numbers, without descriptions."""
    columns = definition.get("rows", {}).get("columns", {})
    features = {name: columns.get(name, {}) for name in definition.get("features", ())}
    keys = ("type", "order", "fill")
    return {name: {key: column.get(key) for key in keys} for name, column in features.items()}


def _extract_summary(definition: dict[str, Any]) -> dict[str, Any]:
    """How the features are computed from events, without descriptions."""
    summary = definition.get("summary") or {}
    features = {name: summary.get("features", {}).get(name, {}) for name in definition.get("features", ())}
    keys = ("op", "column", "expression", "where")
    rules = {name: {key: feature.get(key) for key in keys} for name, feature in features.items()}
    # A picked value has the column's levels.
    columns = definition.get("rows", {}).get("columns", {})
    picked_columns = {
        name: columns.get(rule["column"], {}) for name, rule in rules.items() if _is_picked(rule)
    }
    levels = {
        f"{name} of": {key: picked_columns[name].get(key) for key in ("order", "fill")}
        for name in picked_columns
    }
    return {"window_days": summary.get("window_days"), **rules, **levels}


def _is_picked(rule: dict[str, Any]) -> bool:
    return rule["op"] in PICKING_OPERATIONS


# The parts of a larger key that decide what a feature of the same name means.
_PARTS = {"rows.columns": _extract_columns, "summary": _extract_summary}
