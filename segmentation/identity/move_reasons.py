"""Why a customer crossed a border by behaviour: the one or two features that carried them over it.

Last night's model places the customer elsewhere tonight, so it is the one that says why. Sums over segments
are in moved_pairs.py, changes.parquet is written in segmentation/store/publication/change_tables.py.
docs/decisions/0042-names-and-moves.md
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.model import Model
from segmentation.features.encoding import encode
from segmentation.features.grid import compute_reach, snap
from segmentation.features.transforms import to_scaled
from segmentation.parts import to_matrix

REASONS = pa.schema(
    {
        "row": pa.int64(),
        "moved_by": pa.string(),
        "before": pa.string(),
        "after": pa.string(),
        "moved_by_2": pa.string(),
        "before_2": pa.string(),
        "after_2": pa.string(),
        "before_number": pa.float64(),
        "after_number": pa.float64(),
    }
)


class Movers(NamedTuple):
    """m customers in another segment than last night, according to last night's model.

    rows (m,): their places in tonight's part. source, target (m,): positions of last night's segment, and of
    the one where last night's model places them tonight. earlier, current: their features then and now.
    """

    rows: np.ndarray
    source: np.ndarray
    target: np.ndarray
    earlier: pa.Table
    current: pa.Table


class CarryingFeatures(NamedTuple):
    """Each customer's feature (m,), as a position in `list_distance_columns`; -1 for none."""

    first: np.ndarray
    second: np.ndarray


def list_distance_columns(model: Model) -> list[str]:
    """The columns of the customer table that take part in distances, in the model's order."""
    pairs = zip(model.encodings, model.columns, strict=True)
    return list(dict.fromkeys(encoding.column for encoding, column in pairs if not column.excluded))


def tabulate_movers(model: Model, movers: Movers) -> pa.Table:
    """A row for each customer: row, and for the first and the second feature its name and both values.

    Values are texts, in original units. The first feature's are also numbers, missing for categories.
    """
    reason = choose_carrying_features(model, movers)
    features = list_distance_columns(model)
    columns: dict[str, pa.Array] = {"row": pa.array(movers.rows, pa.int64())}
    for suffix, positions in (("", reason.first), ("_2", reason.second)):
        feature_positions = pa.array(positions, mask=positions < 0)
        columns[f"moved_by{suffix}"] = pa.array(features, pa.string()).take(feature_positions)
        for name, table in (("before", movers.earlier), ("after", movers.current)):
            texts = [table[feature].combine_chunks().cast(pa.string()) for feature in features]
            columns[f"{name}{suffix}"] = pc.choose(feature_positions, *texts)
    for name, table in (("before", movers.earlier), ("after", movers.current)):
        numbers = np.stack([_read_numbers(table, model, feature) for feature in features])
        columns[f"{name}_number"] = pa.array(numbers[reason.first, np.arange(len(reason.first))])
    return pa.table(columns, REASONS)


def choose_carrying_features(model: Model, movers: Movers) -> CarryingFeatures:
    """The feature that contributed most, and the second one if the first alone had not been enough."""
    pairs = zip(model.encodings, model.columns, strict=True)
    counted = [encoding.column for encoding, column in pairs if not column.excluded]
    features = list_distance_columns(model)
    earlier, current = _scale(movers.earlier, model), _scale(movers.current, model)
    centres = model.centre_matrix()
    source, target = centres[movers.source].T, centres[movers.target].T
    by_number = compute_contributions(earlier, current, source, target)
    contributions = np.zeros((len(features), len(movers.rows)))
    np.add.at(contributions, [features.index(column) for column in counted], by_number)
    # Stable: of two equal contributions, that of the earlier feature.
    order = np.argsort(-contributions, axis=0, kind="stable")
    sorted_contributions = np.take_along_axis(contributions, order, axis=0)
    gap = np.square(earlier - source).sum(axis=0) - np.square(earlier - target).sum(axis=0)
    first = np.where(sorted_contributions[0] > 0, order[0], -1)
    if len(features) == 1:
        return CarryingFeatures(first, np.full_like(first, -1))
    needs_second = (gap + sorted_contributions[0] < 0) & (sorted_contributions[1] > 0)
    return CarryingFeatures(first, np.where(needs_second, order[1], -1))


def compute_contributions(
    earlier: np.ndarray, current: np.ndarray, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """What each scaled number added to d²(source) - d²(target): (d', m) like all arguments.

    The square of x drops out: (x - s)² - (x - t)² = 2 x (t - s) + s² - t². So from x = b to x = a a number
    adds 2 (t - s) (a - b), in scaled units squared, and the sum over the numbers is the whole change. A
    number in which the two centres agree adds 0. For such a linear function these are also the Shapley values
    (Lundberg and Lee: A unified approach to interpreting model predictions, NeurIPS 2017, corollary 1).

    >>> compute_contributions(*(np.array([[x]]) for x in (1.0, 4.0, 0.0, 5.0)))
    array([[30.]])
    """
    contributions: np.ndarray = 2.0 * (target - source) * (current - earlier)
    return contributions


def _scale(table: pa.Table, model: Model) -> np.ndarray:
    """Scaled numbers (d', m), as the model measures distances."""
    pairs = [pair for pair in zip(model.encodings, model.columns, strict=True) if not pair[1].excluded]
    matrix = to_matrix(encode(table, [encoding for encoding, _ in pairs]))
    scaled = snap(to_scaled(matrix, [column for _, column in pairs]), model.quantum)
    reach = compute_reach(model.quantum, len(pairs))
    # A value that the transform does not accept cannot have been placed; it must not decide either.
    numbers: np.ndarray = np.nan_to_num(np.clip(scaled, -reach, reach))
    return numbers


def _read_numbers(table: pa.Table, model: Model, feature: str) -> np.ndarray:
    """A feature as numbers (m,): values or ranks; NaN for categories without an order, and where missing."""
    encoding = next(encoding for encoding in model.encodings if encoding.column == feature)
    if encoding.kind == "rank":
        values = pc.index_in(table[feature], value_set=pa.array(encoding.levels, pa.string()))
    elif encoding.kind == "number":
        values = table[feature]
    else:
        return np.full(table.num_rows, np.nan)
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(), np.float64)
