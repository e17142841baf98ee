"""Moments of every feature, as it is and after each transform that bends it, in one pass over the customers.

The arithmetic is in moments.py, the transforms are in transforms.py.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.numbers import Transform
from schemas.part import Part
from segmentation.errors import Refused
from segmentation.features.moments import Moments, compute_moments, merge_all_moments
from segmentation.features.transforms import TRANSFORMS
from segmentation.parts import read_part, to_matrix

LARGEST = 1e300  # float64 ends at 1.8e308: room for differences of values and sums over many customers


class FeatureMoments(NamedTuple):
    """Moments of d features: of x, and of t(x) by the transforms whose t is not the identity."""

    raw: Moments
    bent: dict[Transform, Moments]

    def under(self, transform: Transform) -> Moments:
        """Moments of t(x)."""
        return self.bent.get(transform, self.raw)


def measure_part(
    part: Part, features: Sequence[str], transforms: Collection[Transform] = TRANSFORMS
) -> FeatureMoments:
    """Moments over one part, as they are and after each of the transforms.

    Values that a transform does not accept count as its lowest. Refused where sums of values would overflow.
    """
    matrix = to_matrix(read_part(part, features))
    for feature, values in zip(features, matrix, strict=True):
        # Two reductions, without the copy that np.abs(values) would make.
        if max(values.max(), -values.min()) > LARGEST:
            raise Refused(
                "extreme-values", f"feature {feature} has values beyond {LARGEST:g}; change its unit"
            )
    bent = {
        name: compute_moments(kind.bend(np.maximum(matrix, kind.lowest)))
        for name, kind in TRANSFORMS.items()
        if kind.bend is not None and name in transforms
    }
    return FeatureMoments(compute_moments(matrix), bent)


def merge_parts(parts: Iterable[FeatureMoments]) -> FeatureMoments:
    """Moments over all parts, merged in their order; at least one."""
    measured = list(parts)
    bent = {name: merge_all_moments(part.bent[name] for part in measured) for name in measured[0].bent}
    return FeatureMoments(merge_all_moments(part.raw for part in measured), bent)
