"""Trials of the algorithms on one sample: the same measures for all, and the results as a table.

The algorithms are in segmentation/k/challengers.py, the page is segmentation/report/comparison_page.py.
"""

import time
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from schemas.comparison import COMPARISON, Trial
from segmentation.k.challengers import Challenger, Shape, rows_within_memory
from segmentation.k.fits import WeightedRows
from segmentation.k.resampling import bootstrap_jaccard
from segmentation.k.silhouettes import compute_silhouettes

FEWEST_TRIAL_ROWS = 500
RESAMPLES = 5
CLEAR_GAIN = 0.02
HEADER = (
    "Algorithm",
    "Rows",
    "k",
    "Unsegmented",
    "Silhouette",
    "Stability",
    "ARI to champion",
    "Smallest share",
    "Seconds",
    "Memory, MB",
    "Note",
)


class TrialTable(NamedTuple):
    """Trials as text: the headings, and one row of cells per trial."""

    header: list[str]
    rows: list[list[str]]


class TrialSample(NamedTuple):
    """What every algorithm gets: rows (n, d), the champion's labels (n,), its k, a seed, bytes it may use.

    The champion is what a run would publish: k-means over all customers.
    """

    rows: np.ndarray
    champion: np.ndarray
    k: int
    seed: int
    memory: int

    @property
    def shape(self) -> Shape:
        """Rows, features, and the champion's segments."""
        n, d = self.rows.shape
        return Shape(n, d, self.k)

    def first(self, n: int) -> "TrialSample":
        """The first n rows only."""
        return self._replace(rows=self.rows[:n], champion=self.champion[:n])


def run_trial(challenger: Challenger, sample: TrialSample) -> Trial:
    """Run one algorithm on as many rows as its memory allows. Refused below FEWEST_TRIAL_ROWS."""
    n, d, k = sample.shape
    allowed = rows_within_memory(challenger, sample.shape, sample.memory)
    fewest = min(n, FEWEST_TRIAL_ROWS)
    limit = f"{sample.memory / 1e6:,.0f}"
    if allowed < fewest:
        needed = challenger.needs(fewest, d, k) / 1e6
        return Trial(
            algorithm=challenger.name,
            rows=allowed,
            memory_mb=round(challenger.needs(n, d, k) / 1e6, 1),
            note=f"refused: {fewest} rows need {needed:,.0f} MB, allowed are {limit}",
        )
    sample = sample.first(allowed)
    reduction = f"; {allowed:,} of {n:,} rows fit into {limit} MB" if allowed < n else ""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that EM or batches stopped early shows in the figures
        # CPU time of this thread, so a busy machine does not matter. All of the fit runs here,
        # see the limit above.
        start = time.thread_time()
        labels, note = challenger.fit(sample.rows, k, sample.seed)
        seconds = time.thread_time() - start
        stability = measure_stability(challenger, sample, labels)
    return Trial(
        algorithm=challenger.name,
        rows=allowed,
        **measure_division(sample, labels),
        stability=stability,
        seconds=seconds,
        memory_mb=round(challenger.needs(allowed, d, k) / 1e6, 1),
        note=note + reduction,
    )


def measure_division(sample: TrialSample, labels: np.ndarray) -> dict[str, Any]:
    """Trial's k, unsegmented, silhouette, agreement and smallest_share, of labels (n,), -1 for no segment."""
    from sklearn.metrics import adjusted_rand_score

    inside = labels >= 0
    segments = np.unique(labels[inside])
    k = len(segments)
    sizes = np.bincount(labels[inside]) if k else np.zeros(1)
    silhouette = None
    if k > 1:
        # An algorithm is not blamed for the rows that it leaves out. Their share is a measure of its own.
        segmented = WeightedRows(sample.rows[inside], np.ones(int(inside.sum())))
        silhouette = float(
            compute_silhouettes(segmented, [np.searchsorted(segments, labels[inside])])[0].mean()
        )
    return {
        "k": k,
        "unsegmented": float(1 - inside.mean()),
        "silhouette": silhouette,
        "agreement": float(adjusted_rand_score(sample.champion, labels)),
        "smallest_share": float(sizes[sizes > 0].min() / len(labels)) if k else None,
    }


def measure_stability(challenger: Challenger, sample: TrialSample, labels: np.ndarray) -> float | None:
    """Bootstrap Jaccard of the least stable segment, the mean over the resamples; None without segments."""
    k = int(labels.max()) + 1
    if k == 0:
        return None
    similarities = []
    for i in range(RESAMPLES):
        # Every algorithm gets the same resamples.
        resample = np.random.default_rng([sample.seed, i]).integers(0, len(labels), len(labels))
        refitted = challenger.fit(sample.rows[resample], sample.k, sample.seed).labels
        refitted = np.where(refitted < 0, refitted.max() + 1, refitted)  # a segment of the unsegmented
        resampled = labels[resample]
        inside = resampled >= 0
        similarity = bootstrap_jaccard(resampled[inside], refitted[inside]) if inside.any() else np.zeros(k)
        similarities.append(np.pad(similarity, (0, k))[:k])
    return float(np.mean(similarities, axis=0).min())


def tabulate_trials(trials: Sequence[Trial]) -> pd.DataFrame:
    """The rows of comparison.parquet."""
    frame = pd.DataFrame([trial.model_dump() for trial in trials])[list(COMPARISON.columns)]
    floats = [name for name, column in COMPARISON.columns.items() if str(column.dtype) == "float64"]
    valid: pd.DataFrame = COMPARISON.validate(frame.astype(dict.fromkeys(floats, "float64")), lazy=True)
    return valid


def format_trials(trials: Sequence[Trial]) -> TrialTable:
    """All trials as text; a cell without a value is empty."""

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.1%}"

    def plain(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    rows = [
        [
            trial.algorithm,
            f"{trial.rows:,}",
            "" if trial.k is None else str(trial.k),
            share(trial.unsegmented),
            plain(trial.silhouette),
            plain(trial.stability),
            plain(trial.agreement),
            share(trial.smallest_share),
            plain(trial.seconds),
            f"{trial.memory_mb:,.1f}",
            trial.note,
        ]
        for trial in trials
    ]
    return TrialTable(list(HEADER), rows)


def describe_winners(trials: Sequence[Trial]) -> str:
    """Which algorithms do better than k-means in silhouette and in stability, both by 0.02 or more."""
    champion = next(trial for trial in trials if trial.algorithm == "k-means")
    better = [
        trial.algorithm
        for trial in trials
        if _gain(trial.silhouette, champion.silhouette) >= CLEAR_GAIN
        and _gain(trial.stability, champion.stability) >= CLEAR_GAIN
    ]
    if not better:
        return "No other algorithm is better than k-means in both silhouette and stability."
    return f"Better than k-means in both silhouette and stability: {', '.join(better)}."


def _gain(value: float | None, champion: float | None) -> float:
    """How much better a measure is; without either value, worse."""
    return -1.0 if value is None or champion is None else value - champion
