"""A column of segments.parquet is described in one place and computed in one; no reader depends on it."""

from pathlib import Path
from typing import Any

import pandera.pandas as pandera
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import segmentation.store.publication.edition_files as edition_files
import tasks.publish
from config.definition import Definition
from schemas.fields import number
from schemas.tables import scores_schema, segments_schema
from segmentation.errors import ContractMismatch
from segmentation.scoring import score_table
from segmentation.store.dates import published_dates
from segmentation.store.publication.edition_files import compute_label_columns, fit_contract
from tests.nights import FOUR, Town, create_town, day, draw_customers, manifest, read
from tests.test_scoring import DEFINITION_WITH_ROWS, MODEL

COLUMN = "closeness"


def describe_column(definition: Definition) -> pandera.DataFrameSchema:
    """The contract of segments.parquet with one more column."""
    return segments_schema(definition).add_columns({COLUMN: number("1 - margin.", nullable=True)})


def compute_column(labels: pa.Table, segment_ids: pa.Array) -> dict[str, pa.Array]:
    """The columns that follow from the model, with one more."""
    columns = compute_label_columns(labels, segment_ids)
    return {**columns, COLUMN: pa.array(1.0 - labels["margin"].to_numpy())}


def describe(patch: pytest.MonkeyPatch) -> None:
    """Add the column to the contract, as an edit of schemas/tables.py would."""
    for module in (edition_files, tasks.publish):
        patch.setattr(module, "segments_schema", describe_column)


def compute(patch: pytest.MonkeyPatch) -> None:
    """Compute the column, as an edit of segmentation/store/publication/edition_files.py would."""
    patch.setattr(edition_files, "compute_label_columns", compute_column)


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """A store with one night, whose table does not have the column."""
    town = create_town(tmp_path)
    town.night(1, draw_customers(FOUR))
    return town


def test_a_new_column_needs_two_changes(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Described and computed, it is published, and nights with and without it build on each other."""
    with monkeypatch.context() as patch:
        describe(patch)
        compute(patch)
        second = town.night(2, draw_customers({**FOUR, "a": 151}))
        table = read(second)
        assert table[COLUMN].tolist() == pytest.approx((1 - table["margin"].astype(float)).tolist())
        assert manifest(second)["churn"]["stayed"] == sum(FOUR.values())
    third = town.night(3, draw_customers(FOUR))
    assert COLUMN not in read(third).columns
    assert manifest(third)["churn"]["left"] == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (describe, r"segments: .*tables\.py.*edition_files\.py.* not computed \['closeness'\]"),
        (compute, r"segments: .* not in the contract \['closeness'\]; nothing was published"),
    ],
)
def test_one_change_without_the_other_publishes_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch, change: Any, message: str
) -> None:
    """If the column is only described or only computed, the first night fails and names both files."""
    change(monkeypatch)
    with pytest.raises(ContractMismatch, match=message):
        town.night(2, draw_customers(FOUR))
    assert published_dates(town.home) == [day(1)]


def test_scores_are_checked_in_the_same_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A column that is only in the contract of scores stops `resegment score` before it writes a file."""
    table = tmp_path / "in.csv"
    table.write_text("id,spend,orders\na,1,1\n")

    def describe_score(definition: Definition) -> pandera.DataFrameSchema:
        return scores_schema(definition).add_columns({COLUMN: number("1 - margin.", nullable=True)})

    monkeypatch.setattr("segmentation.scoring.scores_schema", describe_score)
    with pytest.raises(ContractMismatch, match=r"scores: .* not computed"):
        score_table(table, DEFINITION_WITH_ROWS, MODEL, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_columns_get_the_contracts_order_and_types() -> None:
    """Columns in any order and of convertible types become the contract's table."""
    contract = pandera.DataFrameSchema(
        {"a": pandera.Column("int64"), "b": pandera.Column("float32")}, name="t"
    )
    table = fit_contract({"b": pa.array([0.5]), "a": pa.array([1], pa.int32())}, contract)
    assert table.schema.names == ["a", "b"]
    assert table.schema.types == [pa.int64(), pa.float32()]


def test_values_that_repeat_are_dictionary_encoded(town: Town) -> None:
    """Segment ids, change and cause are stored once per row group, and so are features that repeat."""
    (path,) = (town.home / "published").glob("*/segments.parquet")
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    encoded = {column.path_in_schema for column in columns if column.has_dictionary_page}
    texts = {"segment_id", "segment_name", "runner_up", "previous_segment_id", "change", "cause"}
    assert {"segment_id", "runner_up", "spend"} <= encoded
    assert encoded <= texts | {"spend", "visits"}
    assert [column.path_in_schema for column in columns if column.is_stats_set] == ["customer_id"]
    # Arrow's readers get texts, as all others do.
    assert pq.read_schema(path).field("segment_id").type == pa.string()
