"""Lloyd passes over parts against scikit-learn on all rows at once; the order of segments; labels."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans

from config.clauses import Init
from config.definition import Definition
from schemas.clustering import Sample, Scaled
from schemas.night import Night
from schemas.part import Part
from segmentation.errors import StageFileGone
from segmentation.features.grid import compute_quantum, snap
from segmentation.features.sampling import WEIGHT
from segmentation.parts import write_part
from tasks.fit import canonical_order, label_part, refine, sum_part
from tasks.sweep import ValuedPart, add_sums, measure_candidates, sweep
from tests.nights import PLAN, day


def draw(d: int, n: int) -> tuple[np.ndarray, float]:
    """Five blobs on the grid (n, d), and the quantum."""
    random = np.random.default_rng(d)
    centres = random.uniform(-10, 10, (5, d))
    rows = centres[random.integers(0, 5, n)] + random.normal(0, 2.5, (n, d))
    quantum = compute_quantum(float(np.abs(rows).max()), d)
    return snap(rows, quantum), quantum


def write_rows(folder: Path, rows: np.ndarray, cuts: list[int]) -> list[Part]:
    """Scaled parts of rows (n, d)."""
    folder.mkdir(exist_ok=True)
    return [
        write_part(
            folder / f"s{i}.parquet",
            pa.table({f"f{j}": piece[:, j].astype(np.float32) for j in range(rows.shape[1])}),
        )
        for i, piece in enumerate(np.split(rows, cuts))
    ]


def inertia_of(rows: np.ndarray, centres: np.ndarray) -> float:
    """Plain numpy."""
    return float(((rows[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1).sum())


@pytest.mark.parametrize("d", [1, 2, 8])
def test_refine_is_scikit_learns_lloyd(tmp_path: Path, d: int) -> None:
    """From the same start the passes end at scikit-learn's centres, with its inertia."""
    rows, quantum = draw(d, 4000)
    start = rows[:5]
    centres, passes, converged = refine(
        write_rows(tmp_path, rows, [1000, 1001, 3000]), start, quantum=quantum, max_iter=300, tolerance=0.0
    )
    oracle = KMeans(5, init=start, n_init=1, max_iter=300, tol=0.0, algorithm="lloyd").fit(rows)
    assert converged
    assert passes > 1
    assert inertia_of(rows, centres) == pytest.approx(oracle.inertia_, rel=1e-9)
    assert np.abs(centres - oracle.cluster_centers_).max() < 1e-3


def test_parts_do_not_change_a_bit(tmp_path: Path) -> None:
    """Centres have the same bits for every order of rows and every cut into parts."""
    rows, quantum = draw(3, 3000)
    start = rows[:4]
    results = []
    for i, cuts in enumerate(([], [7], [1000, 2000])):
        order = np.random.default_rng(i).permutation(len(rows)) if i else np.arange(len(rows))
        results.append(
            refine(
                write_rows(tmp_path / str(i), rows[order], cuts),
                start,
                quantum=quantum,
                max_iter=50,
                tolerance=0.0,
            )
        )
    assert all(np.array_equal(results[0].centres, result.centres) for result in results[1:])
    assert len({(result.passes, result.converged) for result in results}) == 1


def test_refine_stops_at_most_passes(tmp_path: Path) -> None:
    """With one pass allowed, one is made, and the result has not converged."""
    rows, quantum = draw(2, 500)
    _, passes, converged = refine(
        write_rows(tmp_path, rows, []), rows[:5], quantum=quantum, max_iter=1, tolerance=0.0
    )
    assert (passes, converged) == (1, False)


def test_refine_of_converged_centres_makes_one_pass(tmp_path: Path) -> None:
    """Centres that equal the rows do not move."""
    rows = np.array([[0.0, 1.0], [5.0, 5.0]])
    centres, passes, converged = refine(
        write_rows(tmp_path, rows, []), rows, quantum=0.25, max_iter=300, tolerance=0.0
    )
    assert np.array_equal(centres, rows)
    assert (passes, converged) == (1, True)


def test_inertia_never_rises(tmp_path: Path) -> None:
    """No pass raises the inertia, to within the grid."""
    rows, quantum = draw(3, 2000)
    (part,) = write_rows(tmp_path, rows, [])
    centres, inertia = rows[:6], []
    for _ in range(12):
        inertia.append(sum_part(part, centres, quantum).inertia)
        centres, _, _ = refine([part], centres, quantum=quantum, max_iter=1, tolerance=0.0)
    assert all(second <= first * (1 + 1e-9) for first, second in pairwise(inertia))


def test_the_pass_gives_the_inertia_of_every_candidate(tmp_path: Path) -> None:
    """One pass over parts gives the inertia and sums of several sets of centres that plain numpy gives."""
    rows, quantum = draw(2, 1500)
    sets = [rows[:k] for k in (1, 3, 7)]
    first, second = (
        measure_candidates(ValuedPart(part, part), sets, quantum, "f0")
        for part in write_rows(tmp_path, rows, [400])
    )
    for centres, *sums in zip(sets, first, second, strict=True):
        total = add_sums(*sums)
        nearest = ((rows[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        assert total.inertia * quantum**2 == pytest.approx(inertia_of(rows, centres), rel=1e-12)
        assert total.sizes.tolist() == np.bincount(nearest, minlength=len(centres)).tolist()
        assert total.values == pytest.approx(np.bincount(nearest, rows[:, 0], len(centres)), rel=1e-6)


def test_segments_are_ordered_by_size_then_centre() -> None:
    """The largest comes first, equal sizes are ordered by centre, and empty ones come last."""
    centres = np.array([[1.0, 9.0], [0.0, 5.0], [7.0, 0.0], [0.0, 4.0], [3.0, 3.0]])
    order = canonical_order(np.array([10, 20, 0, 20, 10]), centres)
    assert order.tolist() == [3, 1, 0, 4, 2]
    assert canonical_order(np.array([5]), centres[:1]).tolist() == [0]


def test_segment_order_does_not_depend_on_cluster_order() -> None:
    """Permuted clusters get the same order."""
    random = np.random.default_rng(3)
    sizes, centres = random.integers(1, 4, 8), random.integers(0, 2, (8, 3)).astype(float)
    expected = sorted(zip((-sizes).tolist(), centres.tolist(), strict=True))
    for _ in range(20):
        shuffle = random.permutation(8)
        order = canonical_order(sizes[shuffle], centres[shuffle])
        assert (
            list(zip((-sizes[shuffle][order]).tolist(), centres[shuffle][order].tolist(), strict=True))
            == expected
        )


def test_sizes_and_centres_must_agree() -> None:
    """Sizes and centres of different lengths are an error."""
    with pytest.raises(ValueError, match="shape"):
        canonical_order(np.array([1, 2, 3]), np.zeros((2, 2)))


def test_labels_of_a_part(tmp_path: Path) -> None:
    """A part's labels have a row per customer, in order, with distance, margin and runner-up."""
    (part,) = write_rows(tmp_path, np.array([[0.0], [3.0], [10.0]]), [])
    labels = label_part(part, np.array([[0.0], [10.0]])).to_pydict()
    assert labels["label"] == [0, 0, 1]
    assert labels["runner_up"] == [1, 1, 0]
    assert labels["distance"] == [0.0, 3.0, 0.0]
    assert labels["margin"] == pytest.approx([1.0, 1 - 3 / 7, 1.0])


def test_a_lost_part_stops_the_fit(tmp_path: Path) -> None:
    """A missing part raises StageFileGone instead of fitting the rest."""
    parts = write_rows(tmp_path, np.arange(10.0)[:, None], [5])
    parts[1].path.unlink()
    with pytest.raises(StageFileGone):
        refine(parts, np.array([[0.0]]), quantum=1.0, max_iter=5, tolerance=0.0)


def make_scaled(part: Part, quantum: float) -> Scaled:
    """What the sweep reads of the scaled features: a weighted sample and the grid."""
    sample = Sample(file=part, exact=True, distinct=part.rows, commonest_share=0.0, uniform=part)
    return Scaled(
        encodings=(), numbers=(), columns=(), quantum=quantum, variance=1.0, parts=(), sample=sample, ks=(5,),
        warnings=(),
    )  # fmt: skip


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_starts_are_chosen_as_the_definition_says(tmp_path: Path, init: Init) -> None:
    """fit.init reaches scikit-learn: with the definition's seed the candidate is its result, on the grid."""
    rows, quantum = draw(2, 400)
    weights = np.random.default_rng(1).integers(1, 4, len(rows)).astype(float)
    table = pa.table({"a": rows[:, 0], "b": rows[:, 1], WEIGHT: weights})
    scaled = make_scaled(write_part(tmp_path / "sample.parquet", table), quantum)
    definition = Definition.model_validate({**PLAN, "fit": {"init": init, "starts": 1, "max_iter": 1}})
    night = Night(run_id="fit", definition=definition, as_of=day(1), source=None, store=tmp_path, force=False)
    candidate = sweep(night, scaled, 5)
    oracle = KMeans(5, init=init, n_init=1, max_iter=1, tol=1e-4, random_state=definition.seed)
    expected = snap(oracle.fit(rows, sample_weight=weights).cluster_centers_, quantum)
    assert np.array_equal(candidate.centres, expected)
    # After one pass the two ways still differ, so the case tells them apart.
    other_init = "random" if init == "k-means++" else "k-means++"
    oracle.set_params(init=other_init).fit(rows, sample_weight=weights)
    assert not np.allclose(oracle.cluster_centers_, expected)


def test_the_usual_way_to_start_is_not_in_an_editions_name() -> None:
    """Editions of before fit.init keep their names; another way makes another edition."""
    plain, usual, random = (
        Definition.model_validate({**PLAN, **fit}).decisive_content()
        for fit in ({}, {"fit": {"init": "k-means++"}}, {"fit": {"init": "random"}})
    )
    assert plain == usual and "init" not in plain["fit"] and random["fit"]["init"] == "random"
