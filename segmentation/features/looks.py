"""A second look at the features that are scaled automatically: rare events, and values far out.

One value in nearly all rows says when something rare happened, not how customers differ: its
standard deviation is small, so a few rows would outweigh every other feature. A handful of rows far
out would draw a segment of their own. The first fit of the transforms is segmentation/features/scaling.py's.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from schemas.numbers import ColumnScale
from schemas.records import Part
from segmentation.features.transforms import curve
from segmentation.partitions import over_parts
from segmentation.parts import read_part, to_matrix

COMMON = 0.95  # of the customers with one value: a rare event
CLIP = 4.0  # standard deviations


def look_again(
    columns: Sequence[ColumnScale], parts: Sequence[Part], is_auto: Sequence[bool], smallest_share: float
) -> tuple[ColumnScale, ...]:
    """The columns with rare events set aside and far values clipped, where the scaling is automatic.

    Values are clipped only where fewer than smallest_share of the customers lie so far out: more may
    be a segment. If every feature is a rare event, they stay: there is nothing else to tell by.
    """
    names = [one.feature for one in columns]
    suspected = set().union(*over_parts(partial(_suspect, names=names), parts))
    counted = list(over_parts(partial(_count, columns=columns, suspected=sorted(suspected)), parts))
    rows = sum(part.rows for part in parts)
    common = {
        j: (value, sum(counts[0][i] for counts in counted) / rows)
        for i, (j, value) in enumerate(sorted(suspected))
    }
    beyond = np.sum([counts[1] for counts in counted], axis=0) / rows
    found = [
        _judge(one, common.get(j), float(beyond[j]), smallest_share) if is_auto[j] and not one.aside else one
        for j, one in enumerate(columns)
    ]
    return tuple(columns) if all(one.aside for one in found) else tuple(found)


def _suspect(part: Part, names: Sequence[str]) -> set[tuple[int, float]]:
    """Columns and values: what COMMON of all rows have, COMMON of the rows of some part have."""
    matrix = to_matrix(read_part(part, names))
    medians = np.partition(matrix, matrix.shape[1] // 2, axis=1)[:, matrix.shape[1] // 2]
    shares = (matrix == medians[:, None]).mean(axis=1)
    return {(j, float(medians[j])) for j in np.flatnonzero(shares >= COMMON).tolist()}


def _count(
    part: Part, columns: Sequence[ColumnScale], suspected: Sequence[tuple[int, float]]
) -> tuple[list[int], np.ndarray]:
    """Of one part: rows with each suspected value, and rows (d,) beyond CLIP of each column."""
    matrix = to_matrix(read_part(part, [one.feature for one in columns]))
    same = [int(np.count_nonzero(matrix[j] == value)) for j, value in suspected]
    far = [
        np.count_nonzero(np.abs(curve(values, one) - one.shift) > CLIP * one.scale)
        for values, one in zip(matrix, columns, strict=True)
    ]
    return same, np.array(far)


def _judge(
    one: ColumnScale, common: tuple[float, float] | None, beyond: float, smallest_share: float
) -> ColumnScale:
    if common is not None and common[1] >= COMMON:
        why = (
            f"a rare event: {common[1]:.1%} of customers have the value {common[0]:.6g}; kept for profiles. "
            "Name a scaling for it to have it count"
        )
        return one.model_copy(
            update={"transform": "aside", "shift": common[0], "scale": 1.0, "aside": True, "why": why}
        )
    if 0 < beyond < smallest_share:
        why = f"{one.why}; {beyond:.2%} of customers clipped at {CLIP:g} standard deviations"
        return one.model_copy(update={"clip": CLIP, "why": why})
    return one
