"""What becomes of segments and of their customers: lineage, causes of churn, and the k that stands.

Each test plants who is in which group on which night, runs whole nights, and asks the published tables.
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


def test_another_k_by_decree_splits_a_segment(tmp_path: Path) -> None:
    """k = 4, then 5 by the definition: the two groups that were one part, and every number fits."""
    sizes = {**FOUR, "f": 100}
    town = create_town(tmp_path, k={"min": 1, "max": 6, "rule": "fixed", "fixed": 4})
    first = town.night(1, draw_customers(sizes))
    assert segment_of(first, "d") == segment_of(first, "f")
    five = Town(
        tmp_path, create_town(tmp_path, k={"min": 1, "max": 6, "rule": "fixed", "fixed": 5}).definition
    )
    second = five.night(2, draw_customers(sizes))
    parted = segment_of(first, "d")
    kept = [group for group in ("d", "f") if segment_of(second, group) == parted]
    assert len(kept) == 1, "one piece keeps the id"
    assert {one for one in events(second) if one[0] == "split"} == {
        ("split", parted, parted),
        ("split", parted, "S05"),
    }
    crossing = pd.crosstab(ids(first), ids(second))
    lineage = read(second, "lineage.parquet")
    for one in lineage.to_dict("records"):
        assert one["shared"] == crossing.at[one["from_segment_id"], one["segment_id"]]
        assert one["share_of_from"] == one["shared"] / crossing.loc[one["from_segment_id"]].sum()
    migration = read(second, "migration.parquet").set_index(["from_segment_id", "segment_id"])["customers"]
    cells = pd.Series(crossing.stack())
    assert migration.to_dict() == cells[cells > 0].to_dict()


def test_a_segment_without_customers_dies_and_its_id_is_never_given_again(tmp_path: Path) -> None:
    """Group d leaves at once; the group that is grafted on later gets a new id."""
    town = create_town(tmp_path)
    first = town.night(1, draw_customers(FOUR))
    dead = segment_of(first, "d")
    left = {group: size for group, size in FOUR.items() if group != "d"}
    second = town.night(2, draw_customers(left))
    assert (second.outcome, second.k) == ("published", 3)
    assert ("died", dead, None) in events(second)
    changes = read(second, "changes.parquet")
    assert set(changes["customer_id"]) == {f"d{row:05d}" for row in range(90)}
    assert set(changes["change"]) == {"left"}
    grafted = [town.night(number, draw_customers({**left, "e": 100})) for number in (3, 4, 5)]
    assert [night.outcome for night in grafted] == ["published"] * 3
    assert segment_of(grafted[-1], "e") == "S05" != dead


def test_a_new_cluster_is_taken_after_the_nights_agree(tmp_path: Path) -> None:
    """Planted on night 2: k stays for refit.nights - 1 nights; then it is cut off where it was put, anew."""
    town = create_town(tmp_path, refit={"nights": 3})
    town.night(1, draw_customers(FOUR))
    planted = [town.night(number, draw_customers({**FOUR, "e": 80})) for number in (2, 3, 4, 5)]
    assert [night.outcome for night in planted] == ["published"] * 4
    assert [night.k for night in planted] == [4, 4, 5, 5]
    assert [manifest(night)["wanted_k"] for night in planted] == [5, 5, None, None]
    assert [manifest(night)["wanted_nights"] for night in planted] == [1, 2, 0, 0]
    new = segment_of(planted[2], "e")
    assert new == "S05"
    stood_in = segment_of(planted[1], "e")
    assert ("split", stood_in, new) in events(planted[2])
    assert (manifest(planted[2])["churn"] or {})["model"] == 80
    assert {event for event, _, _ in events(planted[3])} == {"survived"}


def test_customers_who_join_all_at_once_are_born(tmp_path: Path) -> None:
    """Groups of whom nobody was there before, k by decree: they come from no segment of last night."""
    plan = {"min": 1, "max": 6, "rule": "fixed"}
    town = create_town(tmp_path, k={**plan, "fixed": 3})
    first = town.night(1, draw_customers({"a": 150, "b": 130, "c": 110}))
    four = Town(tmp_path, create_town(tmp_path, k={**plan, "fixed": 4}).definition)
    second = four.night(2, draw_customers({"a": 150, "b": 130, "c": 110, "e": 100}))
    new = segment_of(second, "e")
    assert ("born", None, new) in events(second)
    assert new not in set(ids(first))


def test_every_customer_is_accounted_for(tmp_path: Path) -> None:
    """Joined, left, moved and stayed, against pandas; the migration's sums are the sizes of both nights."""
    town = create_town(tmp_path)
    first = town.night(1, draw_customers(FOUR))
    moved = draw_group("b", range(20))
    moved["id"] = [f"a{row:05d}" for row in range(20)]  # twenty of group a behave like b
    rest = draw_customers(FOUR).query("id not in @moved.id")
    second = town.night(2, pd.concat([rest.iloc[:-10], moved, draw_group("c", range(110, 120))]))
    was, now = ids(first), ids(second)
    both = was.index.intersection(now.index)
    churn = manifest(second)["churn"]
    assert churn == {
        "stayed": int((was[both] == now[both]).sum()),
        "behaviour": 20,
        "model": 0,
        "joined": 10,
        "left": 10,
    }
    migration = read(second, "migration.parquet")
    before = migration.groupby("from_segment_id")["customers"].sum()
    after = migration.groupby("segment_id")["customers"].sum()
    assert before.to_dict() == was.value_counts().to_dict()
    assert after.to_dict() == now.value_counts().to_dict()
    changes = read(second, "changes.parquet").set_index("customer_id")
    assert set(changes.index[changes["change"] == "moved"]) == set(moved["id"])
    assert set(changes.loc[changes["change"] == "moved", "cause"]) == {"behaviour"}
    table = read(second).set_index("customer_id")
    assert table.loc[both, "previous_segment_id"].equals(was[both].rename("previous_segment_id"))
    assert (table["change"].value_counts().to_dict()) == {"stayed": 450, "moved": 20, "joined": 10}


def test_who_moves_by_the_model_alone_is_said_to(tmp_path: Path) -> None:
    """A border moves because one group grew towards it; those in between did not change their ways."""
    town = create_town(
        tmp_path,
        features=["spend"],
        scaling={"default": "standard"},
        k={"min": 2, "max": 3, "rule": "fixed", "fixed": 2},
        refit={"policy": "always"},
    )
    line = pd.DataFrame({"id": [f"p{i:05d}" for i in range(1000)], "spend": np.arange(1000.0), "visits": 1.0})
    first = town.night(1, line)
    more = pd.DataFrame(
        {"id": [f"q{i:05d}" for i in range(300)], "spend": np.full(300, 999.0), "visits": 1.0}
    )
    second = town.night(2, pd.concat([line, more]))
    was, now = ids(first), ids(second)
    moved = int((was != now[was.index]).sum())
    assert moved > 0
    assert manifest(second)["churn"] == {
        "stayed": 1000 - moved,
        "behaviour": 0,
        "model": moved,
        "joined": 300,
        "left": 0,
    }
