"""What another number of segments would have been: alternatives.parquet, the page's section, the command."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from resegment.what_if import what_if_app
from schemas.model import Model
from segmentation.errors import Refused
from segmentation.features.transforms import to_scaled
from segmentation.model import read_model
from tests.nights import FOUR, create_town, day, draw_customers


class PlantedNight(NamedTuple):
    """One edition, what it says about other k, and its customers."""

    store: Path
    folder: Path
    table: pd.DataFrame
    customers: pd.DataFrame
    model: Model


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> PlantedNight:
    """A night of four groups, with spend as the value."""
    town = create_town(tmp_path_factory.mktemp("town"), value="spend", fit={"starts": 2})
    folder = Path(town.night(1, draw_customers(FOUR)).report_path).parent
    table = pd.read_parquet(folder / "alternatives.parquet")
    customers = pd.read_parquet(folder / "segments.parquet")
    return PlantedNight(town.store, folder, table, customers, read_model(folder / "model.json"))


def test_every_k_tried_has_its_segments(planted: PlantedNight) -> None:
    """Sizes and shares of value are those of the nearest centres over all customers."""
    features = planted.customers[["spend", "visits"]].to_numpy()
    scaled = to_scaled(features.T, planted.model.columns).T
    assert sorted(set(planted.table["k"])) == [1, 2, 3, 4, 5, 6]
    for k, rows in planted.table.groupby("k"):
        centres = np.array([json.loads(text) for text in rows["centre"]])
        nearest = ((scaled[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        sizes = np.bincount(nearest, minlength=int(str(k)))
        value = np.bincount(nearest, features[:, 0], minlength=int(str(k)))
        assert rows["size"].tolist() == sizes.tolist()
        assert rows["share"].to_numpy() == pytest.approx(sizes / len(features))
        assert rows["value_share"].to_numpy() == pytest.approx(value / value.sum())
        assert rows["value_share"].is_monotonic_decreasing
        assert rows["name"].is_unique


def test_the_published_division_is_the_editions(planted: PlantedNight) -> None:
    """Its segments have their ids, names and sizes as in descriptions.parquet; other k have no ids."""
    descriptions = pd.read_parquet(planted.folder / "descriptions.parquet").set_index("segment_id")
    published = planted.table[planted.table["is_published"]].set_index("segment_id")
    assert set(published["k"]) == {len(descriptions)}
    for column in ("name", "size", "share"):
        assert published[column].to_dict() == descriptions[column].to_dict()
    assert planted.table.loc[~planted.table["is_published"], "segment_id"].isna().all()
    sweep = pd.read_parquet(planted.folder / "sweep.parquet").set_index("k")["jaccard"].dropna()
    assert planted.table.groupby("k")["stability"].first()[sweep.index].tolist() == sweep.tolist()


def run_command(planted: PlantedNight, *options: str) -> str:
    """The command's output."""
    result = CliRunner().invoke(what_if_app, ["planted", "--store", str(planted.store), *options])
    if result.exception:
        raise result.exception
    return result.output


def test_the_command_and_the_page_show_them_side_by_side(planted: PlantedNight) -> None:
    """Every k once, its segments below it; JSON has the same, and the page a section."""
    content: dict[str, Any] = json.loads(run_command(planted, "--json"))
    assert content["as_of"] == str(day(1))
    divisions = content["divisions"]
    assert [len(division["segments"]) for division in divisions] == [1, 2, 3, 4, 5, 6]
    assert [division["is_published"] for division in divisions].index(True) == 3
    text = run_command(planted)
    page = (planted.folder / "report.html").read_text(encoding="utf-8")
    assert '<section id="alternatives"' in page
    for division in divisions:
        assert division["stability"] in text
        assert division["stability"] in page
        shares = planted.table[planted.table["k"] == division["k"]]
        assert division["smallest"] == f"{shares['share'].min():.1%}".replace(".0%", "%")
        assert f"<td>{division['stability'] or '–'}</td><td>{division['smallest']}</td>" in page
        assert division["k"] == 1 or f"<summary>The {division['k']} segments" in page
    assert "this edition" in text
    assert "outcome" not in text and content["judged_on"] is None
    assert f"Why k = 4: {content['why'][0]}" in text


def test_an_edition_of_an_earlier_version_has_none(planted: PlantedNight, tmp_path: Path) -> None:
    """The command says so, and what to do."""
    from resegment.what_if import read_alternatives

    with pytest.raises(Refused, match=r"no alternatives\.parquet: an earlier version"):
        read_alternatives(tmp_path)
