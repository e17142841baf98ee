"""The sweep's sample: exact where distinct rows are few, else a coreset whose weights are honest."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.part import Part
from segmentation.features import sampling
from segmentation.features.sampling import (
    DrawablePart,
    count_distinct,
    draw_keys,
    draw_sample,
    estimate_coverage,
    measure_spread,
)
from segmentation.parts import read_part, to_matrix, write_part


def write_rows(folder: Path, rows: np.ndarray, ids: list[str], cuts: int) -> tuple[list[Part], list[Part]]:
    """Scaled parts and id parts of rows (n, d), cut in pieces of `cuts` rows."""
    scaled, named = [], []
    for i, start in enumerate(range(0, len(rows), cuts)):
        piece = rows[start : start + cuts]
        table = pa.table(
            {name: piece[:, j].astype(np.float32) for j, name in enumerate("xyz"[: rows.shape[1]])}
        )
        scaled.append(write_part(folder / f"s{i}.parquet", table))
        named.append(
            write_part(folder / f"i{i}.parquet", pa.table({"customer_id": ids[start : start + cuts]}))
        )
    return scaled, named


def read_sample(part: Part) -> tuple[np.ndarray, np.ndarray]:
    """Rows (m, d) and weights (m,) of a sample."""
    matrix = to_matrix(read_part(part))
    return matrix[:-1].T, matrix[-1]


@pytest.mark.parametrize(
    ("counts", "wanted"), [([3, 1], 0.75), ([1, 1], 0.0), ([2, 2, 2], 1.0), ([1], 0.0), ([1, 1, 8], 0.8)]
)
def test_coverage_is_good_turings(counts: list[int], wanted: float) -> None:
    """The share of rows seen before is one less the share of singletons."""
    assert estimate_coverage(np.array(counts)) == pytest.approx(wanted)


def test_coverage_of_nothing_is_not_a_number() -> None:
    """Without rows there is no estimate: a warning and NaN, never a number."""
    with pytest.warns(RuntimeWarning, match="invalid"):
        assert np.isnan(estimate_coverage(np.array([], np.int64)))


def test_coverage_estimates_unseen_rows() -> None:
    """On a sample of a known population, the estimate is near the mass that was truly seen."""
    random = np.random.default_rng(0)
    chance = random.dirichlet(np.full(3000, 0.3))
    seen, counts = np.unique(random.choice(3000, 5000, p=chance), return_counts=True)
    assert estimate_coverage(counts) == pytest.approx(chance[seen].sum(), abs=0.02)


def test_count_distinct_is_numpys_unique() -> None:
    """Distinct rows and counts are np.unique's; with counts given, they are added up."""
    rows = np.random.default_rng(1).integers(-2, 3, (500, 3)).astype(float)
    found, counts = count_distinct(rows)
    wanted, times = np.unique(rows, axis=0, return_counts=True)
    assert np.array_equal(found, wanted)
    assert np.array_equal(counts, times)
    twice, added = count_distinct(np.concatenate([found, found]), np.concatenate([counts, counts]))
    assert np.array_equal(twice, wanted)
    assert np.array_equal(added, 2 * times)


def test_count_distinct_of_nothing_and_of_one() -> None:
    """No rows have no distinct rows; one row is distinct once."""
    assert count_distinct(np.empty((0, 2)))[1].tolist() == []
    assert count_distinct(np.ones((1, 2)))[1].tolist() == [1]


def test_count_distinct_needs_a_count_per_row() -> None:
    """Counts of fewer rows than there are raise IndexError."""
    with pytest.raises(IndexError):
        count_distinct(np.zeros((3, 1)), np.array([1, 1]))


@pytest.mark.parametrize("cuts", [7, 1000])
def test_few_distinct_rows_are_all_taken(tmp_path: Path, cuts: int) -> None:
    """With few distinct rows the sample is exact: each once, weighted by its count."""
    rows = np.random.default_rng(2).integers(0, 3, (1000, 2)).astype(float)
    scaled, _ = write_rows(tmp_path, rows, [str(i) for i in range(1000)], cuts)
    sample = draw_sample(scaled, [], 42, tmp_path)
    found, weights = read_sample(sample.part)
    wanted, times = np.unique(rows, axis=0, return_counts=True)
    assert sample.exact
    assert sample.distinct == len(wanted)
    assert np.array_equal(found, wanted)
    assert np.array_equal(weights, times)


def test_coreset_weights_estimate_inertia(tmp_path: Path) -> None:
    """Where nearly all rows differ, weighted inertia of the coreset is near that of all rows."""
    random = np.random.default_rng(3)
    rows = np.round(random.lognormal(0, 1, (60_000, 2)), 5).astype(np.float32).astype(float)
    ids = [f"C{i:06d}" for i in range(len(rows))]
    scaled, named = write_rows(tmp_path, rows, ids, 16_384)
    sample = draw_sample(scaled, named, 42, tmp_path)
    found, weights = read_sample(sample.part)
    assert not sample.exact
    assert 8000 < len(found) < 12_000
    assert weights.sum() == pytest.approx(len(rows), rel=0.03)
    for centres in (rows[:1], rows[:4], np.array([[0.5, 0.5], [3.0, 1.0], [1.0, 6.0]])):
        whole = ((rows[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum()
        estimate = (((found[:, None] - centres) ** 2).sum(axis=2).min(axis=1) * weights).sum()
        assert estimate == pytest.approx(whole, rel=0.03)


def test_sample_does_not_depend_on_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same customers in another order, in other parts, give the same drawn rows and weights."""
    monkeypatch.setattr(sampling, "CORESET_ROWS", 300)
    monkeypatch.setattr(sampling, "EVEN_ROWS", 500)
    random = np.random.default_rng(4)
    rows = random.integers(-(2**20), 2**20, (6000, 2)) / 2**18  # on a grid, so that the mean is exact
    ids = [f"C{i:06d}" for i in range(len(rows))]
    drawn = []
    for name, order in (("a", np.arange(6000)), ("b", random.permutation(6000))):
        folder = tmp_path / name
        folder.mkdir()
        scaled, named = write_rows(
            folder, rows[order], [ids[i] for i in order], 1000 if name == "a" else 1717
        )
        sample = draw_sample(scaled, named, 42, folder)
        assert not sample.exact
        for one in (np.column_stack(read_sample(sample.part)), to_matrix(read_part(sample.uniform)).T):
            drawn.append(one[np.lexsort(one.T)])
    assert np.array_equal(drawn[0], drawn[2])
    assert np.array_equal(drawn[1], drawn[3])


def test_the_even_sample_favours_no_customer(tmp_path: Path) -> None:
    """About EVEN_ROWS of many customers, each part alike, whatever their values; of few, all."""
    rows = np.r_[np.zeros(30_000), np.full(10_000, 50.0)][:, None]
    scaled, named = write_rows(tmp_path, rows, [f"C{i:06d}" for i in range(40_000)], 9000)
    even = to_matrix(read_part(draw_sample(scaled, named, 42, tmp_path).even))[0]
    assert len(even) == pytest.approx(10_000, rel=0.05)
    assert (even > 0).mean() == pytest.approx(0.25, abs=0.02)
    few, named = write_rows(tmp_path, rows[:900], [f"C{i:06d}" for i in range(900)], 400)
    assert draw_sample(few, named, 42, tmp_path).even.rows == 900


def test_many_distinct_rows_end_the_exact_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When counting meets more than MOST_DISTINCT rows, the sample becomes a coreset."""
    monkeypatch.setattr(sampling, "MOST_DISTINCT", 99)
    rows = np.arange(100.0)[:, None]
    scaled, _ = write_rows(tmp_path, rows, ["x"] * 100, 30)
    sample = draw_sample(scaled, [], 42, tmp_path)
    assert not sample.exact
    assert np.array_equal(np.sort(read_sample(sample.part)[0][:, 0]), rows[:, 0])


def test_equal_rows_have_no_spread(tmp_path: Path) -> None:
    """The mean of equal rows is the row, and their squares about it are 0."""
    scaled, _ = write_rows(tmp_path, np.full((10, 2), 0.25), ["x"] * 10, 4)
    mean, spread = measure_spread(scaled)
    assert mean.tolist() == [0.25, 0.25]
    assert (spread.n, spread.squares) == (10, 0.0)


def test_draws_without_ids_go_by_place(tmp_path: Path) -> None:
    """Rows without ids draw by their place, so cutting them otherwise changes nothing."""
    scaled, _ = write_rows(tmp_path, np.zeros((50, 1)), ["x"] * 50, 20)
    keys = np.concatenate([draw_keys(DrawablePart(part, None, 20 * i), 1) for i, part in enumerate(scaled)])
    (tmp_path / "whole").mkdir()
    whole, _ = write_rows(tmp_path / "whole", np.zeros((50, 1)), ["x"] * 50, 50)
    assert np.array_equal(keys, draw_keys(DrawablePart(whole[0], None, 0), 1))
    assert np.unique(keys).size == 50
