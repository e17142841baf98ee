"""The rows of profiles.parquet: size, centre, mean and median of every feature in every segment.

Computed over all customers, in original units. The report shows them in segmentation/report/profiles.py.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.clustering import Segment
from schemas.numbers import ColumnScale
from schemas.part import Part
from segmentation.features.moments import round_significant
from segmentation.features.order_statistics import select_ranks
from segmentation.features.transforms import apply_transform, invert_transform, is_bent
from segmentation.partitions import map_parts
from segmentation.parts import read_part, to_matrix


class LabelledPart(NamedTuple):
    """A customers part and its labels part."""

    customers: Part
    labels: Part


class LabelledMatrix(NamedTuple):
    """Customers of several segments. matrix: original features (d, n). labels: segment positions (n,)."""

    matrix: np.ndarray
    labels: np.ndarray


class SegmentSums(NamedTuple):
    """Sums per segment and feature, each float64 (k, d). plain: of x. transformed: of t(x)."""

    plain: np.ndarray
    transformed: np.ndarray


def read_labelled_part(part: LabelledPart, features: Sequence[str]) -> LabelledMatrix:
    """The features and labels of one part."""
    matrix = to_matrix(read_part(part.customers, features))
    return LabelledMatrix(matrix, read_part(part.labels, ["label"])["label"].to_numpy())


def sum_by_segment(part: LabelledPart, columns: Sequence[ColumnScale], segments: int) -> SegmentSums:
    """The sums of one part."""
    matrix, labels = read_labelled_part(part, [column.feature for column in columns])
    plain = [np.bincount(labels, values, segments) for values in matrix]
    transformed = [
        np.bincount(labels, apply_transform(values, column), segments) if is_bent(column) else total
        for column, values, total in zip(columns, matrix, plain, strict=True)
    ]
    return SegmentSums(np.stack(plain, axis=1), np.stack(transformed, axis=1))


def compute_medians(parts: Sequence[LabelledPart], features: Sequence[str], sizes: np.ndarray) -> np.ndarray:
    """The exact lower median of each feature in each segment: float64 (k, d). Sizes must be above 0."""

    def read_batches() -> Iterator[LabelledMatrix]:
        return map_parts(partial(read_labelled_part, features=features), parts)

    ranks = np.repeat(((sizes - 1) // 2)[:, None], len(features), axis=1)
    return select_ranks(read_batches, ranks, len(features))


def compute_differences(
    transformed: np.ndarray, sizes: np.ndarray, scales: Sequence[ColumnScale]
) -> np.ndarray:
    """Standardised mean differences of t(x), each segment against all customers: float64 (k, d).

    difference = (mean in the segment - mean of all) / scale, in which the scale is usually one standard
    deviation. transformed: sums of t(x), (k, d). 0 for excluded features.
    """
    # Dividing by infinity gives the 0 of excluded features.
    units = np.array([np.inf if column.excluded else column.scale for column in scales])
    means, overall = transformed / sizes[:, None], transformed.sum(axis=0) / sizes.sum()
    differences: np.ndarray = (means - overall) / units
    return differences


def compute_profiles(
    parts: Sequence[LabelledPart],
    scales: Sequence[ColumnScale],
    segments: Sequence[Segment],
    units: dict[str, str],
) -> pd.DataFrame:
    """One row per segment and feature. The lift is NaN for a feature whose overall mean is 0."""
    features = [column.feature for column in scales]
    sizes = np.array([segment.size for segment in segments])
    sums = list(map_parts(partial(sum_by_segment, columns=scales, segments=len(segments)), parts))
    # map_parts returns results in part order, so this float sum is the same for any number of threads.
    plain = np.sum([part.plain for part in sums], axis=0)
    transformed = np.sum([part.transformed for part in sums], axis=0)
    overall = plain.sum(axis=0) / sizes.sum()
    differences = compute_differences(transformed, sizes, scales)
    medians = compute_medians(parts, features, sizes)
    rows = []
    for i, segment in enumerate(segments):
        for j, column in enumerate(scales):
            mean = plain[i, j] / segment.size
            centre = float(invert_transform(np.array(transformed[i, j] / segment.size), column))
            rows.append(
                {
                    "segment_id": segment.segment_id,
                    "size": segment.size,
                    "share": segment.share,
                    "feature": column.feature,
                    "unit": units[column.feature],
                    "centre": round_significant(centre),
                    "mean": round_significant(mean),
                    "median": float(medians[i, j]),
                    "lift": round_significant(mean / overall[j]) if overall[j] else np.nan,
                    "difference": round_significant(float(differences[i, j])),
                }
            )
    return pd.DataFrame(rows)
