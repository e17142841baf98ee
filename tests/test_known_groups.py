"""The lapsed and the new: all known customers add up, from edition to edition and from the source."""

import shutil
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from config.clauses import Retention
from schemas.night import Published
from segmentation.errors import Refused
from segmentation.pruning.pruning import PruneRequest, prune_editions
from segmentation.rebuilding import compare_rebuilt, plan_rebuild, prepare_scratch
from segmentation.store.catalogue.editions import resolve_edition
from segmentation.store.repair.audit import audit_store
from tests.known_shop import GROUPS, ORDERS, REFUSED, group_customers, make_known_shop, write_orders
from tests.late_shop import Shop, day
from tests.nights import manifest, read

NIGHTS = (30, 31, 34)
slow = partial(pytest.param, marks=pytest.mark.slow)


class Nights(NamedTuple):
    """A shop and its published nights by number."""

    shop: Shop
    published: dict[int, Published]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Three nights. Before the third, the files of days before its window are removed."""
    shop = make_known_shop(tmp_path_factory.mktemp("shop"))
    write_orders(shop.days)
    published = {number: shop.night(number) for number in NIGHTS[:2]}
    archive = shop.folder / "archive"
    archive.mkdir()
    for number in range(1, 20):
        (shop.days / f"{day(number)}.csv").rename(archive / f"{day(number)}.csv")
    published[NIGHTS[2]] = shop.night(NIGHTS[2])
    for path in archive.iterdir():
        path.rename(shop.days / path.name)
    return Nights(shop, published)


@pytest.fixture
def shop(nights: Nights, tmp_path: Path) -> Shop:
    """A copy of the three nights."""
    shutil.copytree(nights.shop.folder, tmp_path / "copy")
    return make_known_shop(tmp_path / "copy")


def check_known(published: Published, number: int, aliases: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Check the table of known customers against pandas, and the counts against the table. Returns it."""
    table = read(published, "known.parquet").set_index("customer_id")
    expected = group_customers(number, aliases)
    columns = list(expected.columns)
    assert list(table.index) == sorted(expected.index)
    assert (table[columns] == expected.loc[table.index, columns]).all(axis=None)
    assert set(read(published)["customer_id"]) == set(table.index[table["group"] == "segment"])
    groups = manifest(published)["groups"]
    assert groups["sizes"] == {name: (table["group"] == name).sum() for name in ("segment", "new", "lapsed")}
    assert sum(groups["sizes"].values()) == len(table)
    return table


@pytest.mark.parametrize("number", NIGHTS)
def test_known_customers_add_up(nights: Nights, number: int) -> None:
    """Each night's table has everybody who ordered before, with the group that pandas says; counts agree."""
    table = check_known(nights.published[number], number)
    refused = manifest(nights.published[number])["groups"]["refused"]
    assert refused == (table["group"].reindex(REFUSED) == "lapsed").sum()
    assert set(table["group"]) == {"segment", "new", "lapsed"}
    assert table["first_seen"].min() < str(day(number - 14))


@pytest.mark.parametrize(("before", "number"), [(30, 31), (31, 34)])
def test_groups_are_entered_and_left(nights: Nights, before: int, number: int) -> None:
    """The flows are the cross-table of the groups before and now; changes and migration agree with them."""
    published, earlier = nights.published[number], group_customers(before)["group"]
    table = check_known(published, number)
    previous = earlier.reindex(table.index)
    assert table["previous_group"].fillna("").equals(previous.fillna(""))
    counts = Counter(zip(previous.fillna(""), table["group"], strict=True))
    flows = manifest(published)["groups"]["flows"]
    assert {(flow["previous"] or "", flow["group"]): flow["customers"] for flow in flows} == counts
    changes = read(published, "changes.parquet").set_index("customer_id")
    joined, left = (changes[changes["change"] == change] for change in ("joined", "left"))
    assert joined["from_segment_id"].fillna("").equals(previous[joined.index].fillna(""))
    assert set(joined.index) == set(table.index[(table["group"] == "segment") & (previous != "segment")])
    assert (left["segment_id"] == "lapsed").all()
    assert set(left.index) == set(table.index[(table["group"] != "segment") & (previous == "segment")])
    migration = read(published, "migration.parquet")
    sums = migration.groupby("from_segment_id", dropna=False)["customers"].sum()
    assert sums[sums.index.isna()].sum() == len(joined)
    assert sums[sums.index.notna()].sum() == (earlier == "segment").sum()


def test_the_page_and_the_command_say_the_balance(nights: Nights) -> None:
    """Both name all known customers and each group's."""
    published = nights.published[NIGHTS[1]]
    assert published.groups is not None
    sizes = published.groups.sizes
    balance = f"{published.groups.known} known customers = {sizes['segment']} in segments"
    outside = f"{sizes['new']} new + {sizes['lapsed']} lapsed; {published.groups.refused} of the lapsed have"
    assert published.groups.describe() == f"{balance} + {outside} only refused rows"
    page = Path(published.report_path).read_text()
    assert published.groups.describe() in page
    assert 'id="groups"' in page


def test_only_the_first_night_reads_the_source_again(nights: Nights) -> None:
    """Its earlier events are an input of that edition; later nights carry the table on."""
    kinds = {
        number: {entry["of"] for entry in manifest(nights.published[number])["inputs"]} for number in NIGHTS
    }
    assert kinds == {30: {"bytes", "history"}, 31: {"bytes"}, 34: {"bytes"}}
    sources = [manifest(nights.published[number])["groups"]["source"] for number in NIGHTS]
    assert sources == ["source", "edition", "edition"]


def test_a_published_night_is_recognised(shop: Shop) -> None:
    """Running the first night again, with its earlier events, says that it is published."""
    assert shop.night(30).outcome == "already-published"


def test_a_night_is_recognised_whose_previous_edition_was_pruned(shop: Shop) -> None:
    """It carried its customers from an edition that is gone, and is published all the same."""
    summary = prune_editions(
        shop.home, PruneRequest(Retention(all_days=1), "ana", shop.home), lambda line: None
    )
    assert [entry.as_of for entry in summary.dates] == [day(30)]
    assert shop.night(31).outcome == "already-published"


@pytest.mark.parametrize("number", [30, slow(31)])
def test_a_rebuild_gives_the_same_bytes(shop: Shop, tmp_path: Path, number: int) -> None:
    """The first edition from its source, and the next one from the table that it carries on."""
    edition = resolve_edition(shop.home, day(number), None)
    plan = plan_rebuild(shop.home, edition, str(shop.days))
    scratch_store, _ = prepare_scratch(shop.home, edition, plan, tmp_path)
    rebuilt = shop.night(number, definition=plan.definition, source=plan.source, store=scratch_store)
    result = compare_rebuilt(shop.home, edition, scratch_store / shop.name, rebuilt.edition)
    assert result.differences == [] and result.files >= 15


@pytest.mark.parametrize("damage", [slow("gap"), "known.parquet", slow("rows")])
def test_the_source_tells_when_no_edition_does(shop: Shop, damage: str) -> None:
    """After a gap, with a damaged table or other rules, the source is read, and the night says so."""
    number = 55 if damage == "gap" else 36
    if damage == "known.parquet":
        (path,) = shop.home.glob(f"editions/{day(34)}/*/known.parquet")
        path.write_bytes(path.read_bytes()[:-9] + b"something")
        assert [Path(entry.path).name for entry in audit_store(shop.home).damage] == ["known.parquet"]
    if damage == "rows":
        content = shop.definition.model_dump(mode="json", by_alias=True)
        content["rows"]["where"][0]["reason"] = "cancelled"
        shop = shop._replace(definition=type(shop.definition).model_validate(content))
    published = shop.night(number)
    check_known(published, number)
    assert any("known customers are read from the source again" in text for text in published.warnings)
    groups = manifest(published)["groups"]
    assert (groups["source"], groups["compared"], "flows" in groups and groups["flows"]) == (
        "source",
        False,
        [],
    )


def test_merged_ids_make_one_known_customer(shop: Shop) -> None:
    """A table of aliases merges known customers, too: nobody lapses by a merger, or is known twice."""
    groups = group_customers(34)["group"]
    stays, old = groups.index[groups == "segment"][:2]
    aliases = {old: stays, groups.index[groups == "lapsed"][0]: stays}
    path = shop.folder / "aliases.csv"
    path.write_text("".join(f"{old},{new}\n" for old, new in {"old": "new", **aliases}.items()))
    clause = {"source": {"path": str(path)}, "old_id": "old", "new_id": "new"}
    published = make_known_shop(shop.folder, aliases=clause).night(36)
    table = check_known(published, 36, aliases)
    assert (table.loc[stays, "group"], table.loc[stays, "previous_group"]) == ("segment", "segment")
    groups = manifest(published)["groups"]
    assert (groups["merged"], groups["erased"], groups["source"]) == (2, 0, "edition")


def test_a_store_without_earlier_events_says_so(tmp_path: Path) -> None:
    """The first night whose source begins inside the window warns, and counts nobody as lapsed."""
    shop = make_known_shop(tmp_path)
    write_orders(shop.days)
    published = shop.night(14)
    assert any("no rows that count from before 2025-12-31" in text for text in published.warnings)
    assert check_known(published, 14)["group"].isin(["segment", "new"]).all()
    with pytest.raises(Refused, match=r"all-new: all \d+ customers were first seen within 5 days"):
        shop.night(5, store=tmp_path / "other")


def write_source(folder: Path, kind: str) -> dict[str, str]:
    """All orders in one file, typed files, a Delta table or a database: the definition's source."""
    orders = ORDERS.assign(
        invoice="i" + ORDERS["number"].astype(str) + ORDERS["id"],
        day=pd.Timestamp(day(1)) + pd.to_timedelta(ORDERS["number"] - 1, "D"),
        pieces=1,
    )[["id", "invoice", "day", "pieces", "price"]]
    if kind == "file":
        orders.to_csv(folder / "orders.csv", index=False)
        return {"path": str(folder / "orders.csv")}
    if kind == "delta":
        deltalake = pytest.importorskip("deltalake")
        deltalake.write_deltalake(str(folder / "orders"), orders)
        return {"path": str(folder / "orders")}
    if kind == "sql":
        with closing(sqlite3.connect(folder / "orders.db")) as connection:
            orders.astype({"day": str}).to_sql("orders", connection, index=False)
        return {"connection": "shop", "sql": "SELECT * FROM orders WHERE day < :as_of"}
    (folder / "orders").mkdir()
    for month, rows in orders.groupby(orders["day"].dt.strftime("%Y-%m")):
        rows.to_parquet(folder / "orders" / f"{month}.parquet", index=False)
    return {"path": str(folder / "orders"), "date_in_name": "%Y-%m"}


@pytest.mark.parametrize("kind", ["file", slow("delta"), slow("parquet"), slow("sql")])
def test_a_source_of_any_kind_tells_who_was_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """One file, monthly typed files, a Delta table and a database are read back to their beginning."""
    monkeypatch.setenv("RESEGMENT_CONNECTION_SHOP", f"sqlite:///{tmp_path / 'orders.db'}")
    source = write_source(tmp_path, kind)
    shop = make_known_shop(tmp_path, source=source)
    check_known(shop.night(50), 50)
    assert shop.night(50).outcome == "already-published"
    later = {**GROUPS, "since": str(day(25))}
    table = read(make_known_shop(tmp_path, source=source, groups=later).night(51), "known.parquet")
    assert table["first_seen"].min() == str(day(25))


def test_without_groups_nothing_is_written(tmp_path: Path) -> None:
    """An edition without the clause has no table of known customers and says nothing of groups."""
    shop = make_known_shop(tmp_path, groups=None)
    write_orders(shop.days)
    published = shop.night(30)
    folder = Path(published.report_path).parent
    assert not (folder / "known.parquet").exists() and published.groups is None
    assert "groups" not in manifest(published) and "groups" not in manifest(published)["definition"]
    assert 'id="groups"' not in Path(published.report_path).read_text()
