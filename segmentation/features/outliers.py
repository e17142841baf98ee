"""Rare events and far values of the features that are scaled automatically: excluded, or clipped.

A column with one value in nearly all rows shows when something rare happened, not how customers differ: its
standard deviation is small, so a few rows would outweigh every other feature. A handful of far rows would
attract a segment of their own. Transforms are fitted before, in segmentation/features/scaling.py.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from schemas.numbers import ColumnScale
from schemas.part import Part
from segmentation.features.far_groups import count_tail, detect_far_groups
from segmentation.features.transforms import apply_transform
from segmentation.partitions import map_parts
from segmentation.parts import read_part, to_matrix

# Plain standard scaling would give a rare event the weight of many features. Agreement with the truth on
# simulated customers: standard 0.68, these rules 0.82.
RARE_EVENT = 0.95  # share of the customers with one value, from which on the other values are rare events
CLIP = 4.0  # standard deviations
# `resegment init` writes k.smallest_share: 0, so that no small segment holds a night. Without clipping, four
# rows with a digit too many made four segments of wholesale customers, and one of all the others.
LEAST_CLIPPED = 0.01


class CommonValue(NamedTuple):
    """A value of column j that may be the column's value for nearly all customers."""

    j: int
    value: float


class OutlierCounts(NamedTuple):
    """Of one part: the rows with each suspected common value, and those beyond CLIP (d,) by column.

    tails (d, 2, BINS): rows far out on either side, see far_groups.py.
    """

    common: list[int]
    beyond: np.ndarray
    tails: np.ndarray


def clip_outliers(
    columns: Sequence[ColumnScale], parts: Sequence[Part], is_auto: Sequence[bool], smallest_share: float
) -> tuple[ColumnScale, ...]:
    """The columns with rare events excluded and far values clipped, where the scaling is automatic.

    Values are clipped only if fewer than smallest_share of the customers, or LEAST_CLIPPED, are that far
    out: more may be a segment. A compact group is a cluster of any size, so it stays where it is. If every
    feature is a rare event, all stay: nothing else distinguishes the customers.
    """
    names = [column.feature for column in columns]
    suspects = sorted(set().union(*map_parts(partial(_suspect, names=names), parts)))
    counts = list(map_parts(partial(_count, columns=columns, suspects=suspects), parts))
    rows = sum(part.rows for part in parts)
    shares = [sum(by_suspect) / rows for by_suspect in zip(*(part.common for part in counts), strict=True)]
    common = {suspect.j: (suspect.value, share) for suspect, share in zip(suspects, shares, strict=True)}
    beyond = np.sum([part.beyond for part in counts], axis=0) / rows
    tails = np.sum([part.tails for part in counts], axis=0)
    judged = list(columns)
    for j, column in enumerate(columns):
        if is_auto[j] and not column.excluded:
            value, share = common.get(j, (0.0, 0.0))
            if share >= RARE_EVENT:
                judged[j] = _exclude(column, value, share)
            elif 0 < beyond[j] < max(smallest_share, LEAST_CLIPPED):
                judged[j] = _clip(column, float(beyond[j]), detect_far_groups(tails[j], CLIP))
    return tuple(columns) if all(column.excluded for column in judged) else tuple(judged)


def _suspect(part: Part, names: Sequence[str]) -> set[CommonValue]:
    """The values that RARE_EVENT of a part's rows have: a value common in all rows is common in some part."""
    matrix = to_matrix(read_part(part, names))
    # A value of more than half of the rows is the one in the middle, so it is enough to test the median.
    medians = np.partition(matrix, matrix.shape[1] // 2, axis=1)[:, matrix.shape[1] // 2]
    shares = (matrix == medians[:, None]).mean(axis=1)
    return {CommonValue(j, float(medians[j])) for j in np.flatnonzero(shares >= RARE_EVENT).tolist()}


def _count(part: Part, columns: Sequence[ColumnScale], suspects: Sequence[CommonValue]) -> OutlierCounts:
    matrix = to_matrix(read_part(part, [column.feature for column in columns]))
    common = [int(np.count_nonzero(matrix[suspect.j] == suspect.value)) for suspect in suspects]
    # Before the weight: four standard deviations are far out, whatever the feature counts for.
    deviations = [
        (apply_transform(values, column) - column.shift) / (column.scale or 1.0)
        for values, column in zip(matrix, columns, strict=True)
    ]
    beyond = [np.count_nonzero(np.abs(values) > CLIP) for values in deviations]
    return OutlierCounts(common, np.array(beyond), np.stack([count_tail(values) for values in deviations]))


def _exclude(column: ColumnScale, value: float, share: float) -> ColumnScale:
    reason = (
        f"a rare event: {share:.1%} of customers have the value {value:.6g}; kept for profiles. "
        "Name a scaling for it to have it count"
    )
    return column.model_copy(
        update={"transform": "aside", "shift": value, "scale": 1.0, "excluded": True, "reason": reason}
    )


def _clip(column: ColumnScale, share: float, group_edge: float | None) -> ColumnScale:
    if group_edge is None:
        reason = f"{share:.2%} of customers clipped at {CLIP:g} standard deviations"
        return column.model_copy(update={"clip": CLIP, "reason": f"{column.reason}; {reason}"})
    reason = f"{share:.2%} of customers are beyond {CLIP:g} standard deviations, in groups of their own"
    # Beyond the groups, values are outliers of theirs.
    return column.model_copy(update={"clip": group_edge, "reason": f"{column.reason}; {reason}"})
