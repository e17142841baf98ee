"""`resegment compare A B`: cross-table, adjusted Rand index and who differs, against pandas and sklearn."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import adjusted_rand_score

from bench.nights import run_night
from config.definition import Definition
from schemas.night import Night, Published
from segmentation.comparing.cross_table import compute_adjusted_rand, match_by_overlap
from segmentation.store.places import look_up_place
from segmentation.store.repair.audit import audit_store
from tests.conftest import Command
from tests.nights import FOUR, PLAN, Town, create_town, day, draw_customers

NIGHTS = (f"planted@{day(1)}", f"planted@{day(2)}")


@pytest.fixture(scope="module")
def town_with_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Nights 1 and 2. On the second twenty of a behave like d, ten of b are gone and thirty of c are new."""
    town = create_town(tmp_path_factory.mktemp("town"))
    town.night(1, draw_customers(FOUR))
    customers = draw_customers({**FOUR, "c": FOUR["c"] + 30})
    customers.loc[:19, ["spend", "visits"]] = (300.0, 30.0)
    gone = customers["id"].isin([f"b{row:05d}" for row in range(10)])
    town.night(2, customers[~gone])
    return town


@pytest.fixture
def town(town_with_nights: Town, tmp_path: Path) -> Town:
    """A copy in the folder in which commands run."""
    return town_with_nights.copy_to(tmp_path)


@pytest.fixture
def drafts_without_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drafts run the stages of a night as plain functions, without a Prefect server."""

    def run(definition: Definition, parameters: dict[str, Any], *_: object) -> Published:
        night = {**parameters, "store": Path(parameters["store"]), "force": False}
        return run_night(Night(run_id="draft", definition=definition, **night))

    monkeypatch.setattr("resegment.drafts.run_nightly_flow", run)


def read_segments(town: Town, number: int) -> "pd.Series[str]":
    """Each customer's segment on a night."""
    table = pd.read_parquet(town.home / f"published/as_of={day(number)}/segments.parquet")
    return table.set_index("customer_id")["segment_id"].astype(str)


def compare(command: Command, *arguments: str) -> dict[str, Any]:
    """What `resegment compare … --json` prints."""
    result = command("compare", *arguments, "--json")
    assert result.returncode == 0, result.stderr
    content: dict[str, Any] = json.loads(result.stdout)
    return content


def write_draft(town: Town, **changes: Any) -> str:
    """A definition's file that asks for two segments of the first night's customers, with these changes."""
    source = {"path": str(town.folder / "night-1.csv")}
    content = {**PLAN, "name": "draft", "source": source, "k": {"min": 2, "max": 2}, **changes}
    folder = town.folder / "drafts"
    folder.mkdir(exist_ok=True)
    path = folder / f"{content['name']}.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("batch", [7, 65_536])
def test_a_cross_table_counts_every_customer_once(
    town: Town, main_command: Command, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Cross-table, row shares and index are those of pandas and scikit-learn, whatever the batches."""
    monkeypatch.setattr("segmentation.identity.join.BATCH", batch)
    comparison = compare(main_command, *NIGHTS)
    first, second = read_segments(town, 1), read_segments(town, 2)
    both = pd.concat([first.rename("a"), second.rename("b")], axis=1, join="inner")
    assert comparison["shared"] == pd.crosstab(both["a"], both["b"]).to_numpy().tolist()
    shares = pd.crosstab(both["a"], both["b"], normalize="index").to_numpy()
    np.testing.assert_allclose(comparison["row_shares"], shares)
    assert sum(comparison["only_first"]) == len(first.index.difference(second.index)) == 10
    assert sum(comparison["only_second"]) == len(second.index.difference(first.index)) == 30
    assert comparison["adjusted_rand"] == pytest.approx(adjusted_rand_score(both["a"], both["b"]))
    assert (comparison["in_both"], comparison["differ"]) == (len(both), (both["a"] != both["b"]).sum())
    assert comparison["differ"] >= 20
    assert comparison["differences"] == []


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_who_differs_is_written_on_request(town: Town, main_command: Command, suffix: str) -> None:
    """The file has everyone in another segment or on one side alone, by id, and is its owner's alone."""
    path = town.folder / f"who.{suffix}"
    compare(main_command, *NIGHTS, "--differences", str(path))
    table = pd.read_csv(path) if suffix == "csv" else pd.read_parquet(path)
    sides = {"segment_a": read_segments(town, 1), "segment_b": read_segments(town, 2)}
    everyone = pd.concat(sides, axis=1).sort_index()
    differing = everyone[everyone["segment_a"] != everyone["segment_b"]]
    columns = ["customer_id", "segment_a", "segment_name_a", "segment_b", "segment_name_b"]
    assert list(table) == columns
    assert table["customer_id"].tolist() == differing.index.tolist()
    for column in ("segment_a", "segment_b"):
        assert table[column].fillna("").tolist() == differing[column].fillna("").tolist()
        assert table[column.replace("_", "_name_")].notna().equals(table[column].notna())
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_page_has_counts_and_no_customers(town: Town, main_command: Command) -> None:
    """The page is a kind of file that the store knows, without ids, and the store is otherwise unchanged."""
    before = {path for path in town.store.rglob("*") if path.is_file()}
    comparison = compare(main_command, *NIGHTS)
    created = {path for path in town.store.rglob("*") if path.is_file()} - before
    page = (town.folder / comparison["page_path"]).resolve()
    assert created == {page}
    place = look_up_place(str(page.relative_to(town.store.resolve())))
    assert place is not None and not place.has_rows and place.pruning == "removed with its date"
    text = page.read_text(encoding="utf-8")
    assert not [customer for customer in read_segments(town, 2).index if customer in text]
    assert f"{comparison['adjusted_rand']:.3f}" in text
    assert audit_store(town.home).damage == []


@pytest.mark.usefixtures("drafts_without_server")
def test_a_draft_is_compared_before_it_is_published(town: Town, main_command: Command) -> None:
    """A definition's file is run for the edition's date outside the store, and its keys are compared."""
    draft = write_draft(town)
    comparison = compare(main_command, NIGHTS[0], draft)
    live = read_segments(town, 1)
    assert (comparison["second"]["as_of"], comparison["second"]["is_draft"]) == (str(day(1)), True)
    assert comparison["in_both"] == len(live)
    # Two segments can keep two of four groups whole at best, and each group is in one of them.
    shared = np.array(comparison["shared"])
    best = max(shared[list(rows), [0, 1]].sum() for rows in permutations(range(len(shared)), 2))
    assert comparison["differ"] == len(live) - best
    differences = [(row["fact"], row["first"], row["second"]) for row in comparison["differences"]]
    assert differences == [("k.max", 6, 2), ("k.min", 1, 2)]
    assert [path.name for path in town.store.iterdir() if path.is_dir()] == ["planted"]
    assert main_command("compare", draft, NIGHTS[0]).stdout.count("draft") > 0


@pytest.mark.usefixtures("drafts_without_server")
def test_erased_customers_are_not_in_a_draft(town: Town, main_command: Command) -> None:
    """Whoever was erased from the segmentation is left out of the draft, though its source has them."""
    erased = read_segments(town, 1).index[0]
    assert main_command("erase", "planted", erased, "--yes").returncode == 0
    path = town.folder / "who.csv"
    comparison = compare(main_command, NIGHTS[0], write_draft(town, name="draft"), "--differences", str(path))
    assert comparison["only_second"] == [0] * len(comparison["only_second"])
    assert erased not in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((*NIGHTS, "--rows", "100"), "--rows"),
        ((*NIGHTS, "--source", "x.csv"), "--source"),
        ((*NIGHTS, "--as-of", "2026-01-01"), "--as-of"),
        ((*NIGHTS, "--differences", "who.txt"), "ends in .csv or .parquet"),
        ((*NIGHTS, "--differences", "store/planted/who.csv"), "in the store"),
        ((NIGHTS[0], "--differences", "who.csv"), "two sides"),
        ((NIGHTS[0],), "name another one"),
        (("planted@2026-01-09", NIGHTS[0]), "does not exist"),
        (("planted@yesterday", NIGHTS[0]), "is not a date"),
        (("other", NIGHTS[0]), "no segmentation"),
    ],
)
def test_arguments_without_effect_are_refused(
    town: Town, main_command: Command, arguments: tuple[str, ...], problem: str
) -> None:
    """An option that would do nothing, or an edition that does not exist, is refused and writes nothing."""
    result = main_command("compare", *arguments)
    assert result.returncode == 2
    assert problem in " ".join(result.stderr.split())
    assert not (town.home / "comparisons").exists()


@pytest.mark.usefixtures("drafts_without_server")
@pytest.mark.parametrize("code", ["no-ids", "no-shared-customers"])
def test_customers_that_cannot_be_recognised_are_refused(
    town: Town, main_command: Command, code: str
) -> None:
    """Editions without ids, or with other customers, are refused instead of counted as all different."""
    source = town.folder / "others.csv"
    customers = draw_customers(FOUR)
    customers.assign(id="x" + customers["id"]).to_csv(source, index=False)
    rows = {**PLAN["rows"], "id": None} if code == "no-ids" else PLAN["rows"]
    draft = write_draft(town, rows=rows, source={"path": str(source)})
    result = main_command("compare", NIGHTS[0], draft)
    assert result.returncode == 2
    assert {"no-ids": "no rows.id", "no-shared-customers": "is in both editions"}[code] in " ".join(
        result.stderr.split()
    )


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 4), (3, 3), (5, 2), (12, 12)])
def test_the_adjusted_rand_index_is_that_of_sklearn(rows: int, columns: int) -> None:
    """Random tables and diagonal ones give scikit-learn's index."""
    rng = np.random.default_rng([rows, columns])
    for shared in (rng.integers(0, 9, (rows, columns)), np.eye(rows, columns, dtype=np.int64)):
        first, second = (np.repeat(axis.ravel(), shared.ravel()) for axis in np.indices(shared.shape))
        assert compute_adjusted_rand(shared) == pytest.approx(adjusted_rand_score(first, second))


def test_the_adjusted_rand_index_does_not_overflow() -> None:
    """Many customers have the index of a few with the same shares, nearly."""
    shared = np.array([[6, 1], [2, 5]])
    assert compute_adjusted_rand(shared * 10**8) == pytest.approx(
        compute_adjusted_rand(shared * 10**4), abs=1e-4
    )


def test_segments_are_matched_so_that_most_customers_agree() -> None:
    """No permutation keeps more customers; with comparable ids, a segment corresponds to itself."""
    shared = np.random.default_rng(5).integers(1, 50, (5, 5))
    names = [f"S0{i}" for i in range(5)]
    matches = match_by_overlap(shared, names, [f"S1{i}" for i in range(5)], ids_are_comparable=True)
    best = max(sum(shared[range(5), order]) for order in permutations(range(5)))
    assert sum(shared[pair] for pair in matches) == best
    assert match_by_overlap(shared, names, names[::-1], ids_are_comparable=True) == [
        (i, 4 - i) for i in range(5)
    ]
