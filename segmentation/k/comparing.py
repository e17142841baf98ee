"""Measuring one algorithm's division of the sample, alike for all of them, and telling it as a table.

The algorithms are segmentation/k/challengers.py's, the page segmentation/report/comparison.py's.
"""

import time
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from schemas.comparison import COMPARISON, Trial
from segmentation.k.challengers import Challenger, rows_within
from segmentation.k.resampling import jaccard
from segmentation.k.silhouettes import silhouettes

FEWEST_ROWS = 500
RESAMPLES = 5
CLEAR_GAIN = 0.02


class Arena(NamedTuple):
    """What all algorithms are given: rows (n, d), the champion's labels (n,), its k, seed, bytes allowed.

    The champion is what a run would publish: k-means over all customers.
    """

    rows: np.ndarray
    champion: np.ndarray
    k: int
    seed: int
    memory: int

    def first(self, n: int) -> "Arena":
        """The first n rows only."""
        return self._replace(rows=self.rows[:n], champion=self.champion[:n])


def try_challenger(one: Challenger, arena: Arena) -> Trial:
    """Run one algorithm on as many rows as its memory allows, or say what it would have needed."""
    n, d = arena.rows.shape
    allowed = rows_within(one, (n, d, arena.k), arena.memory)
    fewest = min(n, FEWEST_ROWS)
    if allowed < fewest:
        needed = one.needs(fewest, d, arena.k) / 1e6
        return Trial(
            algorithm=one.name,
            rows=allowed,
            memory_mb=round(one.needs(n, d, arena.k) / 1e6, 1),
            note=f"refused: {fewest} rows need {needed:,.0f} MB, allowed are {arena.memory / 1e6:,.0f}",
        )
    arena = arena.first(allowed)
    reduced = f"; {allowed:,} of {n:,} rows fit into {arena.memory / 1e6:,.0f} MB" if allowed < n else ""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that EM or batches stopped early shows in the figures
        began = time.thread_time()
        labels, note = one.fit(arena.rows, arena.k, arena.seed)
        seconds = time.thread_time() - began
        stable = measure_stability(one, arena, labels)
    return Trial(
        algorithm=one.name,
        rows=allowed,
        **measure(arena, labels),
        stability=stable,
        seconds=seconds,
        memory_mb=round(one.needs(allowed, d, arena.k) / 1e6, 1),
        note=note + reduced,
    )


def measure(arena: Arena, labels: np.ndarray) -> dict[str, Any]:
    """k, unsegmented, silhouette, agreement and smallest_share of labels (n,), -1 for none."""
    from sklearn.metrics import adjusted_rand_score

    inside = labels >= 0
    segments = np.unique(labels[inside])
    k = len(segments)
    sizes = np.bincount(labels[inside]) if k else np.zeros(1)
    silhouette = None
    if k > 1:
        numbered = np.searchsorted(segments, labels[inside])
        values = silhouettes(arena.rows[inside], np.ones(int(inside.sum())), [numbered])[0]
        silhouette = float(values.mean())
    return {
        "k": k,
        "unsegmented": float(1 - inside.mean()),
        "silhouette": silhouette,
        "agreement": float(adjusted_rand_score(arena.champion, labels)),
        "smallest_share": float(sizes[sizes > 0].min() / len(labels)) if k else None,
    }


def measure_stability(one: Challenger, arena: Arena, labels: np.ndarray) -> float | None:
    """Bootstrap Jaccard of the least stable segment, the mean over the resamples; None without segments."""
    k = int(labels.max()) + 1
    if k == 0:
        return None
    found = []
    for i in range(RESAMPLES):
        drawn = np.random.default_rng([arena.seed, i]).integers(0, len(labels), len(labels))
        again = one.fit(arena.rows[drawn], arena.k, arena.seed).labels
        own = labels[drawn]
        kept = own >= 0
        again = np.where(again < 0, again.max() + 1, again)
        found.append(np.pad(jaccard(own[kept], again[kept]), (0, k))[:k] if kept.any() else np.zeros(k))
    return float(np.mean(found, axis=0).min())


def to_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """The rows of comparison.parquet."""
    frame = pd.DataFrame([one.model_dump() for one in trials])[list(COMPARISON.columns)]
    numbers = [name for name, column in COMPARISON.columns.items() if str(column.dtype) == "float64"]
    checked: pd.DataFrame = COMPARISON.validate(frame.astype(dict.fromkeys(numbers, "float64")), lazy=True)
    return checked


def tell_trials(trials: Sequence[Trial]) -> tuple[list[str], list[list[str]]]:
    """Header and cells for people."""
    header = ["Algorithm", "Rows", "k", "Unsegmented", "Silhouette", "Stability", "ARI to champion"]
    header += ["Smallest share", "Seconds", "Memory, MB", "Note"]

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.1%}"

    def plain(value: float | None) -> str:
        return "" if value is None else f"{value:.3f}"

    return header, [
        [
            one.algorithm,
            f"{one.rows:,}",
            "" if one.k is None else str(one.k),
            share(one.unsegmented),
            plain(one.silhouette),
            plain(one.stability),
            plain(one.agreement),
            share(one.smallest_share),
            plain(one.seconds),
            f"{one.memory_mb:,.1f}",
            one.note,
        ]
        for one in trials
    ]


def tell_winners(trials: Sequence[Trial]) -> str:
    """Which algorithms do better than k-means in silhouette and in stability, both by 0.02 or more."""
    own = next(one for one in trials if one.algorithm == "k-means")
    better = [
        one.algorithm
        for one in trials
        if min(_gain(one.silhouette, own.silhouette), _gain(one.stability, own.stability)) >= CLEAR_GAIN
    ]
    if not better:
        return "No other algorithm is better than k-means in silhouette and stability both."
    return f"Better than k-means in silhouette and stability both: {', '.join(better)}."


def _gain(value: float | None, over: float | None) -> float:
    """How much more a measure is; without one of the two, less."""
    return -1.0 if value is None or over is None else value - over
