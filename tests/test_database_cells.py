"""A database's values as they are staged, and one bad cell that costs one row."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from config.columns import Column, Rows
from config.definition import Definition
from config.sources import Csv
from schemas.contract import rows_schema
from segmentation.errors import Refused
from segmentation.rows.casting.text_columns import Dialect
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.digests import compute_digests
from segmentation.rows.judging.judged_batches import JudgedBatch, judge_files
from segmentation.rows.reading.database import DatabaseQuery, DatabaseSecret, stage_query, write_batches
from segmentation.rows.reading.database_cells import Unbounded, convert_cells
from segmentation.sources.content import fingerprint
from tests.conftest import DEFINITION

NOON = datetime(2024, 5, 15, 12)


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("int", [1, Decimal("2.00"), 3.0, None], [1, 2, 3, None]),
        ("int", [1, Decimal("2.5")], ["1", "2.5"]),
        ("int", [10**25, Decimal("NaN"), 1e20, None], ["1" + "0" * 25, "NaN", "1e+20", None]),
        ("float", [1.5, Decimal("0.1"), 3], [1.5, 0.1, 3.0]),
        ("float", [Decimal("0.1"), Decimal("Infinity")], [0.1, float("inf")]),
        ("float", ["$5", None], ["$5", None]),
        ("float", [10**400], ["1" + "0" * 400]),
        ("bool", [True, 0, Decimal(1), None], [True, False, True, None]),
        ("bool", [True, 2], ["true", "2"]),
        ("bool", ["t", "N"], ["t", "N"]),
        ("text", ["a", 7, Decimal("7.00"), 7.0, float("nan")], ["a", "7", "7", "7", None]),
        ("text", [UUID(int=5)], ["00000000-0000-0000-0000-000000000005"]),
        ("text", [b"a", b"\xff"], [b"a", b"\xff"]),
        ("category", [True, None], ["true", None]),
        ("timestamp", [date(2024, 5, 15), NOON, None], [datetime(2024, 5, 15), NOON, None]),
        ("timestamp", [NOON.replace(tzinfo=UTC)], [NOON.replace(tzinfo=UTC)]),
        ("timestamp", ["2024-05-15"], ["2024-05-15"]),
    ],
)
def test_values_keep_their_type_where_all_fit(
    kind: str, values: list[object], expected: list[object]
) -> None:
    """A column whose cells do not all fit is staged as text, as a text file would have it."""
    assert convert_cells("c", values, Column.model_validate({"type": kind})).to_pylist() == expected


MISFITS: dict[str, list[object]] = {
    "int": [True, date(2024, 5, 15), {}, [1], timedelta(1)],
    "float": [False, NOON, UUID(int=5)],
    "text": [1.5, 2.0**53, Decimal("1.5"), {}, [1], NOON, timedelta(1)],
    "timestamp": [5, True, time(9), timedelta(1), {}],
}


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind in MISFITS for value in MISFITS[kind]])
def test_types_that_never_fit_are_refused_by_the_columns_name(kind: str, value: object) -> None:
    """Documents, arrays, intervals and the like are named in the refusal, and no value is."""
    with pytest.raises(Refused, match=rf"column c is {type(value).__name__} in the database"):
        convert_cells("c", [value], Column.model_validate({"type": kind}))


def test_a_column_becomes_text_at_the_first_bad_cell(tmp_path: Path) -> None:
    """Earlier batches are rewritten, and every number reads as the one that it was."""
    columns = {"n": {"type": "float"}, "b": {"type": "bool", "nullable": True}, "t": {"type": "timestamp"}}
    rows = Rows.model_validate({"id": "id", "columns": columns})
    batches: list[dict[str, list[object]]] = [
        {"id": ["a", "b"], "n": [0.1, 1e300], "b": [None, None], "t": [None, Unbounded("-infinity")]},
        {"id": ["c"], "n": ["?"], "b": ["Y"], "t": [NOON.replace(tzinfo=UTC)]},
    ]
    write_batches(batches, rows, tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    assert [str(kind) for kind in table.schema.types] == [
        "string",
        "string",
        "string",
        "timestamp[us, tz=UTC]",
    ]
    assert table["n"].to_pylist() == ["0.1", "1e+300", "?"]
    assert table["b"].to_pylist() == [None, None, "Y"]
    assert table["t"].cast(pa.int64()).to_pylist() == [None, -(2**63) + 1, 1715774400000000]
    assert [path.name for path in tmp_path.iterdir()] == ["x.parquet"]


def judge(path: Path, rows: Rows) -> tuple[JudgedBatch, list[str]]:
    """The rows of one file, judged, and the digests of its content."""
    contract = Contract(rows, Dialect(Csv()), rows_schema(rows), None)
    files = [fingerprint(path)]
    (batch,) = judge_files(files, contract)
    return batch, [digest.sha256 for digest in compute_digests(files, contract)]


CELLS = {
    "int": (
        *("numeric", "n", ["1", "2", "1.5", "'NaN'", "1e20", "NULL"]),
        [*["n: unreadable"] * 3, "n: missing"],
    ),
    "float": (
        *("numeric", "n", ["1", "2", "'NaN'", "'Infinity'", "NULL"]),
        ["n: unreadable", "n: not finite", "n: missing"],
    ),
    "timestamp": (
        *("timestamptz", "t", ["'2024-05-15 12:00+02'", "'infinity'", "'-infinity'", "'0044-03-15 BC'"]),
        ["t: unreadable"] * 3,
    ),
}


@pytest.mark.parametrize("kind", CELLS)
def test_one_bad_cell_costs_one_row(tmp_path: Path, postgres: str, kind: str) -> None:
    """NaN, infinity and years before Christ are quarantined, and the other rows are used."""
    sql_type, column, cells, reasons = CELLS[kind]
    filler = "n" if column == "t" else "m"
    rows = Rows.model_validate({"id": "id", "columns": {column: {"type": kind}, filler: {"type": "int"}}})

    lines = [
        f"SELECT {i} AS id, CAST({cell} AS {sql_type}) AS {column}, 7 AS {filler}"
        for i, cell in enumerate(cells)
    ]
    sql = "-- each cell; one row\n" + " UNION ALL ".join(lines) + " ORDER BY id; -- done"
    secret = DatabaseSecret("w", SecretStr(postgres))
    stage_query(DatabaseQuery(sql, {}), secret, rows, tmp_path / "x.parquet")
    batch, _ = judge(tmp_path / "x.parquet", rows)
    assert sorted(batch.refused["reason"].to_pylist()) == sorted(reasons)
    assert batch.good.num_rows == len(cells) - len(reasons)


def test_the_types_of_postgresql_are_read_or_refused(tmp_path: Path, postgres: str) -> None:
    """Ids as numeric, uuid or bytea, money, enums and dates are read; documents and arrays are not."""
    secret = DatabaseSecret("w", SecretStr(postgres))

    def stage(expression: str, kind: str) -> list[object]:
        rows = Rows.model_validate({"id": "id", "columns": {"n": {"type": kind}}})
        query = DatabaseQuery(f"SELECT 7 AS id, {expression} AS n", {})
        stage_query(query, secret, rows, tmp_path / "x.parquet")
        batch, _ = judge(tmp_path / "x.parquet", rows)
        return [*batch.good["n"].to_pylist(), *batch.refused["reason"].to_pylist()]

    assert stage("CAST(123456789012345678901 AS numeric(38,0))", "text") == ["123456789012345678901"]
    assert stage("CAST('00000000-0000-0000-0000-000000000005' AS uuid)", "text")[0] == str(UUID(int=5))
    assert stage("CAST('abc' AS bytea)", "text") == ["abc"]
    assert stage("CAST(5.25 AS money)", "float") == ["n: unreadable"]
    assert stage("CAST('12.50' AS text)", "float") == [12.5]
    assert stage("CAST('yes' AS text)", "bool") == [True]
    assert stage("CAST('2024-05-15' AS date)", "timestamp") == [datetime(2024, 5, 15)]
    assert stage("CAST('10000-01-01' AS date)", "timestamp") == ["n: unreadable"]
    for expression in (
        "CAST('{}' AS jsonb)",
        "ARRAY[1]",
        "CAST('1 day' AS interval)",
        "CAST('09:00' AS time)",
    ):
        with pytest.raises(Refused, match="column n is"):
            stage(expression, "text")


def test_bad_cells_have_the_digest_of_the_same_table_in_parquet(tmp_path: Path, postgres: str) -> None:
    """Whether a database or a file holds the table, it is the same edition, also with unreadable cells."""
    rows = Rows.model_validate({"id": "id", "columns": {"n": {"type": "int"}}})
    sql = "SELECT CAST(id AS text) AS id, n FROM (VALUES (1, 1.0), (2, 2.5)) AS x(id, n) ORDER BY id"
    stage_query(
        DatabaseQuery(sql, {}), DatabaseSecret("w", SecretStr(postgres)), rows, tmp_path / "x.parquet"
    )
    pq.write_table(pa.table({"id": ["1", "2"], "n": ["1", "2.5"]}), tmp_path / "y.parquet")
    assert judge(tmp_path / "x.parquet", rows)[1] == judge(tmp_path / "y.parquet", rows)[1]


def test_columns_of_a_query_may_be_renamed_or_absent(tmp_path: Path, postgres: str) -> None:
    """A view of another generation is read like a file of one."""
    columns = {
        "n": {"type": "int", "was": ["amount"]},
        "channel": {"type": "text", "nullable": True, "absent": None},
    }
    rows = Rows.model_validate({"id": "id", "columns": columns})
    query = DatabaseQuery("SELECT 5 AS amount, 'a' AS id", {})
    stage_query(query, DatabaseSecret("w", SecretStr(postgres)), rows, tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert table == [{"id": "a", "n": 5, "channel": None}]


def test_statements_may_have_comments_and_semicolons_in_strings(tmp_path: Path, postgres: str) -> None:
    """Only code has statements and binds."""
    sql = "/* first; :who */ SELECT 'a;b :x' AS id, 5 AS n -- :why\nWHERE DATE '2024-05-15' < :as_of;"
    definition = {**DEFINITION, "source": {"sql": sql, "connection": "w"}}
    Definition.model_validate(definition)
    rows = Rows.model_validate({"id": "id", "columns": {"n": {"type": "int"}}})
    query = DatabaseQuery(sql, {"as_of": date(2024, 6, 1)})
    stage_query(query, DatabaseSecret("w", SecretStr(postgres)), rows, tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == [{"id": "a;b :x", "n": 5}]
