"""Schemas in Python: every failure is a quarantined row with its reason, or a refusal, and shows no value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from config.settings import read_settings
from schemas.night import Night
from schemas.rows import Customers
from segmentation.errors import Refused
from segmentation.parts import read_part
from tasks.ingest import ingest
from tasks.summarise import summarise

HEAD = "import pandas as pd\nimport pandera.pandas as pa\n\n"
COLUMNS = {
    "email": {"type": "text", "nullable": True},
    "spend": {"type": "float"},
    "orders": {"type": "int"},
    "since": {"type": "timestamp"},
    "age": {"type": "int", "nullable": True},
}
GOOD = [f"c{i:02d},m{i}@x.org,{10 + i}.5,{1 + i % 4},2026-01-{1 + i:02d},{30 + i}" for i in range(12)]

NightMaker = Callable[..., Night]
Runner = Callable[..., Customers]


@pytest.fixture(autouse=True)
def code_is_allowed(own_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings allow code, as on a machine where it is wanted."""
    monkeypatch.setenv("RESEGMENT_ALLOW_SCHEMAS", "1")
    read_settings.cache_clear()


@pytest.fixture
def customers_of(tmp_path: Path, make_night: NightMaker) -> Runner:
    """Ingest and summarise these lines by a schema's source."""

    def run(source: str, *lines: str, **changes: Any) -> Customers:
        (tmp_path / "customers.csv").write_text("\n".join(["id,email,spend,orders,since,age", *lines]) + "\n")
        rows = {"id": "id", "columns": COLUMNS, "schema": "rules:Rules", **changes}
        night = make_night(tmp_path / "customers.csv", rows=rows)
        night = night.model_copy(update={"schema_source": HEAD + source})
        return summarise(night, ingest(night))

    return run


def refused_rows(customers: Customers) -> dict[str, str]:
    """All reasons of each refused row by its id."""
    tables = [read_part(part).to_pandas() for part in customers.quarantine]
    rows = pd.concat(tables) if tables else pd.DataFrame(columns=["customer_id", "reasons"])
    return dict(zip(rows["customer_id"], rows["reasons"], strict=True))


def test_a_model_judges_rows_that_keep_the_contract(customers_of: Runner) -> None:
    """Checks of columns and of whole rows refuse rows by their names, next to the definition's own."""
    source = """
class Rules(pa.DataFrameModel):
    spend: float = pa.Field(le=1000)
    orders: int
    since: pd.Timestamp
    email: str = pa.Field(nullable=True)
    age: pd.Int64Dtype = pa.Field(nullable=True)

    @pa.check("orders")
    def not_thirteen(cls, orders):
        return orders != 13

    @pa.dataframe_check(error="spend per order is too high")
    def plausible(cls, rows):
        return rows["spend"] < 100 * rows["orders"]
"""
    lines = [
        "d1,,5000,60,2026-01-01,",
        "d2,,50,13,2026-01-01,40",
        "d3,,900,2,2026-01-01,",
        "d4,,x,1,2026-01-01,",
    ]
    customers = customers_of(source, *GOOD, *lines)
    assert refused_rows(customers) == {
        "d1": "spend: less_than_or_equal_to(1000)",
        "d2": "orders: not_thirteen",
        "d3": "spend per order is too high",
        "d4": "spend: unreadable",
    }
    assert customers.count == len(GOOD)
    assert customers.balance.adds_up


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("pa.Check(lambda s: s < 100, name='small')", "spend: small"),
        ("pa.Check(lambda s: s < 100)", "spend: check 1"),
        ("pa.Check(lambda s: s < 100, name='x', error='too; large\\n')", "spend: too large"),
        ("pa.Check(lambda s: s < 100, name='missing')", "spend: check missing"),
        ("pa.Check(lambda v: v < 100, element_wise=True, name='small')", "spend: small"),
        ("pa.Check(lambda s: (s < 100).to_numpy(), name='array')", "spend: array"),
        ("pa.Check(lambda s: s < 100, n_failure_cases=1, name='first')", "spend: first"),
        ("pa.Check(lambda v: 1 / (v - 500) < 1, element_wise=True, name='inverse')",
         "spend: inverse raised ZeroDivisionError"),
        ("pa.Check(lambda s: s < 1000 // int((s != 500).all()), name='odd')",
         "spend: odd raised ZeroDivisionError"),
        ("[pa.Check(lambda s: s < 100, name='a'), pa.Check(lambda s: s < 200, name='b')]",
         "spend: a; spend: b"),
        ("pa.Check.lt(100)", "spend: less_than(100)"),
        ("pa.Check.in_range(0, 100, error='range')", "spend: range"),
    ],
)  # fmt: skip
def test_each_kind_of_check_gives_its_own_reason(check: str, reason: str, customers_of: Runner) -> None:
    """Only the row that fails is refused, with the check's name or error, or with what it raised."""
    source = f"Rules = pa.DataFrameSchema({{'spend': pa.Column(float, {check})}})"
    customers = customers_of(source, *GOOD, "d1,,500,1,2026-01-01,1")
    assert refused_rows(customers) == {"d1": reason}


@pytest.mark.parametrize(
    ("column", "refused"),
    [
        ("'age': pa.Column('Int64', nullable=True)", {}),
        ("'age': pa.Column(int)", {"d1": "age: missing"}),
        ("'since': pa.Column('datetime64[ns]')", {}),
        ("'email': pa.Column(object, nullable=True)", {}),
        ("'email': pa.Column(str)", {"d1": "email: missing"}),
        ("'orders': pa.Column('int32')", {}),
        ("'orders': pa.Column('int8')", {"d2": "orders: not int8"}),
        ("'orders': pa.Column(float)", {}),
        ("'email': pa.Column(int, coerce=True)", {"d1": "email: missing", "d2": "email: not int64"}),
        ("'^(age|orders)$': pa.Column(regex=True, nullable=True, checks=pa.Check.lt(500))",
         {"d2": "orders: less_than(500)"}),
        ("'spend': pa.Column(float), 'nowhere': pa.Column(int, required=False)", {}),
    ],
)  # fmt: skip
def test_types_are_those_of_the_definition(
    column: str, refused: dict[str, str], customers_of: Runner
) -> None:
    """Another representation of the declared type fits; values beyond a narrower type are refused."""
    lines = [f"e{i},7,1,1,2026-01-01,1" for i in range(3)]
    customers = customers_of(
        f"Rules = pa.DataFrameSchema({{{column}}})", *lines, "d1,,1,1,2026-01-01,", "d2,x,1,1000,2026-01-01,1"
    )
    assert refused_rows(customers) == refused


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("{'spend': pa.Column(int)}", "column spend is int64, and rows.columns says float"),
        ("{'since': pa.Column(str)}", "column since is"),
        ("{'nowhere': pa.Column(int)}", "it names nowhere, and the rows have no such column"),
        ("{'x.*': pa.Column(regex=True)}", "it names x.*"),
        ("{'spend': pa.Column()}, strict=True", "it is strict and lacks id, email, orders, since, age"),
        ("{'spend': pa.Column(parsers=pa.Parser(lambda s: s))}", "parsers of spend would change rows"),
        ("{'spend': pa.Column(float, default=1.0)}", "default of spend would change rows"),
        ("{'spend': pa.Column(float)}, add_missing_columns=True", "add_missing_columns would change rows"),
        ("{}, parsers=pa.Parser(lambda d: d)", "parsers would change rows"),
        ("{}, index=pa.Index(int)", "it has an index"),
        ("{}, unique=['spend', 'nowhere']", "unique names nowhere"),
        ("{}, metadata={'whole_table': ['typo']}", "whole_table names typo, which is not a check"),
        (
            "{'orders': pa.Column(), "
            "'spend': pa.Column(checks=pa.Check(lambda g: True, groupby='orders', name='groups'))}",
            "spend: groups compares groups of rows",
        ),
        ("{}, checks=pa.Check(lambda d: True, name='all')", "all gives one answer for a whole table"),
        ("{}, checks=pa.Check(lambda d: d['nowhere'] > 1, name='typo')", "typo raised KeyError on more than"),
        ("{}, checks=pa.Check(lambda d: d.spend[:3] > 1, name='cut')", "cut answers for other rows"),
        (
            "{}, checks=pa.Check(lambda d: ~d.orders.duplicated(), name='once')",
            "judges a row by the rows around",
        ),
        (
            "{'spend': pa.Column(checks=pa.Check(lambda s: s < 2 * s.mean(), name='m'))}",
            "spend: m judges a row by",
        ),
        (
            "{}, metadata={'whole_table': ['m']}, checks=pa.Check(lambda d: d.spend.mean() < 1, name='m')",
            "m is false for the table of 24 rows",
        ),
        (
            "{}, metadata={'whole_table': ['m']}, checks=pa.Check(lambda d: 1 // 0, name='m')",
            "m raised ZeroDivisionError",
        ),
    ],
)
def test_a_schema_that_cannot_judge_rows_is_refused(schema: str, message: str, customers_of: Runner) -> None:
    """The message names the schema and what is wrong with it, in one line."""
    lines = [line.replace("c", "d", 1) for line in GOOD[:11]]
    with pytest.raises(Refused) as refusal:
        customers_of(f"Rules = pa.DataFrameSchema({schema})", *GOOD, *lines, "e1,,900,1,2026-01-01,1")
    assert message in str(refusal.value)
    assert str(refusal.value).startswith("schema: rows.schema rules:Rules: ")
    assert "\n" not in str(refusal.value)


def test_a_check_that_only_warns_refuses_no_row(customers_of: Runner) -> None:
    """raise_warning gives a warning of the run with the number of rows."""
    source = "Rules = pa.DataFrameSchema({'orders': pa.Column(checks=pa.Check.lt(3, raise_warning=True))})"
    customers = customers_of(source, *GOOD)
    assert customers.balance.quarantined == 0
    assert "in 6 rows, orders: less_than(3) of rows.schema fails, which only warns" in customers.warnings


def test_rows_that_a_check_sees_together_are_refused_or_the_night_is(customers_of: Runner) -> None:
    """A check listed under whole_table sees every row that counts, and may refuse rows or the night."""
    source = """
class Rules(pa.DataFrameModel):
    spend: float

    @pa.dataframe_check
    def rising(cls, rows):
        return rows["since"].is_monotonic_increasing

    @pa.check("spend")
    def no_outlier(cls, spend):
        return spend < 10 * spend.median()

    class Config:
        metadata = {"whole_table": ["rising", "no_outlier"]}
"""
    customers = customers_of(source, *GOOD, "d1,,5000,1,2026-02-01,1")
    assert refused_rows(customers) == {"d1": "spend: no_outlier"}
    with pytest.raises(Refused, match="rising is false for the table of 13 rows"):
        customers_of(source, *GOOD, "d1,,5000,1,2025-02-01,1")
