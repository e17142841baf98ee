"""No value of a customer leaves a schema: not in reasons, tracebacks, warnings, logs or Prefect's states."""

import logging
import traceback
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from pandera.engines.pandas_engine import PydanticModel
from pydantic import BaseModel

from schemas.schema_judging import judge_frame
from schemas.schema_review import review_schema
from tests.conftest import Command

CANARY = "canary-4711"
NUMBER = 98765432.125
CANARIES = (CANARY, "98765432")
FRAME = pd.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "name": [CANARY, CANARY, None, "x"],
        "spend": [NUMBER, 1.0, 2.0, NUMBER],
        "orders": [1, 2, 3, 4],
    }
)


class Person(BaseModel):
    """A type of whole rows."""

    name: int


def leak(values: pd.Series) -> pd.Series:
    """Show the values in every way that a check has, then raise with them."""
    import warnings

    warnings.warn(f"{values.tolist()}", stacklevel=1)
    print(values.tolist())  # noqa: T201
    raise ValueError(values.tolist())


SCHEMAS: dict[str, dict[str, Any]] = {
    "fails": {"columns": {"name": pa.Column(str, pa.Check(lambda s: s == "x", name="x"), nullable=True)}},
    "built in": {"columns": {"spend": pa.Column(float, pa.Check.lt(1))}},
    "of rows": {"checks": pa.Check(lambda rows: rows["spend"] < rows["orders"], name="below")},
    "of cells": {"checks": pa.Check(lambda rows: rows[["spend", "orders"]] < 1, name="cells")},
    "raises": {"columns": {"name": pa.Column(str, pa.Check(leak, name="leak"), nullable=True)}},
    "raises by element": {
        "columns": {"name": pa.Column(checks=pa.Check(int, element_wise=True, name="number"), nullable=True)}
    },
    "raises of rows": {"checks": pa.Check(lambda rows: leak(rows["name"]), name="leak")},
    "exits": {"columns": {"name": pa.Column(checks=pa.Check(exit, name="exit"), nullable=True)}},
    "warns": {"columns": {"spend": pa.Column(float, pa.Check.lt(1, raise_warning=True))}},
    "missing": {"columns": {"name": pa.Column(str)}},
    "unique": {"columns": {"name": pa.Column(unique=True, nullable=True)}},
    "unique together": {"unique": ["name"]},
    "dtype": {"columns": {"name": pa.Column(int, nullable=True)}},
    "dtype of all": {"columns": {"spend": pa.Column(int)}},
    "coerce": {"columns": {"name": pa.Column(int, nullable=True, coerce=True)}},
    "coerce all": {"dtype": int, "coerce": True},
    "category": {"columns": {"name": pa.Column(pd.CategoricalDtype(["x"]), nullable=True, coerce=True)}},
    "whole rows": {"dtype": PydanticModel(Person), "coerce": True},
    "one answer": {"checks": pa.Check(lambda rows: rows["name"].tolist() == [], name="empty")},
    "strict": {"columns": {"name": pa.Column(nullable=True)}, "strict": True},
    "groups": {
        "columns": {
            "name": pa.Column(nullable=True),
            "spend": pa.Column(checks=pa.Check(lambda g: g[CANARY].empty, groupby="name", name="g")),
        },
        "metadata": {"whole_table": ["g"]},
    },
    "whole table": {
        "checks": pa.Check(lambda rows: leak(rows["name"]), name="leak"),
        "metadata": {"whole_table": ["leak"]},
    },
    "parser": {"columns": {"name": pa.Column(parsers=pa.Parser(leak), nullable=True)}},
}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_no_kind_of_failure_shows_a_value(
    kind: str,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    """Neither reasons nor the exception, its chain, warnings, logs and outputs contain a value."""
    caplog.set_level(logging.DEBUG)
    schema = pa.DataFrameSchema(**SCHEMAS[kind])
    try:
        failures = judge_frame(FRAME, review_schema(schema, list(FRAME.columns)), is_whole=True).failures
        visible = str([(failure.full_reason, failure.rows.tolist()) for failure in failures])
        assert kind == "warns" or failures
    except TypeError as error:
        visible = "".join(traceback.format_exception(error)) + repr(error.args)
        assert error.__context__ is None
        assert error.__cause__ is None
    output = capfd.readouterr()
    texts = [visible, output.out, output.err, caplog.text, *(str(warning.message) for warning in recwarn)]
    assert not [text for text in texts for canary in CANARIES if canary in text]


DEFINITION = """
name: shop
source: {path: customers.csv}
rows:
  id: id
  schema: rules:Rules
  where: [{test: "spend < 1000 * orders", reason: implausible}]
  columns:
    name: {type: text, pattern: "[a-z0-9 -]+", unique: true}
    spend: {type: float}
    orders: {type: int}
features: [spend, orders]
k: {min: 1, max: 2}
checks: {max_quarantined: 0.9}
"""
MODEL = f"""
import logging, warnings
import pandera.pandas as pa

def leak(values):
    warnings.warn(str(list(values)))
    print(list(values))
    raise ValueError(list(values))

class Rules(pa.DataFrameModel):
    name: str = pa.Field(unique=True)

    @pa.check("name")
    def not_the_first(cls, values):
        return values != "{CANARY} 1"

    @pa.check("name", raise_warning=True)
    def not_the_second(cls, values):
        return values != "{CANARY} 2"

    @pa.check("name")
    def raises(cls, values):
        return leak(values) if (values == "{CANARY} 3").any() else values != ""

    @pa.dataframe_check
    def not_the_fourth(cls, rows):
        return rows["name"] != "{CANARY} 4"
"""
FAILING = """
    @pa.dataframe_check
    def fails(cls, rows):
        return leak(rows["name"])
"""


def read_files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(("extra_check", "status"), [("", 0), (FAILING, 2)])
def test_a_run_shows_no_value_anywhere(
    extra_check: str, status: int, command: Command, tmp_path: Path
) -> None:
    """Values are in quarantine only: not in outputs, the ledger, the edition or Prefect's database."""
    (tmp_path / "shop.yaml").write_text(DEFINITION)
    (tmp_path / "rules.py").write_text(MODEL + extra_check)
    good = [f"c{i:03d},name {i},{10 + i % 7 + (i % 2) * 90},{1 + i % 3}" for i in range(60)]
    bad = [f"d{i},{CANARY} {i},10,1" for i in range(6)]
    bad += [f"e1,{CANARY} again,10,1", f"e2,{CANARY} again,11,1", f"e3,{CANARY}!,10,1", "e4,x,98765432,1"]
    (tmp_path / "customers.csv").write_text("\n".join(["id,name,spend,orders", *good, *bad]) + "\n")
    result = command(
        *("run", "shop.yaml", "--as-of", "2026-01-31"),
        RESEGMENT_ALLOW_SCHEMAS="1",
        PREFECT_HOME=str(tmp_path / "prefect"),
        PREFECT_LOGGING_LEVEL="DEBUG",
    )
    assert result.returncode == status, result.stderr
    if status == 0:
        assert "7 of 70 rows" in result.stdout
    else:
        assert (
            "schema: rows.schema rules:Rules: fails raised ValueError on more than 20 rows" in result.stderr
        )
    texts = {"output": result.stdout.encode(), "error": result.stderr.encode()}
    texts |= (
        read_files(tmp_path / "store") | read_files(tmp_path / "prefect") | read_files(tmp_path / "state")
    )
    # The schema's own source has the canary, and these hold rows.
    holding = ("customers.csv", "schema.py", "quarantine.parquet")
    leaks = [
        name
        for name, content in texts.items()
        if not name.endswith(holding)
        for canary in CANARIES
        if canary.encode() in content
    ]
    assert leaks == []
