"""Small groups far from all others are clusters and stay apart; far values of a long tail are clipped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from schemas.identity import PreviousEdition
from schemas.night import Night
from segmentation.features.far_groups import BINS, count_tail, detect_far_groups
from segmentation.k.evaluation_sample import label_nearest
from segmentation.parts import read_part, to_matrix, write_part
from tasks.scale import scale
from tasks.sweep import sweep
from tests.stage_records import make_customers

LARGE, SMALL = 4000, 40  # rows of each of three large and five small groups: 0.3 % each


def draw_groups(seed: int, distance: float = 40.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 3) of three large groups near each other and five small ones far away, and their groups."""
    random = np.random.default_rng(seed)
    near = np.array([[0.0, 0, 0], [9, 0, 0], [0, 9, 0]])
    directions = np.array([[1.0, 1, 1], [-1, 1, 1], [1, -1, 1], [1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
    centres = np.concatenate([near, directions * distance])
    groups = random.permutation(np.repeat(np.arange(8), [LARGE] * 3 + [SMALL] * 5))
    return centres[groups] + random.normal(0, 1, (len(groups), 3)), groups


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_small_far_clusters_survive_scaling_and_sample(
    seed: int, tmp_path: Path, make_night: Callable[..., Night]
) -> None:
    """At the true k the sweep agrees with the truth as well as ten starts of scikit-learn on all rows."""
    rows, groups = draw_groups(seed)
    names = ["a", "b", "c"]
    night = make_night(
        rows={"id": None, "columns": {name: {"type": "float"} for name in names}},
        features=names,
        k={"min": 8, "max": 8},
    )
    night.staging.mkdir(parents=True, exist_ok=True)
    table = pa.table(dict(zip(names, rows.T, strict=True)))
    part = write_part(tmp_path / "0.parquet", table)
    scaled = scale(night, make_customers((part,)), PreviousEdition())
    assert any("in groups of their own" in column.reason for column in scaled.columns)
    centres = np.array(sweep(night, scaled, 8).centres)
    ours = np.concatenate([to_matrix(read_part(piece)) for piece in scaled.parts], axis=1).T
    standard = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    expected = adjusted_rand_score(groups, KMeans(8, n_init=10, random_state=0).fit_predict(standard))
    assert expected == pytest.approx(1.0, abs=0.001)
    assert adjusted_rand_score(groups, label_nearest(ours, centres)) >= expected - 0.001


@pytest.mark.parametrize("shape", ["t", "lognormal", "counts", "round"])
def test_a_long_tail_is_no_group(shape: str) -> None:
    """A tail becomes thinner outwards, whatever its law, in counts and in amounts with heaps as well."""
    for seed in range(5):
        random = np.random.default_rng(seed)
        values = {
            "t": random.standard_t(3, 50_000),
            "lognormal": random.lognormal(0, 0.8, 50_000),
            "counts": random.geometric(0.5, 50_000).astype(float),
            "round": np.where(random.random(50_000) < 0.3, 100.0, 1.0) * random.geometric(0.2, 50_000),
        }[shape]
        deviations = (values - values.mean()) / values.std()
        assert detect_far_groups(count_tail(deviations), 4.0) is None


def test_the_edge_of_a_group_is_beyond_it() -> None:
    """The group's rows keep their values; a few rows further out are clipped at its edge."""
    random = np.random.default_rng(1)
    group = random.normal(9.0, 0.3, 40)
    tail = count_tail(np.concatenate([random.normal(0, 1, 10_000), -group, [-30.0, 50.0]]))
    edge = detect_far_groups(tail, 4.0)
    assert edge is not None
    assert np.quantile(group, 0.95) < edge < 12
    assert tail.shape == (2, BINS)


def test_a_handful_of_far_rows_is_no_group() -> None:
    """Fifteen rows have no density to speak of, however close they are."""
    deviations = np.concatenate([np.random.default_rng(1).normal(0, 1, 10_000), np.full(15, 20.0)])
    assert detect_far_groups(count_tail(deviations), 4.0) is None
