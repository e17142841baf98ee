"""Statements, connections and secrets: what is refused, and the messages."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr, ValidationError

import segmentation.rows.reading.database
from config.columns import Rows
from config.definition import Definition
from segmentation.errors import Refused
from segmentation.rows.reading.database import DatabaseQuery, DatabaseSecret, stage_query
from tasks.runtime.connections import look_up_secret
from tests.conftest import DEFINITION
from tests.test_real_data import DAY
from tests.test_sql import SQL

pytestmark = pytest.mark.xdist_group("prefect")
ROWS = Rows.model_validate(DEFINITION["rows"])


def test_rows_are_fetched_in_batches(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is one row group of the staged file, and extra columns give one warning."""
    monkeypatch.setattr(segmentation.rows.reading.database, "BATCH_ROWS", 700)
    query = DatabaseQuery(
        "SELECT orders, since, id, spend FROM customers WHERE since < :as_of", {"as_of": DAY}
    )
    warnings = stage_query(query, DatabaseSecret("w", SecretStr(postgres)), ROWS, tmp_path / "x.parquet")
    assert warnings == ["1 column not in the contract was ignored: since"]
    groups = pq.ParquetFile(tmp_path / "x.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [700] * 4 + [200]


@pytest.mark.parametrize(
    ("url", "sql", "message"),
    [
        ("no url", SQL, "is not a URL such as"),
        ("oracle://u:canary-42@h/d", SQL, "is not installed"),
        (None, "SELECT id FROM nowhere", "refused the statement (UndefinedTable, SQLSTATE 42P01)"),
        (None, "WITH x AS (DELETE FROM customers RETURNING *) SELECT * FROM x", "SQLSTATE 0A000"),
        (None, "SELECT id, lo_create(0) AS spend, orders FROM customers", "SQLSTATE 25006"),
        (None, "SELECT id, spend FROM customers", "lacks orders"),
        (None, "SELECT id, since AS spend, orders FROM customers", "spend is date in the database"),
    ],
)
def test_a_failing_connection_is_explained(
    tmp_path: Path, postgres: str, url: str | None, sql: str, message: str
) -> None:
    """Faults in URL, driver, statement, columns and types have one message each, and no chained error."""
    with pytest.raises(Refused) as failure:
        secret = DatabaseSecret("w", SecretStr(url or postgres))
        stage_query(DatabaseQuery(sql, {"as_of": DAY}), secret, ROWS, tmp_path / "x.parquet")
    assert message in str(failure.value)
    assert "canary-42" not in str(failure.value)
    assert failure.value.__context__ is None


def test_a_connection_without_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and the block."""
    monkeypatch.delenv("RESEGMENT_CONNECTION_DATA_LAKE", raising=False)
    with pytest.raises(Refused, match="set RESEGMENT_CONNECTION_DATA_LAKE, or make a Prefect Secret block"):
        look_up_secret("data-lake")


@pytest.mark.usefixtures("prefect_server")
def test_a_prefect_block_may_hold_the_secret() -> None:
    """Without the variable, the Secret block with the connection's name is used."""
    from prefect.blocks.system import Secret

    Secret(value=SecretStr("postgresql://x")).save("in-a-block", overwrite=True)
    assert look_up_secret("in-a-block").get_secret_value() == "postgresql://x"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"sql": "DELETE FROM x", "connection": "w"}, "starts with SELECT or WITH"),
        ({"sql": "SELECT 1; DROP TABLE x", "connection": "w"}, "without a ;"),
        ({"sql": "SELECT :who", "connection": "w"}, "not who"),
        ({"sql": "SELECT 1"}, "sql and connection go together"),
        ({"sql": "SELECT :window_start", "connection": "w"}, "needs a summary with a window"),
        ({"sql": "SELECT 1", "connection": "../w"}, "pattern"),
        ({"sql": "SELECT 1", "connection": "w", "path": "a.csv"}, "exactly one"),
    ],
)
def test_statements_other_than_one_query_are_refused(source: dict[str, str], message: str) -> None:
    """The definition is refused before a database is contacted."""
    with pytest.raises(ValidationError, match=message):
        Definition.model_validate({**DEFINITION, "source": source})
