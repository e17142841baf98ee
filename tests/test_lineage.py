"""What becomes of segments and their customers: lineage, causes of churn, and when k changes.

Each test plants customers in groups, runs whole nights, and checks the published tables.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.nights import (
    FOUR,
    Town,
    create_town,
    draw_customers,
    draw_group,
    events,
    ids,
    manifest,
    read,
    segment_of,
)


def test_a_larger_fixed_k_splits_a_segment(tmp_path: Path) -> None:
    """With k fixed at 4, then at 5, the segment of two groups is split, and all tables agree."""
    sizes = {**FOUR, "f": 100}
    town = create_town(tmp_path, k={"min": 1, "max": 6, "rule": "fixed", "fixed": 4})
    first = town.night(1, draw_customers(sizes))
    assert segment_of(first, "d") == segment_of(first, "f")
    five = Town(
        tmp_path, create_town(tmp_path, k={"min": 1, "max": 6, "rule": "fixed", "fixed": 5}).definition
    )
    second = five.night(2, draw_customers(sizes))
    split_id = segment_of(first, "d")
    keepers = [group for group in ("d", "f") if segment_of(second, group) == split_id]
    assert len(keepers) == 1, "one piece keeps the id"
    assert {event for event in events(second) if event[0] == "split"} == {
        ("split", split_id, split_id),
        ("split", split_id, "S05"),
    }
    contingency = pd.crosstab(ids(first), ids(second))
    lineage = read(second, "lineage.parquet")
    for event in lineage.to_dict("records"):
        assert event["shared"] == contingency.at[event["from_segment_id"], event["segment_id"]]
        assert event["share_of_from"] == event["shared"] / contingency.loc[event["from_segment_id"]].sum()
    migration = read(second, "migration.parquet").set_index(["from_segment_id", "segment_id"])["customers"]
    cells = pd.Series(contingency.stack())
    assert migration.to_dict() == cells[cells > 0].to_dict()


def test_a_segment_without_customers_dies_and_its_id_is_not_reused(tmp_path: Path) -> None:
    """Group d leaves at once; a group that is planted later gets a new id."""
    town = create_town(tmp_path)
    first = town.night(1, draw_customers(FOUR))
    dead = segment_of(first, "d")
    remaining = {group: size for group, size in FOUR.items() if group != "d"}
    second = town.night(2, draw_customers(remaining))
    assert (second.outcome, second.k) == ("published", 3)
    assert ("died", dead, None) in events(second)
    changes = read(second, "changes.parquet")
    assert set(changes["customer_id"]) == {f"d{row:05d}" for row in range(90)}
    assert set(changes["change"]) == {"left"}
    planted = [town.night(number, draw_customers({**remaining, "e": 100})) for number in (3, 4, 5)]
    assert [night.outcome for night in planted] == ["published"] * 3
    assert segment_of(planted[-1], "e") == "S05" != dead


def test_a_new_cluster_becomes_a_segment_once_the_nights_agree(tmp_path: Path) -> None:
    """Planted on night 2, it is split off the segment it was put into after refit.nights nights."""
    town = create_town(tmp_path, refit={"nights": 3})
    town.night(1, draw_customers(FOUR))
    planted = [town.night(number, draw_customers({**FOUR, "e": 80})) for number in (2, 3, 4, 5)]
    assert [night.outcome for night in planted] == ["published"] * 4
    assert [night.k for night in planted] == [4, 4, 5, 5]
    assert [manifest(night)["wanted_k"] for night in planted] == [5, 5, None, None]
    assert [manifest(night)["wanted_nights"] for night in planted] == [1, 2, 0, 0]
    new = segment_of(planted[2], "e")
    assert new == "S05"
    host = segment_of(planted[1], "e")
    assert ("split", host, new) in events(planted[2])
    assert (manifest(planted[2])["churn"] or {})["model"] == 80
    assert {event for event, _, _ in events(planted[3])} == {"survived"}


def test_customers_who_join_all_at_once_are_born(tmp_path: Path) -> None:
    """With a larger fixed k, a group of new customers comes from none of last night's segments."""
    plan = {"min": 1, "max": 6, "rule": "fixed"}
    town = create_town(tmp_path, k={**plan, "fixed": 3})
    first = town.night(1, draw_customers({"a": 150, "b": 130, "c": 110}))
    four = Town(tmp_path, create_town(tmp_path, k={**plan, "fixed": 4}).definition)
    second = four.night(2, draw_customers({"a": 150, "b": 130, "c": 110, "e": 100}))
    new = segment_of(second, "e")
    assert ("born", None, new) in events(second)
    assert new not in set(ids(first))


def test_every_customer_is_accounted_for(tmp_path: Path) -> None:
    """Joined, left, moved and stayed agree with pandas; the migration adds up to the sizes of both nights."""
    town = create_town(tmp_path)
    first = town.night(1, draw_customers(FOUR))
    moved = draw_group("b", range(20))
    moved["id"] = [f"a{row:05d}" for row in range(20)]  # twenty of group a behave like b
    unmoved = draw_customers(FOUR).query("id not in @moved.id")
    second = town.night(2, pd.concat([unmoved.iloc[:-10], moved, draw_group("c", range(110, 120))]))
    first_ids, second_ids = ids(first), ids(second)
    staying = first_ids.index.intersection(second_ids.index)
    churn = manifest(second)["churn"]
    assert churn == {
        "stayed": int((first_ids[staying] == second_ids[staying]).sum()),
        "behaviour": 20,
        "model": 0,
        "joined": 10,
        "left": 10,
    }
    migration = read(second, "migration.parquet")
    first_sizes = migration.groupby("from_segment_id")["customers"].sum()
    second_sizes = migration.groupby("segment_id")["customers"].sum()
    assert first_sizes.to_dict() == first_ids.value_counts().to_dict()
    assert second_sizes.to_dict() == second_ids.value_counts().to_dict()
    changes = read(second, "changes.parquet").set_index("customer_id")
    assert set(changes.index[changes["change"] == "moved"]) == set(moved["id"])
    assert set(changes.loc[changes["change"] == "moved", "cause"]) == {"behaviour"}
    table = read(second).set_index("customer_id")
    assert table.loc[staying, "previous_segment_id"].equals(first_ids[staying].rename("previous_segment_id"))
    assert (table["change"].value_counts().to_dict()) == {"stayed": 450, "moved": 20, "joined": 10}


def test_moves_by_the_model_alone_are_counted(tmp_path: Path) -> None:
    """A border moves because one group grew; customers in between did not change their behaviour."""
    town = create_town(
        tmp_path,
        features=["spend"],
        scaling={"default": "standard"},
        k={"min": 2, "max": 3, "rule": "fixed", "fixed": 2},
        refit={"policy": "always"},
    )
    line = pd.DataFrame({"id": [f"p{i:05d}" for i in range(1000)], "spend": np.arange(1000.0), "visits": 1.0})
    first = town.night(1, line)
    newcomers = pd.DataFrame(
        {"id": [f"q{i:05d}" for i in range(300)], "spend": np.full(300, 999.0), "visits": 1.0}
    )
    second = town.night(2, pd.concat([line, newcomers]))
    first_ids, second_ids = ids(first), ids(second)
    moved = int((first_ids != second_ids[first_ids.index]).sum())
    assert moved > 0
    assert manifest(second)["churn"] == {
        "stayed": 1000 - moved,
        "behaviour": 0,
        "model": moved,
        "joined": 300,
        "left": 0,
    }
