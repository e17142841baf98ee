"""One customer's path over the nights, from the tables of a store."""

import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from resegment.customer import customer_app
from schemas.manifest import EditionRef
from segmentation.errors import Refused
from segmentation.identity import customer_path
from segmentation.identity.customer_path import look_up_row, trace_customer
from segmentation.identity.given_names import name_segment
from segmentation.store.catalogue.pruned import record_pruned
from tests.erasing import erase
from tests.nights import FOUR, PLAN, Town, create_town, day, draw_customers

MOVER, GUEST = "a00010", "b00003"
K = {"min": 1, "max": 6, "rule": "fixed", "fixed": 4}


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Four nights: the mover goes from a to b after night 1, the guest is away on night 2, S01 is named."""
    town = create_town(tmp_path_factory.mktemp("path"), k=K)
    customers = draw_customers(FOUR)
    moved = customers.copy()
    moved.loc[moved["id"] == MOVER, "spend"] += 200
    town.night(1, customers)
    town.night(2, moved[moved["id"] != GUEST])
    name_segment(town.home, "S01", {"name": "Best"}, "ana")
    town.night(3, moved)
    town.night(4, moved)
    return town


@pytest.fixture
def town(nights: Town, tmp_path: Path) -> Town:
    """A copy of the four nights."""
    return nights.copy_to(tmp_path)


def call(town: Town, *arguments: str) -> Result:
    """The command's result."""
    app = typer.Typer()
    app.add_typer(customer_app)
    app.command("other")(lambda: None)
    return CliRunner().invoke(
        app,
        ["customer", town.definition.name, *arguments, "--store", str(town.store)],
        env={"COLUMNS": "200"},
    )


def test_the_path_is_that_of_the_tables(nights: Town) -> None:
    """Every night has the customer's segment, name and margin, and the night of the move its reason."""
    path = trace_customer(nights.home, MOVER)
    tables = [
        pd.read_parquet(nights.home / "published" / f"as_of={day(number)}" / "segments.parquet")
        for number in (1, 2, 3, 4)
    ]
    rows = [table.set_index("customer_id").loc[MOVER] for table in tables]
    for stop, row in zip(path.stops, rows, strict=True):
        for name in ("segment_id", "segment_name", "margin"):
            assert stop.state[name] == row[name]
    first, second = rows[0]["spend"], rows[1]["spend"]
    state = path.stops[1].state
    assert (state["change"], state["cause"], state["moved_by"]) == ("moved", "behaviour", "spend")
    assert (float(state["before"]), float(state["after"])) == (first, second)
    assert "moved_by" not in path.stops[2].state
    assert (path.damaged, path.pruned) == (0, 0)


def test_the_command_prints_a_line_a_night(nights: Town) -> None:
    """As a table or as JSON, from a date on if asked for; given names as of their date."""
    result = call(nights, MOVER)
    assert result.exit_code == 0
    assert "moved from S01" in result.stdout and "spend " in result.stdout
    document = json.loads(call(nights, GUEST, "--since", str(day(2)), "--json").stdout)
    assert [night["as_of"] for night in document["nights"]] == [str(day(3)), str(day(4))]
    document = json.loads(call(nights, GUEST, "--json").stdout)
    assert [night["segment_id"] is None for night in document["nights"]] == [False, True, False, False]
    names = [
        night.get("segment_name") for night in json.loads(call(nights, "a00001", "--json").stdout)["nights"]
    ]
    assert names[:2] == [names[0], names[0]] and names[2:] == ["Best", "Best"] and names[0] != "Best"


def test_an_unknown_customer_is_refused_without_the_id(nights: Town) -> None:
    """The refusal may be logged, so it does not name the id."""
    with pytest.raises(Refused, match=r"no edition has this customer \(4 dates read\)") as error:
        trace_customer(nights.home, "secret-4711")
    assert "4711" not in str(error.value)


def test_damaged_and_pruned_dates_are_left_out_and_counted(town: Town) -> None:
    """One damaged copy of a table is replaced by the other; a date is lost with both, or pruned."""
    published = [
        town.home / "published" / f"as_of={day(number)}" / "segments.parquet" for number in range(1, 5)
    ]
    folders = [next((town.home / "editions" / str(day(number))).iterdir()) for number in range(1, 5)]
    published[0].unlink()
    published[1].unlink()
    published[1].write_bytes(b"cut")
    own_table = folders[1] / "segments.parquet"
    own_table.unlink()
    own_table.write_bytes(b"cut")
    record_pruned(town.home, EditionRef(day(3), folders[2].name), None, {"whole_date": True})
    published[2].unlink()
    path = trace_customer(town.home, MOVER)
    assert [stop.as_of for stop in path.stops] == [day(1), day(4)]
    assert (path.damaged, path.pruned) == (1, 1)
    result = call(town, MOVER)
    assert "1 date left out, since the tables are damaged" in result.output
    assert "1 date left out, since their editions were pruned" in result.output


def test_an_erased_customer_is_said_to_be_erased(town: Town) -> None:
    """Not that they are unknown."""
    erase(town, MOVER)
    with pytest.raises(Refused, match="this customer was erased"):
        trace_customer(town.home, MOVER)


def test_only_the_row_group_of_the_id_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the statistics of a table that is sorted by id, also where one id is the start of another."""
    table = pd.DataFrame({"customer_id": ["a", "aa", "b", "é", "日"], "segment_id": ["S01"] * 5})
    path = tmp_path / "table.parquet"
    table.to_parquet(path, row_group_size=1)
    groups = []
    original = customer_path._list_groups

    def count(file: object, customer_id: str) -> list[int]:
        groups.append(original(file, customer_id))
        return groups[-1]

    monkeypatch.setattr(customer_path, "_list_groups", count)
    for customer_id in table["customer_id"]:
        assert look_up_row(path, customer_id, ["segment_id", "absent"]) == {"segment_id": "S01"}
    assert look_up_row(path, "ab", ["segment_id"]) == {}
    assert groups == [[0], [1], [2], [3], [4], []]


def test_an_id_may_be_written_as_in_the_source(tmp_path: Path) -> None:
    """With rows.id_suffix, 17850.0 of the source and 17850 of the tables are one customer."""
    customers = draw_customers({"a": 40, "b": 30})
    customers["id"] += ".0"
    rows = {**PLAN["rows"], "id_suffix": ".0"}
    town = create_town(tmp_path, rows=rows, k={**K, "fixed": 2})
    town.night(1, customers)
    paths = [call(town, customer_id, "--json").stdout for customer_id in ("a00007", "a00007.0")]
    assert paths[0] == paths[1] and json.loads(paths[0])["nights"][0]["segment_id"]
    assert "no edition has this customer (1 date read)" in str(call(town, "a00007.0.0").exception)
    erase(town, "a00007")
    assert "this customer was erased" in str(call(town, "a00007.0").exception)
