"""Refits of mode combine: contested customers keep their segment until the nights agree."""

from pathlib import Path

import pandas as pd

from tests.nights import FOUR, Town, create_town, draw_customers, events, ids, manifest, read, segment_of


def create_combining_town(folder: Path) -> Town:
    """Two segments of one feature, refitted every night."""
    return create_town(
        folder,
        features=["spend"],
        scaling={"default": "standard"},
        k={"min": 2, "max": 3, "rule": "fixed", "fixed": 2},
        refit={"policy": "always", "mode": "combine", "nights": 3},
    )


def draw_line(**changes: float) -> pd.DataFrame:
    """Customers p00000… spend 0 to 999, and 300 more, q00000…, 999; `changes` replaces some."""
    line = {f"p{i:05d}": float(i) for i in range(1000)}
    line |= {f"q{i:05d}": 999.0 for i in range(300)} | changes
    return pd.DataFrame({"id": list(line), "spend": list(line.values()), "visits": 1.0})


def test_customers_moved_by_the_model_alone_wait(tmp_path: Path) -> None:
    """The border moves on night 2; customers between the borders move on the third night of agreement."""
    town = create_combining_town(tmp_path)
    alone = draw_line().query("not id.str.startswith('q')")
    first = ids(town.night(1, alone))
    nights = [town.night(number, draw_line()) for number in (2, 3, 4)]
    moved = [int((first != ids(night)[first.index]).sum()) for night in nights]
    assert moved[0] == moved[1] == 0 < moved[2]
    contested = [len(read(night, "contested.parquet")) for night in nights]
    assert contested[0] > 0 and contested[2] < contested[0]


def test_a_change_of_behaviour_counts_the_same_night(tmp_path: Path) -> None:
    """A customer who behaves differently moves at once, while others wait."""
    town = create_combining_town(tmp_path)
    alone = draw_line().query("not id.str.startswith('q')")
    first = ids(town.night(1, alone))
    second = ids(town.night(2, draw_line(p00000=990.0)))
    assert second["p00000"] == first["p00990"] != first["p00000"]


def test_a_new_segment_is_not_left_empty(tmp_path: Path) -> None:
    """A person asks for a fifth segment, split off one of four: it gets its customers the same night."""
    refit = {"policy": "always", "mode": "combine"}
    customers = draw_customers({**FOUR, "f": 80})
    plans = [{"min": 1, "max": 6, "rule": "fixed", "fixed": k} for k in (4, 5)]
    towns = [create_town(tmp_path, refit=refit, k=plan) for plan in plans]
    towns[0].night(1, customers)
    second = towns[1].night(2, customers)
    assert second.outcome == "published"
    assert manifest(second)["sizes"][segment_of(second, "f")] >= 75
    assert ("split", segment_of(second, "d"), segment_of(second, "f")) in events(second)


def test_k_grows_by_evidence(tmp_path: Path) -> None:
    """A planted group becomes a segment after the nights that k needs, and its customers wait no longer."""
    town = create_town(tmp_path, refit={"mode": "combine", "nights": 2})
    town.night(1, draw_customers(FOUR))
    nights = [town.night(number, draw_customers({**FOUR, "e": 100})) for number in (2, 3)]
    assert [night.outcome for night in nights] == ["published"] * 2
    assert [len(set(ids(night))) for night in nights] == [4, 5]
    assert manifest(nights[1])["sizes"][segment_of(nights[1], "e")] >= 95
