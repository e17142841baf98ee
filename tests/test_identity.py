"""Segments keep their identity from night to night: ids and bytes. Damage is in test_identity_damage.py.

Each test plants customers in groups, runs whole nights, and checks the published tables.
"""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from config.clauses import KOptions
from config.definition import BUILT_IN
from config.definition_files import read_definition
from config.sources import Source
from segmentation.errors import Refused
from segmentation.samples.catalogue import shop_table
from tests.nights import FOUR, PLAN, Town, create_town, draw_customers, events, files, ids, manifest, read


def test_unchanged_customers_change_nothing(tmp_path: Path) -> None:
    """With the same customers on the next night everybody stays and every segment survives."""
    town = create_town(tmp_path)
    first, second = (town.night(number, draw_customers(FOUR)) for number in (1, 2))
    assert ids(first).equals(ids(second))
    assert {event for event, _, _ in events(second)} == {"survived"}
    assert manifest(second)["churn"] == {"stayed": 480, "behaviour": 0, "model": 0, "joined": 0, "left": 0}
    assert read(second, "changes.parquet").empty


@pytest.mark.parametrize(
    "policy", [{}, pytest.param({"policy": "always", "mode": "cold"}, marks=pytest.mark.slow)]
)
def test_shuffled_rows_publish_the_same(tmp_path: Path, policy: dict[str, str]) -> None:
    """Over two nights, scored or refitted, every file is the same apart from the input's digests."""
    nights, tables, manifests = [], [], []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        town = create_town(tmp_path / name, refit=policy)
        town.night(1, draw_customers(FOUR))
        second = draw_customers({**FOUR, "b": 140})
        shuffled = second if name == "one" else second.sample(frac=1, random_state=4)
        source = town.folder / "night-2.parquet"
        shuffled.to_parquet(source, index=False)
        second_night = town.run(2, source)
        edition_files = files(second_night, but=("manifest.json", "segments.parquet", "SHA256SUMS"))
        digests = [digest["sha256"] for digest in manifest(second_night)["inputs"]]
        for digest in (second_night.edition, *digests):
            assert digest.encode() in edition_files["report.html"]
            edition_files["report.html"] = edition_files["report.html"].replace(digest.encode(), b"")
        nights.append(edition_files)
        tables.append(read(second_night))
        sums = {**manifest(second_night)["files"], "report.html": None}
        manifests.append({**manifest(second_night), "edition": None, "inputs": None, "files": sums})
    assert nights[0] == nights[1]
    assert manifests[0] == manifests[1]
    pd.testing.assert_frame_equal(tables[0], tables[1])


def test_raw_labels_do_not_matter(tmp_path: Path) -> None:
    """A refit that numbers its clusters in reverse publishes the same bytes."""
    nights = []
    for name, direction in (("one", 1), ("other", -1)):
        (tmp_path / name).mkdir()
        town = create_town(tmp_path / name, refit={"policy": "always", "mode": "cold"})
        town.night(1, draw_customers(FOUR))

        def order(sizes: np.ndarray, centres: np.ndarray, step: int = direction) -> np.ndarray:
            return np.lexsort((*centres.T[::-1], -sizes))[::step]

        with patch("tasks.fit.canonical_order", order):
            nights.append(files(town.night(2, draw_customers({**FOUR, "b": 140}))))
    assert nights[0] == nights[1]


def test_other_features_need_a_persons_word(tmp_path: Path) -> None:
    """Without it the night is refused and says what changed; with it all ids are new, in re-runs too."""
    town = create_town(tmp_path)
    town.night(1, draw_customers(FOUR))
    spend_only = Town(tmp_path, create_town(tmp_path, features=["spend"]).definition)
    with pytest.raises(Refused, match=r"other-features: .* \(gone: visits\)\. .*--accept-new-ids"):
        spend_only.night(2, draw_customers(FOUR))
    source = tmp_path / "night-2.csv"
    second = spend_only.run(2, source, accept_new_ids=True)
    assert second.outcome == "published"
    assert any("it has other features (gone: visits): new ids were" in warning for warning in second.warnings)
    assert set(ids(second)).isdisjoint({"S01", "S02", "S03", "S04"})
    facts = manifest(second)
    assert (facts["accept_new_ids"], facts["churn"], len(facts["history"])) == (True, None, 1)
    again = spend_only.run(2, source)
    assert (again.outcome, again.edition) == ("already-published", second.edition)
    third = spend_only.night(3, draw_customers(FOUR))
    assert set(ids(third)) == set(ids(second))
    assert "accept_new_ids" not in manifest(third)


def test_a_feature_of_another_type_needs_a_persons_word(tmp_path: Path) -> None:
    """The same name is a category on the first night and a number on the second."""
    columns = PLAN["rows"]["columns"]
    customers = draw_customers(FOUR)
    customers["visits"] = [("few", "many")[row % 2] for row in range(len(customers))]
    first = create_town(
        tmp_path, rows={"id": "id", "columns": {**columns, "visits": {"type": "category"}}}, k={"max": 4}
    )
    first.night(1, customers)
    with pytest.raises(Refused, match="it has features of another type, visits"):
        create_town(tmp_path, k={"max": 4}).night(2, draw_customers(FOUR))


def test_levels_in_another_order_refit(tmp_path: Path) -> None:
    """A rank then means something else: last night's model is refitted, however well it fits."""
    customers = draw_customers(FOUR)
    customers["visits"] = [("low", "middle", "high")[row % 3] for row in range(len(customers))]
    columns = PLAN["rows"]["columns"]
    towns = [
        create_town(
            tmp_path,
            rows={"id": "id", "columns": {**columns, "visits": {"type": "category", "order": order}}},
            k={"max": 4},
        )
        for order in (["low", "middle", "high"], ["low", "high", "middle"])
    ]
    towns[0].night(1, customers)
    second = towns[1].night(2, customers)
    assert "the definition's rows.columns changed" in manifest(second)["why"]


def test_a_held_cold_start_blocks_nothing(tmp_path: Path) -> None:
    """Night 2 ran first and was held; once night 1 is published, night 2 builds on it."""
    town = create_town(tmp_path, checks={"max_quarantined": 0.0})
    customers = draw_customers(FOUR).astype({"spend": object})
    customers.loc[0, "spend"] = "?"
    assert town.night(2, customers).outcome == "held"
    first = town.night(1, draw_customers(FOUR))
    assert manifest(town.night(2, customers))["previous"] == first.edition


def test_a_constant_feature_that_varies_again_is_reported(tmp_path: Path) -> None:
    """It was excluded when the scaling was fitted, and stays excluded until the next rescale."""
    town = create_town(tmp_path)
    first = town.night(1, draw_customers(FOUR).assign(visits=10.0))
    assert "input: feature visits is constant and was excluded" in first.warnings
    second = town.night(2, draw_customers(FOUR))
    assert any("visits was constant when the scaling was fitted" in warning for warning in second.warnings)


def test_a_level_may_vanish(tmp_path: Path) -> None:
    """With the customers of one city gone the category still varies, and the night is published."""
    columns = {**PLAN["rows"]["columns"], "city": {"type": "category"}}
    town = create_town(
        tmp_path, rows={"id": "id", "columns": columns}, features=["spend", "visits", "city"], k={"max": 4}
    )
    customers = draw_customers(FOUR)
    customers["city"] = [("Bonn", "Ulm", "Ulm", "Jena")[row % 4] for row in range(len(customers))]
    customers.loc[::15, "city"] = "Kiel"
    town.night(1, customers)
    assert town.night(2, customers.query("city != 'Kiel'")).outcome == "published"


def test_a_held_night_is_not_built_on(tmp_path: Path) -> None:
    """Mass churn holds the night; the next night continues from the last published one."""
    town = create_town(tmp_path, checks={"max_churn": 0.1})
    first = town.night(1, draw_customers(FOUR))
    swapped = draw_customers(FOUR)
    swapped["id"] = swapped["id"].str.replace("a", "x").str.replace("b", "a").str.replace("x", "b")
    held = town.night(2, swapped)
    assert held.outcome == "held"
    assert "of staying customers change segment" in held.reasons[0]
    third = town.night(3, draw_customers(FOUR))
    assert third.outcome == "published"
    assert manifest(third)["previous"] == first.edition
    assert ids(third).equals(ids(first))


@pytest.mark.slow
def test_nights_in_another_store_have_the_same_bytes(tmp_path: Path) -> None:
    """Two nights, the second with one more segment, have the same ids and files in another store."""
    stores = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        town = create_town(tmp_path / name, refit={"nights": 1})
        stores.append(
            [
                files(town.night(1, draw_customers(FOUR))),
                files(town.night(2, draw_customers({**FOUR, "e": 90}))),
            ]
        )
    assert stores[0] == stores[1]


@pytest.mark.slow
def test_a_drift_is_followed(tmp_path: Path) -> None:
    """Prices of the simulated shop rise by half twice: the model follows and the ids stay.

    With k fixed: a crowd's refit may also change k, which tests/test_changed_k.py is about.
    """
    shop = read_definition(BUILT_IN / "shop.yaml")
    changes = {"source": Source(path="customers.csv"), "k": KOptions(rule="fixed", fixed=6)}
    town = Town(tmp_path, shop.model_copy(update=changes))
    customers = shop_table(0, 2000, 42).to_pandas()
    prices = [1.0, 1.0, 1.5, 2.25, 2.25, 2.25]
    nights = []
    for number, price in enumerate(prices, 1):
        for feature in ("revenue", "average_basket"):
            values = pd.to_numeric(customers[feature], errors="coerce")
            customers[feature] = (values * price / prices[max(number - 2, 0)]).round(4)
        nights.append(town.night(number, customers))
    assert [night.outcome for night in nights] == ["published"] * len(prices)
    assert {tuple(sorted(set(ids(night)))) for night in nights} == {tuple(sorted(set(ids(nights[0]))))}
    course = [manifest(night)["how"] for night in nights]
    assert course[:2] == ["cold", "scored"] and "warm" in course[2:5] and course[-1] == "scored"
    centres = [
        read(night, "profiles.parquet").query("feature == 'revenue'").set_index("segment_id")["centre"]
        for night in (nights[1], nights[-1])
    ]
    assert (centres[1] / centres[0]).to_numpy() == pytest.approx(2.25, rel=0.1)
