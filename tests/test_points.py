"""Customers drawn for the report: how many of each segment, which, and their projection."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from segmentation.features.transforms import to_scaled
from segmentation.report.tables.points import (
    MAX_POINTS,
    MIN_POINTS,
    MIN_SHOWN,
    allocate_points,
    draw_stratified_points,
    project_points,
)
from tests.test_profile_table import scale_of, write_labelled_parts

SIZES = [7_000, 2_000, 300, 12, MIN_SHOWN - 1]


@pytest.fixture
def frame() -> pd.DataFrame:
    """9,321 customers of five segments. The last is too small to be shown."""
    random = np.random.default_rng(4)
    label = random.permutation(np.repeat(np.arange(5), SIZES))
    return pd.DataFrame(
        {
            "a": random.lognormal(2, 1, len(label)),
            "b": label * 3 + random.normal(0, 1, len(label)),
            "label": label,
        }
    )


def test_every_segment_gets_a_share() -> None:
    """Small segments are drawn whole, large ones in proportion, and never more than the limit."""
    counts = allocate_points(SIZES)
    assert counts[3:].tolist() == [12, 0]
    assert counts[2] >= MIN_POINTS
    assert MAX_POINTS - 5 <= counts.sum() <= MAX_POINTS
    assert allocate_points([10, 30]).tolist() == [10, 30]
    assert allocate_points([1_000_000] * 60).sum() <= MAX_POINTS
    assert allocate_points([1, 2]).sum() == 0


def test_drawn_points_are_customers(tmp_path: Path, frame: pd.DataFrame) -> None:
    """Each point is a row of its segment, no row is drawn twice, and the counts are as allocated."""
    points = draw_stratified_points(
        write_labelled_parts(tmp_path, frame, [2_000, 5_000]), ["a", "b"], SIZES, 7
    )
    counts = np.bincount(points.labels, minlength=5)
    assert counts.tolist() == allocate_points(SIZES).tolist()
    rows = set(zip(frame["a"], frame["b"], frame["label"], strict=True))
    point_rows = list(zip(*points.matrix, points.labels, strict=True))
    assert len(set(point_rows)) == len(point_rows)
    assert set(point_rows) <= rows
    assert points.in_segment(3).shape == (2, 12)


def test_the_draw_does_not_depend_on_parts(tmp_path: Path, frame: pd.DataFrame) -> None:
    """The same customers are drawn in the same order; another seed draws others."""
    draws = []
    for number, (cuts, seed) in enumerate((([], 7), ([10, 20, 9_000], 7), ([], 8))):
        folder = tmp_path / str(number)
        folder.mkdir()
        draws.append(
            draw_stratified_points(write_labelled_parts(folder, frame, cuts), ["a", "b"], SIZES, seed)
        )
    assert np.array_equal(draws[0].matrix, draws[1].matrix)
    assert not np.array_equal(draws[0].matrix, draws[2].matrix)


def test_the_draw_is_even_within_a_segment(tmp_path: Path, frame: pd.DataFrame) -> None:
    """The mean of a segment's points is within four standard errors of the segment's mean."""
    points = draw_stratified_points(write_labelled_parts(tmp_path, frame, []), ["a", "b"], SIZES, 7)
    for label in (0, 1):
        sample, segment = points.in_segment(label)[1], frame.loc[frame["label"] == label, "b"]
        assert abs(sample.mean() - segment.mean()) < 4 * segment.std() / np.sqrt(sample.size)


def test_the_projection_is_that_of_a_singular_value_decomposition(
    tmp_path: Path, frame: pd.DataFrame
) -> None:
    """Coordinates, loadings and shares of variance agree with numpy's."""
    columns = [scale_of("a", "log-standard"), scale_of("b", "standard")]
    points = draw_stratified_points(write_labelled_parts(tmp_path, frame, []), ["a", "b"], SIZES, 7)
    scaled = to_scaled(points.matrix, columns).T
    projection = project_points(points, columns, scaled)
    assert projection is not None
    _, values, rows = np.linalg.svd(scaled - scaled.mean(axis=0), full_matrices=False)
    signs = np.sign(rows[np.arange(2), np.abs(rows).argmax(axis=1)])
    assert projection.loadings == pytest.approx(rows[:2] * signs[:, None], abs=2e-6)
    assert projection.shares == pytest.approx(values**2 / np.square(values).sum())
    coordinates = (scaled - scaled.mean(axis=0)) @ (rows[:2] * signs[:, None]).T
    assert pytest.approx(coordinates, abs=1e-4) == projection.coordinates.T


@pytest.mark.parametrize("evenly_drawn", [np.zeros((50, 2)), np.zeros((1, 2)), np.ones((50, 1))])
def test_identical_customers_have_no_projection(
    tmp_path: Path, frame: pd.DataFrame, evenly_drawn: np.ndarray
) -> None:
    """Nor do a single customer and a single feature."""
    columns = [scale_of("a", "standard"), scale_of("b", "standard")]
    points = draw_stratified_points(write_labelled_parts(tmp_path, frame, []), ["a", "b"], SIZES, 7)
    assert project_points(points, columns, evenly_drawn) is None
