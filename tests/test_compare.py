"""Other algorithms beside k-means: what each finds, what it may use, how it is told; the flow at the end."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from flows.compare import compare
from schemas.comparison import Comparison, Trial
from schemas.evidence import Choice
from segmentation.errors import Refused
from segmentation.k.challengers import CHALLENGERS, rows_within
from segmentation.k.comparing import Arena, measure, tell_winners, try_challenger
from segmentation.report.comparison import render_comparison
from segmentation.store.audit import audit_store
from segmentation.store.ledger import read_rows
from tasks.challenge import read_bytes
from tests.test_flow import DAY, TWO_GROUPS, definitions, digests, run, write_demo

__all__ = ["definitions"]
PLENTY = 10**9


def three_groups(n: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Rows (n, 2) in three groups far from each other, and whose each is."""
    rng = np.random.default_rng(3)
    truth = np.arange(n) % 3
    return rng.normal(size=(n, 2)) + np.array([[0, 0], [12, 0], [0, 12]])[truth], truth


def arena(memory: int = PLENTY) -> Arena:
    """The three groups, and a champion that found them."""
    rows, truth = three_groups()
    return Arena(rows, truth, 3, 42, memory)


@pytest.mark.parametrize("name", CHALLENGERS)
def test_each_algorithm_finds_groups_that_lie_apart(name: str) -> None:
    """Three clear groups: k = 3, stable, the champion's own division but for what is called noise."""
    trial = try_challenger(CHALLENGERS[name], arena())
    assert (trial.algorithm, trial.k, trial.rows) == (name, 3, 900)
    assert trial.agreement is not None and trial.agreement > 0.9
    assert trial.stability is not None and trial.stability > 0.9
    assert trial.unsegmented is not None and trial.unsegmented < 0.05
    assert trial.smallest_share == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("name", ["dbscan", "hdbscan"])
def test_noise_is_told_as_unsegmented(name: str) -> None:
    """Rows far from all others are in no segment, are counted so, and do not enter the silhouette."""
    rows, truth = three_groups(600)
    far = np.array([[40.0, 90.0], [-70.0, 30.0], [200.0, -50.0]])
    labels = CHALLENGERS[name].fit(np.vstack([rows, far]), 3, 42).labels
    assert (labels[600:] == -1).all()
    found = measure(Arena(np.vstack([rows, far]), np.r_[truth, truth[:3]], 3, 42, PLENTY), labels)
    kept = labels >= 0
    assert found["unsegmented"] == pytest.approx(1 - kept.mean())
    assert found["silhouette"] == pytest.approx(
        silhouette_score(np.vstack([rows, far])[kept], labels[kept]), abs=1e-9
    )


def test_agreement_is_the_adjusted_rand_index() -> None:
    """As scikit-learn computes it, unsegmented customers being a group of their own."""
    rows, truth = three_groups()
    labels = np.where(rows[:, 0] > 12, -1, truth)
    found = measure(Arena(rows, truth, 3, 42, PLENTY), labels)
    assert found["agreement"] == pytest.approx(adjusted_rand_score(truth, labels), abs=1e-12)


@pytest.mark.parametrize("name", CHALLENGERS)
def test_no_algorithm_without_memory_is_begun(name: str) -> None:
    """What would need more than is allowed is refused with the numbers, and has no results."""
    trial = try_challenger(CHALLENGERS[name], arena(memory=1000))
    assert trial.k is trial.silhouette is trial.seconds is None
    assert trial.note.startswith("refused: 500 rows need ")
    assert trial.memory_mb > 0


def test_an_algorithm_is_given_as_many_rows_as_its_memory_allows() -> None:
    """Half the rows fit: it runs on those, and says so."""
    one = CHALLENGERS["agglomerative"]
    trial = try_challenger(one, arena(memory=one.needs(600, 2, 3)))
    assert (trial.rows, trial.k) == (600, 3)
    assert trial.note == "Ward linkage; 600 of 900 rows fit into 11 MB"
    assert rows_within(one, (900, 2, 3), one.needs(600, 2, 3) - 1) == 599


@pytest.mark.parametrize("name", CHALLENGERS)
@pytest.mark.parametrize("few", [True, False], ids=["copies of few rows", "all rows distinct"])
def test_the_memory_told_is_enough(name: str, few: bool) -> None:
    """No fit allocates more than was estimated before it."""
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(2000, 6))
    if few:
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
def test_customers_who_are_all_alike_are_no_fault(name: str) -> None:
    """One distinct row: one segment or none, and no error."""
    trial = try_challenger(CHALLENGERS[name], Arena(np.ones((600, 3)), np.zeros(600, int), 1, 42, PLENTY))
    assert trial.k is not None and trial.k <= 1
    assert trial.silhouette is None


def made(algorithm: str, silhouette: float | None, stability: float | None) -> Trial:
    """A trial with these measures."""
    return Trial(algorithm=algorithm, rows=900, silhouette=silhouette, stability=stability, memory_mb=1.0)


def test_better_means_better_in_both_measures() -> None:
    """Silhouette and stability both, clearly: one alone is not enough, nor is a missing value."""
    own = made("k-means", 0.4, 0.8)
    others = [made("a", 0.5, 0.79), made("b", 0.41, 0.9), made("c", 0.5, None), made("d", 0.5, 0.9)]
    assert tell_winners([own, *others[:3]]).startswith("No other algorithm is better")
    assert tell_winners([own, *others]) == "Better than k-means in silhouette and stability both: d."


def test_the_page_escapes_what_it_is_told() -> None:
    """A reason or note with markup stays text."""
    bad = "<script>alert(1)</script>"
    found = Comparison(
        name="demo", as_of="2026-01-31", customers=3, k=1, strength="weak",
        trials=(made("k-means", 0.4, 0.8).model_copy(update={"note": bad}),), table_path="t", page_path="p",
    )  # fmt: skip
    page = render_comparison(found, Choice(k=1, rule="auto", reasons=(bad,), curve=())).decode()
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 2


def test_the_limit_is_read_as_it_is_written() -> None:
    """Units of ten and of two, as the settings allow them."""
    assert (read_bytes("20MB"), read_bytes("1.5GiB")) == (20_000_000, 1_610_612_736)


def call(name: str, store: Path, **parameters: Any) -> Comparison:
    """Call the flow for DAY and give its result."""
    found = compare(name, **{"as_of": DAY, "store": str(store), **parameters})
    assert isinstance(found, Comparison)
    return found


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
def test_a_comparison_publishes_no_segments(tmp_path: Path, definitions: Path) -> None:
    """Table and page lie beside the editions, which stay as they were; the ledger tells of it."""
    write_demo(definitions, TWO_GROUPS)
    run("demo", tmp_path)
    home = tmp_path / "demo"
    before = digests(home), (home / "live.json").read_bytes()
    tables = []
    for _ in range(2):
        found = call("demo", tmp_path)
        tables.append(pd.read_parquet(found.table_path).drop(columns="seconds"))
    assert (digests(home), (home / "live.json").read_bytes()) == before
    assert [row["outcome"] for row in read_rows(home)] == ["published", "compared", "compared"]
    assert list((home / ".staging").iterdir()) == []
    assert audit_store(home)[1] == []
    assert found.k == 2
    assert tables[0]["algorithm"].tolist() == list(CHALLENGERS)
    assert tables[0].loc[0, "agreement"] == 1.0
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert b"description" in pq.read_schema(found.table_path).field("stability").metadata
    assert f"demo, {DAY}: algorithms compared" in Path(found.page_path).read_text(encoding="utf-8")


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
def test_a_comparisons_parameters_are_checked_like_a_runs(tmp_path: Path) -> None:
    """Names, dates and the size of the sample, whatever the form let through."""
    with pytest.raises(Refused, match="definition"):
        call("../article", tmp_path)
    for rows in (99, 10_001, "5000"):
        with pytest.raises(Exception, match="rows"):
            call("article", tmp_path, rows=rows)
    assert list(tmp_path.iterdir()) == []
