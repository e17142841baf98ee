"""RFM scores: exact quintiles as pandas computes them, equal scores for equal values, off at no cost."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml
from pydantic import ValidationError

from config.definition import Definition
from config.rfm import RfmColumns
from schemas.fields import arrow_schema
from schemas.night import Night, Published
from schemas.rfm_columns import describe_scores
from schemas.tables import segments_schema
from segmentation.features.quintiles import compute_cuts, score_quintiles
from segmentation.features.rfm import compute_rfm_cuts, score_rfm
from segmentation.parts import write_part
from segmentation.rebuilding import compare_rebuilt, plan_rebuild, prepare_scratch
from segmentation.store.catalogue.editions import resolve_date_or_id
from tests.erasing import erase
from tests.event_inputs import ingest_and_summarise, read_customers
from tests.nights import FOUR, PLAN, Town, create_town, day, draw_customers, manifest, read
from tests.test_online_retail import AS_OF, DEFINITION

ROWS: dict[str, Any] = {
    "id": "id",
    "columns": {
        **PLAN["rows"]["columns"],
        "days": {"type": "int", "unit": "days", "nullable": True},
        "orders": {"type": "int", "label": "orders <b>"},
        "note": {"type": "text"},
    },
}
RFM = {"recency": "days", "frequency": "orders", "monetary": "spend"}
SCORED: dict[str, Any] = {"rows": ROWS, "profile": ["days", "orders", "note"], "rfm": RFM}
COLUMNS = ["rfm_recency", "rfm_frequency", "rfm_monetary", "rfm"]


def draw_scored() -> pd.DataFrame:
    """The four groups; half of them have one order, and three have no days."""
    customers, rng = draw_customers(FOUR), np.random.default_rng(3)
    days = pd.array(rng.integers(0, 30, len(customers)), "Int64")
    days[5:8] = pd.NA
    orders = np.where(rng.random(len(customers)) < 0.5, 1, rng.integers(1, 9, len(customers)))
    return customers.assign(days=days, orders=orders, note="x")


def score_with_pandas(values: pd.Series, *, is_recency: bool = False) -> pd.Series:
    """The scores by their definition: how many of the lower quantiles are below the value."""
    cuts = values.dropna().quantile([0.2, 0.4, 0.6, 0.8], interpolation="lower")
    below = pd.DataFrame({share: values > cut for share, cut in cuts.items()}).sum(axis=1)
    scores = 5 - below if is_recency else below + 1
    return scores.astype("Int64").where(values.notna())


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Town, Published]:
    """A store with one night of customers with scores."""
    town = create_town(tmp_path_factory.mktemp("rfm"), **SCORED)
    return town, town.night(1, draw_scored())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 11, 13, 100, 1003])
def test_without_ties_scores_are_those_of_qcut(count: int) -> None:
    """Any number of different values is divided as pandas.qcut does."""
    values = np.random.default_rng(count).permutation(count) * 1.7
    expected = pd.qcut(values, 5, labels=False) + 1 if count > 4 else None
    scores = score_quintiles(values, compute_cuts(values))
    assert expected is None or scores.tolist() == expected.tolist()
    assert (np.diff(scores[np.argsort(values)]) >= 0).all() and set(scores) <= {1, 2, 3, 4, 5}


@pytest.mark.parametrize("levels", [1, 2, 3, 7])
def test_equal_values_have_equal_scores(levels: int) -> None:
    """With ties a score counts what is below it, and no bin of qcut without repeated edges is coarser."""
    values = np.random.default_rng(levels).integers(0, levels, 500).astype(float)
    scores = score_quintiles(values, compute_cuts(values))
    assert scores.tolist() == score_with_pandas(pd.Series(values)).tolist()
    table = pd.DataFrame({"value": values, "score": scores})
    assert table.groupby("value")["score"].nunique().eq(1).all()
    for value, score in zip(values, scores, strict=True):
        assert (values < value).mean() >= 0.2 * (score - 1)
    # qcut puts the smallest value and the next into one bin if the first edges are equal.
    table["bin"] = pd.qcut(values, 5, labels=False, duplicates="drop")
    assert table.groupby("score")["bin"].nunique(dropna=False).eq(1).all()


def test_the_best_of_many_equal_values_score_five() -> None:
    """Where most values are equal, they score 1, and the few above them 5, not 2."""
    values = np.array([1.0] * 9 + [9.0])
    assert score_quintiles(values, compute_cuts(values)).tolist() == [1] * 9 + [5]


@pytest.mark.parametrize("cuts", [[], [40], [1, 2, 90], [50, 50]])
def test_parts_and_their_order_do_not_matter(tmp_path: Path, cuts: list[int]) -> None:
    """Cut points are exact over all parts, however the customers are divided, also where a part is empty."""
    frame = pd.DataFrame(
        {"r": np.arange(100) % 13, "f": [None, *([1] * 60), *range(39)], "m": np.linspace(-1e9, 1e-9, 100)}
    )
    pieces = [frame.iloc[first:last] for first, last in pairwise([0, *cuts, 100])]
    parts = [
        write_part(tmp_path / f"{i}.parquet", pa.Table.from_pandas(piece, preserve_index=False))
        for i, piece in enumerate(pieces)
    ]
    rfm_cuts = compute_rfm_cuts(parts[::-1], RfmColumns(recency="r", frequency="f", monetary="m"))
    for name, quintiles in zip("rfm", rfm_cuts.by_score.values(), strict=True):
        values = frame[name].dropna()
        expected = values.quantile([0.2, 0.4, 0.6, 0.8], interpolation="lower")
        assert list(quintiles.cuts) == expected.tolist()
    scores = score_rfm(pa.Table.from_pandas(frame), rfm_cuts)
    assert scores["rfm"][0].as_py() is None and scores["rfm_recency"][0].as_py() == 5


def test_a_column_without_values_has_no_scores(tmp_path: Path) -> None:
    """If all values are missing, cut points are empty and scores null."""
    table = pa.table({"r": pa.nulls(3, pa.int64()), "f": [1, 2, 3], "m": [1.0, 2.0, 3.0]})
    columns = RfmColumns(recency="r", frequency="f", monetary="m")
    cuts = compute_rfm_cuts([write_part(tmp_path / "p.parquet", table)], columns)
    scores = score_rfm(table, cuts)
    assert cuts.recency.cuts == () and scores["rfm"].null_count == 3
    assert scores["rfm_monetary"].to_pylist() == [1, 3, 5]


def test_scores_are_in_the_published_table(night: tuple[Town, Published]) -> None:
    """They agree with pandas, missing values have none, and the manifest has the cut points."""
    table, cuts = read(night[1]), manifest(night[1])["rfm"]
    assert list(table.columns)[-4:] == COLUMNS
    days = table["days"].astype("Int64")
    expected = [
        score_with_pandas(days, is_recency=True),
        score_with_pandas(table["orders"]),
        score_with_pandas(table["spend"]),
    ]
    for name, scores in zip(COLUMNS, expected, strict=False):
        assert table[name].astype("Int64").equals(scores.rename(name))
    texts = sum((scores.astype("string") for scores in expected[1:]), expected[0].astype("string"))
    assert table["rfm"].astype("string").equals(texts.rename("rfm")) and table["rfm"].isna().sum() == 3
    assert set(table.loc[days == days.min(), "rfm_recency"]) == {5}
    for name, column in RFM.items():
        lower = table[column].dropna().quantile([0.2, 0.4, 0.6, 0.8], interpolation="lower")
        assert cuts[name] == {"column": column, "cuts": lower.tolist()}


def test_the_page_has_the_averages(night: tuple[Town, Published]) -> None:
    """Each segment's average scores and the cut points are on the page, its labels escaped."""
    page = Path(night[1].report_path).read_text()
    section = page[page.index('<section id="rfm"') :].split("</section>")[0]
    for _, group in read(night[1]).groupby("segment_id"):
        assert all(f"<td>{group[name].mean():.2f}</td>" in section for name in COLUMNS[:3])
    assert "orders &lt;b&gt;" in section and "days (days)" in section and "orders <b>" not in page


def test_the_documents_have_the_columns() -> None:
    """docs/outputs.md has each column's type and description."""
    definition = Definition.model_validate({**PLAN, **SCORED})
    text = (Path(__file__).parents[1] / "docs" / "outputs.md").read_text()
    schema = arrow_schema(segments_schema(definition))
    for name, column in describe_scores(definition).items():
        assert f"| `{name}` | {schema.field(name).type} | if nullable | {column.description} |" in text


@pytest.mark.slow
def test_scores_come_and_go_between_nights(night: tuple[Town, Published], tmp_path: Path) -> None:
    """Without `rfm` nothing of it is left, and adding or removing it refits nothing and moves nobody."""
    plain = create_town(tmp_path, **{**SCORED, "rfm": None})
    first = plain.night(1, draw_scored())
    assert "rfm" not in read(first).columns and "rfm" not in manifest(first)
    assert '<section id="rfm"' not in Path(first.report_path).read_text()
    assert "rfm" not in plain.definition.decisive_content() and describe_scores(plain.definition) == {}
    scored = plain._replace(definition=night[0].definition).night(2, draw_scored())
    last = plain.night(3, draw_scored())
    for published in (scored, last):
        assert manifest(published)["how"] == "scored"
        assert manifest(published)["churn"]["stayed"] == sum(FOUR.values())
    assert read(scored)[COLUMNS].equals(read(night[1])[COLUMNS])


@pytest.mark.slow
def test_a_rebuild_and_shuffled_rows_give_the_same_bytes(
    night: tuple[Town, Published], tmp_path: Path
) -> None:
    """The manifest alone is enough to make the edition again; the order of rows changes no score."""
    town, published = night
    edition = resolve_date_or_id(town.home, str(day(1)))
    source = town.folder / "night-1.csv"
    plan = plan_rebuild(town.home, edition, str(source))
    prepare_scratch(town.home, edition, plan, tmp_path / "scratch")
    scratch = Town(tmp_path / "scratch", plan.definition)
    rebuilt = scratch.run(1, source)
    assert compare_rebuilt(town.home, edition, scratch.home, rebuilt.edition).differences == []
    shuffled = create_town(tmp_path / "shuffled", **SCORED)
    shuffled.folder.mkdir()
    shuffled_night = shuffled.night(1, draw_scored().sample(frac=1, random_state=2))
    assert read(shuffled_night)[COLUMNS].equals(read(published)[COLUMNS])


def test_an_erasure_takes_the_scores_along(night: tuple[Town, Published], tmp_path: Path) -> None:
    """The other customers keep their scores and the table its columns."""
    copy = night[0].copy_to(tmp_path / "copy")
    erase(copy, "a00001")
    (table,) = copy.home.glob("published/*/segments.parquet")
    first = read(night[1]).set_index("customer_id")
    erased = pd.read_parquet(table).drop(columns="as_of", errors="ignore").set_index("customer_id")
    assert erased.equals(first.drop(index="a00001"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rfm": {**RFM, "recency": "nowhere"}}, "nowhere is neither in features nor in profile"),
        ({"rfm": {**RFM, "monetary": "note"}}, "note has type text; expected int or float"),
        ({"rfm": {**RFM, "recency": "orders"}}, "three different columns"),
        ({"profile": ["orders", "note"]}, "days is neither in features nor in profile; add it to profile"),
        ({"rfm": {"recency": "days"}}, "frequency"),
        (
            {
                "rows": {**ROWS, "columns": {**ROWS["columns"], "RFM": {"type": "int"}}},
                "profile": [*SCORED["profile"], "RFM"],
            },
            "gets a column RFM from it; rename yours",
        ),
    ],
)
def test_columns_that_cannot_be_scored_are_refused(changes: dict[str, Any], message: str) -> None:
    """The message names the column and what to do."""
    with pytest.raises(ValidationError, match=message):
        Definition.model_validate({**PLAN, **SCORED, **changes})


@pytest.mark.slow
def test_online_retail_is_scored_as_by_qcut(tmp_path: Path, shared_data: Path) -> None:
    """On a year of real orders, recency and revenue have the bins of pandas.qcut, and no order is split."""
    content = yaml.safe_load(DEFINITION.read_text())
    content["rfm"] = {"recency": "recency_days", "frequency": "orders", "monetary": "revenue"}
    definition = Definition.model_validate(content)
    source = str(shared_data / "online_retail_by_day")
    run = Night(run_id="rfm", definition=definition, as_of=AS_OF, source=source, store=tmp_path, force=False)
    customers = ingest_and_summarise(run)[1]
    frame = read_customers(customers)
    assert definition.rfm is not None
    cuts = compute_rfm_cuts(customers.parts, definition.rfm)
    scores = {name: np.array(column) for name, column in score_rfm(pa.Table.from_pandas(frame), cuts).items()}
    assert (scores["rfm_recency"] == 5 - pd.qcut(frame["recency_days"], 5, labels=False)).all()
    assert (scores["rfm_monetary"] == 1 + pd.qcut(frame["revenue"], 5, labels=False)).all()
    assert (scores["rfm_frequency"] == score_with_pandas(frame["orders"])).all()
