"""Profile columns: shown with the features, counted and tested by segment, shown on the page."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

from config.columns import Column
from schemas.levels import LEVELS
from schemas.night import Published
from segmentation.model import read_model
from segmentation.parts import write_part
from segmentation.report.labelled_parts import LabelledPart
from segmentation.report.sections.who_they_are import describe_difference
from segmentation.report.tables.level_counts import MOST_COUNTED, count_columns
from segmentation.report.tables.level_table import keep_levels
from segmentation.report.tables.level_tests import (
    adjust_p_values,
    compare_ranks,
    compare_segment_ranks,
    compare_share,
    compare_table,
    rank_numbers,
)
from segmentation.scoring import score_table
from tests.nights import FOUR, PLAN, Town, create_town, draw_customers, manifest, read

NULLABLE: dict[str, Any] = {"nullable": True, "absent": "null"}
COLUMNS: dict[str, Any] = {
    "country": {"type": "category", **NULLABLE},
    "plan": {"type": "category", "order": ["free", "paid"]},
    "note": {"type": "text", **NULLABLE},
    "is member": {"type": "bool", **NULLABLE},
    "tier": {"type": "int", "isin": [1, 2]},
    "age": {"type": "int", "unit": "years", **NULLABLE},
    "since": {"type": "timestamp", **NULLABLE},
}
PROFILE = list(COLUMNS)
RARE = "Rareland"


def describe(customers: pd.DataFrame) -> pd.DataFrame:
    """Customers with a profile: group a is older and often French; notes are as good as unique."""
    rng, n = np.random.default_rng(7), len(customers)
    is_a = customers["id"].str.startswith("a").to_numpy()
    countries = np.where(rng.random(n) < np.where(is_a, 0.7, 0.2), "FR", "DE").astype(object)
    countries[5:8] = RARE
    countries[20:50] = None
    ages = np.where(is_a, 60, 30) + rng.integers(0, 20, n)
    return customers.assign(
        country=countries,
        plan=np.where(rng.random(n) < 0.5, "free", "paid"),
        note=[f"<b>note {i}" for i in range(n)],
        **{"is member": rng.random(n) < 0.5},
        tier=rng.integers(1, 3, n),
        age=pd.array(ages, "Int64").astype(object),
        since=pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D"),
    )


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, Published]:
    """A store with one night of four groups with a profile."""
    rows = {"id": "id", "columns": {**PLAN["rows"]["columns"], **COLUMNS}}
    town = create_town(tmp_path_factory.mktemp("profile"), rows=rows, profile=PROFILE)
    return town, town.night(1, describe(draw_customers(FOUR)))


def test_levels_have_the_shares_of_the_published_table(town: tuple[Town, Published]) -> None:
    """Counts, shares, quartiles and pooling in levels.parquet are those of segments.parquet, by pandas."""
    segments, levels = read(town[1]), read(town[1], "levels.parquet")
    assert list(levels.columns) == list(LEVELS.columns) and set(levels["column"]) == set(PROFILE)
    assert list(segments.columns)[1:10] == ["spend", "visits", *PROFILE]
    names = levels["level"].where(levels["kind"] == "level", levels["kind"])
    countries = segments["country"].fillna("missing").replace(RARE, "other")
    counted = levels[levels["column"] == "country"].assign(name=names)
    table = pd.crosstab(countries, segments["segment_id"])
    # One row per level and segment, so the published table unstacks to the same crosstab.
    wide = counted.pivot(index="name", columns="segment_id")
    assert len(counted) == table.size and table.equals(wide["customers"].loc[table.index, table.columns])
    overall = countries.value_counts(normalize=True)
    assert np.allclose(wide["share"], (table / table.sum()).loc[wide.index])
    assert np.allclose(wide["share_of_all"].T, overall[wide.index])
    assert np.allclose(
        wide["lift"].T, (table / table.sum()).loc[wide.index].T / overall[wide.index].to_numpy()
    )
    ages = levels[(levels["column"] == "age") & (levels["kind"] == "number")].set_index("segment_id")
    groups = segments.groupby("segment_id")["age"]
    assert ages["median"].tolist() == groups.quantile(0.5, interpolation="lower").tolist()
    assert np.allclose(ages["mean"], groups.mean()) and set(ages["unit"]) == {"years"}
    notes = levels[levels["column"] == "note"]
    assert set(notes["kind"]) == {"other"} and (notes["share"] == 1).all()
    assert set(levels.loc[levels["column"] == "plan", "level"]) == {"free", "paid"}


def test_tests_are_those_of_scipy(town: tuple[Town, Published]) -> None:
    """chi-square and Kruskal-Wallis agree with scipy; all p-values are adjusted together."""
    segments, levels = read(town[1]), read(town[1], "levels.parquet")
    first = levels.drop_duplicates("column").set_index("column")
    table = pd.crosstab(segments["plan"], segments["segment_id"])
    assert first.loc["plan", "column_p_value"] == pytest.approx(stats.chi2_contingency(table, False).pvalue)
    groups = [group.to_numpy() for _, group in segments.groupby("segment_id")["age"]]
    assert first.loc["age", "column_p_value"] == pytest.approx(stats.kruskal(*groups).pvalue)
    assert first.loc["age", "column_test"] == "Kruskal-Wallis"
    p_values = levels["p_value"].dropna()
    expected = stats.false_discovery_control(p_values)
    assert np.allclose(levels["q_value"].dropna(), expected, rtol=1e-9)
    q_values = first["column_q_value"].to_dict()
    assert q_values["country"] < 0.01 < 0.05 < q_values["tier"]


def test_the_page_shows_who_they_are(town: tuple[Town, Published]) -> None:
    """Shares stand on the page, rare levels and counts under ten do not."""
    page = Path(town[1].report_path).read_text()
    section = page[page.index('<section id="levels"') :].split("</section>")[0]
    assert "Who they are" in section and "under 10" in section and "of all customers" in section
    assert RARE not in page and "note 1" not in page
    assert "Segments do not differ by more than chance explains" in section


def test_profile_columns_do_not_take_part(town: tuple[Town, Published], tmp_path: Path) -> None:
    """Without them the segments are the same; another profile refits nothing; scores need none."""
    copy = town[0].copy_to(tmp_path / "copy")
    definition = town[0].definition.model_copy(update={"profile": ("country",)})
    second = copy._replace(definition=definition).night(2, describe(draw_customers(FOUR)))
    assert manifest(second)["how"] == "scored" and manifest(second)["churn"]["stayed"] == sum(FOUR.values())
    assert "age" not in read(second) and set(read(second, "levels.parquet")["column"]) == {"country"}
    bare = tmp_path / "bare.csv"
    draw_customers(FOUR).to_csv(bare, index=False)
    model = read_model(Path(second.report_path).parent / "model.json")
    score_table(bare, town[0].definition, model, tmp_path / "scores.parquet")
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    expected = read(town[1]).set_index("customer_id")["segment_id"]
    assert scores.set_index("customer_id")["segment_id"].equals(expected)
    assert "country" not in scores


def test_the_order_of_rows_does_not_matter(town: tuple[Town, Published], tmp_path: Path) -> None:
    """Shuffled rows give the same levels, byte for byte."""
    shuffled = create_town(tmp_path, **town[0].definition.model_dump(exclude_unset=True))
    published = shuffled.night(1, describe(draw_customers(FOUR)).sample(frac=1, random_state=2))
    files = [Path(night.report_path).with_name("levels.parquet") for night in (town[1], published)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_an_erasure_takes_the_columns_along(town: tuple[Town, Published], tmp_path: Path) -> None:
    """Rows of segments.parquet go with their profile; levels.parquet holds no row of a customer."""
    from tests.erasing import erase

    copy = town[0].copy_to(tmp_path / "copy")
    first = read(town[1]).set_index("customer_id")
    erase(copy, "a00001")
    (table,) = copy.home.glob("published/*/segments.parquet")
    erased = pd.read_parquet(table).set_index("customer_id")
    assert erased.drop(columns="as_of", errors="ignore").equals(first.drop(index="a00001"))


@pytest.mark.parametrize("counts", [[[40, 60], [30, 20]], [[3, 0, 9], [1, 4, 2]]])
def test_small_tables_are_simulated_and_close_to_exact(counts: list[list[int]]) -> None:
    """Where chi-square is not valid, the p-value is that of tables with the same margins."""
    result = compare_table(np.array(counts), seed=1)
    expected = stats.chi2_contingency(np.array(counts), correction=False)
    if result.test == "chi-square":
        assert result.p_value == pytest.approx(expected.pvalue)
        assert result.association == pytest.approx(np.sqrt(expected.statistic / np.sum(counts)))
    else:
        exact = stats.fisher_exact(np.array(counts), method=stats.PermutationMethod(rng=3)).pvalue
        assert result.p_value == pytest.approx(exact, abs=0.03)


def test_two_by_two_and_ranks_agree_with_scipy() -> None:
    """A segment's share is tested by chi-square or Fisher; its numbers by the rank sum, ties included."""
    assert compare_share(2, 10, 5, 100).p_value == pytest.approx(stats.fisher_exact([[2, 8], [3, 87]]).pvalue)
    table = [[40, 60], [30, 170]]
    assert compare_share(40, 100, 70, 300).p_value == pytest.approx(
        stats.chi2_contingency(table, correction=False).pvalue
    )
    rng = np.random.default_rng(4)
    values, labels = rng.integers(0, 9, 300).astype(float), rng.integers(0, 3, 300)
    ranked = rank_numbers(values, labels, 3)
    inside, outside = values[labels == 1], values[labels != 1]
    expected = stats.mannwhitneyu(inside, outside, use_continuity=False, method="asymptotic").pvalue
    assert compare_segment_ranks(ranked, 1).p_value == pytest.approx(expected)
    groups = [values[labels == i] for i in range(3)]
    assert compare_ranks(ranked, 3).p_value == pytest.approx(stats.kruskal(*groups).pvalue)


def test_degenerate_columns_are_not_tested() -> None:
    """One level, one segment, equal numbers or no numbers at all have no p-value."""
    assert compare_table(np.array([[5, 9]]), 1).test is None
    assert compare_table(np.array([[5], [9]]), 1).test is None
    assert compare_share(5, 5, 9, 9).test is None
    for values in (np.ones(40), np.empty(0)):
        labels = np.arange(len(values)) % 2
        assert compare_ranks(rank_numbers(values, labels, 2), 2).test is None
    assert np.isnan(adjust_p_values(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("kinds", "level", "customers", "sentence"),
    [
        (["missing"] * 2, "(missing)", 20_000, "No customer has a value."),
        (["level"] * 2, "same", 20_000, "All customers have the same value."),
        (["other", "missing"], "(other)", 20, "No value has 10 customers: levels are not counted."),
        (["other"] * 2, "(other)", 20_000, "or there are more than 10,000 different ones"),
        (["level", "other"], "one", 20, "Not tested: too few customers"),
    ],
)
def test_the_page_says_why_nothing_is_tested(
    kinds: list[str], level: str, customers: int, sentence: str
) -> None:
    """A column without values, with one value, or with rare ones only has a sentence of its own."""
    rows = {"kind": kinds, "level": level, "customers": customers // 2, "column_test": None}
    assert sentence in describe_difference(pd.DataFrame(rows))


def test_more_levels_than_can_be_counted_are_one(tmp_path: Path) -> None:
    """Beyond MOST_COUNTED different values in all parts, only present and missing are distinguished."""
    parts = []
    for number in range(2):
        texts = [f"{number}-{i}" for i in range(MOST_COUNTED // 2 + 1)] + [None]
        customers = write_part(tmp_path / f"c{number}.parquet", pa.table({"x": texts}))
        labels = pa.table({"label": pa.array([i % 2 for i in range(len(texts))], pa.int32())})
        parts.append(LabelledPart(customers, write_part(tmp_path / f"l{number}.parquet", labels)))
    contract = Column(type="text", nullable=True)
    counts = count_columns(parts, {"x": contract}, 2, 1, has_ids=False)["x"]
    shown_levels = keep_levels(counts, contract, 20)  # type: ignore[arg-type]
    assert (shown_levels.names, shown_levels.counts.sum(axis=1).tolist()) == (
        ["(other)", "(missing)"],
        [MOST_COUNTED + 2, 2],
    )
