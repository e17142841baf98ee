"""The evidence for each k by family, from one sample. Each measure is in its module next to this one.

The sweep's own centres serve silhouette, the indices, the borders, and the bootstrap's reference; only gap,
prediction strength and bootstrap fit resamples. To add a measure, give `Measures` in schemas/evidence.py a
field, and return it from one of FAMILIES (an index of a division: add it to INDICES in indices.py).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from schemas.evidence import Measures, MeasureValue
from segmentation.features.moments import round_finite, round_significant
from segmentation.k.borders import evaluate_borders
from segmentation.k.evaluation_sample import EvaluationSample, label_nearest, renumber
from segmentation.k.fits import WeightedRows
from segmentation.k.gap import Gap, evaluate_gap
from segmentation.k.indices import INDICES
from segmentation.k.judging import LEAST_SHARE
from segmentation.k.resampling import draw_resamples, evaluate_stability, evaluate_strength
from segmentation.k.silhouettes import choose_silhouette_rows, compute_silhouettes, mean_by_segment
from segmentation.partitions import map_parts

ByK = dict[int, dict[str, MeasureValue]]  # measures by name, for each k
Centres = Sequence[np.ndarray]  # (k, d), by ascending k


class Evaluation(NamedTuple):
    """Every measure by ascending k, and the natural segments of k = 1, 2, …, some beyond the largest k."""

    measures: list[Measures]
    natural: list[int]


def measure_indices(sample: EvaluationSample, centres: Centres) -> ByK:
    """The smallest share, the slivers, and every index, of the sample's rows; None for one segment."""
    by_k: ByK = {}
    for division in centres:
        # A centre may have no rows in the sample. The indices need every label in use.
        labels = renumber(label_nearest(sample.rows, division))
        shares = np.bincount(labels) / len(labels)
        indices = {name: round_finite(index(sample.rows, labels)) for name, index in INDICES.items()}
        slivers = int(np.count_nonzero(shares < LEAST_SHARE))
        by_k[len(division)] = {"smallest_share": float(shares.min()), "slivers": slivers, **indices}
    return by_k


def measure_silhouettes(sample: EvaluationSample, centres: Centres) -> ByK:
    """The average silhouette, None if the sample's rows are in one segment, and that of each segment."""
    rows, weights = choose_silhouette_rows(sample, centres[-1])
    divisions = [renumber(label_nearest(rows, division)) for division in centres]
    silhouettes = compute_silhouettes(WeightedRows(rows, weights), divisions)
    by_k: ByK = {}
    for division, labels, values in zip(centres, divisions, silhouettes, strict=True):
        is_single = len(np.unique(label_nearest(sample.rows, division))) < 2
        segments = tuple(map(round_significant, mean_by_segment(values, weights, labels)))
        mean = None if is_single else round_significant(np.average(values, weights=weights))
        by_k[len(division)] = {"silhouettes": segments, "silhouette": mean}
    return by_k


def measure_gaps(sample: EvaluationSample, centres: Centres) -> ByK:
    """The gap against either reference; None from the number of distinct rows on."""
    ks = [len(division) for division in centres]
    box, components = (evaluate_gap(sample, ks, by_components) for by_components in (False, True))
    names = ("gap", "gap_error", "gap_pca", "gap_pca_error")

    def tabulate(i: int, gaps: Sequence[Gap]) -> list[float | None]:
        return [round_finite(curve[i]) if i < len(curve) else None for gap in gaps for curve in gap]

    return {k: dict(zip(names, tabulate(i, (box, components)), strict=True)) for i, k in enumerate(ks)}


def measure_strengths(sample: EvaluationSample, centres: Centres) -> ByK:
    """Prediction strength; k = 1 has none."""
    ks = [len(division) for division in centres]
    # One k per thread, here and below: KMeans releases the GIL, and each fit is limited to one thread.
    strengths = map_parts(partial(evaluate_strength, sample=sample), (k for k in ks if k > 1))
    values = [None] * ks.count(1) + list(map(round_significant, strengths))
    return {k: {"prediction_strength": value} for k, value in zip(ks, values, strict=True)}


def measure_stabilities(sample: EvaluationSample, centres: Centres) -> ByK:
    """Bootstrap Jaccard of each segment; k = 1 has none."""
    divisions = [division for division in centres if len(division) > 1]
    stabilities: list[tuple[float, ...]] = [()] * (len(centres) - len(divisions))
    if divisions:
        resamples = draw_resamples(sample, len(divisions[-1]))
        stabilities += map_parts(partial(evaluate_stability, resamples=resamples), divisions)
    return {
        len(division): {"jaccard": jaccard} for division, jaccard in zip(centres, stabilities, strict=True)
    }


def measure_natural(sample: EvaluationSample, centres: Centres) -> ByK:
    """The natural segments, also for some k beyond the largest, and the faintest border; k = 1 has none."""
    return {
        border.k: {
            "natural": border.natural,
            "faintest_border": round_finite(border.faintest) if border.k > 1 else None,
        }
        for border in evaluate_borders(sample, centres)
    }


# Those that take longest first: they run at the same time.
FAMILIES: dict[str, Callable[[EvaluationSample, Centres], ByK]] = {
    "stability": measure_stabilities,
    "gap": measure_gaps,
    "borders": measure_natural,
    "prediction strength": measure_strengths,
    "silhouette": measure_silhouettes,
    "indices": measure_indices,
}


def join_families(families: Iterable[ByK]) -> Evaluation:
    """Every measure of the k that all families have."""
    by_k: dict[int, dict[str, MeasureValue]] = {}
    families = list(families)
    for k in sorted(set().union(*families)):
        by_k[k] = {name: value for family in families for name, value in family.get(k, {}).items()}
    complete = set.intersection(*map(set, families))
    return Evaluation(
        [Measures.model_validate({"k": k, **values}) for k, values in by_k.items() if k in complete],
        [count for values in by_k.values() if isinstance(count := values["natural"], int)],
    )
