"""Other algorithms compared with k-means: what each finds, its memory limit, the page, and the flow."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from flows.compare import compare, compare_algorithms
from schemas.comparison import Comparison, Trial
from schemas.night import Night
from segmentation.errors import Refused
from segmentation.k.challengers import CHALLENGERS, Shape, rows_within_memory
from segmentation.k.trials import TrialSample, describe_winners, measure_division, run_trial
from segmentation.report.comparison_page import render_comparison
from segmentation.store.ledger import read_rows
from segmentation.store.repair.audit import audit_store
from tasks.challenge import parse_bytes
from tests.nights import FOUR, create_town, day, draw_customers
from tests.test_flow import DAY, TWO_GROUPS, definitions, digests, run, write_demo

__all__ = ["definitions"]
PLENTY = 10**9


def three_groups(n: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 2) in three groups far from each other, and the group of each row."""
    rng = np.random.default_rng(3)
    truth = np.arange(n) % 3
    return rng.normal(size=(n, 2)) + np.array([[0, 0], [12, 0], [0, 12]])[truth], truth


def make_sample(max_bytes: int = PLENTY) -> TrialSample:
    """The three groups, and a champion that found exactly those."""
    rows, truth = three_groups()
    return TrialSample(rows, truth, 3, 42, max_bytes)


@pytest.mark.parametrize("name", CHALLENGERS)
def test_each_algorithm_finds_distant_groups(name: str) -> None:
    """Three clear groups: k = 3, stable, and the champion's division except for noise."""
    trial = run_trial(CHALLENGERS[name], make_sample())
    assert (trial.algorithm, trial.k, trial.rows) == (name, 3, 900)
    assert trial.agreement is not None and trial.agreement > 0.9
    assert trial.stability is not None and trial.stability > 0.9
    assert trial.unsegmented is not None and trial.unsegmented < 0.05
    assert trial.smallest_share == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("name", ["dbscan", "hdbscan"])
def test_noise_is_unsegmented(name: str) -> None:
    """Rows far from all others are in no segment, count as unsegmented and are left out of the silhouette."""
    rows, truth = three_groups(600)
    outliers = np.array([[40.0, 90.0], [-70.0, 30.0], [200.0, -50.0]])
    everyone = np.vstack([rows, outliers])
    labels = CHALLENGERS[name].fit(everyone, 3, 42).labels
    assert (labels[600:] == -1).all()
    sample = TrialSample(everyone, np.r_[truth, truth[:3]], 3, 42, PLENTY)
    measures = measure_division(sample, labels)
    is_segmented = labels >= 0
    assert measures["unsegmented"] == pytest.approx(1 - is_segmented.mean())
    silhouette = silhouette_score(everyone[is_segmented], labels[is_segmented])
    assert measures["silhouette"] == pytest.approx(silhouette, abs=1e-9)


def test_agreement_is_the_adjusted_rand_index() -> None:
    """It equals scikit-learn's, with unsegmented customers as one more group."""
    rows, truth = three_groups()
    labels = np.where(rows[:, 0] > 12, -1, truth)
    measures = measure_division(TrialSample(rows, truth, 3, 42, PLENTY), labels)
    assert measures["agreement"] == pytest.approx(adjusted_rand_score(truth, labels), abs=1e-12)


@pytest.mark.parametrize("name", CHALLENGERS)
def test_an_algorithm_without_enough_memory_is_not_started(name: str) -> None:
    """It is refused with the numbers, and has no results."""
    trial = run_trial(CHALLENGERS[name], make_sample(max_bytes=1000))
    assert trial.k is trial.silhouette is trial.seconds is None
    assert trial.note.startswith("refused: 500 rows need ")
    assert trial.memory_mb > 0


def test_an_algorithm_gets_as_many_rows_as_memory_allows() -> None:
    """Two thirds of the rows fit: it runs on those, and its note says so."""
    challenger = CHALLENGERS["agglomerative"]
    trial = run_trial(challenger, make_sample(max_bytes=challenger.needs(600, 2, 3)))
    assert (trial.rows, trial.k) == (600, 3)
    assert trial.note == "Ward linkage; 600 of 900 rows fit into 11 MB"
    assert rows_within_memory(challenger, Shape(900, 2, 3), challenger.needs(600, 2, 3) - 1) == 599


@pytest.mark.parametrize("name", CHALLENGERS)
@pytest.mark.parametrize(
    "has_copies",
    [
        pytest.param(True, id="copies of few rows"),
        pytest.param(False, id="all rows distinct", marks=pytest.mark.slow),
    ],
)
def test_the_memory_estimate_is_enough(name: str, has_copies: bool) -> None:
    """No fit allocates more than its estimate."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(2000, 6))
    if has_copies:
        rows = rows[rng.integers(0, 3, 2000)]
    CHALLENGERS[name].fit(rows[:300], 3, 1)  # imports
    tracemalloc.start()
    try:
        CHALLENGERS[name].fit(rows, 3, 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < CHALLENGERS[name].needs(2000, 6, 3)


@pytest.mark.parametrize("name", CHALLENGERS)
def test_identical_customers_are_not_an_error(name: str) -> None:
    """One distinct row: one segment or none, and no error."""
    trial = run_trial(CHALLENGERS[name], TrialSample(np.ones((600, 3)), np.zeros(600, int), 1, 42, PLENTY))
    assert trial.k is not None and trial.k <= 1
    assert trial.silhouette is None


def make_trial(algorithm: str, silhouette: float | None, stability: float | None) -> Trial:
    """A trial with the given measures."""
    return Trial(algorithm=algorithm, rows=900, silhouette=silhouette, stability=stability, memory_mb=1.0)


def test_a_winner_is_better_in_both_measures() -> None:
    """Clearly better in silhouette and in stability: one of them is not enough, nor is a missing value."""
    k_means = make_trial("k-means", 0.4, 0.8)
    challengers = [
        make_trial("a", 0.5, 0.79),
        make_trial("b", 0.41, 0.9),
        make_trial("c", 0.5, None),
        make_trial("d", 0.5, 0.9),
    ]
    assert describe_winners([k_means, *challengers[:3]]).startswith("No other algorithm is better")
    assert (
        describe_winners([k_means, *challengers])
        == "Better than k-means in both silhouette and stability: d."
    )


def test_the_page_escapes_its_texts() -> None:
    """A reason or a note with markup is shown as text."""
    markup = "<script>alert(1)</script>"
    trial = make_trial("k-means", 0.4, 0.8).model_copy(update={"note": markup})
    comparison = Comparison(
        name="demo", as_of="2026-01-31", customers=3, k=1, strength="weak",
        trials=(trial,), table_path="t", page_path="p",
    )  # fmt: skip
    page = render_comparison(comparison, [markup], pd.DataFrame()).decode()
    assert "<script" not in page
    assert page.replace("<wbr>", "").count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2


def test_the_memory_limit_has_decimal_and_binary_units() -> None:
    """MB is a million bytes and GiB is 2**30, as in the settings."""
    assert (parse_bytes("20MB"), parse_bytes("1.5GiB")) == (20_000_000, 1_610_612_736)


def call(name: str, store: Path, **parameters: Any) -> Comparison:
    """Run the flow for DAY and return its result."""
    comparison = compare(name, **{"as_of": DAY, "store": str(store), **parameters})
    assert isinstance(comparison, Comparison)
    return comparison


@pytest.mark.usefixtures("prefect_server")
def test_a_comparison_publishes_no_segments(tmp_path: Path, definitions: Path) -> None:
    """Its table and page are written next to the editions, which do not change; the ledger records it."""
    write_demo(definitions, TWO_GROUPS)
    run("demo", tmp_path)
    home = tmp_path / "demo"
    published = digests(home), (home / "live.json").read_bytes()
    tables = []
    for _ in range(2):
        comparison = call("demo", tmp_path)
        tables.append(pd.read_parquet(comparison.table_path).drop(columns="seconds"))
    assert (digests(home), (home / "live.json").read_bytes()) == published
    assert [row["outcome"] for row in read_rows(home)] == ["published", "compared", "compared"]
    assert list((home / ".staging").iterdir()) == []
    assert audit_store(home).damage == []
    assert comparison.k == 2
    assert (home / "editions" / DAY / str(comparison.edition)).is_dir()
    assert tables[0]["algorithm"].tolist() == list(CHALLENGERS)
    assert tables[0].loc[0, "agreement"] == 1.0
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert b"description" in pq.read_schema(comparison.table_path).field("stability").metadata
    assert f"demo, {DAY}: algorithms compared" in Path(comparison.page_path).read_text(encoding="utf-8")


def test_an_editions_sweep_and_evidence_are_reused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the date has an edition of the same content, nothing is fitted or evaluated but the others."""
    monkeypatch.setattr("flows.compare.CHALLENGERS", {"k-means": CHALLENGERS["k-means"]})
    town = create_town(tmp_path)
    published = town.night(1, draw_customers(FOUR))
    source = str(tmp_path / "night-1.csv")
    night = Night(
        run_id="compare",
        definition=town.definition,
        as_of=day(1),
        source=source,
        store=town.store,
        force=True,
    )

    def call_stages(night: Night) -> Comparison:
        return compare_algorithms(night.model_copy(update={"accept_new_ids": True}), 100)

    fitted = call_stages(night.model_copy(update={"as_of": day(2)}))
    assert (fitted.edition, fitted.strength is None) == (None, False)
    with monkeypatch.context() as patch:
        for stage in ("measure_inertia", "evaluate", "choose"):
            patch.delattr(f"flows.compare.{stage}")
        reused = call_stages(night)
    assert (reused.edition, reused.k) == (published.edition, published.k)
    assert reused.trials[0].agreement == pytest.approx(1, abs=0.05)
    for comparison in (reused, fitted):
        page = Path(comparison.page_path).read_text(encoding="utf-8")
        assert comparison.describe_champion() in page
        assert f"{published.k}\N{NO-BREAK SPACE}(chosen)" in page
    # A damaged model is not used.
    model = Path(published.report_path).with_name("model.json")
    model.write_bytes(model.read_bytes()[:-20])
    assert call_stages(night).edition is None


@pytest.mark.usefixtures("prefect_server")
def test_the_parameters_of_a_comparison_are_checked(tmp_path: Path) -> None:
    """A bad name or sample size is refused, whatever the form in the Prefect UI let through."""
    with pytest.raises(Refused, match="definition"):
        call("../article", tmp_path)
    for rows in (99, 10_001, "5000"):
        with pytest.raises(Exception, match="rows"):
            call("article", tmp_path, rows=rows)
    assert list(tmp_path.iterdir()) == []
