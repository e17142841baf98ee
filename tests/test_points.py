"""Drawn customers: how many of each segment, which, and the plane in which they differ most."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segmentation.features.transforms import to_scaled
from segmentation.report.points import FEWEST, FLOOR, MOST_POINTS, draw_strata, project, share_out
from tests.test_profiles import scale_of, write_pairs

SIZES = [7_000, 2_000, 300, 12, FEWEST - 1]


@pytest.fixture
def frame() -> pd.DataFrame:
    """9,321 customers of five segments, one of them too small to be shown."""
    random = np.random.default_rng(4)
    label = random.permutation(np.repeat(np.arange(5), SIZES))
    return pd.DataFrame(
        {
            "a": random.lognormal(2, 1, len(label)),
            "b": label * 3 + random.normal(0, 1, len(label)),
            "label": label,
        }
    )


def test_every_segment_has_its_share() -> None:
    """Small segments are drawn whole, large ones by their share, never more than the limit."""
    drawn = share_out(SIZES)
    assert drawn[3:].tolist() == [12, 0]
    assert drawn[2] >= FLOOR
    assert MOST_POINTS - 5 <= drawn.sum() <= MOST_POINTS
    assert share_out([10, 30]).tolist() == [10, 30]
    assert share_out([1_000_000] * 60).sum() <= MOST_POINTS
    assert share_out([1, 2]).sum() == 0


def test_drawn_customers_are_customers(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Each drawn point is a row of its segment, none is drawn twice, and as many as were to be drawn."""
    points = draw_strata(write_pairs(tmp_path, frame, [2_000, 5_000]), ["a", "b"], SIZES, 7)
    counts = np.bincount(points.labels, minlength=5)
    assert counts.tolist() == share_out(SIZES).tolist()
    rows = set(zip(frame["a"], frame["b"], frame["label"], strict=True))
    drawn = list(zip(*points.matrix, points.labels, strict=True))
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) <= rows
    assert points.of(3).shape == (2, 12)


def test_the_draw_does_not_depend_on_parts(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Cut otherwise, the same customers are drawn in the same order; another seed draws others."""
    found = []
    for number, (cuts, seed) in enumerate((([], 7), ([10, 20, 9_000], 7), ([], 8))):
        folder = tmp_path / str(number)
        folder.mkdir()
        found.append(draw_strata(write_pairs(folder, frame, cuts), ["a", "b"], SIZES, seed))
    assert np.array_equal(found[0].matrix, found[1].matrix)
    assert not np.array_equal(found[0].matrix, found[2].matrix)


def test_the_draw_is_even_within_a_segment(tmp_path: Path, frame: pd.DataFrame) -> None:
    """The mean of a segment's drawn customers lies within four standard errors of that of all."""
    points = draw_strata(write_pairs(tmp_path, frame, []), ["a", "b"], SIZES, 7)
    for label in (0, 1):
        drawn, every = points.of(label)[1], frame.loc[frame["label"] == label, "b"]
        assert abs(drawn.mean() - every.mean()) < 4 * every.std() / np.sqrt(drawn.size)


def test_the_plane_is_that_of_the_singular_values(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Places, directions and shares of variance agree with numpy's singular value decomposition."""
    columns = [scale_of("a", "log-standard"), scale_of("b", "standard")]
    points = draw_strata(write_pairs(tmp_path, frame, []), ["a", "b"], SIZES, 7)
    scaled = to_scaled(points.matrix, columns).T
    plane = project(points, columns, scaled)
    assert plane is not None
    _, values, rows = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    signs = np.sign(rows[np.arange(2), np.abs(rows).argmax(axis=1)])
    assert plane.loadings == pytest.approx(rows[:2] * signs[:, None], abs=2e-6)
    assert plane.shares == pytest.approx(values**2 / np.square(values).sum())
    assert (
        pytest.approx((scaled - scaled.mean(axis=0)) @ (rows[:2] * signs[:, None]).T, abs=1e-4)
        == plane.place.T
    )


@pytest.mark.parametrize("even", [np.zeros((50, 2)), np.zeros((1, 2)), np.ones((50, 1))])
def test_there_is_no_plane_where_nothing_differs(
    tmp_path: Path, frame: pd.DataFrame, even: np.ndarray
) -> None:
    """All alike, one customer or one feature: no projection, and no division by nothing."""
    columns = [scale_of("a", "standard"), scale_of("b", "standard")]
    points = draw_strata(write_pairs(tmp_path, frame, []), ["a", "b"], SIZES, 7)
    assert project(points, columns, even) is None
