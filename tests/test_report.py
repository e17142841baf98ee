"""The report of whole nights: what it says, in which order, of whom, and that nothing in it is anybody's."""

import base64
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from schemas.records import Published
from segmentation.report.page import read_plotly
from tests.nights import FOUR, PLAN, Town, day, draw_customers, found_town, read
from tests.pages import Page

BUDGET, REST = 6_000_000, 1_500_000
PAYLOAD = "<img src=x onerror=alert(1)>\u202e & \"'"


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Published, Published]:
    """Two nights: in the second, ten customers of d do as a does, five of b left, three of c joined."""
    town = found_town(tmp_path_factory.mktemp("town"), value="spend")
    first = town.night(1, draw_customers(FOUR))
    second = draw_customers({**FOUR, "b": 125, "c": 113})
    moved = second["id"].str.startswith("d") & (second.groupby(second["id"].str[0]).cumcount() < 10)
    second.loc[moved, ["spend", "visits"]] = [100.0, 10.0]
    return first, town.night(2, second)


def test_the_verdict_is_one_sentence(two_nights: tuple[Published, Published]) -> None:
    """Date, customers, segments, evidence, who moved and how the night ended stand in one sentence on top."""
    first, second = (Page(one) for one in two_nights)
    assert re.search(
        r"On 1 January 2026, 480 customers form 4 segments; the evidence for that number is strong; there is "
        r"no edition before it to compare with; published\.",
        first.words,
    )
    assert (
        "since 1 January 2026, 10 of 475 customers (2.1%) changed segment, 3 joined and 5 left; published."
        in second.words
    )


def test_sections_stand_in_order_under_headings(two_nights: tuple[Published, Published]) -> None:
    """One h1, the sections as h2 in the order of the links to them, no level left out, every id once."""
    for page in map(Page, two_nights):
        levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        targets = [str(found["href"])[1:] for tag, found in page.tags if tag == "a"]
        assert set(targets) <= set(page.ids)
        assert targets[1:] == [one for one in page.ids if one in targets]
        assert len(set(page.ids)) == len(page.ids)


def test_every_figure_says_what_it_shows(two_nights: tuple[Published, Published]) -> None:
    """Each figure has data, an alternative text, and a table with the same, in it or below the evidence."""
    page = Page(two_nights[1])
    plots = {str(of["id"]): of for tag, of in page.tags if tag == "div" and of.get("class") == "plot"}
    assert plots.keys() == page.data.keys()
    assert {"migration", "sizes", "shares", "points", "k-inertia", "k-silhouette", "k-gap"} <= plots.keys()
    for key, of in plots.items():
        assert of["role"] == "img"
        assert len(str(of["aria-label"])) > 20
        frame = page.html.split(f'id="{key}"', 1)[1].split("</figure>", 1)[0]
        assert key.startswith("k-") or "<table" in frame


def test_cards_tell_share_of_value_and_growth(two_nights: tuple[Published, Published]) -> None:
    """A card's shares and growth are those counted from the published table."""
    page, table = Page(two_nights[1]), read(two_nights[1])
    before = read(two_nights[0])["segment_id"].value_counts().to_dict()
    sums = table.groupby("segment_id")["spend"].sum().to_dict()
    worth = sum(sums.values())
    for segment_id, size in table["segment_id"].value_counts().to_dict().items():
        card = page.html.split(f'id="card-{segment_id}"', 1)[1].split("</article>", 1)[0]
        part = sums[segment_id] / worth
        assert f"<dd>{part:.1%}</dd>" in card
        assert f"<dd>{size / len(table):.1%}</dd>" in card
        grown = size - before[segment_id]
        assert f"{'+' if grown > 0 else '−'}{abs(grown)} since 2026-01-01" in card.replace("&#x2212;", "−")


def test_migration_is_that_of_the_table(two_nights: tuple[Published, Published]) -> None:
    """The flow's figures are those of migration.parquet, who stayed left out in one of the two choices."""
    figure, moves = Page(two_nights[1]).data["migration"], read(two_nights[1], "migration.parquet")
    everybody, changed = (choice[0]["link"]["value"] for choice in figure["choices"])
    counts = moves.loc[moves["customers"] > 0]
    assert sorted(everybody) == sorted(counts["customers"])
    stayed = counts["from_segment_id"].eq(counts["segment_id"])
    assert sorted(changed) == sorted(counts.loc[~stayed.fillna(False), "customers"])
    assert sum(changed) == 10 + 3 + 5


def test_points_are_the_customers(two_nights: tuple[Published, Published]) -> None:
    """Unpacked as the page's script does, the drawn values are those of the published table."""
    points, table = Page(two_nights[1]).data["points"]["points"], read(two_nights[1])
    assert sum(one["count"] for one in points["segments"]) == len(table) == 478
    for name, packed in zip(("spend", "visits"), points["features"], strict=True):
        steps = np.frombuffer(base64.b64decode(packed["values"]), "<u2")
        values = packed["low"] + steps / 65535 * (packed["high"] - packed["low"])
        values = np.expm1(values) if packed["curved"] else values
        assert np.sort(values) == pytest.approx(np.sort(table[name]), rel=1e-3)


def test_no_customer_is_in_the_page(two_nights: tuple[Published, Published]) -> None:
    """No customer id, path, host or clock is in the page."""
    page, table = Page(two_nights[1]), read(two_nights[1])
    assert not [one for one in table["customer_id"] if one in page.html]
    assert str(Path(two_nights[1].report_path).parents[4]) not in page.html
    assert "night-2-" not in page.html  # the run's id; its input is night-2.csv


def test_the_page_keeps_its_budget(two_nights: tuple[Published, Published]) -> None:
    """The page is below 6 MB, and all that is not plotly.js below 1.5 MB."""
    page = Path(two_nights[1].report_path).read_bytes()
    assert len(page) < BUDGET
    assert len(page) - len(read_plotly()) < REST
    assert page.count(b"plotly.js v") == read_plotly().count(b"plotly.js v")


def test_a_held_night_says_why(tmp_path: Path) -> None:
    """Held stands in the badge and the verdict, and every failed required check above all else."""
    town = found_town(tmp_path)
    town.night(1, draw_customers(FOUR))
    held = town.night(2, draw_customers({"a": 20, "b": 20, "c": 20, "d": 20}))
    assert held.outcome == "held"
    page = Page(held)
    assert "held by a check, so not live." in page.words
    assert "Held, not live." in page.words.split("Segments")[0]
    for reason in held.reasons:
        assert reason in page.words.split("A segment keeps its id")[0]


def test_texts_of_the_data_are_shown_as_text(tmp_path: Path) -> None:
    """Levels, units and the description hold HTML and stay text; no element comes of them."""
    columns = {**PLAN["rows"]["columns"], "city": {"type": "category"}}
    columns["spend"] = {"type": "float", "unit": PAYLOAD}
    rows = {"id": "id", "columns": columns}
    changes = {"description": PAYLOAD, "rows": rows, "features": ["spend", "visits", "city"]}
    town = found_town(tmp_path, **changes)
    people = draw_customers(FOUR)
    people["city"] = np.where(people["spend"] > 200, PAYLOAD, "Bonn")
    page = Page(town.night(1, people))
    assert {"img"} & {tag for tag, _ in page.tags} == set()
    shown = PAYLOAD.replace("\u202e", "\N{REPLACEMENT CHARACTER}")
    assert f"city = {shown}" in page.words
    assert "\u202e" not in page.html
    for figure in page.data.values():
        assert "<img" not in json.dumps(figure)


def test_groups_below_ten_are_not_drawn(tmp_path: Path) -> None:
    """Of a segment of nine customers there are no quantiles and no points."""
    published = found_town(
        tmp_path, k={"min": 1, "max": 6, "rule": "fixed", "fixed": 3, "smallest_share": 0.0}
    ).night(1, draw_customers({"a": 150, "b": 130, "e": 9}))
    page, sizes = Page(published), read(published)["segment_id"].value_counts()
    small = next(name for name, size in sizes.items() if size == 9)
    drawn = {one["id"] for one in page.data["points"]["points"]["segments"]}
    assert drawn == set(sizes.index) - {small}
    spreads = page.html.split("How values spread", 1)[1].split("</section>", 1)[0]
    assert spreads.count("fewer than 10 customers</text>") == 2
    assert spreads.count("<td>not shown</td>") == 2 * 5


@pytest.mark.parametrize("groups", [{"a": 40}, {"a": 40, "b": 40}, {"a": 5, "b": 4}])
def test_small_tables_have_a_page(tmp_path: Path, groups: dict[str, int]) -> None:
    """One segment, two, or a handful of customers: every section is there, whatever it has to show."""
    page = Page(found_town(tmp_path, k={"min": 1, "max": 2}).night(1, draw_customers(groups)))
    assert len(page.find("h2")) == 8
    assert "nan" not in page.words.lower().split()
    assert ("there is nothing to draw" in page.words) == (groups == {"a": 5, "b": 4})


def test_spreads_are_the_quantiles_of_the_customers(two_nights: tuple[Published, Published]) -> None:
    """With all customers drawn the quantiles are exactly those of the published table."""
    page, table = Page(two_nights[1]), read(two_nights[1])
    part = page.html.split('aria-label="Quantiles of visits"', 1)[1].split("</table>", 1)[0]
    for segment_id, own in table.groupby("segment_id")["visits"]:
        row = part.split(f'<th scope="row">{segment_id}</th>', 1)[1].split("</tr>", 1)[0]
        told = [float(one.replace(",", "")) for one in re.findall(r"<td>([\d.,]+)</td>", row)]
        exact = np.quantile(own, [0.05, 0.25, 0.5, 0.75, 0.95], method="inverted_cdf")
        assert told == pytest.approx(exact, rel=6e-3)


def test_nights_without_ids_tell_sizes_only(tmp_path: Path) -> None:
    """Where rows bear no id nobody is followed, and cards still say how segments grew."""
    rows = {"id": None, "columns": PLAN["rows"]["columns"]}
    town = Town(tmp_path, found_town(tmp_path, rows=rows).segmentation)
    town.night(1, draw_customers(FOUR))
    page = Page(town.night(2, draw_customers({**FOUR, "a": 155})))
    assert "nobody can be followed, as rows bear no customer id" in page.words
    assert "+5 since 2026-01-01" in page.words
    assert "migration" not in page.data


def test_forty_features_keep_the_budget(tmp_path: Path) -> None:
    """Forty features of 6,000 customers: every one can be chosen, and the page stays within its budget."""
    random = np.random.default_rng(2)
    values = random.normal(0, 1, (6_000, 40)) + 3 * (np.arange(6_000) % 3)[:, None]
    people = pd.DataFrame(values.round(4), columns=[f"feature {i}" for i in range(40)])
    people.insert(0, "id", [f"c{i:05d}" for i in range(6_000)])
    columns = {name: {"type": "float"} for name in people.columns[1:]}
    town = found_town(
        tmp_path, rows={"id": "id", "columns": columns}, features=list(columns), k={"min": 2, "max": 3}
    )
    page = Page(town.night(1, people))
    assert len(page.data["points"]["points"]["features"]) == 40
    assert len(page.bytes) < BUDGET
    assert len(page.bytes) - len(read_plotly()) < REST
    assert day(1).isoformat() in page.words
