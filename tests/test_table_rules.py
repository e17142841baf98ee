"""Rules over all rows that count: unique values of a definition or a schema, checks of the whole table."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.rows import Customers
from segmentation.errors import Refused
from segmentation.parts import read_part
from segmentation.rows.reading import source_batches
from segmentation.rows.summarising import table_rules
from tests.event_inputs import (
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    read_refused,
    with_rows,
    write_events,
)
from tests.test_python_schema import GOOD, NightMaker, Runner, code_is_allowed, customers_of, refused_rows

__all__ = ["code_is_allowed", "customers_of"]  # fixtures, used by their names

COLUMNS = {"email": {"type": "text", "nullable": True, "unique": True}, "spend": {"type": "float"}}


def run_customers(night_of: NightMaker, path: Path, **rows: Any) -> Customers:
    """The customers of a table with a unique column."""
    definition = {"rows": {"id": "id", "columns": COLUMNS, **rows}, "features": ["spend"]}
    return ingest_and_summarise(night_of(path, **definition))[1]


@pytest.mark.parametrize(
    ("schema", "refused"),
    [
        ("{'email': pa.Column(nullable=True, unique=True)}", {"d1", "d2"}),
        ("{'email': pa.Column(nullable=True, unique=True, report_duplicates='exclude_first')}", {"d2"}),
        ("{'email': pa.Column(nullable=True, unique=True, report_duplicates='exclude_last')}", {"d1"}),
        ("{}, unique='email'", {"d1", "d2"}),
        ("{}, unique=['email', 'since']", set()),
        ("{}, unique=['email', 'orders']", {"d1", "d2"}),
        ("{}, unique=[['email', 'orders'], ['id', 'since']]", {"d1", "d2"}),
    ],
)
def test_uniqueness_of_a_schema(schema: str, refused: set[str], customers_of: Runner) -> None:
    """Rows that share a value are refused as pandera says; missing values repeat nothing."""
    lines = [
        "d1,same,1,1,2026-01-01,1",
        "d2,same,2,1,2026-01-02,1",
        "d3,,2,1,2026-01-02,1",
        "d4,,2,1,2026-01-02,1",
    ]
    customers = customers_of(f"Rules = pa.DataFrameSchema({schema})", *GOOD, *lines)
    assert set(refused_rows(customers)) == refused
    assert all(reason.endswith(": not unique") for reason in refused_rows(customers).values())


def test_unique_values_are_found_across_files_and_batches(
    tmp_path: Path, make_night: NightMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every row that shares its value with another is refused, as pandas finds them in the whole table."""
    monkeypatch.setattr(source_batches, "MERGED_ROWS", 100)
    rng = np.random.default_rng(3)
    table = pd.DataFrame({"id": [f"c{i:04d}" for i in range(900)], "spend": rng.uniform(1, 9, 900).round(2)})
    table["email"] = [f"m{i}" if i else None for i in rng.integers(0, 2000, 900)]
    for number, part in enumerate(np.array_split(np.arange(900), 9)):
        table.iloc[part].to_csv(tmp_path / f"part-{number}.csv", index=False)
    customers = run_customers(make_night, tmp_path)
    is_repeated = table["email"].notna() & table["email"].duplicated(keep=False)
    assert set(read_refused(customers)["customer_id"]) == set(table.loc[is_repeated, "id"])
    ids = [name for part in customers.parts for name in read_part(part)["customer_id"].to_pylist()]
    assert ids == table.loc[~is_repeated, "id"].tolist()
    assert customers.balance.adds_up
    assert customers.balance.reasons == {"email: not unique": int(is_repeated.sum())}


def test_uniqueness_holds_for_the_rows_that_count(tmp_path: Path, make_night: NightMaker) -> None:
    """A row delivered twice is merged first, and one that a policy drops repeats nothing."""
    lines = ["id,email,spend", "a,x,1", "a,x,1", "b,y,2", "c,z,3"]
    (tmp_path / "twice.csv").write_text("\n".join(lines) + "\n")
    customers = run_customers(make_night, tmp_path / "twice.csv")
    assert (customers.count, customers.balance.merged, customers.balance.quarantined) == (3, 1, 0)
    (tmp_path / "last.csv").write_text("\n".join([*lines, "c,y,4", "c,w,5"]) + "\n")
    customers = run_customers(make_night, tmp_path / "last.csv", on_duplicate="last")
    assert (customers.count, customers.balance.merged, customers.balance.quarantined) == (3, 3, 0)


def test_a_table_of_repeats_is_refused(tmp_path: Path, make_night: NightMaker) -> None:
    """A night without a row left has nothing to segment."""
    (tmp_path / "all.csv").write_text("id,email,spend\na,x,1\nb,x,2\n")
    with pytest.raises(Refused, match=r"all rows are refused: email: not unique \(2\)"):
        run_customers(make_night, tmp_path / "all.csv")


def test_unique_events_after_one_of_each_key_was_chosen(tmp_path: Path) -> None:
    """Versions of one key do not repeat each other's values, two keys do."""
    columns = with_rows()["columns"] | {"invoice": {"type": "text"}, "slip": {"type": "text", "unique": True}}
    rows = with_rows(columns=columns, key=["invoice"], on_duplicate="last", order_by="day")
    lines = [
        "a,i1,2026-01-03,1,2.5,s1",
        "a,i1,2026-01-04,1,3.5,s1",
        "a,i2,2026-01-05,1,9,s2",
        "b,i3,2026-01-05,1,9,s2",
        "b,i4,2026-01-06,2,4,s4",
    ]
    path = write_events(tmp_path / "events.csv", lines, "id,invoice,day,pieces,price,slip")
    _, customers = ingest_and_summarise(make_night(path, define(rows=rows)))
    refused = read_refused(customers)
    assert refused[["customer_id", "reason", "column"]].to_numpy().tolist() == [
        ["a", "slip: not unique", "slip"],
        ["b", "slip: not unique", "slip"],
    ]
    assert read_customers(customers)["revenue"].to_dict() == {"a": 3.5, "b": 8.0}
    assert customers.balance.merged == 1


def test_a_table_too_large_for_pandas_is_refused(
    customers_of: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check of the whole table says so before it takes the memory."""
    monkeypatch.setattr(table_rules, "MOST_VALUES", 50)
    source = (
        "Rules = pa.DataFrameSchema({}, checks=pa.Check(lambda d: True, name='all'), "
        "metadata={'whole_table': ['all']})"
    )
    with pytest.raises(Refused, match="all needs the whole table at once, 12 rows of 6 columns"):
        customers_of(source, *GOOD)


def test_a_row_that_breaks_several_rules_has_all_reasons(customers_of: Runner) -> None:
    """Rules of a definition come first, then those of the schema in their order."""
    source = """
class Rules(pa.DataFrameModel):
    email: str = pa.Field(nullable=True, unique=True)

    @pa.dataframe_check
    def first_of_its_day(cls, rows):
        return ~rows["since"].duplicated()

    class Config:
        metadata = {"whole_table": ["first_of_its_day"]}
"""
    customers = customers_of(source, *GOOD, "d1,m3@x.org,5,1,2026-01-02,1")
    assert refused_rows(customers) == {
        "c03": "email: not unique",
        "d1": "email: not unique; first_of_its_day",
    }
    assert customers.balance.reasons == {"email: not unique": 2}
    assert customers.balance.mentions == {"email: not unique": 2, "first_of_its_day": 1}
