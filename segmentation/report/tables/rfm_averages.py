"""Average RFM scores of the segments, in one pass over the customers after the cut points are known.

How scores are computed is in segmentation/features/rfm.py; the report shows the averages in rfm_view.py.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from config.rfm import RfmColumns
from schemas.rfm import RfmCuts
from segmentation.features.quintiles import GROUPS
from segmentation.features.rfm import compute_rfm_cuts, score_rfm
from segmentation.partitions import map_parts
from segmentation.parts import read_part
from segmentation.report.labelled_parts import LabelledPart


class RfmMeasures(NamedTuple):
    """The cut points, and averages float64 (k + 1, 3) by segment and score, all customers last.

    NaN where no customer has a score.
    """

    cuts: RfmCuts
    averages: np.ndarray


def measure_rfm(parts: Sequence[LabelledPart], columns: RfmColumns, segments: int) -> RfmMeasures:
    """The cut points of all customers and the average scores of this many segments."""
    cuts = compute_rfm_cuts([part.customers for part in parts], columns)
    counts = np.zeros((segments, len(cuts.by_score), GROUPS + 1), np.int64)
    for part_counts in map_parts(partial(count_scores, cuts=cuts, segments=segments), parts):
        counts += part_counts
    return RfmMeasures(cuts, average_scores(np.concatenate([counts, counts.sum(axis=0)[None]])))


def count_scores(part: LabelledPart, cuts: RfmCuts, segments: int) -> np.ndarray:
    """Customers of one part by segment, score and its value 0 to 5: int64 (k, 3, 6). 0: missing."""
    names = [quintiles.column for quintiles in cuts.by_score.values()]
    scored = score_rfm(read_part(part.customers, names), cuts)
    labels = read_part(part.labels, ["label"])["label"].to_numpy().astype(np.int64)
    width = GROUPS + 1
    counts = [
        np.bincount(labels * width + scored[name].fill_null(0).to_numpy(), minlength=segments * width)
        for name in cuts.by_score
    ]
    return np.stack([column.reshape(segments, width) for column in counts], axis=1)


def average_scores(counts: np.ndarray) -> np.ndarray:
    """Averages (k, 3) of counts (k, 3, 6), without the missing.

    >>> average_scores(np.array([[[9, 1, 0, 0, 0, 3]]])).tolist()
    [[4.0]]
    """
    sums = counts @ np.arange(GROUPS + 1)
    present = counts[:, :, 1:].sum(axis=2)
    averages: np.ndarray = np.where(present > 0, sums / np.maximum(present, 1), np.nan)
    return averages
