"""The index of a store: every edition with its state, gathered once, and never in the way of a night."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from segmentation.identity.given_names import name_segment
from segmentation.promoting import Asked, promote_edition
from segmentation.report.index_page import NEWEST, draw_index
from segmentation.report.indexing import PAGE, refresh_index, write_index
from segmentation.report.store_index import FACTS, Entry, Index, Row, gather
from segmentation.store.given_ids import read_manifest
from segmentation.store.objects import ObjectPath
from tests.browser import open_page
from tests.nights import FOUR, Town, day, draw_customers, found_town

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FEW = {"a": 40, "b": 30, "c": 20, "d": 10}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Two nights published, the third held."""
    town = found_town(tmp_path, description="Four <b>planted</b> groups.")
    town.night(1, draw_customers(FOUR))
    town.night(2, draw_customers({**FOUR, "a": 160}))
    town.night(3, draw_customers(FEW))
    return town


def states(home: Path) -> list[tuple[str, str]]:
    """Date and state of each edition, as the index tells them."""
    return [(row.entry.as_of, row.state) for row in gather(home).rows]


def make_row(number: int, **changes: Any) -> Row:
    """An edition that never was."""
    entry = Entry(
        as_of=f"{2020 + number // 360}-{number % 360 // 30 + 1:02d}-{number % 30 + 1:02d}",
        edition=f"{number:016x}",
        decision="published",
        k=2,
        customers=300,
        sizes={"S01": 100 + number % 50, "S02": 200 - number % 50},
        moved=0.01,
        joined=1,
        left=2,
        how="scored",
        reasons=(),
    )
    return Row(entry._replace(**changes), "published")


def test_each_night_writes_the_index(town: Town) -> None:
    """Dates with their states, newest first; links lead to reports; the store's page leads to this one."""
    first, second, third = (str(day(number)) for number in (1, 2, 3))
    assert states(town.home) == [(third, "held"), (second, "live"), (first, "published")]
    page = (town.home / PAGE).read_text()
    links = re.findall(r'href="(editions/[^"]+)"', page)
    assert len(links) == 3 and all((town.home / link).is_file() for link in links)
    assert page.index(third) < page.index(second) < page.index(first)
    assert "customers-volume: 100 customers" in page
    assert 'href="planted/index.html"' in (town.store / PAGE).read_text()
    assert "Four &lt;b&gt;planted&lt;/b&gt; groups." in page


def test_a_promotion_and_a_name_are_told(town: Town) -> None:
    """What was promoted is live, what it replaced published, later dates set aside; names are shown."""
    home = town.home
    held = gather(home).rows[0].entry.edition
    assert promote_edition(home, Asked(day(3), held, "ana", "")).warnings == ()
    assert [state for _, state in states(home)] == ["live", "published", "published"]
    promote_edition(home, Asked(day(1), None, "ana", ""))
    assert [state for _, state in states(home)] == ["set aside", "set aside", "live"]
    assert "set aside" in (home / PAGE).read_text()
    name_segment(home, "S01", {"name": "Best & first", "owner": "crm"}, "ana")
    assert refresh_index(home) is None
    page = (home / PAGE).read_text()
    assert "Best &amp; first" in page and "Owner: crm" in page


def test_written_anew_it_has_the_same_bytes(town: Town) -> None:
    """Gathered night by night, from nothing, or after damage: the same page and the same facts."""
    files = [town.home / PAGE, town.home / FACTS, town.store / PAGE, town.store / FACTS]
    before = [path.read_bytes() for path in files]
    write_index(town.home, anew=True)
    assert [path.read_bytes() for path in files] == before
    (town.home / FACTS).write_text('{"form": 1, "editions": [{"as_of": 7}]}')
    (town.store / FACTS).write_text("[")
    (town.home / PAGE).unlink()
    write_index(town.home)
    assert [path.read_bytes() for path in files] == before


def test_a_manifest_is_read_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night costs one manifest, however many editions there are; all are read where it is asked for."""
    read = list[str]()

    def count(folder: Path | ObjectPath) -> dict[str, Any] | None:
        read.append(folder.name)
        return read_manifest(folder)

    monkeypatch.setattr("segmentation.report.store_index.read_manifest", count)
    write_index(town.home)
    assert read == []
    town.night(4, draw_customers(FOUR))
    assert len(read) == 1
    write_index(town.home, anew=True)
    assert len(read) == 5


def test_a_night_does_not_fail_for_its_index(town: Town) -> None:
    """Where the index cannot be written the night is published, and says so; the next one mends it."""
    (town.home / PAGE).unlink()
    (town.home / PAGE).mkdir()
    published = town.night(4, draw_customers(FOUR))
    assert published.outcome == "published"
    assert "index.html is not up to date: Is a directory; 'resegment report planted --index' writes it" in (
        published.warnings
    )
    (town.home / PAGE).rmdir()
    again = town.run(4, town.folder / "night-4.csv")
    assert (again.outcome, again.warnings) == ("already-published", ())
    assert str(day(4)) in (town.home / PAGE).read_text()


def test_damaged_editions_are_left_out(town: Town) -> None:
    """A manifest that cannot be read, or is not ours, is audit's to tell; folders of others do not matter."""
    manifests = sorted((town.home / "editions").glob("*/*/manifest.json"))
    manifests[0].write_text("{")
    manifests[1].write_text('{"k": "many"}')
    (town.home / "editions" / "notes" / "x").mkdir(parents=True)
    (town.home / "editions" / "notes" / "x" / "manifest.json").write_text(manifests[2].read_text())
    write_index(town.home, anew=True)
    assert [state for _, state in states(town.home)] == ["held"]


def test_a_segmentation_that_is_gone_leaves_the_store_page(town: Town) -> None:
    """The store's page names the segmentations whose folders are there."""
    other = found_town(town.folder, name="other")
    other.night(1, draw_customers(FOUR))
    assert "other/index.html" in (town.store / PAGE).read_text()
    other.home.rename(town.folder / "gone")
    write_index(town.home)
    assert "other/index.html" not in (town.store / PAGE).read_text()


def test_an_empty_store_has_a_page() -> None:
    """No edition is said in words."""
    assert b"There is no edition yet." in draw_index(Index("demo", "", (), {}, {}))


@pytest.mark.slow
@pytest.mark.xdist_group("browser")
def test_a_thousand_editions_can_be_read(browser: "Browser", tmp_path: Path) -> None:
    """The newest at once, the others by year; no script, no request, readable on a phone in the dark."""
    rows = [make_row(number) for number in reversed(range(1000))]
    rows[0] = Row(rows[0].entry, "live")
    rows[1] = Row(rows[1].entry._replace(reasons=("churn: <too> many",)), "held")
    path = tmp_path / PAGE
    path.write_bytes(draw_index(Index("demo", "A <demo>.", tuple(rows), {}, {"S01": "low spend"})))
    assert path.stat().st_size < 1_000_000
    for width, scheme in ((1280, "light"), (390, "dark")):
        page = open_page(browser, path, width, scheme)  # type: ignore[arg-type]
        assert page.tab.locator("table").first.locator("tbody tr:not(.why)").count() == NEWEST
        assert page.tab.locator("tbody a").count() == 1000
        assert page.tab.locator("script").count() == 0
        page.tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert (page.errors, page.requests, page.overflow(), page.find_flaws()) == ([], [], 0, [])
        wide = page.tab.evaluate(
            "[...document.querySelectorAll('.wide')].filter(one => one.scrollWidth > one.clientWidth).length"
        )
        assert wide == 0
        page.close()


def test_among_objects_a_page_is_a_page(town: Town, bucket: ObjectPath, s3_server: str) -> None:
    """Put into a bucket the index is the same, and served as HTML."""
    for path in town.home.rglob("*"):
        if path.is_file() and not path.name.startswith(".") and ".staging" not in path.parts:
            target = bucket / "planted"
            for part in path.relative_to(town.home).parts:
                target = target / part
            target.put(path)
    home = bucket / "planted"
    assert refresh_index(home) is None
    assert (home / PAGE).read_bytes() == (town.home / PAGE).read_bytes()
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    for key in ("index.html", "planted/index.html"):
        found = client.head_object(Bucket=bucket.bucket, Key=key)
        assert found["ContentType"] == "text/html; charset=utf-8"
    client.close()
