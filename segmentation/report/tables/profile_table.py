"""The rows of profiles.parquet: size, centre, mean and median of every feature in every segment.

Computed over all customers, in original units. Shown by segmentation/report/sections/profiles.py.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.clustering import Segment
from schemas.numbers import ColumnScale
from segmentation.features.moments import round_significant
from segmentation.features.order_statistics import pass_over, select_ranks
from segmentation.features.transforms import apply_transform, invert_transform, is_bent
from segmentation.partitions import map_parts
from segmentation.report.labelled_parts import LabelledPart, read_labelled_part
from segmentation.report.words.typical_figures import Figures, Statistics, TypicalContrasts


class SegmentSums(NamedTuple):
    """Sums per segment and feature, each float64 (k, d). plain: of x. transformed: of t(x)."""

    plain: np.ndarray
    transformed: np.ndarray


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
    """The exact lower median of each feature in each segment, and last of all customers: (k + 1, d).

    Sizes must be above 0.
    """
    values = pass_over(parts, partial(read_labelled_part, features=features))
    counts = np.append(sizes, sizes.sum())
    ranks = np.repeat(((counts - 1) // 2)[:, None], len(features), axis=1)
    return select_ranks(values, ranks, len(features), has_all=True)


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


class SegmentMeasures(NamedTuple):
    """What profiles are made of: means and medians, centres and differences (k, d).

    scaled_centres: the model's; NaN for excluded features.
    """

    statistics: Statistics
    centres: np.ndarray
    scaled_centres: np.ndarray
    differences: np.ndarray


def measure_segments(
    parts: Sequence[LabelledPart], scales: Sequence[ColumnScale], segments: Sequence[Segment]
) -> SegmentMeasures:
    """The statistics of every feature in every segment, over all customers."""
    features = [column.feature for column in scales]
    sizes = np.array([segment.size for segment in segments])
    sums = list(map_parts(partial(sum_by_segment, columns=scales, segments=len(segments)), parts))
    # map_parts returns results in part order, so this float sum is the same for any number of threads.
    plain = np.sum([part.plain for part in sums], axis=0)
    transformed = np.sum([part.transformed for part in sums], axis=0)
    medians = compute_medians(parts, features, sizes)
    means = transformed / sizes[:, None]
    centres = [invert_transform(means[:, j], column) for j, column in enumerate(scales)]
    return SegmentMeasures(
        Statistics(
            Figures(plain / sizes[:, None], plain.sum(axis=0) / sizes.sum()),
            Figures(medians[:-1], medians[-1]),
        ),
        np.stack(centres, axis=1),
        align_scaled_centres(segments, scales),
        compute_differences(transformed, sizes, scales),
    )


def align_scaled_centres(segments: Sequence[Segment], scales: Sequence[ColumnScale]) -> np.ndarray:
    """The model's centres by feature, float64 (k, d): NaN for excluded features, which it has not."""
    centres = np.full((len(segments), len(scales)), np.nan)
    centres[:, [not column.excluded for column in scales]] = [segment.centre for segment in segments]
    return centres


def tabulate_profiles(
    measures: SegmentMeasures,
    typical: TypicalContrasts,
    segments: Sequence[Segment],
    units: Mapping[str, str],
) -> pd.DataFrame:
    """One row per segment and feature. The lift is NaN for a feature whose overall mean is 0."""
    means, medians = measures.statistics
    rows = []
    for i, segment in enumerate(segments):
        for j, figure in enumerate(typical.figures):
            mean, overall = float(means.segments[i, j]), float(means.overall[j])
            rows.append(
                {
                    "segment_id": segment.segment_id,
                    "size": segment.size,
                    "share": segment.share,
                    "feature": figure.feature,
                    "unit": units[figure.feature],
                    "centre": round_significant(float(measures.centres[i, j])),
                    "scaled_centre": float(measures.scaled_centres[i, j]),
                    "mean": round_significant(mean),
                    "median": float(medians.segments[i, j]),
                    "lift": round_significant(mean / overall) if overall else np.nan,
                    "difference": round_significant(float(measures.differences[i, j])),
                    "statistic": figure.statistic,
                    "typical": round_significant(float(typical.values.segments[i, j])),
                    "typical_overall": round_significant(float(typical.values.overall[j])),
                    "contrast": float(typical.contrasts[i, j]),
                }
            )
    return pd.DataFrame(rows)
