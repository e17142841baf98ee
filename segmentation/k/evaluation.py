"""All evidence for each k, from one sample. Each measure's arithmetic is in its module next to this one.

The sweep's own centres serve silhouette, the indices, the borders, and the bootstrap's reference; only gap,
prediction strength and bootstrap fit resamples. To add a measure, give `Measures` in schemas/evidence.py a
field, and return it from one of EVALUATORS (an index of a division: add it to INDICES in indices.py).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from schemas.evidence import Measures
from segmentation.features.moments import round_finite, round_significant
from segmentation.k.borders import Border, evaluate_borders
from segmentation.k.evaluation_sample import EvaluationSample, label_nearest, renumber
from segmentation.k.fits import WeightedRows
from segmentation.k.gap import Gap, evaluate_gap
from segmentation.k.indices import INDICES
from segmentation.k.judging import LEAST_SHARE
from segmentation.k.resampling import evaluate_stability, evaluate_strength
from segmentation.k.silhouettes import choose_silhouette_rows, compute_silhouettes, mean_by_segment
from segmentation.partitions import map_parts

Columns = list[dict[str, Any]]  # measures by name, one dict per k


class Evaluation(NamedTuple):
    """Every measure by ascending k, and the natural segments of k = 1, 2, …, some beyond the largest k."""

    measures: list[Measures]
    natural: list[int]


def measure_indices(sample: EvaluationSample, centres: Sequence[np.ndarray]) -> Columns:
    """The smallest share, the slivers, and every index, of the sample's rows; None for one segment."""
    columns = []
    for division in centres:
        # A centre may have no rows in the sample. The indices need every label in use.
        labels = renumber(label_nearest(sample.rows, division))
        shares = np.bincount(labels) / len(labels)
        indices = {name: round_finite(index(sample.rows, labels)) for name, index in INDICES.items()}
        slivers = int(np.count_nonzero(shares < LEAST_SHARE))
        columns.append({"smallest_share": float(shares.min()), "slivers": slivers, **indices})
    return columns


def measure_silhouettes(sample: EvaluationSample, centres: Sequence[np.ndarray]) -> Columns:
    """The average silhouette, None if the sample's rows are in one segment, and that of each segment."""
    rows, weights = choose_silhouette_rows(sample, centres[-1])
    divisions = [renumber(label_nearest(rows, division)) for division in centres]
    silhouettes = compute_silhouettes(WeightedRows(rows, weights), divisions)
    columns: Columns = []
    for division, labels, values in zip(centres, divisions, silhouettes, strict=True):
        is_single = len(np.unique(label_nearest(sample.rows, division))) < 2
        segments = tuple(map(round_significant, mean_by_segment(values, weights, labels)))
        mean = None if is_single else round_significant(np.average(values, weights=weights))
        columns.append({"silhouettes": segments, "silhouette": mean})
    return columns


def measure_gaps(sample: EvaluationSample, centres: Sequence[np.ndarray]) -> Columns:
    """The gap against either reference; None from the number of distinct rows on."""
    ks = [len(division) for division in centres]
    box, components = (evaluate_gap(sample, ks, by_components) for by_components in (False, True))
    names = ("gap", "gap_error", "gap_pca", "gap_pca_error")

    def tabulate(i: int, gaps: Sequence[Gap]) -> list[float | None]:
        return [round_finite(curve[i]) if i < len(curve) else None for gap in gaps for curve in gap]

    return [dict(zip(names, tabulate(i, (box, components)), strict=True)) for i in range(len(ks))]


def measure_resamples(sample: EvaluationSample, centres: Sequence[np.ndarray]) -> Columns:
    """Prediction strength and bootstrap Jaccard. k = 1 has neither."""
    divisions = [division for division in centres if len(division) > 1]
    ks = [len(division) for division in divisions]
    # One k per thread: KMeans releases the GIL, and each fit is limited to one thread.
    strengths = list(map_parts(partial(evaluate_strength, sample=sample), ks))
    stabilities = list(map_parts(partial(evaluate_stability, sample=sample), divisions))
    columns: Columns = [
        {"prediction_strength": round_significant(strength), "jaccard": jaccard}
        for strength, jaccard in zip(strengths, stabilities, strict=True)
    ]
    single: Columns = [{"prediction_strength": None, "jaccard": ()}] * (len(centres) - len(divisions))
    return single + columns


def tabulate_borders(borders: Sequence[Border], centres: Sequence[np.ndarray]) -> Columns:
    """The natural segments and the faintest border of each k; k = 1 has no border."""
    columns: Columns = []
    for division in centres:
        border = borders[len(division) - 1]
        faintest = round_finite(border.faintest) if border.k > 1 else None
        columns.append({"natural": border.natural, "faintest_border": faintest})
    return columns


EVALUATORS: tuple[Callable[[EvaluationSample, Sequence[np.ndarray]], Columns], ...] = (
    measure_indices,
    measure_silhouettes,
    measure_gaps,
    measure_resamples,
)


def evaluate_all(sample: EvaluationSample, centres: Sequence[np.ndarray]) -> Evaluation:
    """Every measure of each set of centres (k, d), by ascending k."""
    borders = evaluate_borders(sample, centres)
    columns = [evaluate(sample, centres) for evaluate in EVALUATORS]
    columns.append(tabulate_borders(borders, centres))
    measures = []
    for division, *fields in zip(centres, *columns, strict=True):
        values = {name: value for field in fields for name, value in field.items()}
        measures.append(Measures(k=len(division), **values))
    return Evaluation(measures, [border.natural for border in borders])
