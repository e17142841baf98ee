"""The index pages: editions with their states, each manifest read once, and no night fails for them."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from schemas.manifest import Manifest
from segmentation.identity.given_names import name_segment
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.report.index.index_entries import (
    FACTS_FILE,
    EditionFacts,
    EditionIndex,
    IndexEntry,
    collect_editions,
)
from segmentation.report.index.index_pages import NEWEST, render_index
from segmentation.report.index.index_refresh import INDEX_PAGE, refresh_index, write_index
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.objects import AnyPath, ObjectPath
from tests.browser import open_page
from tests.nights import FOUR, Town, create_town, day, draw_customers

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOO_FEW_CUSTOMERS = {"a": 40, "b": 30, "c": 20, "d": 10}


@pytest.fixture(scope="module")
def three_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Two published nights and a held one."""
    town = create_town(tmp_path_factory.mktemp("town"), description="Four <b>planted</b> groups.")
    town.night(1, draw_customers(FOUR))
    town.night(2, draw_customers({**FOUR, "a": 160}))
    town.night(3, draw_customers(TOO_FEW_CUSTOMERS))
    return town


@pytest.fixture
def town(three_nights: Town, tmp_path: Path) -> Town:
    """A copy of the three nights."""
    return three_nights.copy_to(tmp_path)


def list_states(home: Path) -> list[tuple[str, str]]:
    """Date and state of each edition in the index."""
    return [(entry.facts.as_of, entry.state) for entry in collect_editions(home).entries]


def make_entry(number: int, **changes: Any) -> IndexEntry:
    """An invented edition, of the given number of days since 2020 in a calendar of 30-day months."""
    facts = EditionFacts(
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
    return IndexEntry(facts._replace(**changes), "published")


def test_each_night_writes_the_index(town: Town) -> None:
    """It lists dates and states, newest first, with links to reports. The store's page links to it."""
    first, second, third = (str(day(number)) for number in (1, 2, 3))
    assert list_states(town.home) == [(third, "held"), (second, "live"), (first, "published")]
    page = (town.home / INDEX_PAGE).read_text()
    links = re.findall(r'href="(editions/[^"]+)"', page)
    assert len(links) == 3 and all((town.home / link).is_file() for link in links)
    assert page.index(third) < page.index(second) < page.index(first)
    assert "customers-volume: 100 customers" in page
    assert 'href="planted/index.html"' in (town.store / INDEX_PAGE).read_text()
    assert "Four &lt;b&gt;planted&lt;/b&gt; groups." in page


def test_a_promotion_and_a_name_refresh_the_index(town: Town) -> None:
    """The promoted edition is live, later ones are superseded, and new names are shown."""
    home = town.home
    held_edition = collect_editions(home).entries[0].facts.edition
    assert promote_edition(home, PromotionRequest(day(3), held_edition, "ana", "")).warnings == ()
    assert [state for _, state in list_states(home)] == ["live", "published", "published"]
    promote_edition(home, PromotionRequest(day(1), None, "ana", ""))
    assert [state for _, state in list_states(home)] == ["superseded", "superseded", "live"]
    assert "superseded" in (home / INDEX_PAGE).read_text()
    name_segment(home, "S01", {"name": "Best & first", "owner": "crm"}, "ana")
    assert refresh_index(home) is None
    page = (home / INDEX_PAGE).read_text()
    assert "Best &amp; first" in page and "Owner: crm" in page


def test_rewriting_gives_the_same_bytes(town: Town) -> None:
    """Collected night by night, from scratch or after damage, pages and facts are the same."""
    files = [town.home / INDEX_PAGE, town.home / FACTS_FILE, town.store / INDEX_PAGE, town.store / FACTS_FILE]
    contents = [path.read_bytes() for path in files]
    write_index(town.home, reread=True)
    assert [path.read_bytes() for path in files] == contents
    (town.home / FACTS_FILE).write_text('{"form": 1, "editions": [{"as_of": 7}]}')
    (town.store / FACTS_FILE).write_text("[")
    (town.home / INDEX_PAGE).unlink()
    write_index(town.home)
    assert [path.read_bytes() for path in files] == contents


def test_a_manifest_is_read_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """A night reads one manifest, however many editions there are; `reread` reads all of them."""
    folders_read = list[str]()

    def count(folder: AnyPath) -> Manifest | None:
        folders_read.append(folder.name)
        return try_read_manifest(folder)

    monkeypatch.setattr("segmentation.report.index.index_entries.try_read_manifest", count)
    write_index(town.home)
    assert folders_read == []
    town.night(4, draw_customers(FOUR))
    assert len(folders_read) == 1
    write_index(town.home, reread=True)
    assert len(folders_read) == 5


def test_editions_that_cannot_be_read_are_counted(town: Town) -> None:
    """A damaged edition is left out of a rebuilt page, which says how many there are."""
    manifest = next((town.home / "editions" / str(day(1))).glob("*/manifest.json"))
    manifest.write_text("{")
    write_index(town.home, reread=True)
    page = (town.home / INDEX_PAGE).read_text()
    assert "1 edition cannot be read: &#39;resegment audit planted&#39; says why." in page


def test_a_night_does_not_fail_because_of_its_index(town: Town) -> None:
    """If the index cannot be written, the night is published with a warning, and the next run writes it."""
    (town.home / INDEX_PAGE).unlink()
    (town.home / INDEX_PAGE).mkdir()
    published = town.night(4, draw_customers(FOUR))
    assert published.outcome == "published"
    (warning,) = (warning for warning in published.warnings if "index.html" in warning)
    command = "'resegment report planted --index'"
    assert warning == f"index.html is out of date (Is a directory); rewrite it with {command}"
    (town.home / INDEX_PAGE).rmdir()
    repeated = town.run(4, town.folder / "night-4.csv")
    assert (repeated.outcome, repeated.warnings) == ("already-published", ())
    assert str(day(4)) in (town.home / INDEX_PAGE).read_text()


def test_damaged_editions_are_left_out(town: Town) -> None:
    """Damaged manifests and folders that Resegment did not write are not in the index."""
    manifests = sorted((town.home / "editions").glob("*/*/manifest.json"))
    manifests[0].write_text("{")
    manifests[1].write_text('{"k": "many"}')
    (town.home / "editions" / "notes" / "x").mkdir(parents=True)
    (town.home / "editions" / "notes" / "x" / "manifest.json").write_text(manifests[2].read_text())
    write_index(town.home, reread=True)
    assert [state for _, state in list_states(town.home)] == ["held"]


def test_a_removed_segmentation_leaves_the_store_page(town: Town) -> None:
    """The store's page lists the segmentations whose folders exist."""
    second = create_town(town.folder, name="other")
    second.night(1, draw_customers(FOUR))
    assert "other/index.html" in (town.store / INDEX_PAGE).read_text()
    second.home.rename(town.folder / "gone")
    write_index(town.home)
    assert "other/index.html" not in (town.store / INDEX_PAGE).read_text()


def test_an_empty_store_has_a_page() -> None:
    """The page says so."""
    assert b"No editions yet." in render_index(EditionIndex("demo", "", (), {}, {}))


@pytest.mark.slow
def test_a_thousand_editions_are_readable(browser: "Browser", tmp_path: Path) -> None:
    """The newest are shown, the others folded by year; no scripts, no requests; a phone in dark mode too."""
    entries = [make_entry(number) for number in reversed(range(1000))]
    entries[0] = IndexEntry(entries[0].facts, "live")
    entries[1] = IndexEntry(entries[1].facts._replace(reasons=("churn: <too> many",)), "held")
    path = tmp_path / INDEX_PAGE
    index = EditionIndex("demo", "A <demo>.", tuple(entries), {}, {"S01": "low spend"})
    path.write_bytes(render_index(index))
    assert path.stat().st_size < 1_000_000
    for width, scheme in ((1280, "light"), (390, "dark")):
        page = open_page(browser, path, width, scheme)  # type: ignore[arg-type]
        assert page.tab.locator("table").first.locator("tbody tr:not(.why)").count() == NEWEST
        assert page.tab.locator("tbody a").count() == 1000
        assert page.tab.locator("script").count() == 0
        page.tab.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        assert (page.errors, page.requests, page.overflow(), page.list_violations()) == ([], [], 0, [])
        scrolling = page.tab.evaluate(
            "[...document.querySelectorAll('.wide')].filter(box => box.scrollWidth > box.clientWidth).length"
        )
        assert scrolling == 0
        page.close()


def test_in_a_bucket_the_index_is_html(town: Town, bucket: ObjectPath, s3_server: str) -> None:
    """The index in a bucket has the same bytes as among files, and the content type of HTML."""
    for path in town.home.rglob("*"):
        if path.is_file() and not path.name.startswith(".") and ".staging" not in path.parts:
            target = bucket / "planted"
            for part in path.relative_to(town.home).parts:
                target = target / part
            target.put(path)
    home = bucket / "planted"
    assert refresh_index(home) is None
    assert (home / INDEX_PAGE).read_bytes() == (town.home / INDEX_PAGE).read_bytes()
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    for key in ("index.html", "planted/index.html"):
        head = client.head_object(Bucket=bucket.bucket, Key=key)
        assert head["ContentType"] == "text/html; charset=utf-8"
    client.close()
