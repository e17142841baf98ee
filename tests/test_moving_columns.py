"""Columns that older files lack or name otherwise, names as exporters write them, and times of any year."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from config.columns import Rows
from schemas.night import Night
from schemas.rows import Ingested
from segmentation.errors import Refused
from segmentation.parts import read_part
from tasks.ingest import ingest

COLUMNS = {
    "total": {"type": "float", "was": ["amount", "Betrag"]},
    "orders": {"type": "int"},
    "channel": {"type": "category", "nullable": True, "absent": None},
}
NightMaker = Callable[..., Night]


def read(ingested: Ingested) -> pd.DataFrame:
    """All good rows, by id."""
    table: pd.DataFrame = pd.concat([read_part(part).to_pandas() for part in ingested.parts])
    return table.set_index("customer_id").sort_index()


def night_of(folder: Path, make_night: NightMaker, columns: dict[str, Any]) -> Night:
    """A night over the files of this folder."""
    rows = {"id": "id", "columns": columns}
    features = [name for name, column in columns.items() if column["type"] in ("int", "float")]
    return make_night(folder, rows=rows, features=features)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_renamed_and_absent_columns_are_read(tmp_path: Path, make_night: NightMaker, suffix: str) -> None:
    """Files of three generations are one table: old names count, and what a file lacks is null."""
    generations = [
        {"id": ["a", "b"], "Betrag": [1.5, 2.5], "orders": [1, 2]},
        {"id": ["c"], "orders": [3], "amount": [3.5]},
        {"channel": ["web"], "id": ["d"], "total": [4.5], "orders": [4]},
    ]
    for number, content in enumerate(generations):
        frame = pd.DataFrame(content)
        path = tmp_path / f"{number}.{suffix}"
        frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    table = read(ingest(night_of(tmp_path, make_night, COLUMNS)))
    assert table["total"].to_dict() == {"a": 1.5, "b": 2.5, "c": 3.5, "d": 4.5}
    assert table["orders"].to_dict() == {"a": 1, "b": 2, "c": 3, "d": 4}
    assert table["channel"].dropna().to_dict() == {"d": "web"}


def test_a_column_under_two_names_is_refused(tmp_path: Path, make_night: NightMaker) -> None:
    """Nobody knows which of the two holds the values."""
    (tmp_path / "a.csv").write_text("id,total,amount,orders\na,1,2,3\n")
    with pytest.raises(Refused, match="has total and its earlier name amount"):
        ingest(night_of(tmp_path, make_night, COLUMNS))


def test_a_column_that_is_not_declared_absent_is_missed(tmp_path: Path, make_night: NightMaker) -> None:
    """Only declared columns may be absent."""
    (tmp_path / "a.csv").write_text("id,amount,channel\na,1,web\n")
    with pytest.raises(Refused, match="lacks orders"):
        ingest(night_of(tmp_path, make_night, COLUMNS))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": {"type": "int", "absent": None}}, "absent: null needs nullable"),
        ({"a": {"type": "int", "was": ["b"]}, "b": {"type": "int"}}, "was names b"),
        ({"a": {"type": "int", "was": ["c"]}, "b": {"type": "int", "was": ["c"]}}, "was names c"),
    ],
)
def test_declarations_that_contradict_each_other_are_refused(columns: dict[str, Any], message: str) -> None:
    """A column that may be absent is nullable, and a name belongs to one column."""
    with pytest.raises(ValidationError, match=message):
        Rows.model_validate({"id": "id", "columns": columns})


@pytest.mark.parametrize(
    "name",
    [
        *(
            "_fivetran_deleted",
            "__op",
            "Customer: ID",
            "Größe (cm)",
            "顧客番号",
            'Total "net"',
            "it's",
            "a|b",
        ),
        *("Umsatz in €", "?", "a;b", "{x}", "[0]", "100%", "x" * 100),
    ],
)
def test_names_of_columns_as_exporters_write_them(tmp_path: Path, make_night: NightMaker, name: str) -> None:
    """Whatever shows can be a name, in CSV and in Parquet."""
    frame = pd.DataFrame({"id": ["a", "b"], name: [1.5, 2.5]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.assign(id=["c", "d"]).to_parquet(tmp_path / "b.parquet")
    table = read(ingest(night_of(tmp_path, make_night, {name: {"type": "float"}})))
    assert table[name].tolist() == [1.5, 2.5, 1.5, 2.5]


@pytest.mark.parametrize(
    "name", ["", " a", "a ", "a\n", "a\tb", "a\0b", "a`b", "<b>", "a\\b", "\ufeffid", "a\u202eb", "x" * 101]
)
def test_names_that_outputs_could_not_show_are_refused(name: str) -> None:
    """A name has no control characters, no invisible ones and no marks of HTML or of expressions."""
    with pytest.raises(ValidationError, match="column names start and end"):
        Rows.model_validate({"id": "id", "columns": {name: {"type": "int"}}})


@pytest.mark.parametrize(
    "stamps",
    [
        pa.array([0, 2**62], pa.timestamp("us")),
        pa.array([0, -(2**62)], pa.timestamp("ms")),
        pa.array([0, 2**62], pa.timestamp("us", "Mars/Olympus")),
        pa.array([0, 2**31 - 1], pa.int32()).cast(pa.date32()),
    ],
)
def test_times_that_python_cannot_hold_are_quarantined(
    tmp_path: Path, make_night: NightMaker, stamps: pa.Array
) -> None:
    """A timestamp of the year 148000 or of an unknown zone is a row in quarantine, not a traceback."""
    pq.write_table(pa.table({"id": ["a", "b"], "n": [1, 2], "since": stamps}), tmp_path / "a.parquet")
    columns = {"n": {"type": "int"}, "since": {"type": "timestamp"}}
    ingested = ingest(night_of(tmp_path / "a.parquet", make_night, columns))
    assert ingested.balance.reasons == {"since: unreadable": 1}
    assert read(ingested)["since"].tolist() == [datetime(1970, 1, 1)]
