"""Why customers moved: the features that carried them over the border, against an independent computation."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from config.definition import Definition
from schemas.identity_tables import BORDER
from schemas.model import Model
from segmentation.model import read_model
from tests.nights import Town, day, read

DEFINITION: dict[str, Any] = {
    "name": "planted",
    "source": {"path": "customers.csv"},
    "rows": {
        "id": "id",
        "columns": {
            "orders": {"type": "int"},
            "revenue": {"type": "float", "unit": "EUR"},
            "plan": {"type": "category"},
            "tier": {"type": "category", "order": ["low", "mid", "high"]},
            "age": {"type": "float", "nullable": True, "fill": {"by": "median"}},
        },
    },
    "features": ["orders", "revenue", "plan", "tier", "age"],
    "weights": {"age": 0.05},
    "k": {"min": 1, "max": 6, "rule": "fixed", "fixed": 3},
}
REASONS = ["moved_by", "before", "after", "moved_by_2", "before_2", "after_2"]


def draw_first_night() -> pd.DataFrame:
    """Three groups of 60 customers, apart in every feature."""
    rng = np.random.default_rng(7)
    groups = []
    for number, (orders, revenue, plan, tier) in enumerate(
        [(3, 40.0, "basic", "low"), (12, 200.0, "basic", "mid"), (30, 900.0, "pro", "high")]
    ):
        groups.append(
            pd.DataFrame(
                {
                    "id": [f"{number}{row:03d}" for row in range(60)],
                    "orders": orders + rng.integers(-2, 3, 60),
                    "revenue": (revenue * rng.uniform(0.8, 1.2, 60)).round(2),
                    "plan": plan,
                    "tier": tier,
                    "age": rng.integers(20, 60, 60).astype(float),
                }
            )
        )
    customers = pd.concat(groups, ignore_index=True)
    customers.loc[customers.index % 17 == 0, "age"] = np.nan
    return customers


def draw_second_night() -> pd.DataFrame:
    """Eight of the first group have become like the second; others changed in one feature, or not."""
    customers = draw_first_night().set_index("id")
    first, second = customers.index[:8], customers.index[60:68]
    for column in ("orders", "revenue", "tier"):
        customers.loc[first, column] = customers.loc[second, column].to_numpy()
    changes: dict[str, Any] = {"plan": "pro", "tier": "high", "orders": 28, "revenue": 800.0}
    for column, value in changes.items():
        customers.loc["1020", column] = value
    customers.loc["2001", "age"] = 20.0
    return customers.drop("2030").reset_index()


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Two nights of one model: the town, and both editions' tables."""
    town = Town(tmp_path_factory.mktemp("town"), Definition.model_validate(DEFINITION))
    published = [town.night(1, draw_first_night()), town.night(2, draw_second_night())]
    assert [night.outcome for night in published] == ["published", "published"]
    folder = Path(published[0].report_path).parent
    return {
        "town": town,
        "model": read_model(folder / "model.json"),
        "tables": [read(night).set_index("customer_id") for night in published],
        "changes": read(published[1], "changes.parquet").set_index("customer_id"),
        "page": Path(published[1].report_path).read_text(),
    }


def scale(model: Model, customers: pd.DataFrame) -> pd.DataFrame:
    """Scaled numbers by name, computed from model.json with pandas alone."""
    scaled = {}
    for encoding, column in zip(model.encodings, model.columns, strict=True):
        values = customers[encoding.column]
        if encoding.kind == "level":
            values = (values == encoding.levels[0]).astype(float)
        elif encoding.kind == "rank":
            values = values.map(encoding.levels.index).astype(float)
        elif encoding.fill is not None:
            values = values.fillna(encoding.fill)
        numbers = np.log1p(values) if column.transform == "log-standard" else values.astype(float)
        numbers = (numbers - column.shift) / column.scale
        if column.clip is not None:
            numbers = numbers.clip(-column.clip, column.clip)
        if not column.excluded:
            scaled[encoding.name] = numbers * column.weight
    return pd.DataFrame(scaled)


def explain(model: Model, first: pd.DataFrame, second: pd.DataFrame, moves: pd.DataFrame) -> pd.DataFrame:
    """Each mover's features by their change of d²(from) - d²(to), from the definition of a distance."""
    columns = {encoding.name: encoding.column for encoding in model.encodings}
    centres = pd.DataFrame(model.centres, index=model.segment_ids, columns=scale(model, first).columns)
    x0, x1 = scale(model, first).loc[moves.index], scale(model, second).loc[moves.index]
    source, target = (
        centres.loc[moves[name]].set_axis(moves.index) for name in ("from_segment_id", "segment_id")
    )
    gap0, gap1 = ((x - source) ** 2 - (x - target) ** 2 for x in (x0, x1))
    by_feature = (gap1 - gap0).rename(columns=columns).T.groupby(level=0).sum().T
    strongest = by_feature.idxmax(axis=1)
    largest = by_feature.max(axis=1)
    remaining = by_feature.mask(by_feature.eq(largest, axis=0))
    needs_second = (gap0.sum(axis=1) + largest < 0) & (remaining.max(axis=1) > 0)
    return pd.DataFrame({"moved_by": strongest, "moved_by_2": remaining.idxmax(axis=1).where(needs_second)})


def test_features_are_those_of_an_independent_computation(two_nights: dict[str, Any]) -> None:
    """Both features of every mover, and none for the others, as pandas finds them from model.json."""
    first, second = two_nights["tables"]
    changes = two_nights["changes"]
    moves = changes[changes["change"] == "moved"]
    assert len(moves) >= 9 and set(moves["cause"]) == {"behaviour"}
    expected = explain(two_nights["model"], first, second, moves)
    assert moves["moved_by"].tolist() == expected["moved_by"].tolist()
    assert moves["moved_by_2"].fillna("").tolist() == expected["moved_by_2"].fillna("").tolist()
    assert moves["moved_by_2"].notna().any() and moves["moved_by_2"].isna().any()
    assert changes.loc[changes["change"] != "moved", REASONS].isna().all(axis=None)


def test_values_are_those_of_both_nights(two_nights: dict[str, Any]) -> None:
    """Values are in original units: numbers as they are, the level of a category."""
    first, second = two_nights["tables"]
    moves = two_nights["changes"].query("change == 'moved'")
    for customer_id, move in moves.iterrows():
        for suffix in ("", "_2"):
            feature = move[f"moved_by{suffix}"]
            if isinstance(feature, str):
                for name, table in (("before", first), ("after", second)):
                    value, text = table.loc[customer_id, feature], move[f"{name}{suffix}"]
                    assert text == value if isinstance(value, str) else float(text) == value


def test_the_page_sums_up_pairs(two_nights: dict[str, Any]) -> None:
    """Each pair of segments has its customers and commonest feature; values only if they are of several."""
    changes = two_nights["changes"].query("change == 'moved'")
    pairs = changes.groupby(["from_segment_id", "segment_id"]).size().sort_values(ascending=False)
    (source, target), largest = pairs.index[0], int(pairs.iloc[0])
    movers = changes[(changes["from_segment_id"] == source) & (changes["segment_id"] == target)]
    feature = movers["moved_by"].mode().iloc[0]
    page = two_nights["page"]
    section = page[page.index("Who moved where, and why") :]
    row = section[: section.index("</tr>", section.index("<tbody>"))]
    assert largest == 8 and f"<td>{largest}</td>" in row and f"mostly {feature}" in row
    carried = movers[movers["moved_by"] == feature]
    if feature in ("orders", "revenue"):
        assert "(median)" in row and len(carried) >= 5
    single = changes.loc["1020"]
    assert str(single["after"]) not in section[: section.index("</table>")].replace(row, "")


def test_a_new_model_moves_the_border(two_nights: dict[str, Any], tmp_path: Path) -> None:
    """Customers only the new model moves have no feature: the column says that the border moved."""
    town = two_nights["town"].copy_to(tmp_path)
    changed = {**DEFINITION, "weights": {"orders": 6.0, "age": 3.0}, "k": {**DEFINITION["k"], "fixed": 4}}
    changes = read(
        Town(tmp_path, Definition.model_validate(changed)).night(3, draw_second_night()), "changes.parquet"
    )
    moved = changes[changes["cause"] == "model"]
    assert town.home == tmp_path / "store" / "planted" and len(moved)
    assert set(moved["moved_by"]) == {BORDER}
    assert moved[[name for name in REASONS if name != "moved_by"]].isna().all(axis=None)
    assert str(day(3)) == "2026-01-03"
