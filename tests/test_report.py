"""The reports of whole nights: what they show, in which order, and that no customer can be identified."""

import base64
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.night import Published
from segmentation.report.page import read_plotly
from tests.nights import FOUR, PLAN, Town, create_town, day, draw_customers, read
from tests.pages import ReportPage

MAX_BYTES, MAX_BYTES_WITHOUT_PLOTLY = 6_000_000, 1_500_000
PAYLOAD = "<img src=x onerror=alert(1)>\u202e & \"'"


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Published, Published]:
    """Two nights. In the second, ten customers of d behave like a, five of b left and three of c joined."""
    town = create_town(tmp_path_factory.mktemp("town"), value="spend")
    first = town.night(1, draw_customers(FOUR))
    second = draw_customers({**FOUR, "b": 125, "c": 113})
    moved = second["id"].str.startswith("d") & (second.groupby(second["id"].str[0]).cumcount() < 10)
    second.loc[moved, ["spend", "visits"]] = [100.0, 10.0]
    return first, town.night(2, second)


def test_the_first_screen_answers_three_questions(two_nights: tuple[Published, Published]) -> None:
    """Who the segments are and what they are worth, what changed and why, and whether to trust it."""
    first, second = (
        ReportPage(published).words.split("A segment keeps its id")[0] for published in two_nights
    )
    assert "480 customers in 4 segments. The most valuable is S0" in first
    assert "First edition Nothing to compare with yet." in first
    assert "Since 1 January 2026" in second
    assert "2.1% changed segment: 10 of 475 customers, because they behaved differently." in second
    assert "3 joined and 5 left." in second
    for page in (first, second):
        assert "Can you trust it? Yes The evidence for 4 segments is strong" in page


def test_segments_are_ordered_by_value_everywhere(two_nights: tuple[Published, Published]) -> None:
    """The overview, the cards, the profiles and the legends begin with the segment of the highest sum."""
    page, table = ReportPage(two_nights[1]), read(two_nights[1])
    order = list(table.groupby("segment_id")["spend"].sum().sort_values(ascending=False).index)
    assert re.findall(r'href="#card-(S\d+)"', page.html) == order
    assert re.findall(r'id="card-(S\d+)"', page.html) == order
    heat = page.html.split('table class="heat"')[1].split("</thead>")[0]
    assert re.findall(r'<span class="chip[^>]*>(S\d+)<', heat) == order
    assert [trace["name"] for trace in page.data["sizes"]["data"]] == order


def test_values_and_averages_have_a_history(two_nights: tuple[Published, Published]) -> None:
    """Over time there are the sums of the value feature, and the averages of every feature to choose."""
    page, table = ReportPage(two_nights[1]), read(two_nights[1])
    assert "values" not in ReportPage(two_nights[0]).data
    sums = table.groupby("segment_id")["spend"].sum()
    for trace in page.data["values"]["data"]:
        assert trace["y"][-1] == pytest.approx(sums[trace["name"]], rel=1e-4)
    averages = page.data["averages"]
    features = [title.split(" ")[:2] for title in averages["axisTitles"]]
    assert [feature for _, feature in features] == ["spend", "visits"]
    for (statistic, feature), choice in zip(features, averages["choices"], strict=True):
        customers = table.groupby("segment_id")[feature]
        figures = customers.mean() if statistic == "mean" else customers.quantile(0.5, interpolation="lower")
        for trace in choice:
            assert trace["y"][-1] == pytest.approx(figures[trace["name"]], rel=1e-4)


def test_sections_follow_the_order_of_the_links(two_nights: tuple[Published, Published]) -> None:
    """There is one h1, an h2 for each section in the order of the links, no skipped level, no id twice."""
    for page in map(ReportPage, two_nights):
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1
        assert all(level <= outer + 1 for outer, level in pairwise(levels))
        targets = [str(attributes["href"])[1:] for tag, attributes in page.tags if tag == "a"]
        assert set(targets) <= set(page.ids)
        sections = [target for target in targets[1:] if not target.startswith("card-")]
        assert sections == [element_id for element_id in page.ids if element_id in sections]
        assert len(set(page.ids)) == len(page.ids)


def test_every_figure_has_a_text_alternative(two_nights: tuple[Published, Published]) -> None:
    """Each figure has data, an alternative text, and a table, which the panels of the evidence share."""
    page = ReportPage(two_nights[1])
    plots = {
        str(attributes["id"]): attributes
        for tag, attributes in page.tags
        if tag == "div" and attributes.get("class") == "plot"
    }
    assert plots.keys() == page.data.keys()
    assert {"migration", "sizes", "shares", "points", "k-inertia", "k-silhouette", "k-gap"} <= plots.keys()
    for key, attributes in plots.items():
        assert attributes["role"] == "img"
        assert len(str(attributes["aria-label"])) > 20
        frame = page.html.split(f'id="{key}"', 1)[1].split("</figure>", 1)[0]
        assert key.startswith("k-") or "<table" in frame


def test_cards_show_shares_and_growth(two_nights: tuple[Published, Published]) -> None:
    """A card's shares and growth match the published table."""
    page, table = ReportPage(two_nights[1]), read(two_nights[1])
    previous_sizes = read(two_nights[0])["segment_id"].value_counts().to_dict()
    sums = table.groupby("segment_id")["spend"].sum().to_dict()
    for segment_id, size in table["segment_id"].value_counts().to_dict().items():
        card = page.html.split(f'id="card-{segment_id}"', 1)[1].split("</article>", 1)[0]
        assert f"<dd>{sums[segment_id] / sum(sums.values()):.1%}</dd>" in card
        assert f"<dd>{size / len(table):.1%}</dd>" in card
        growth = size - previous_sizes[segment_id]
        assert f"{'+' if growth > 0 else '−'}{abs(growth)} since 2026-01-01" in card


def test_the_diagram_shows_the_migration_table(two_nights: tuple[Published, Published]) -> None:
    """The flows are those of migration.parquet, once with everybody and once with movers only."""
    figure, moves = ReportPage(two_nights[1]).data["migration"], read(two_nights[1], "migration.parquet")
    everybody, movers = (choice[0]["link"]["value"] for choice in figure["choices"])
    counts = moves.loc[moves["customers"] > 0]
    assert sorted(everybody) == sorted(counts["customers"])
    stayed = counts["from_segment_id"].eq(counts["segment_id"])
    assert sorted(movers) == sorted(counts.loc[~stayed.fillna(False), "customers"])
    assert sum(movers) == 10 + 3 + 5


def test_points_are_the_customers(two_nights: tuple[Published, Published]) -> None:
    """Unpacked like in report.js, the points have the values of the published table."""
    points, table = ReportPage(two_nights[1]).data["points"]["points"], read(two_nights[1])
    assert sum(segment["count"] for segment in points["segments"]) == len(table) == 478
    for name, packed in zip(("spend", "visits"), points["features"], strict=True):
        steps = np.frombuffer(base64.b64decode(packed["values"]), "<u2")
        values = packed["low"] + steps / 65535 * (packed["high"] - packed["low"])
        values = np.expm1(values) if packed["curved"] else values
        assert np.sort(values) == pytest.approx(np.sort(table[name]), rel=1e-3)


def test_the_page_identifies_nobody(two_nights: tuple[Published, Published]) -> None:
    """The page has no customer id, no path and no run id."""
    page, table = ReportPage(two_nights[1]), read(two_nights[1])
    assert not [customer for customer in table["customer_id"] if customer in page.html]
    assert str(Path(two_nights[1].report_path).parents[4]) not in page.html
    assert "night-2-" not in page.html  # how the run's id begins; its input is night-2.csv


def test_the_page_stays_small(two_nights: tuple[Published, Published]) -> None:
    """The page is below 6 MB, and below 1.5 MB without plotly.js."""
    page = Path(two_nights[1].report_path).read_bytes()
    assert len(page) < MAX_BYTES
    assert len(page) - len(read_plotly().encode()) < MAX_BYTES_WITHOUT_PLOTLY
    assert page.count(b"plotly.js v") == read_plotly().count("plotly.js v")


def test_a_held_night_shows_why(tmp_path: Path) -> None:
    """Badge and verdict say that the night is held, and the failed required checks come first."""
    town = create_town(tmp_path)
    town.night(1, draw_customers(FOUR))
    held = town.night(2, draw_customers({"a": 20, "b": 20, "c": 20, "d": 20}))
    assert held.outcome == "held"
    page = ReportPage(held)
    assert "Can you trust it? Not yet " in page.words
    assert "Held, not live." in page.words.split("Who they are")[0]
    for reason in held.reasons:
        assert reason in page.words.split("A segment keeps its id")[0]


def test_texts_in_the_data_stay_text(tmp_path: Path) -> None:
    """HTML in levels, units and the description is shown as text."""
    columns = {**PLAN["rows"]["columns"], "city": {"type": "category"}}
    columns["spend"] = {"type": "float", "unit": PAYLOAD}
    rows = {"id": "id", "columns": columns}
    changes = {"description": PAYLOAD, "rows": rows, "features": ["spend", "visits", "city"]}
    town = create_town(tmp_path, **changes)
    customers = draw_customers(FOUR)
    customers["city"] = np.where(customers["spend"] > 200, PAYLOAD, "Bonn")
    page = ReportPage(town.night(1, customers))
    assert "img" not in {tag for tag, _ in page.tags}
    shown = PAYLOAD.replace("\u202e", "\N{REPLACEMENT CHARACTER}")
    assert f"city = {shown}" in page.words
    assert "\u202e" not in page.html
    for figure in page.data.values():
        assert "<img" not in json.dumps(figure)


def test_groups_below_ten_are_not_drawn(tmp_path: Path) -> None:
    """A segment of nine customers has no quantiles and no points."""
    published = create_town(
        tmp_path, k={"min": 1, "max": 6, "rule": "fixed", "fixed": 3, "smallest_share": 0.0}
    ).night(1, draw_customers({"a": 150, "b": 130, "e": 9}))
    page, sizes = ReportPage(published), read(published)["segment_id"].value_counts()
    small = next(name for name, size in sizes.items() if size == 9)
    plotted = {segment["id"] for segment in page.data["points"]["points"]["segments"]}
    assert plotted == set(sizes.index) - {small}
    spreads = page.html.split("How values spread", 1)[1].split("</section>", 1)[0]
    assert spreads.count("fewer than 10 customers</text>") == 2
    assert spreads.count("<td>not shown</td>") == 2 * 5


@pytest.mark.parametrize("groups", [{"a": 40}, {"a": 40, "b": 40}, {"a": 5, "b": 4}])
def test_small_inputs_have_a_complete_page(tmp_path: Path, groups: dict[str, int]) -> None:
    """One segment, two, or a handful of customers: every section is there."""
    page = ReportPage(create_town(tmp_path, k={"min": 1, "max": 2}).night(1, draw_customers(groups)))
    assert {"Segments", "What changed", "Profiles", "Data quality"} <= set(page.list_texts("h2"))
    assert len(page.list_texts("h2")) >= 3 + 8
    assert "nan" not in page.words.lower().split()
    assert ("there is nothing to draw" in page.words) == (groups == {"a": 5, "b": 4})


def test_spreads_show_exact_quantiles(two_nights: tuple[Published, Published]) -> None:
    """If all customers are sampled, the quantiles are exactly those of the published table."""
    page, table = ReportPage(two_nights[1]), read(two_nights[1])
    quantiles = page.html.split('aria-label="Quantiles of visits"', 1)[1].split("</table>", 1)[0]
    for segment_id, visits in table.groupby("segment_id")["visits"]:
        row = quantiles.split(f'<th scope="row">{segment_id}</th>', 1)[1].split("</tr>", 1)[0]
        quantiles_shown = [float(cell.replace(",", "")) for cell in re.findall(r"<td>([\d.,]+)</td>", row)]
        exact = np.quantile(visits, [0.05, 0.25, 0.5, 0.75, 0.95], method="inverted_cdf")
        assert quantiles_shown == pytest.approx(exact, rel=6e-3)


def test_nights_without_ids_show_sizes_only(tmp_path: Path) -> None:
    """Without customer ids nobody is followed, and cards still show how segments grew."""
    rows = {"id": None, "columns": PLAN["rows"]["columns"]}
    town = Town(tmp_path, create_town(tmp_path, rows=rows).definition)
    town.night(1, draw_customers(FOUR))
    page = ReportPage(town.night(2, draw_customers({**FOUR, "a": 155})))
    assert "customers cannot be followed, because rows have no customer id" in page.words
    assert "+5 since 2026-01-01" in page.words
    assert "migration" not in page.data


def test_forty_features_keep_the_page_small(tmp_path: Path) -> None:
    """With forty features of 6,000 customers, each feature can be chosen and the page stays small."""
    random = np.random.default_rng(2)
    values = random.normal(0, 1, (6_000, 40)) + 3 * (np.arange(6_000) % 3)[:, None]
    customers = pd.DataFrame(values.round(4), columns=[f"feature {i}" for i in range(40)])
    customers.insert(0, "id", [f"c{i:05d}" for i in range(6_000)])
    columns = {name: {"type": "float"} for name in customers.columns[1:]}
    town = create_town(
        tmp_path, rows={"id": "id", "columns": columns}, features=list(columns), k={"min": 2, "max": 3}
    )
    page = ReportPage(town.night(1, customers))
    assert len(page.data["points"]["points"]["features"]) == 40
    assert len(page.bytes) < MAX_BYTES
    assert len(page.bytes) - len(read_plotly().encode()) < MAX_BYTES_WITHOUT_PLOTLY
    assert day(1).isoformat() in page.words
