"""Who the segments are: sizes, centres, means and medians in original units, over all customers.

How they are shown belongs in tasks/report.py.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.numbers import ColumnScale
from schemas.records import Part, Segment
from segmentation.features.moments import significant
from segmentation.features.order_statistics import select
from segmentation.features.transforms import curve, uncurve
from segmentation.partitions import over_parts
from segmentation.parts import read_part, to_matrix


class Labelled(NamedTuple):
    """A customers part and its labels part."""

    customers: Part
    labels: Part


def read_labelled(pair: Labelled, features: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Original features (d, n) and segment positions (n,) of one part."""
    matrix = to_matrix(read_part(pair.customers, features))
    return matrix, read_part(pair.labels, ["label"])["label"].to_numpy()


def sum_segments(
    pair: Labelled, columns: Sequence[ColumnScale], segments: int
) -> tuple[np.ndarray, np.ndarray]:
    """Per segment and feature, sums over one part of x and of t(x): each float64 (k, d)."""
    matrix, labels = read_labelled(pair, [column.feature for column in columns])
    plain = [np.bincount(labels, values, segments) for values in matrix]
    curved = [
        total if one.transform != "log-standard" else np.bincount(labels, curve(values, one), segments)
        for one, values, total in zip(columns, matrix, plain, strict=True)
    ]
    return np.stack(plain, axis=1), np.stack(curved, axis=1)


def find_medians(pairs: Sequence[Labelled], features: Sequence[str], sizes: np.ndarray) -> np.ndarray:
    """The lower median of each feature in each segment, exactly: float64 (k, d). Sizes above 0."""

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        return over_parts(partial(read_labelled, features=features), pairs)

    ranks = np.repeat(((sizes - 1) // 2)[:, None], len(features), axis=1)
    return select(batches, ranks, len(features))


def find_differences(curved: np.ndarray, sizes: np.ndarray, scales: Sequence[ColumnScale]) -> np.ndarray:
    """Standardised mean differences of t(x), each segment against all customers: float64 (k, d).

    curved: sums of t(x) (k, d). The unit is the scaling's own, mostly one standard deviation. 0 for features
    set aside.
    """
    unit = np.array([np.inf if one.aside else one.scale for one in scales])
    difference: np.ndarray = (curved / sizes[:, None] - curved.sum(axis=0) / sizes.sum()) / unit
    return difference


def profile_segments(
    pairs: Sequence[Labelled],
    scales: Sequence[ColumnScale],
    segments: Sequence[Segment],
    units: dict[str, str],
) -> pd.DataFrame:
    """The rows of profiles.parquet: one per segment and feature."""
    features = [one.feature for one in scales]
    sizes = np.array([segment.size for segment in segments])
    sums = list(over_parts(partial(sum_segments, columns=scales, segments=len(segments)), pairs))
    plain, curved = (np.sum(part, axis=0) for part in zip(*sums, strict=True))
    overall = plain.sum(axis=0) / sizes.sum()
    differences = find_differences(curved, sizes, scales)
    rows = []
    medians = find_medians(pairs, features, sizes)
    for i, segment in enumerate(segments):
        for j, one in enumerate(scales):
            mean = plain[i, j] / segment.size
            centre = float(uncurve(np.array(curved[i, j] / segment.size), one))
            rows.append(
                {
                    "segment_id": segment.segment_id,
                    "size": segment.size,
                    "share": segment.share,
                    "feature": one.feature,
                    "unit": units[one.feature],
                    "centre": significant(centre),
                    "mean": significant(mean),
                    "median": float(medians[i, j]),
                    "lift": significant(mean / overall[j]) if overall[j] else np.nan,
                    "difference": significant(float(differences[i, j])),
                }
            )
    return pd.DataFrame(rows)
