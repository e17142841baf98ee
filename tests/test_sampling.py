"""The sweep's sample: exact where distinct rows are few, else a coreset with unbiased weights."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest

from schemas.clustering import Sample
from schemas.part import Part
from segmentation.features import sampling
from segmentation.features.sampling import (
    DrawablePart,
    count_distinct,
    draw_evenly,
    draw_keys,
    draw_sample,
    estimate_coverage,
    list_drawable,
    measure_dispersion,
    sum_rows,
)
from segmentation.k.fits import WeightedRows
from segmentation.parts import read_part, to_matrix, write_part


class SavedRows(NamedTuple):
    """Parts of scaled rows, and parts of their ids."""

    scaled: list[Part]
    ids: list[Part]


def write_rows(folder: Path, rows: np.ndarray, ids: list[str], size: int) -> SavedRows:
    """Write rows (n, d) as parts of `size` rows."""
    scaled, id_parts = [], []
    for i, start in enumerate(range(0, len(rows), size)):
        piece = rows[start : start + size]
        table = pa.table(
            {name: piece[:, j].astype(np.float32) for j, name in enumerate("xyz"[: rows.shape[1]])}
        )
        scaled.append(write_part(folder / f"s{i}.parquet", table))
        id_table = pa.table({"customer_id": ids[start : start + size]})
        id_parts.append(write_part(folder / f"i{i}.parquet", id_table))
    return SavedRows(scaled, id_parts)


def draw(saved: SavedRows, folder: Path) -> Sample:
    """The samples of saved rows, with seed 42."""
    parts = list_drawable(saved.scaled, saved.ids)
    total = sum(part.rows for part in saved.scaled)
    draws = [draw_evenly(to_matrix(read_part(part.part)), draw_keys(part, 42), total) for part in parts]
    return draw_sample(draws, read_part(saved.scaled[0]).column_names, parts, 42, folder)


def read_sample(part: Part) -> WeightedRows:
    """Rows (m, d) and weights (m,) of a sample."""
    matrix = to_matrix(read_part(part))
    return WeightedRows(matrix[:-1].T, matrix[-1])


@pytest.mark.parametrize(
    ("counts", "expected"), [([3, 1], 0.75), ([1, 1], 0.0), ([2, 2, 2], 1.0), ([1], 0.0), ([1, 1, 8], 0.8)]
)
def test_coverage_is_good_turings(counts: list[int], expected: float) -> None:
    """The estimate is one less the share of singletons."""
    assert estimate_coverage(np.array(counts)) == pytest.approx(expected)


def test_coverage_of_nothing_is_not_a_number() -> None:
    """Without rows the estimate is NaN, with a warning."""
    with pytest.warns(RuntimeWarning, match="invalid"):
        assert np.isnan(estimate_coverage(np.array([], np.int64)))


def test_coverage_estimates_unseen_rows() -> None:
    """On a sample of a known population, the estimate is near the probability of the sampled values."""
    random = np.random.default_rng(0)
    probability = random.dirichlet(np.full(3000, 0.3))
    values, counts = np.unique(random.choice(3000, 5000, p=probability), return_counts=True)
    assert estimate_coverage(counts) == pytest.approx(probability[values].sum(), abs=0.02)


def test_count_distinct_is_numpys_unique() -> None:
    """Distinct rows and counts are np.unique's; with counts of rows, these are added up."""
    rows = np.random.default_rng(1).integers(-2, 3, (500, 3)).astype(float)
    distinct, counts = count_distinct(rows)
    expected, expected_counts = np.unique(rows, axis=0, return_counts=True)
    assert np.array_equal(distinct, expected)
    assert np.array_equal(counts, expected_counts)
    doubled = count_distinct(np.concatenate([distinct, distinct]), np.concatenate([counts, counts]))
    assert np.array_equal(doubled.rows, expected)
    assert np.array_equal(doubled.counts, 2 * expected_counts)


def test_count_distinct_of_nothing_and_of_one() -> None:
    """No rows have no distinct rows; one row is distinct once."""
    assert count_distinct(np.empty((0, 2))).counts.tolist() == []
    assert count_distinct(np.ones((1, 2))).counts.tolist() == [1]


def test_count_distinct_needs_a_count_per_row() -> None:
    """Too few counts raise IndexError."""
    with pytest.raises(IndexError):
        count_distinct(np.zeros((3, 1)), np.array([1, 1]))


@pytest.mark.parametrize("size", [7, 1000])
def test_few_distinct_rows_are_all_in_the_sample(tmp_path: Path, size: int) -> None:
    """With few distinct rows the sample is exact: each is there once, weighted by its count."""
    rows = np.random.default_rng(2).integers(0, 3, (1000, 2)).astype(float)
    scaled, _ = write_rows(tmp_path, rows, [str(i) for i in range(1000)], size)
    sample = draw(SavedRows(scaled, []), tmp_path)
    drawn_rows, weights = read_sample(sample.part)
    expected, expected_counts = np.unique(rows, axis=0, return_counts=True)
    assert sample.exact
    assert sample.distinct == len(expected)
    assert np.array_equal(drawn_rows, expected)
    assert np.array_equal(weights, expected_counts)


def test_coreset_weights_estimate_inertia(tmp_path: Path) -> None:
    """Where nearly all rows differ, the coreset's weighted inertia is close to that of all rows."""
    random = np.random.default_rng(3)
    rows = np.round(random.lognormal(0, 1, (60_000, 2)), 5).astype(np.float32).astype(float)
    ids = [f"C{i:06d}" for i in range(len(rows))]
    saved = write_rows(tmp_path, rows, ids, 16_384)
    sample = draw(saved, tmp_path)
    coreset, weights = read_sample(sample.part)
    assert not sample.exact
    assert 8000 < len(coreset) < 12_000
    assert weights.sum() == pytest.approx(len(rows), rel=0.03)
    for centres in (rows[:1], rows[:4], np.array([[0.5, 0.5], [3.0, 1.0], [1.0, 6.0]])):
        inertia = ((rows[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum()
        estimate = (((coreset[:, None] - centres) ** 2).sum(axis=2).min(axis=1) * weights).sum()
        assert estimate == pytest.approx(inertia, rel=0.03)


def test_sample_does_not_depend_on_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same customers in another order and in other parts give the same rows and weights."""
    monkeypatch.setattr(sampling, "CORESET_ROWS", 300)
    monkeypatch.setattr(sampling, "UNIFORM_ROWS", 500)
    random = np.random.default_rng(4)
    rows = random.integers(-(2**20), 2**20, (6000, 2)) / 2**18  # on a grid, so that the mean is exact
    ids = [f"C{i:06d}" for i in range(len(rows))]
    samples = []
    for name, order in (("a", np.arange(6000)), ("b", random.permutation(6000))):
        folder = tmp_path / name
        folder.mkdir()
        size = 1000 if name == "a" else 1717
        saved = write_rows(folder, rows[order], [ids[i] for i in order], size)
        sample = draw(saved, folder)
        assert not sample.exact
        for matrix in (np.column_stack(read_sample(sample.part)), to_matrix(read_part(sample.uniform)).T):
            samples.append(matrix[np.lexsort(matrix.T)])
    assert np.array_equal(samples[0], samples[2])
    assert np.array_equal(samples[1], samples[3])


def test_the_uniform_sample_favours_no_customer(tmp_path: Path) -> None:
    """It has about UNIFORM_ROWS of many customers, whatever their part and values, and all of a few."""
    rows = np.r_[np.zeros(30_000), np.full(10_000, 50.0)][:, None]
    saved = write_rows(tmp_path, rows, [f"C{i:06d}" for i in range(40_000)], 9000)
    sample = draw(saved, tmp_path)
    uniform = to_matrix(read_part(sample.uniform))[0]
    assert len(uniform) == pytest.approx(10_000, rel=0.05)
    assert (uniform > 0).mean() == pytest.approx(0.25, abs=0.02)
    saved = write_rows(tmp_path, rows[:900], [f"C{i:06d}" for i in range(900)], 400)
    assert draw(saved, tmp_path).uniform.rows == 900


def test_many_distinct_rows_give_a_coreset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more than MOST_DISTINCT distinct rows, the sample is not exact."""
    monkeypatch.setattr(sampling, "MOST_DISTINCT", 99)
    rows = np.arange(100.0)[:, None]
    scaled, _ = write_rows(tmp_path, rows, ["x"] * 100, 30)
    sample = draw(SavedRows(scaled, []), tmp_path)
    assert not sample.exact
    assert np.array_equal(np.sort(read_sample(sample.part).rows[:, 0]), rows[:, 0])


def test_equal_rows_have_no_dispersion() -> None:
    """The mean of equal rows is the row, and their squared distances to it are 0."""
    dispersion = measure_dispersion([sum_rows(np.full((2, rows), 0.25)) for rows in (4, 4, 2)])
    assert dispersion.mean.tolist() == [0.25, 0.25]
    assert (dispersion.n, dispersion.squares) == (10, 0.0)


def test_draws_without_ids_depend_on_position(tmp_path: Path) -> None:
    """Rows without ids are drawn by their position, so other parts change nothing."""
    scaled, _ = write_rows(tmp_path, np.zeros((50, 1)), ["x"] * 50, 20)
    keys = np.concatenate([draw_keys(DrawablePart(part, None, 20 * i), 1) for i, part in enumerate(scaled)])
    (tmp_path / "whole").mkdir()
    whole, _ = write_rows(tmp_path / "whole", np.zeros((50, 1)), ["x"] * 50, 50)
    assert np.array_equal(keys, draw_keys(DrawablePart(whole[0], None, 0), 1))
    assert np.unique(keys).size == 50
