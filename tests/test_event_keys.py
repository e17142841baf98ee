"""Events with a key: which of several rows counts, against pandas, and where the other rows go."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.definition import Definition
from config.settings import read_settings
from schemas.rows import Customers
from segmentation.rows.summarising.kept_events import CONFLICT
from tests.event_inputs import (
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    read_refused,
    with_features,
    with_rows,
)
from tests.stage_records import hash_parts

COLUMNS = {
    "order": {"type": "text"},
    "line": {"type": "int"},
    "day": {"type": "timestamp"},
    "price": {"type": "float", "ge": 0},
    "status": {"type": "category"},
    "updated": {"type": "timestamp"},
}
HEADER = "id,order,line,day,price,status,updated"
NOT_CANCELLED = {"column": "status", "not_in": ["cancelled"], "reason": "cancelled"}
FEATURES = {"lines": {"op": "count"}, "spent": {"op": "sum", "column": "price"}}


def define_keyed(**changes: Any) -> Definition:
    """Order lines with versions, where the last updated one counts. Keyword arguments change the rows."""
    rows = with_rows(columns=COLUMNS, where=[NOT_CANCELLED], key=["order", "line"], on_duplicate="last")
    rows |= {"order_by": "updated", **changes}
    return define(rows=rows, **with_features(FEATURES))


def summarise_files(folder: Path, files: dict[str, list[str]], definition: Definition) -> Customers:
    """The customers of these CSV files, by name and lines. Every row is checked to be accounted for."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (folder / name).write_text("".join(f"{line}\n" for line in (HEADER, *lines)))
    _, customers = ingest_and_summarise(make_night(folder, definition))
    check_accounts(customers)
    return customers


def check_accounts(customers: Customers) -> None:
    """Check that read = used + merged + quarantined, and that reasons count each quarantined row."""
    balance = customers.balance
    assert balance.adds_up
    assert sum(part.rows for part in customers.quarantine) == balance.quarantined


def spent(customers: Customers) -> dict[str, float]:
    """What each customer spent."""
    return {str(customer): amount for customer, amount in read_customers(customers)["spent"].items()}


def draw_versions(rows: int = 4000) -> pd.DataFrame:
    """Versions of order lines as a sync tool appends them, some cancelled, some moved out of the window."""
    rng = np.random.default_rng(3)
    order = rng.integers(0, rows // 5, rows)
    days = pd.to_datetime("2026-01-05") + pd.to_timedelta(rng.integers(0, 20, rows), unit="D")
    frame = pd.DataFrame(
        {
            "id": [f"c{n % 97}" for n in order],
            "order": [f"o{n}" for n in order],
            "line": rng.integers(1, 3, rows),
            "day": days.where(rng.random(rows) > 0.1, pd.Timestamp("2025-06-01")),
            "price": rng.integers(-5, 100, rows) / 4,
            "status": rng.choice(["paid", "open", "cancelled"], rows, p=[0.6, 0.3, 0.1]),
        }
    )
    frame["updated"] = pd.to_datetime("2026-01-30") + pd.to_timedelta(rng.integers(0, 900, rows), unit="min")
    return frame


def is_usable(frame: pd.DataFrame) -> pd.Series:
    """Which versions the contract and the window let through."""
    usable: pd.Series = (
        (frame["price"] >= 0) & (frame["status"] != "cancelled") & (frame["day"] >= "2026-01-01")
    )
    return usable


@pytest.mark.parametrize("policy", ["first", "last"])
@pytest.mark.parametrize("order_by", ["updated", None])
def test_one_version_of_each_key_counts(tmp_path: Path, policy: str, order_by: str | None) -> None:
    """The version that pandas keeps counts, or none where it is refused, cancelled or outside the window."""
    frame = draw_versions()
    files = [frame[:1500], frame[1500:1600], frame[1600:]]
    for number, part in enumerate(files):
        part.to_csv(tmp_path / f"{number}.csv", index=False)
    definition = define_keyed(on_duplicate=policy, order_by=order_by)
    rows, customers = ingest_and_summarise(make_night(tmp_path, definition))
    check_accounts(customers)
    ordered = frame.sort_values("updated", kind="stable") if order_by else frame
    winners = ordered.drop_duplicates(["order", "line"], keep=policy)  # type: ignore[call-overload]
    expected = winners[is_usable(winners)].groupby("id")["price"].agg(["size", "sum"])
    table = read_customers(customers)
    assert table["lines"].to_dict() == expected["size"].to_dict()
    assert table["spent"].to_dict() == expected["sum"].to_dict()
    balance = customers.balance
    assert balance.used == is_usable(winners).sum()
    assert balance.merged == is_usable(frame).sum() - is_usable(winners).sum()
    assert balance.outside == rows.balance.outside == (frame["day"] < "2026-01-01").sum()


def test_rows_that_agree_merge_and_rows_that_differ_are_quarantined(tmp_path: Path) -> None:
    """By default a key's equal rows count once, and a key whose rows differ in any column not at all."""
    frame = draw_versions(1500).drop_duplicates()
    frame = pd.concat([frame, frame.sample(400, random_state=1), frame.sample(300, random_state=2)])
    frame.sample(frac=1, random_state=3).to_csv(tmp_path / "a.csv", index=False)
    definition = define_keyed(on_duplicate="quarantine", order_by=None)
    _, customers = ingest_and_summarise(make_night(tmp_path, definition))
    check_accounts(customers)
    distinct = frame.drop_duplicates()
    agreeing = distinct[~distinct.duplicated(["order", "line"], keep=False)]
    used = agreeing[is_usable(agreeing)]
    assert spent(customers) == used.groupby("id")["price"].sum().to_dict()
    everywhere = frame[is_usable(frame)]
    repeats = everywhere.merge(used[["order", "line"]], on=["order", "line"])
    assert customers.balance.merged == len(repeats) - len(used)
    assert customers.balance.reasons[CONFLICT] == len(everywhere) - len(repeats)
    refused = read_refused(customers)
    assert (refused["reasons"] == CONFLICT).sum() == customers.balance.reasons[CONFLICT]


@pytest.mark.parametrize(
    ("newest", "reason"),
    [
        ("a,o1,1,2026-01-05,9,cancelled,2026-01-20", "cancelled"),
        ("a,o1,1,2026-01-05,-9,paid,2026-01-20", "price: below 0"),
        ("a,o1,1,2026-01-05,nine,paid,2026-01-20", "price: unreadable"),
        (",o1,1,2026-01-05,9,paid,2026-01-20", "id: blank id"),
        ("a,o1,1,2026-02-05,9,paid,2026-01-20", "outside"),
        ("a,o1,1,2024-01-05,9,paid,2026-01-20", "outside"),
    ],
)
@pytest.mark.parametrize("names", [("1.csv", "2.csv"), ("2.csv", "1.csv")])
def test_a_newest_version_that_is_refused_still_supersedes(
    tmp_path: Path, newest: str, reason: str, names: tuple[str, str]
) -> None:
    """Older versions do not count where the newest is cancelled, broken or outside the window."""
    older = ["a,o1,1,2026-01-05,5,open,2026-01-10", "a,o1,1,2026-01-05,6,open,2026-01-11"]
    old, new = names
    files = {old: [*older, "b,o2,1,2026-01-05,7,paid,2026-01-10"], new: [newest]}
    customers = summarise_files(tmp_path, files, define_keyed())
    assert spent(customers) == {"b": 7}
    assert (customers.balance.merged, customers.balance.outside) == (2, reason == "outside")
    assert customers.balance.reasons == ({} if reason == "outside" else {reason: 1})


@pytest.mark.parametrize(
    "broken",
    [
        "a,o1,,2026-01-05,9,paid,2026-01-20",
        "a,o1,1,2026-01-05,9,paid,",
        "a,o1,x,2026-01-05,9,paid,2026-01-20",
    ],
)
def test_a_row_whose_key_cannot_be_read_decides_nothing(tmp_path: Path, broken: str) -> None:
    """Rows without a readable key or order are quarantined, and the other rows of the key count."""
    files = {"1.csv": ["a,o1,1,2026-01-05,5,paid,2026-01-10", broken]}
    customers = summarise_files(tmp_path, files, define_keyed())
    assert spent(customers) == {"a": 5}
    assert (customers.balance.merged, customers.balance.quarantined) == (0, 1)


def test_a_customers_last_order_may_move_to_another_customer(tmp_path: Path) -> None:
    """A version with another customer's id moves the order, because keys belong to the whole source."""
    files = {"1.csv": ["a,o1,1,2026-01-05,5,paid,2026-01-10", "b,o1,1,2026-01-05,5,paid,2026-01-11"]}
    assert spent(summarise_files(tmp_path, files, define_keyed())) == {"b": 5}


def test_the_id_may_be_part_of_the_key(tmp_path: Path) -> None:
    """With the id in the key, equal order numbers of two customers are two orders, also if one is refused."""
    files = {
        "1.csv": ["a,o1,1,2026-01-05,5,paid,2026-01-10", "b,o1,1,2026-01-05,6,paid,2026-01-11"],
        "2.csv": ["a,o1,1,2026-01-05,5,cancelled,2026-01-12", "b,o1,1,2026-01-05,7,paid,2026-01-12"],
    }
    for policy, expected in (("last", {"b": 7}), ("first", {"a": 5, "b": 6})):
        customers = summarise_files(
            tmp_path, files, define_keyed(key=["id", "order", "line"], on_duplicate=policy)
        )
        assert spent(customers) == expected


def test_ties_follow_the_source(tmp_path: Path) -> None:
    """Versions with the same time count by file name, then by row, however the rows are distributed."""
    lines = [f"a,o1,1,2026-01-05,{price},paid,2026-01-10" for price in (1, 2, 3)]
    for policy, price in (("last", 2), ("first", 3)):
        files = {"z.csv": lines[:2], "a.csv": lines[2:]}
        customers = summarise_files(tmp_path / policy, files, define_keyed(on_duplicate=policy))
        assert spent(customers) == {"a": price}


@pytest.mark.parametrize(("threads", "memory_limit"), [("1", "1GB"), ("3", "64MB")])
def test_the_winner_depends_on_neither_order_nor_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: str, memory_limit: str
) -> None:
    """With distinct times, shuffled rows, other files, threads and memory give the same customers."""
    frame = draw_versions(30_000)
    frame["updated"] = pd.to_datetime("2026-01-30") + pd.to_timedelta(np.arange(len(frame)), unit="s")
    spents = []
    for name, rows in (("a", frame), ("b", frame.sample(frac=1, random_state=4))):
        folder = tmp_path / name
        folder.mkdir()
        if name == "b":
            monkeypatch.setenv("RESEGMENT_THREADS", threads)
            monkeypatch.setenv("RESEGMENT_MEMORY_LIMIT", memory_limit)
            read_settings.cache_clear()
        rows[:20_000].to_csv(folder / "1.csv", index=False)
        table = pa.Table.from_pandas(rows[20_000:].astype({"status": "str"}), preserve_index=False)
        pq.write_table(table, folder / "2.parquet")
        _, customers = ingest_and_summarise(make_night(folder, define_keyed()))
        check_accounts(customers)
        spents.append(spent(customers))
    assert spents[0] == spents[1]


def test_a_key_that_never_repeats_changes_nothing(tmp_path: Path) -> None:
    """Where no key repeats, the parts are those without a key."""
    lines = [f"a,o{n},1,2026-01-05,{n},paid,2026-01-10" for n in range(20)]
    keyed = summarise_files(tmp_path / "a", {"1.csv": lines}, define_keyed())
    free = define_keyed(key=None, order_by=None, on_duplicate="quarantine")
    plain = summarise_files(tmp_path / "b", {"1.csv": lines}, free)
    assert hash_parts(keyed.parts) == hash_parts(plain.parts)
    assert keyed.balance == plain.balance
