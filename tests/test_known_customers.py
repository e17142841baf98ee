"""Known customers of a table without events, erased ones, and the merge of two streams."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from config.definition import Definition
from segmentation.erasing.erasure import erase_customers
from segmentation.erasing.requests import make_request
from segmentation.errors import Refused
from segmentation.groups.mergers import CountedTables, list_given_up, merge_known
from segmentation.groups.merging import PartWriter, merge_by_id
from segmentation.groups.previous import EARLIER
from segmentation.parts import read_part
from segmentation.rows.casting.merged_ids import MergedIds
from segmentation.store.repair.audit import audit_store
from tests.event_inputs import EVENTS
from tests.known_shop import make_known_shop, write_orders
from tests.nights import PLAN, Town, create_town, day, draw_customers, manifest, read
from tests.stage_records import hash_parts

GROUPS: dict[str, Any] = {"new": {"days": 10, "first_seen": "since"}}
COLUMNS: dict[str, Any] = {
    **PLAN["rows"]["columns"],
    "since": {"type": "timestamp", "nullable": True},
}
CUSTOMERS = draw_customers({"a": 60, "b": 50})


def create_table_town(folder: Path, **changes: Any) -> Town:
    """A town whose customers have the day on which they were first seen."""
    fast = {"k": {"min": 2, "max": 2, "rule": "fixed", "fixed": 2}, "checks": {"max_row_change": 0.9}}
    return create_town(folder, rows={"id": "id", "columns": COLUMNS}, groups=GROUPS, **fast, **changes)


def draw_night(number: int, absent: int) -> pd.DataFrame:
    """The customers of a night: the first `absent` have left; each fifth of the others is two days old."""
    customers = CUSTOMERS.iloc[absent:].assign(since="2020-05-01")
    customers.loc[customers.index % 5 == 0, "since"] = str(day(number - 2))
    customers.loc[customers.index % 9 == 8, "since"] = ""
    return customers


@pytest.mark.slow
def test_a_table_of_customers_lapses_from_edition_to_edition(tmp_path: Path) -> None:
    """Who is not in tonight's table has lapsed and is known; who is new by the named column is in no segment.

    A damaged table of known customers refuses the next night, since only it has who they were.
    """
    town = create_table_town(tmp_path)
    nights = [town.night(number, draw_night(number, absent)) for number, absent in ((1, 0), (2, 3), (20, 5))]
    table = read(nights[2], "known.parquet").set_index("customer_id")
    assert list(table.index) == sorted(CUSTOMERS["id"])
    expected = pd.Series("segment", CUSTOMERS["id"])
    expected[CUSTOMERS.index < 5] = "lapsed"
    # Nobody is new twice: those who had this day in the first table too were known before.
    assert dict(table["group"]) == dict(expected)
    first = read(nights[0], "known.parquet").set_index("customer_id")
    new = CUSTOMERS["id"][(CUSTOMERS.index % 5 == 0) | (CUSTOMERS.index % 9 == 8)]
    assert set(first.index[first["group"] == "new"]) == set(new)
    dates = table.loc["a00001", "first_seen"], table.loc["a00001", "last_seen"]
    assert dates == ("2020-05-01", str(day(1)))
    assert manifest(nights[1])["groups"]["sizes"]["lapsed"] == 3
    (path,) = town.home.glob(f"editions/{day(20)}/*/known.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Refused, match=r"damaged-previous: .* known\.parquet is damaged"):
        town.night(21, draw_night(21, 5))


@pytest.mark.slow
def test_groups_of_a_table_begin_with_the_previous_edition(tmp_path: Path) -> None:
    """Where the previous edition has no groups, its customers are known from its table of segments."""
    earlier = create_table_town(tmp_path)._replace(
        definition=Definition.model_validate(
            {**create_table_town(tmp_path).definition.model_dump(mode="json", by_alias=True), "groups": None}
        )
    )
    earlier.night(1, draw_night(1, 0))
    published = create_table_town(tmp_path).night(2, draw_night(2, 4))
    groups = manifest(published)["groups"]
    assert (groups["sizes"]["lapsed"], groups["source"]) == (4, "edition")
    assert read(published, "known.parquet")["previous_group"].value_counts().to_dict() == {"segment": 110}


@pytest.mark.slow
def test_erased_customers_are_not_known(tmp_path: Path) -> None:
    """They leave the table of every edition, stay away on later nights, and are said apart."""
    shop = make_known_shop(tmp_path)
    write_orders(shop.days)
    groups_by_id = read(shop.night(30), "known.parquet").set_index("customer_id")["group"]
    erased = [groups_by_id.index[groups_by_id == group][0] for group in ("segment", "new", "lapsed")]
    request = make_request(shop.home, erased, "ana", "", shop.home)
    erase_customers(shop.home, request, lambda line: None)
    (path,) = shop.home.glob("editions/*/*/known.parquet")
    remaining = pd.read_parquet(path)
    assert set(groups_by_id.index) - set(remaining["customer_id"]) == set(erased)
    assert audit_store(shop.home).damage == []
    published = shop.night(31)
    assert not set(erased) & set(read(published, "known.parquet")["customer_id"])
    groups = manifest(published)["groups"]
    assert groups["erased"] == 3
    assert sum(flow["customers"] for flow in groups["flows"] if flow["previous"]) == len(groups_by_id) - 3
    assert "3 were erased" in Path(published.report_path).read_text()


def test_merged_ids_are_known_once() -> None:
    """Two ids become one with both's first and last day and the weightier group, however tables are cut."""
    random = np.random.default_rng(5)
    customers = pd.DataFrame({"customer_id": [f"c{number:03d}" for number in range(300)]})
    customers["first_seen"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 50, 300), "D")
    customers["last_seen"] = customers["first_seen"] + pd.to_timedelta(random.integers(0, 50, 300), "D")
    customers["group"] = random.choice(["segment", "new", "lapsed"], 300)
    old = sorted(random.choice(customers["customer_id"], 40, replace=False))
    stays = sorted({*customers["customer_id"], "a", "x"} - {*old})
    pairs = dict(zip(old, random.choice(stays, 40), strict=True))
    table = pa.Table.from_pandas(customers, EARLIER, preserve_index=False)
    merged = MergedIds(pa.array(old), pa.array(list(pairs.values())))
    cuts = [
        EARLIER.empty_table(),
        table.slice(0, 7),
        table.slice(7, 0),
        table.slice(7, 250),
        table.slice(257),
    ]
    rows = CountedTables(iter(cuts))
    result = pa.concat_tables(merge_known(iter(rows), merged, list_given_up(iter(cuts), merged))).to_pandas()
    united = customers.assign(customer_id=customers["customer_id"].replace(pairs)).groupby("customer_id")
    expected = united.agg(
        first_seen=("first_seen", "min"), last_seen=("last_seen", "max"), group=("group", "max")
    )
    assert rows.rows == 300 and result["customer_id"].tolist() == list(expected.index)
    for name in ("first_seen", "last_seen"):
        assert (pd.to_datetime(result[name]).to_numpy() == expected[name].to_numpy()).all()
    assert result["group"].tolist() == expected["group"].tolist()  # as it happens, in alphabetical order


@pytest.mark.parametrize("sizes", [(400, 100), (0, 50), (50, 0), (30, 4000)])
def test_two_streams_are_merged_in_ranges_of_ids(sizes: tuple[int, int]) -> None:
    """Every row of both streams is in one range, and equal ids are in the same one, however they are cut."""
    random = np.random.default_rng(3)
    pool = np.array(sorted(f"{'aZé漢'[number % 4]}{number}" for number in range(5000)))
    ids = [sorted(random.choice(pool, size, replace=False)) for size in sizes]

    def cut(values: list[str]) -> list[pa.Table]:
        ends = sorted(random.integers(0, len(values) + 1, 7))
        pieces = [values[start:end] for start, end in zip([0, *ends], [*ends, len(values)], strict=True)]
        return [pa.table({"customer_id": pa.array(piece, pa.string())}) for piece in ([], *pieces)]

    merged: list[list[str]] = [[], []]
    for id_range in merge_by_id(*(iter(cut(values)) for values in ids)):
        tables = [table["customer_id"].to_pylist() for table in id_range]
        assert not {*tables[0], *tables[1]} & {*merged[0], *merged[1]}
        merged = [rows + table for rows, table in zip(merged, tables, strict=True)]
    assert merged == ids


def test_parts_do_not_depend_on_the_tables_they_come_in(tmp_path: Path) -> None:
    """However rows arrive, each part but the last is full."""
    numbers = pa.table({"row": np.arange(300_000)})
    writers = [PartWriter(tmp_path, stem) for stem in ("whole", "cut")]
    writers[0].add(numbers)
    for start in range(0, 300_000, 70_001):
        writers[1].add(numbers.slice(start, 70_001))
    whole, cut = (writer.close() for writer in writers)
    assert [part.rows for part in whole] == [131_072, 131_072, 37_856]
    assert hash_parts(whole) == hash_parts(cut)
    assert pa.concat_tables([read_part(part) for part in cut]).equals(numbers)


@pytest.mark.parametrize(
    ("content", "groups", "fault"),
    [
        (EVENTS, {"new": {"days": 32}}, "new.days 32 is more than summary.window_days 31"),
        (EVENTS, {"new": {"days": 3, "first_seen": "day"}}, "first_seen is for grain customer"),
        (EVENTS, {"lapsed": False}, "Input should be True"),
        (PLAN, {"new": {"days": 3}}, "new needs first_seen with grain customer"),
        (PLAN, {"new": {"days": 3, "first_seen": "spend"}}, "new needs first_seen with grain customer"),
        (PLAN, {"since": "2026-01-01"}, "since needs grain: event"),
        ({**PLAN, "rows": {**PLAN["rows"], "id": None}}, {}, "groups need rows.id"),
    ],
)
def test_groups_that_do_not_fit_are_refused(
    content: dict[str, Any], groups: dict[str, Any], fault: str
) -> None:
    """What a definition asks of its groups must be possible with its rows."""
    with pytest.raises(ValueError, match=fault):
        Definition.model_validate({**content, "groups": groups})
