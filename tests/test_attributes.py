"""Attributes: which rows of a second table hold on a date, how they are joined, and what is refused."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.night import Night
from segmentation.checks.attributes import check_attributes
from segmentation.errors import Refused
from tests.conftest import DEFINITION
from tests.joined_tables import AGE, AS_OF, TIME, VALIDITY, Joiner, write_csv


@pytest.fixture
def joiner(tmp_path: Path, make_night: Callable[..., Night]) -> Joiner:
    """Joins tables in the test's folder."""
    return Joiner(tmp_path, make_night)


def test_ids_match_and_those_that_do_not_are_counted(joiner: Joiner) -> None:
    """A customer without a row has no value; ids without a customer are counted and left out."""
    path = write_csv(joiner.folder / "a.csv", "no,age c1,30 c3,50 x9,99")
    joined = joiner.join(["c1", "c2", "c3"], path)
    assert joined.ages == {"c1": 30, "c3": 50}
    assert joined.customers["customer_id"].tolist() == ["c1", "c2", "c3"]
    assert joined.balance.describe() == (
        "2 of 3 customers (66.7%) are in attributes; 1 of its ids belongs to no customer"
    )


@pytest.mark.parametrize("kind", ["sql", "delta"])
def test_attributes_are_in_a_database_or_a_delta_table(
    joiner: Joiner, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A statement sees the date; a Delta table is read as of now. Both are judged as files are."""
    frame = pd.DataFrame({"no": ["c1", "c2", "c2", "x9"], "age": [30, 40, 41, 99], "since": "2026-01-01"})
    source = {"connection": "crm", "sql": "SELECT no, age FROM people WHERE since < :as_of"}
    if kind == "sql":
        with closing(sqlite3.connect(joiner.folder / "crm.db")) as connection:
            later = pd.DataFrame({"no": ["c3"], "age": [50], "since": "2026-01-31"})
            pd.concat([frame, later]).to_sql("people", connection, index=False)
        monkeypatch.setenv("RESEGMENT_CONNECTION_CRM", f"sqlite:///{joiner.folder / 'crm.db'}")
    else:
        deltalake = pytest.importorskip("deltalake")
        deltalake.write_deltalake(str(joiner.folder / "people"), frame[["no", "age"]])
        source = {"path": str(joiner.folder / "people")}
    joined = joiner.join(["c1", "c2", "c3"], "", source=source)
    assert joined.ages == {"c1": 30}
    assert joined.refused["reason"].tolist() == ["conflicting rows of one customer"] * 2
    assert (joined.balance.matched, joined.balance.ids_elsewhere) == (1, 1)


@pytest.mark.parametrize("end", ["csv", "parquet"])
def test_rows_of_one_id_agree_or_are_quarantined(joiner: Joiner, end: str) -> None:
    """Equal rows are merged; rows that differ are refused, and their customer has no value."""
    frame = pd.DataFrame({"no": ["c1", "c1", "c2", "c2", "c3"], "age": [30, 30, 40, 41, 50]})
    path = joiner.folder / f"a.{end}"
    frame.to_csv(path, index=False) if end == "csv" else frame.to_parquet(path)
    joined = joiner.join(["c1", "c2", "c3"], path)
    assert joined.ages == {"c1": 30, "c3": 50}
    assert joined.refused["reason"].tolist() == ["conflicting rows of one customer"] * 2
    rows = joined.balance.rows
    assert (rows.read, rows.used, rows.merged, rows.quarantined) == (5, 2, 1, 2)
    assert rows.adds_up


def test_a_row_holds_from_its_first_moment_to_before_its_last(joiner: Joiner) -> None:
    """Validity is half open, in the definition's time zone; missing bounds are open, and so is 9999."""
    path = write_csv(
        joiner.folder / "a.csv",
        "no,age,since,until c1,1,2026-01-31,2026-02-01 c2,2,2026-01-30,2026-01-31 c3,3,,"
        " c4,4,2026-01-31T00:00:01,9999-12-31 c5,5,0001-01-01,9999-12-31 c6,6,2026-01-30T23:30:00Z,",
    )
    ids = [f"c{i}" for i in range(1, 7)]
    assert joiner.join(ids, path, **VALIDITY).ages == {"c1": 1, "c3": 3, "c5": 5, "c6": 6}
    joined = joiner.join(ids, path, date(2026, 1, 30), **VALIDITY)
    assert joined.ages == {"c2": 2, "c3": 3, "c5": 5}
    assert (joined.balance.rows.outside, joined.balance.rows.read) == (3, 3)


def test_validity_is_in_the_definitions_zone(joiner: Joiner) -> None:
    """A time with an offset is compared with midnight in the definition's zone."""
    path = write_csv(joiner.folder / "a.csv", "no,age,since c1,1,2026-01-30T23:30:00Z")
    changes: dict[str, Any] = {"columns": {"age": AGE, "since": TIME}, "valid_from": "since"}
    assert joiner.join(["c1"], path, **changes).ages == {"c1": 1}
    new_york = Joiner(
        joiner.folder, lambda **clauses: joiner.make_night(timezone="America/New_York", **clauses)
    )
    assert new_york.join(["c1"], path, date(2026, 1, 30), **changes).ages == {}
    assert new_york.join(["c1"], path, date(2026, 1, 31), **changes).ages == {"c1": 1}


def test_overlapping_validity_is_quarantined(joiner: Joiner) -> None:
    """Rows of one id that hold at one moment are refused, and so is a row that ends before it begins."""
    path = write_csv(
        joiner.folder / "a.csv",
        "no,age,since,until c1,1,2026-01-01,2026-01-20 c1,2,2026-01-19, c2,3,2026-01-01,2026-01-20"
        " c2,4,2026-01-20, c3,5,2026-01-09,2026-01-08 c4,6,2026-01-01, c4,6,2026-01-01,",
    )
    joined = joiner.join(["c1", "c2", "c3", "c4"], path, **VALIDITY)
    assert joined.ages == {"c2": 4, "c4": 6}
    assert joined.balance.rows.reasons == {"overlapping validity": 2, "validity ends before it begins": 1}
    assert joined.balance.rows.merged == 1
    assert joined.balance.rows.adds_up


def test_without_an_end_a_row_holds_until_the_next_one(joiner: Joiner) -> None:
    """With valid_from alone, the newest row that has begun counts; two that begin together are refused."""
    path = write_csv(
        joiner.folder / "a.csv",
        "no,age,since c1,1,2026-01-01 c1,2,2026-01-31 c1,3,2026-02-01 c2,4,2026-01-05 c2,5,2026-01-05 c3,6,",
    )
    changes: dict[str, Any] = {"columns": {"age": AGE, "since": TIME}, "valid_from": "since"}
    joined = joiner.join(["c1", "c2", "c3"], path, **changes)
    assert joined.ages == {"c1": 2, "c3": 6}
    assert joined.balance.rows.reasons == {"overlapping validity": 2}
    assert joiner.join(["c1"], path, date(2026, 1, 30), **changes).ages == {"c1": 1}


def test_rows_that_hold_agree_with_pandas(joiner: Joiner) -> None:
    """On drawn validities without overlap, each date's values are those that pandas selects."""
    rng = np.random.default_rng(3)
    days = pd.date_range("2026-01-01", periods=60)
    lines = []
    for number in range(200):
        cuts = np.sort(rng.choice(60, 6, replace=False))
        for start, end in cuts.reshape(3, 2):
            lines.append((f"c{number:03d}", int(rng.integers(18, 90)), days[start], days[end]))
    frame = pd.DataFrame(lines, columns=["no", "age", "since", "until"]).sample(frac=1, random_state=1)
    path = joiner.folder / "a.csv"
    frame.to_csv(path, index=False)
    for as_of in (date(2026, 1, 10), date(2026, 1, 31), date(2026, 2, 20)):
        midnight = pd.Timestamp(as_of)
        current = frame[(frame["since"] <= midnight) & (frame["until"] > midnight)]
        joined = joiner.join([f"c{number:03d}" for number in range(200)], path, as_of, **VALIDITY)
        assert joined.ages == dict(zip(current["no"], current["age"], strict=True))


def test_of_dated_files_the_newest_up_to_the_date_is_read(joiner: Joiner) -> None:
    """A file of a later date is left out, and the balance names the day that was read."""
    for name, age in (("2026-01-01", 1), ("2026-01-31", 2), ("2026-02-01", 3)):
        write_csv(joiner.folder / "a" / f"customers-{name}.csv", f"no,age c1,{age}")
    source = {"path": str(joiner.folder / "a"), "date_in_name": "%Y-%m-%d"}
    joined = joiner.join(["c1"], "", source=source)
    assert (joined.ages, joined.balance.day) == ({"c1": 2}, AS_OF)
    assert joiner.join(["c1"], "", date(2026, 1, 30), source=source).ages == {"c1": 1}
    with pytest.raises(Refused, match=r"no-file: attributes: no table at .* for 2025-12-31"):
        joiner.join(["c1"], "", date(2025, 12, 31), source=source)


def test_ids_are_read_as_those_of_the_rows(joiner: Joiner) -> None:
    """rows.id_suffix is removed from the ids of both tables, unless attributes name their own."""
    path = write_csv(joiner.folder / "a.csv", "no,age 7.0,30 8.0,40 9,50")
    rows = {**DEFINITION["rows"], "id_suffix": ".0"}
    shortened = Joiner(joiner.folder, lambda **clauses: joiner.make_night(rows=rows, **clauses))
    assert shortened.join(["7", "8", "9"], path).ages == {"7": 30, "8": 40, "9": 50}
    with pytest.raises(
        Refused, match=r"all rows are refused: .*; if ids end in .0, set attributes.id_suffix"
    ):
        shortened.join(["7"], write_csv(path, "no,age 7.0,30"), id_suffix="-x")


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ("no,age 7,1 8,2 9,3", "3 more ids match once leading zeros are removed"),
        (
            "no,age C-007,1 C-008,2 C-009,3",
            "3 more ids match once letters and signs around the digits are removed",
        ),
        ("no,age 70,1 80,2 90,3", ""),
    ],
)
def test_few_matches_name_their_likely_cause(joiner: Joiner, lines: str, cause: str) -> None:
    """Where hardly an id matches, the night is held, and the check says how the ids differ."""
    joined = joiner.join(["007", "008", "009"], write_csv(joiner.folder / "a.csv", lines))
    assert joined.balance.cause == cause
    match, _ = check_attributes(joined.balance, 0.05)
    assert (match.passed, match.required) == (False, True)
    assert cause in match.finding
    assert "3 of its ids belong to no customer" in match.finding


def test_the_checks_of_attributes_pass_and_fail(joiner: Joiner) -> None:
    """With few matches the check warns, with hardly any it holds; refused rows have a check of their own."""
    path = write_csv(joiner.folder / "a.csv", "no,age c1,30 c2,x")
    balance = joiner.join(["c1", "c2", "c3"], path).balance
    match, refused = check_attributes(balance, 0.05)
    assert (match.passed, match.required) == (False, False)
    assert (refused.passed, refused.required) == (False, True)
    assert refused.finding == "1 of 2 rows (50.00%); at most 5.00% is allowed; reasons: age: unreadable"
    assert check_attributes(joiner.join(["c1"], path).balance, 0.5)[1].passed
    assert check_attributes(None, 0.05) == ()


@pytest.mark.parametrize(
    ("lines", "changes", "message"),
    [
        ("no,other c1,1", {}, "missing-column: attributes: a.csv: the header lacks age"),
        ("id,age c1,1", {}, "missing-column: attributes: a.csv: the header lacks no"),
        ("no,age", {}, "no-rows: attributes: it has no rows"),
        ("no,age c1,x", {}, r"no-rows: attributes: all rows are refused: age: unreadable \(1\)"),
    ],
)
def test_tables_that_cannot_be_joined_are_refused(
    joiner: Joiner, lines: str, changes: dict[str, Any], message: str
) -> None:
    """A column that is missing, or a table without a row to use, is refused by the table's name."""
    with pytest.raises(Refused, match=message):
        joiner.join(["c1"], write_csv(joiner.folder / "a.csv", lines), **changes)


def test_an_empty_folder_is_refused(joiner: Joiner) -> None:
    """A folder without a table is refused, also where a source may have no data."""
    (joiner.folder / "empty").mkdir()
    with pytest.raises(Refused, match="no-file: attributes: no table at"):
        joiner.join(["c1"], joiner.folder / "empty")
