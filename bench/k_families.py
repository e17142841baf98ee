"""Simulated tables of customers with known segments, and tables without segments.

Each family is a function of a generator and a number of rows. bench/k_accuracy.py runs them.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Rng = np.random.Generator


class SimulatedTable(NamedTuple):
    """Features (n, d) in their units, true segments (n,), and the number of segments."""

    x: np.ndarray
    labels: np.ndarray
    k: int


def draw_segment_shares(rng: Rng, k: int, least: float, evenness: float = 3.0) -> np.ndarray:
    """Shares (k,) that sum to 1, none below `least`."""
    shares = least + (1 - k * least) * rng.dirichlet(np.full(k, evenness))
    return np.asarray(shares / shares.sum())


def draw_labels(rng: Rng, n: int, shares: np.ndarray) -> np.ndarray:
    """About n labels in these shares, each at least 20 times."""
    return rng.permutation(np.repeat(np.arange(len(shares)), np.maximum(rng.multinomial(n, shares), 20)))


def draw_apart(rng: Rng, shape: tuple[int, int], least: float, spread: float) -> np.ndarray:
    """Normal centres (k, d), at least `least` apart. The spread grows if that takes many tries."""
    tries = 0
    while True:
        centres = rng.normal(0, spread * 1.1 ** (tries // 50), shape)
        distances = np.sqrt(np.square(centres[:, None] - centres).sum(axis=2))
        if distances[np.triu_indices(shape[0], 1)].min(initial=np.inf) >= least:
            return centres
        tries += 1


def customer(rng: Rng, n: int) -> SimulatedTable:
    """Skewed spend, counts, recency, tenure, a share, and rare events unrelated to the segments."""
    k = int(rng.integers(2, 11))
    labels = draw_labels(rng, n, draw_segment_shares(rng, k, 0.03))
    extras = rng.choice(["spend", "orders", "tenure", "share", "recency"], int(rng.integers(0, 4)))
    kinds = ["spend", "orders", "recency", *extras]
    latent = draw_apart(rng, (k, len(kinds)), rng.uniform(2.7, 4.6), 1.8)[labels]
    latent += rng.normal(size=latent.shape) * [0.7 if kind == "orders" else 1.0 for kind in kinds]
    scales: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "spend": lambda z: np.exp(4.5 + 0.45 * z),
        "orders": lambda z: rng.poisson(np.exp(2.3 + 0.33 * z)).astype(float),
        "recency": lambda z: np.floor(np.exp(3.3 + 0.5 * z)),
        "tenure": lambda z: np.maximum(0.0, 900 + 140 * z),
        "share": lambda z: 1 / (1 + np.exp(-0.6 * z)),
    }
    columns = [scales[kind](column) for kind, column in zip(kinds, latent.T, strict=True)]
    for _ in range(int(rng.integers(0, 3))):
        columns.append((rng.random(len(labels)) < rng.uniform(0.005, 0.04)).astype(float))
    return SimulatedTable(np.column_stack(columns), labels, k)


def gaussian(rng: Rng, n: int) -> SimulatedTable:
    """Round clouds of one width."""
    k, d = int(rng.integers(2, 11)), int(rng.integers(2, 9))
    labels = draw_labels(rng, n, draw_segment_shares(rng, k, 0.05))
    centres = draw_apart(rng, (k, d), rng.uniform(4.0, 7.0), 3.0)
    return SimulatedTable(centres[labels] + rng.normal(size=(len(labels), d)), labels, k)


def unequal(rng: Rng, n: int) -> SimulatedTable:
    """Clouds of very different sizes and widths."""
    k, d = int(rng.integers(2, 9)), int(rng.integers(2, 7))
    labels = draw_labels(rng, n, draw_segment_shares(rng, k, 0.02, 0.8))
    centres = draw_apart(rng, (k, d), rng.uniform(5.0, 8.0), 3.5)
    noise = rng.normal(size=(len(labels), d)) * rng.uniform(0.5, 1.5, k)[labels][:, None]
    return SimulatedTable(centres[labels] + noise, labels, k)


def heavy(rng: Rng, n: int) -> SimulatedTable:
    """Clouds with heavy tails: Student's t with three degrees of freedom."""
    k, d = int(rng.integers(2, 8)), int(rng.integers(2, 7))
    labels = draw_labels(rng, n, draw_segment_shares(rng, k, 0.05))
    centres = draw_apart(rng, (k, d), rng.uniform(7.0, 10.0), 4.0)
    return SimulatedTable(centres[labels] + rng.standard_t(3, (len(labels), d)), labels, k)


def lattice(rng: Rng, n: int) -> SimulatedTable:
    """Small counts only, so that most rows have many duplicates."""
    k, d = int(rng.integers(2, 8)), int(rng.integers(2, 6))
    labels = draw_labels(rng, n, draw_segment_shares(rng, k, 0.05))
    for _ in range(500):
        means = np.exp(rng.uniform(0, 3.5, (k, d)))
        roots = 2 * np.sqrt(means)
        distances = np.sqrt(np.square(roots[:, None] - roots).sum(axis=2))
        if distances[np.triu_indices(k, 1)].min() > 4.0:
            break
    return SimulatedTable(rng.poisson(means[labels]).astype(float), labels, k)


def rare(rng: Rng, n: int) -> SimulatedTable:
    """Ordinary segments, and one of 3 % that is far away in one feature."""
    k, d = int(rng.integers(2, 6)), int(rng.integers(3, 7))
    labels = draw_labels(rng, n, np.append(draw_segment_shares(rng, k, 0.08) * 0.97, 0.03))
    centres = draw_apart(rng, (k, d), rng.uniform(4.5, 6.5), 3.0)
    far = centres[0] + np.eye(d)[int(rng.integers(d))] * rng.uniform(9, 14)
    centres = np.vstack([centres, far])
    return SimulatedTable(centres[labels] + rng.normal(size=(len(labels), d)), labels, k + 1)


def stretched(rng: Rng, n: int) -> SimulatedTable:
    """Clouds stretched in different directions, and features unrelated to the segments."""
    k, d = int(rng.integers(2, 8)), int(rng.integers(2, 7))
    labels = draw_labels(rng, n, draw_segment_shares(rng, k, 0.05))
    x = draw_apart(rng, (k, d), rng.uniform(7.0, 10.0), 4.0)[labels]
    for segment in range(k):
        axes = np.linalg.qr(rng.normal(size=(d, d)))[0] * np.exp(rng.uniform(-0.7, 0.6, d))
        members = labels == segment
        x[members] += rng.normal(size=(int(members.sum()), d)) @ axes.T
    noise = rng.normal(size=(len(labels), int(rng.integers(0, 3)))) * 3
    return SimulatedTable(np.column_stack([x, noise]), labels, k)


def boxes(rng: Rng, n: int) -> SimulatedTable:
    """Segments with hard edges, and 2 % of customers anywhere."""
    k, d = int(rng.integers(2, 8)), int(rng.integers(2, 6))
    labels = draw_labels(rng, n, draw_segment_shares(rng, k, 0.04))
    x = draw_apart(rng, (k, d), rng.uniform(5.5, 8.0), 3.5)[labels]
    x += rng.uniform(-1.8, 1.8, x.shape)
    far = rng.random(len(labels)) < 0.02
    x[far] = rng.uniform(x.min(axis=0), x.max(axis=0), (int(far.sum()), d))
    return SimulatedTable(x, labels, k)


def tiers(rng: Rng, n: int) -> SimulatedTable:
    """A few skewed features, with segments ordered like tiers of spend."""
    k, d = int(rng.integers(2, 6)), int(rng.integers(1, 4))
    labels = draw_labels(rng, n, draw_segment_shares(rng, k, 0.08))
    steps = np.cumsum(rng.uniform(0.8, 1.3, k)) * rng.uniform(4.0, 6.0)
    columns = [np.exp(0.3 * (steps[labels] + rng.normal(size=len(labels))))]
    for _ in range(d - 1):
        columns.append(np.exp(0.4 * (rng.permutation(steps)[labels] * 0.6 + rng.normal(size=len(labels)))))
    return SimulatedTable(np.column_stack(columns), labels, k)


def crowd(rng: Rng, n: int) -> SimulatedTable:
    """No segments: a single crowd, in one of nine shapes."""
    d = int(rng.integers(2, 8))
    rate = rng.uniform(0.5, 1.2)
    means = np.exp(rng.uniform(0, 3, d))
    mixing = rng.normal(size=(d, d))
    shapes: list[Callable[[], np.ndarray]] = [
        lambda: rng.normal(size=(n, d)),
        lambda: rng.normal(size=(n, d)) @ mixing,
        lambda: np.exp(rng.normal(0, rate, (n, d))),
        lambda: rng.exponential(1, (n, d)),
        lambda: rng.uniform(0, 1, (n, d)),
        lambda: rng.standard_t(3, (n, d)),
        lambda: rng.poisson(means, (n, d)).astype(float),
        lambda: _recency_orders_spend(rng, n),
        lambda: np.column_stack(
            [np.exp(rng.normal(4, 0.9, n)), rng.poisson(4, n), rng.gamma(2, 30, n), rng.beta(2, 3, n)]
        ),
    ]
    return SimulatedTable(shapes[int(rng.integers(len(shapes)))](), np.zeros(n, np.int64), 1)


def _recency_orders_spend(rng: Rng, n: int) -> np.ndarray:
    """One crowd of buyers who differ in eagerness."""
    eager = rng.normal(size=n)
    orders = rng.negative_binomial(1.2, 1 / (1 + 3 * np.exp(0.8 * eager))) + 1.0
    recency = np.floor(rng.exponential(120 * np.exp(-0.5 * eager)) % 365) + 1.0
    return np.column_stack([recency, orders, orders * np.exp(3 + 0.6 * rng.normal(size=n))])


FAMILIES: dict[str, Callable[[Rng, int], SimulatedTable]] = {
    "customer": customer,
    "gaussian": gaussian,
    "unequal": unequal,
    "heavy": heavy,
    "lattice": lattice,
    "rare": rare,
    "stretched": stretched,
    "boxes": boxes,
    "tiers": tiers,
    "crowd": crowd,
}
