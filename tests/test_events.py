"""Events from file to customers: rules, reasons and refused customers. See also test_windows.py."""

from pathlib import Path

import pytest

from segmentation.errors import Refused
from segmentation.rows.judging.cast_batch import make_contract
from tests.event_inputs import (
    HEADER,
    check_balance,
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    read_refused,
    with_features,
    with_rows,
    write_events,
)
from tests.stage_records import hash_parts

GOOD = ("a,i1,2026-01-10 12:00:00,2,5.0", "b,i2,2026-01-31 23:59:59,1,1.5", "a,i3,2026-01-20,1,1")


def test_events_become_customers(tmp_path: Path) -> None:
    """An example by hand: recency in calendar days, distinct orders, exact revenue, sorted ids."""
    rows, customers = ingest_and_summarise(
        make_night(write_events(tmp_path / "events.csv", [*GOOD, GOOD[0]]))
    )
    table = read_customers(customers)
    assert table.index.tolist() == ["a", "b"]
    assert table.to_numpy().tolist() == [[12, 2, 21.0], [1, 1, 1.5]]
    assert table.dtypes.astype(str).tolist() == ["int64", "int64", "float64"]
    assert (customers.balance.used, customers.count, customers.balance.merged) == (4, 2, 0)
    assert rows.balance.outside == 0
    check_balance(customers)


def test_impossible_times_are_refused(tmp_path: Path) -> None:
    """Years before 1900 and after 2200, and missing and unreadable times, are quarantined, not outside."""
    path = write_events(
        tmp_path / "events.csv",
        [*GOOD, *(f"c,i,{t},1,1" for t in ("1899-12-31", "1900-01-01", "2200-12-31", "9999-12-31", "", "x"))],
    )
    _, customers = ingest_and_summarise(make_night(path))
    check_balance(customers)
    assert (customers.balance.used, customers.balance.quarantined, customers.balance.outside) == (3, 4, 2)
    assert customers.balance.reasons == {
        "day: missing": 1, "day: unreadable": 1, "day: year not within 1900 to 2200": 2
    }  # fmt: skip


def test_reasons_come_in_order_and_are_all_counted(tmp_path: Path) -> None:
    """Reasons are ordered: id, rules, columns. Mentions count all of them."""
    lines = [",C1,2026-01-05,-1,-1", "a,C2,2026-01-05,-1,1", "a,i3,2026-01-05,-1,-1", *GOOD]
    _, customers = ingest_and_summarise(make_night(write_events(tmp_path / "events.csv", lines)))
    check_balance(customers)
    assert customers.balance.reasons == {"cancellation": 1, "id: blank id": 1, "pieces: not above 0": 1}
    assert customers.balance.mentions == {
        **{"cancellation": 2, "id: blank id": 1, "pieces: not above 0": 3, "price: below 0": 2}
    }
    refused = read_refused(customers)
    assert refused["reasons"].tolist() == [
        "id: blank id; cancellation; pieces: not above 0; price: below 0",
        "cancellation; pieces: not above 0",
        "pieces: not above 0; price: below 0",
    ]
    assert refused["column"].tolist() == ["id", "invoice", "pieces"]
    assert refused["source_row"].tolist() == [1, 2, 3]


def test_a_row_outside_has_no_other_fault(tmp_path: Path) -> None:
    """A row outside the window is only counted as outside, whatever else is wrong with it."""
    bad = [",C1,2026-02-05,-1,x", " z ,C1,2025-06-05,,", "zq,i,2026-02-01T00:00:00,1,1"]
    _, without = ingest_and_summarise(make_night(write_events(tmp_path / "events.csv", GOOD)))
    expected, digests = read_customers(without), hash_parts(without.parts)
    _, customers = ingest_and_summarise(
        make_night(write_events(tmp_path / "events.csv", [bad[0], GOOD[0], *bad[1:], *GOOD[1:]]))
    )
    check_balance(customers)
    assert (customers.balance.outside, customers.balance.quarantined, customers.warnings) == (3, 0, ())
    assert read_customers(customers).equals(expected)
    assert hash_parts(customers.parts) == digests


def test_customers_without_a_value_are_refused(tmp_path: Path) -> None:
    """If a feature has no value for a customer, all of that customer's rows are quarantined."""
    columns = {**with_rows()["columns"], "price": {"type": "float", "nullable": True}}
    features = {
        "rows": {"op": "count"},
        "most": {"op": "max", "column": "price"},
        "each": {"op": "mean", "expression": "price / (pieces - 1)"},
        "spent": {"op": "sum", "column": "price"},
    }
    definition = define(rows=with_rows(columns=columns), **with_features(features))
    day = "2026-01-05"
    lines = [
        f"a,i,{day},1,",
        f"b,i,{day},1,2",
        f"c,i,{day},3,2",
        f"a,j,{day},2,",
        f"c,k,{day},1,",
        f"d,C,{day},1,1",
    ]
    _, customers = ingest_and_summarise(make_night(write_events(tmp_path / "events.csv", lines), definition))
    check_balance(customers)
    assert read_customers(customers).to_dict("index") == {"c": {"rows": 2, "most": 2, "each": 1, "spent": 2}}
    without_most, without_each = "most: no value in the window", "each: no value in the window"
    assert customers.balance.reasons == {without_most: 2, without_each: 1, "cancellation": 1}
    assert customers.balance.mentions == {without_most: 2, without_each: 3, "cancellation": 1}
    refused = read_refused(customers).sort_values("source_row", ignore_index=True)
    assert refused["reasons"].tolist() == [
        f"{without_most}; {without_each}",
        without_each,
        f"{without_most}; {without_each}",
        "cancellation",
    ]
    assert refused["source_file"].unique().tolist() == ["events.csv"]
    assert '"pieces":2' in refused["record"][2]
    with pytest.raises(Refused, match="no customer has a value"):
        ingest_and_summarise(make_night(write_events(tmp_path / "events.csv", lines[:1]), definition))


def test_a_declared_suffix_is_removed_from_ids(tmp_path: Path) -> None:
    """With id_suffix, 17.0 and 17 are one customer. Without it, 17.0 is refused as rewritten."""
    lines = [
        "17.0,i1,2026-01-05,1,1",
        "17,i2,2026-01-05,1,1",
        "1E5.0,i,2026-01-05,1,1",
        ".0,i,2026-01-05,1,1",
    ]
    path = write_events(tmp_path / "events.csv", lines)
    _, customers = ingest_and_summarise(make_night(path, define(rows=with_rows(id_suffix=".0"))))
    assert read_customers(customers)["orders"].to_dict() == {"17": 2}
    assert customers.balance.reasons == {"id: blank id": 1, "id: id rewritten by a spreadsheet": 1}
    assert read_refused(customers)["customer_id"].tolist()[0] == "1E5"
    _, customers = ingest_and_summarise(make_night(path))
    assert customers.balance.reasons["id: id rewritten by a spreadsheet"] == 1


def test_many_headers_with_more_columns_make_one_warning(tmp_path: Path) -> None:
    """Many daily files with the same extra column give one warning."""
    for day in range(10, 30):
        # Other invoices, because files with the same rows are refused.
        lines = [f"{line},x".replace(",i", f",i{day}-") for line in GOOD]
        write_events(tmp_path / f"2026-01-{day}.csv", lines, f"{HEADER},more")
    rows, _ = ingest_and_summarise(make_night(tmp_path))
    assert rows.warnings == (
        "2026-01-10.csv and 19 more files: 1 column not in the contract was ignored: more",
    )


def test_a_contract_of_customers_has_the_summarys_features() -> None:
    """The contract for scoring has one row per customer, the features, and no rules on events."""
    definition = define()
    contract = make_contract(definition.customer_rows, definition, None)
    assert list(contract.schema.columns) == ["id", "recency_days", "orders", "revenue"]
    assert (contract.rows.where, contract.rows.grain, contract.window) == ((), "customer", None)
