"""The content of a proposed definition: dialect, contract, features and limits, but no customer's value."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from config.settings import read_settings
from segmentation.errors import Refused
from segmentation.proposing.proposal import propose
from tests.made_tables import HOSTILE, people, propose_content, write_table

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write columns as a file in tmp_path."""

    def call(columns: dict[str, Any], name: str = "people.csv", **dialect: Any) -> Path:
        return write_table(tmp_path / name, columns, **dialect)

    return call


def test_the_dialect_is_declared_and_nothing_else(write: Write) -> None:
    """The proposal declares the keys of source.csv that differ from the default, and no others."""
    path = write(people(), sep=";", decimal=",", encoding="latin-1")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert propose_content(path)["source"]["csv"] == {
        "encoding": "latin-1", "delimiter": ";", "decimal": ",", "final_newline": False
    }  # fmt: skip
    assert "csv" not in propose_content(write(people(), "plain.csv"))["source"]
    windows = write({**people(), "city": ["Bonn – West"] * 300}, "w.csv", encoding="cp1252")
    assert propose_content(windows)["source"]["csv"] == {"encoding": "cp1252"}


def test_json_lines_without_a_final_newline_are_declared(tmp_path: Path) -> None:
    """A run refuses any text file without one unless the definition says so."""
    lines = pd.DataFrame(people()).to_json(orient="records", lines=True).rstrip("\n")
    for end, csv in (("", {"final_newline": False}), ("\n", None)):
        (tmp_path / "people.jsonl").write_text(lines + end)
        assert propose_content(tmp_path / "people.jsonl")["source"].get("csv") == csv


def test_the_same_file_gives_the_same_text(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the number of threads nor the order of rows changes a byte of the proposal."""
    path, frame = write(people(4000)), pd.DataFrame(people(4000))
    first = propose(str(path), "people", None).text
    monkeypatch.setenv("RESEGMENT_THREADS", "1")
    read_settings.cache_clear()
    assert propose(str(path), "people", None).text == first
    frame.sample(frac=1, random_state=3).to_csv(path, index=False)
    assert propose(str(path), "people", None).text == first


def test_the_text_contains_no_customers_value(write: Write) -> None:
    """Ids, names and amounts are absent; ranges are twice the largest amount, rounded outwards."""
    names = [f"zq{i} Müller" for i in range(300)]
    path = write({**people(), "person": names, "spend": [77_317.25 + i for i in range(300)]})
    text = propose(str(path), "people", None).text
    assert "zq" not in text and "c0001" not in text and "773" not in text and "776" not in text
    assert yaml.safe_load(text)["rows"]["columns"]["spend"] == {"type": "float", "ge": 0, "le": 200_000}


def test_hostile_names_and_levels_survive_unchanged(write: Write) -> None:
    """Names that a contract cannot use are left out, and levels round-trip through YAML exactly."""
    levels = [*HOSTILE, *"abcdefghij"]  # too many for a profile, which would not list them
    columns = {**people(), "level # 1": [levels[i % 18] for i in range(300)]}
    columns |= {"Grösse, cm": np.arange(300) ** 1.5}
    columns |= {name: range(300) for name in HOSTILE[:5]} | {"distance": range(300)}
    path = write(columns, "odd.parquet")
    content = propose_content(path)
    assert content["features"] == ["spend", "visits", "Grösse, cm"]
    text = propose(str(path), "odd", None).text
    (entry,) = (line.strip() for line in text.splitlines() if "level # 1" in line and "isin" in line)
    assert yaml.safe_load(entry.removeprefix("# "))["level # 1"]["isin"] == sorted(levels)
    assert not [line for line in text.splitlines() if not line.isprintable()]
    assert "rename them" in text


@pytest.mark.slow
def test_two_thousand_columns_give_a_dozen_features(write: Write) -> None:
    """A wide table is profiled up to a contract's limit; the other columns are listed or counted."""
    random = np.random.default_rng(3)
    wide = {f"c{i}": random.normal(0, 1, 40) for i in range(1998)}
    path = write({**{k: v[:40] for k, v in people().items() if k in ("customer id", "spend")}, **wide})
    content = propose_content(path)
    assert len(content["features"]) == 12 and content["features"][0] == "spend"
    assert "1,000 columns after the first 1,000" in propose(str(path), "people", None).text


def test_missing_values_are_declared_and_counted(write: Write) -> None:
    """Marks for missing numbers become null_values, and the limit is the refused share, rounded up."""
    columns = people()
    spend = [str(value) for value in columns["spend"]]
    spend[:20] = ["?"] * 20
    spend[20:25] = ["n/a"] * 5
    spend[25:30] = ["oops"] * 5
    columns["notes"] = [f"note {i}?" for i in range(300)]
    path = write({**columns, "spend": spend, "mostly": ["?"] * 100 + list(range(200))})
    content = propose_content(path)
    assert content["source"]["csv"] == {"null_values": ["", "?", "n/a"]}
    assert content["checks"]["max_quarantined"] == 0.1
    assert "mostly" not in content["rows"]["columns"]
    assert content["features"] == ["spend", "visits"]
    text = propose(str(path), "people", None).text
    assert "25 fields" in text and "10.00% of the rows" in text and "25 spend: missing" in text


def test_gaps_in_many_columns_cost_no_customers(write: Write) -> None:
    """Where small gaps would refuse many rows together they are filled, which the last line says."""
    columns = people()
    for start, name in enumerate(("age", "income", "points")):
        columns[name] = [None if row % 20 == start else row * (7 + 6 * start) % 251 for row in range(300)]
    path = write(columns)
    content = propose_content(path)
    assert content["rows"]["columns"]["age"]["fill"] == {"by": "median"}
    assert content["checks"]["max_quarantined"] == 0.05
    lines = propose(str(path), "people", None).findings.lines
    assert "100 % of 300 rows" in lines[2] and 'gaps in "age", "income", "points"' in lines[3]


@pytest.mark.parametrize("second", ["same", "differs"])
def test_repeated_ids_are_accepted_if_their_rows_agree(second: str, write: Write) -> None:
    """An id may have some repeated rows. If most rows differ, it is only an id when requested."""
    frame = pd.DataFrame(people())
    repeats = frame[:10] if second == "same" else frame[:10].assign(visits=99)
    content = propose_content(write(pd.concat([frame, repeats])))
    assert (content["rows"]["id"], content["rows"]["on_duplicate"]) == ("customer id", "quarantine")
    assert content["checks"]["max_quarantined"] == (0.05 if second == "same" else 0.1)
    path = write(pd.concat([frame, frame.assign(visits=99)]))
    assert propose_content(path)["rows"]["id"] is None
    rows = propose_content(path, "customer id")["rows"]
    assert (rows["id"], rows["on_duplicate"]) == ("customer id", "last")


def test_an_unknown_id_is_refused_with_a_suggestion(write: Write) -> None:
    """A misspelt --id is refused with the most similar column."""
    with pytest.raises(Refused, match='did you mean "customer id"'):
        propose(str(write(people())), "people", "customer_id")


def test_levels_that_describe_customers_are_a_profile(write: Write) -> None:
    """They refuse no row, list no level, and are left out where they alone make a customer's rows differ."""
    columns = {**people(), "plan": [["basic", "plus", None][i % 3] for i in range(300)], "tier": [1, 2] * 150}
    content = propose_content(write(columns))
    assert content["profile"] == ["city", "plan", "tier"]
    declared = [content["rows"]["columns"][name] for name in content["profile"]]
    assert declared == [{"type": "category", "nullable": True, "absent": "null"}] * 3
    twice = {name: [*values, *values[:10]] for name, values in columns.items()}
    twice["plan"][300:] = ["other"] * 10
    again = propose_content(write({name: list(values) for name, values in twice.items()}, "twice.csv"))
    assert "profile" not in again and again["rows"]["id"] == "customer id"


def test_of_equal_columns_the_one_that_says_what_customers_are_worth_stays(write: Write) -> None:
    """Seats, and what each of them costs a month, are twins: only the money adds up to a share of value."""
    random = np.random.default_rng(0)
    seats = random.integers(1, 900, 200)
    logins = random.poisson(20, 200)
    path = write({"account_id": range(200), "seats": seats, "mrr_usd": 12 * seats, "logins": logins})
    assert propose_content(path)["features"] == ["mrr_usd", "logins"]
    assert 'nearly the same as "mrr_usd", which says more' in propose(str(path), "people", None).text
