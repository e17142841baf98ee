"""Bad rows, with one or more cases per code: ids (I) and values (V), and codes covered elsewhere."""

from tests.bad_inputs import GOOD, Case, declare, only, parquet, table

CONFLICT = "conflicting rows of one customer"
PARQUET = "customers.parquet"
STAMPED = declare(since={"type": "timestamp"})
COMPLAINS = declare(complains={"type": "bool"})
AMOUNTS = {"spend": {"type": "float", "ge": 0, "le": 1e9}, "orders": {"type": "int"}}
BOUNDED = {"rows": {"id": "id", "columns": AMOUNTS}}
SIGNED = {"rows": {"id": "id", "columns": {"spend": {"type": "float"}, "orders": {"type": "int"}}}}
OPTIONAL = declare(age={"type": "float", "nullable": True})


def with_column(name: str, usual: str, *lines: str) -> bytes:
    """The good rows with an extra column that has the usual value, then these lines."""
    return only(*(f"{row},{usual}" for row in GOOD), *lines, header=f"id,spend,orders,{name}")


IDS = [
    Case("I01", table(",5,1"), "quarantined", "id: blank id", 1),
    Case("I01", table("  ,5,1", "\t,5,1"), "quarantined", "id: blank id", 2),
    Case("I01", parquet(id=[None, *"bcdefgh"]), "quarantined", "id: missing", 1, name=PARQUET),
    Case("I02", table(GOOD[0], GOOD[0]), "accepted", merged=2, ids=("zq1",)),
    Case("I03", table("zq1,5,1", GOOD[0]), "quarantined", CONFLICT, 3),
    Case(
        "I04",
        table("9007199254740993,5,1", "9007199254740992,5,1", ",5,1"),
        "quarantined",
        "id: blank id",
        1,
        ids=("9007199254740993", "9007199254740992"),
    ),
    Case("I04", parquet(id=[float(i) for i in range(8)]), "accepted", ids=("0", "7"), name=PARQUET),
    Case("I04", parquet(id=[2.0**53 + i for i in range(8)]), "refused", "wrong-type", name=PARQUET),
    Case("I05", table("007,5,1", "7,5,1", "07,5,1"), "accepted", ids=("007", "07", "7")),
    Case(
        "I06",
        table("NA,5,1", "None,5,1", "null,5,1"),
        "accepted",
        ids=("NA", "None", "null"),
        warning="2 ids mean that the customer is unknown",
    ),
    Case("I07", table("1E5,5,1", "1.0,5,1", "2-Jan,5,1"), "quarantined", "id: id rewritten", 3),
    Case(
        "I08",
        table(" z9,5,1", "z9,5,1", "Z9,5,1"),
        "accepted",
        ids=(" z9", "z9", "Z9"),
        warning="in 1 row, the id begins or ends",
    ),
    Case("I09", table("z" * 257 + ",5,1"), "quarantined", "id: id longer than 256", 1),
    Case("I09", table("z" * 256 + ",5,1"), "accepted", ids=("z" * 256,)),
    Case("I10", table("jo@example.org,5,1", "+4915112345,5,1"), "accepted", ids=("jo@example.org",)),
    Case("I11", table("=cmd|' /C calc'!A0,5,1"), "accepted", ids=("=cmd|' /C calc'!A0",)),
    Case(
        "I12",
        table("'; DROP TABLE x;--,5,1", "<b>z</b>,5,1", "../../etc,5,1"),
        "accepted",
        ids=("'; DROP TABLE x;--", "<b>z</b>", "../../etc"),
    ),
]

VALUES = [
    Case("V01", table("z9,nan,1", "z10,NaN,1"), "quarantined", "spend: unreadable", 2),
    Case("V01", with_column("age", "", "z9,5,1,nan"), "quarantined", "age: unreadable", 1, changes=OPTIONAL),
    Case(
        "V01", parquet(spend=[float("nan"), *range(7)]), "quarantined", "spend: unreadable", 1, name=PARQUET
    ),
    Case("V02", table("z9,inf,1", "z10,1e400,1", "z11,Infinity,1"), "quarantined", "not finite", 3),
    Case("V03", table("z9,1e308,1"), "quarantined", "spend: above 1000000000", 1, changes=BOUNDED),
    Case("V03", table("z9,1e308,1"), "refused", "extreme-values"),
    Case("V04", table("z9,-5,1"), "quarantined", "spend: below 0", 1),
    Case("V04", table("z9,-5,1"), "accepted", ids=("z9",), changes=SIGNED),
    Case("V05", table("z9,-0.0,1"), "accepted", ids=("z9",)),
    Case(
        "V06",
        with_column("complains", "1", "z9,5,1,0.5", "z10,5,1,2", "z11,5,1,perhaps"),
        "quarantined",
        "complains: unreadable",
        3,
        changes=COMPLAINS,
    ),
    Case("V07", table("z9,5,9223372036854775808"), "quarantined", "orders: unreadable", 1),
    Case(
        "V08",
        with_column(
            "since", "2026-01-30", "z9,5,1,9999-12-31", "z10,5,1,1899-12-31", "z11,5,1,0001-01-01T00:00:00Z"
        ),
        "quarantined",
        "since: year not within 1900 to 2200",
        3,
        changes=STAMPED,
    ),
    Case(
        "V09",
        with_column("since", "30/01/2026", "z9,5,1,31/01/2026", "z10,5,1,01/31/2026"),
        "quarantined",
        "since: unreadable",
        1,
        changes=declare(since={"type": "timestamp", "format": "%d/%m/%Y"}),
        ids=("z9",),
        warning="a day such as 31/12/2024",
    ),
    Case(
        "V09",
        only("zq1,1,1,31/01/2026", "zq2,2,2,30/01/2026", header="id,spend,orders,since"),
        "refused",
        "no-rows",
        hint="since: unreadable",
        changes=STAMPED,
    ),
    Case(
        "V10",
        with_column("since", "2026-01-30", "z9,5,1,2026-02-30"),
        "quarantined",
        "since: unreadable",
        1,
        changes=STAMPED,
    ),
    # A segment of a single customer is covered by check_smallest_share in tests/test_check.py.
    Case("V12", table("z9,1000000000000,1"), "accepted", ids=("z9",)),
    Case("V13", only(*(f"zq{i},77310,1" for i in range(9))), "refused", "all-constant"),
    Case("V14", only("zq1,1,1", "zq2,2,2", "zq3,1,1"), "accepted", warning="k.max lowered from 6 to 2"),
    Case("V15", only("zq1,1,1", "zq2,2,2"), "refused", "too-few-rows", changes={"k": {"min": 5}}),
    Case(
        "V16",
        table(*(f"z{i},5,1" for i in range(100, 200))),
        "accepted",
        warning="customers have the same values",
    ),
    Case("V17", table("z9,five,1", "z10,5,many"), "quarantined", "unreadable", 2),
    Case("V18", table("z9,5e-324,1"), "accepted", ids=("z9",)),
    Case(
        "V19",
        table("z9,-5,1"),
        "refused",
        "negative-log",
        changes={**SIGNED, "scaling": {"columns": {"spend": "log-standard"}}},
    ),
]

LATER = {
    "V11": "no rule compares two columns; for events, recency is computed from the dates",
}

# Covered by checks against the previous edition: the poison nights in test_poison_nights.py.
NIGHTS = {"L02": "half the rows", "C13": "amounts x100"}
