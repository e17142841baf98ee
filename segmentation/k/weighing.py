"""All evidence for each k, from one sample: each measure's own arithmetic is in a module beside this.

The fits to resamples are shared: the halves serve prediction strength, the sweep's own centres
serve silhouette, both indices, the borders and the reference of the bootstrap.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from config.plans import FitPlan
from schemas.evidence import Measures
from segmentation.features.grid import nearest, squared_distances
from segmentation.features.moments import significant
from segmentation.k.borders import Border, measure_borders, spread_ties
from segmentation.k.fits import Weighted, fit_kmeans
from segmentation.k.gap import Gap, draw_reference, gap_statistic
from segmentation.k.indices import calinski_harabasz, davies_bouldin
from segmentation.k.resampling import jaccard, prediction_strength
from segmentation.k.silhouettes import mean_by_segment, silhouettes
from segmentation.partitions import over_parts

BEYOND = 4  # k above k.max at which borders are looked for: the number of natural segments settles later
SILHOUETTE_ROWS = 3_000
RESAMPLED_ROWS = 2_000
GAP_ROWS = 1_000
REFERENCES = 10
BOOTSTRAPS = 12
_HASTY = FitPlan(starts=1, max_iter=50)
_CAREFUL = FitPlan(starts=3, max_iter=100)


class Bench(NamedTuple):
    """What is measured: evenly drawn rows (n, d); rows for silhouettes, or None; what is a sliver; seed."""

    rows: np.ndarray
    exact: Weighted | None
    smallest_share: float
    seed: int

    def pick(self, m: int, salt: int) -> np.ndarray:
        """At most m of the rows, without replacement."""
        rng = np.random.default_rng([self.seed, salt])
        return self.rows[rng.permutation(len(self.rows))[:m]]


def label_rows(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre (n,) of each row."""
    labels: np.ndarray = nearest(squared_distances(rows.T, centres))[0]
    return labels


def weigh_borders(bench: Bench, centres: Sequence[np.ndarray]) -> list[Border]:
    """The border test for k = 1, 2, …, BEYOND above the largest given; missing k are fitted here."""
    given = {len(one): one for one in centres}
    distinct = len(np.unique(bench.rows, axis=0))
    ks = range(1, min(max(given) + BEYOND, max(distinct, max(given))) + 1)

    def fit(k: int) -> np.ndarray:
        return given[k] if k in given else fit_kmeans(bench.rows, k, _CAREFUL, bench.seed).centres

    spread = spread_ties(bench.rows, bench.seed)
    return measure_borders(spread, list(over_parts(fit, ks)), bench.smallest_share)


def weigh_shapes(bench: Bench, centres: Sequence[np.ndarray]) -> list[dict[str, Any]]:
    """Silhouette, both indices and the smallest share, of the divisions by each set of centres.

    Silhouettes are of all distinct rows with their counts where these are few, else of rows drawn
    in proportion from the segments of the finest division.
    """
    rows, weights = bench.exact or Weighted(bench.rows, np.ones(len(bench.rows)))
    if len(rows) > SILHOUETTE_ROWS:
        order = np.argsort(label_rows(rows, centres[-1]), kind="stable")
        rows = rows[order[np.linspace(0, len(order) - 1, SILHOUETTE_ROWS).astype(int)]]
        weights = np.ones(len(rows))
    divisions = [_renumber(label_rows(rows, one)) for one in centres]
    whole = [_renumber(label_rows(bench.rows, one)) for one in centres]
    ones = np.ones(len(bench.rows))
    found = []
    for values, labels, all_labels in zip(
        silhouettes(rows, weights, divisions), divisions, whole, strict=True
    ):
        k = int(all_labels.max()) + 1
        found.append(
            {
                "smallest_share": float(np.bincount(all_labels).min() / len(all_labels)),
                "silhouettes": tuple(map(significant, mean_by_segment(values, weights, labels))),
                "silhouette": significant(np.average(values, weights=weights)) if k > 1 else None,
                "calinski_harabasz": _number(calinski_harabasz(bench.rows, ones, all_labels)),
                "davies_bouldin": _number(davies_bouldin(bench.rows, ones, all_labels)),
            }
        )
    return found


def _renumber(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]


def _number(value: float) -> float | None:
    return significant(value) if np.isfinite(value) else None


def weigh_strength(k: int, bench: Bench) -> float:
    """Prediction strength of k: two random halvings, both ways."""
    found = []
    for halving in range(2):
        rows = bench.pick(RESAMPLED_ROWS, halving)
        one, other = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        if min(len(np.unique(one, axis=0)), len(np.unique(other, axis=0))) < k:
            return 0.0
        fits = [fit_kmeans(half, k, _CAREFUL, bench.seed) for half in (one, other)]
        for half, own, foreign in ((one, fits[0], fits[1]), (other, fits[1], fits[0])):
            found.append(prediction_strength(own.labels, label_rows(half, foreign.centres)))
    return float(np.mean(found))


def weigh_stability(centres: np.ndarray, bench: Bench) -> tuple[float, ...]:
    """Bootstrap Jaccard of each segment, the mean over the resamples."""
    rows = bench.pick(RESAMPLED_ROWS, 7)
    labels, k = label_rows(rows, centres), len(centres)
    found = []
    for i in range(BOOTSTRAPS):
        drawn = np.random.default_rng([bench.seed, 11, i]).integers(0, len(rows), len(rows))
        if len(np.unique(rows[drawn], axis=0)) < k:
            return (0.0,) * k
        again = fit_kmeans(rows[drawn], k, _CAREFUL, i).labels
        found.append(np.pad(jaccard(labels[drawn], again), (0, k))[:k])
    return tuple(map(significant, np.mean(found, axis=0)))


def weigh_gap(bench: Bench, ks: Sequence[int], turned: bool) -> Gap:
    """The gap statistic for each k, both sides fitted alike."""
    rows = bench.pick(GAP_ROWS, 13)
    ks = [k for k in ks if k < len(np.unique(rows, axis=0))]

    def log_inertias(of: int) -> np.ndarray:
        rng = np.random.default_rng([bench.seed, 17, turned, of + 1])
        drawn = rows if of < 0 else draw_reference(rows, rng, turned)
        return np.log([fit_kmeans(drawn, k, _HASTY, bench.seed).inertia for k in ks])

    found = list(over_parts(log_inertias, range(-1, REFERENCES)))
    return gap_statistic(found[0], np.array(found[1:]))


def weigh_all(bench: Bench, centres: Sequence[np.ndarray]) -> tuple[list[Measures], list[int]]:
    """Every measure of each set of centres (k, d), by ascending k, and the natural segments of k = 1, 2, …"""
    ks = [len(one) for one in centres]
    shapes = weigh_shapes(bench, centres)
    borders = weigh_borders(bench, centres)
    gaps = [weigh_gap(bench, ks, turned) for turned in (False, True)]
    strengths = list(over_parts(partial(weigh_strength, bench=bench), [k for k in ks if k > 1]))
    stable = list(over_parts(partial(weigh_stability, bench=bench), [one for one in centres if len(one) > 1]))
    found = []
    for i, k in enumerate(ks):
        at = i - (len(ks) - len(stable))  # k = 1 has neither
        border = borders[k - 1]
        numbers = [_number(each[i]) if i < len(each) else None for gap in gaps for each in gap]
        found.append(
            Measures(
                k=k,
                **shapes[i],
                **dict(zip(("gap", "gap_error", "gap_pca", "gap_pca_error"), numbers, strict=True)),
                prediction_strength=significant(strengths[at]) if at >= 0 else None,
                jaccard=stable[at] if at >= 0 else (),
                natural=border.natural,
                faintest_border=_number(border.faintest) if k > 1 else None,
            )
        )
    return found, [one.natural for one in borders]
