"""Editions carry the names that people gave before them, and never change because of a later one."""

import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from resegment.segments import segments_app
from segmentation.errors import DamagedFile
from segmentation.identity.given_names import name_segment
from segmentation.rebuilding import compare_rebuilt, plan_rebuild, prepare_scratch
from segmentation.report.index.index_refresh import write_index
from segmentation.store.catalogue.editions import resolve_date_or_id
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.layout import edition_folder
from segmentation.store.names_file import NAMES_FILE
from segmentation.store.pointer import read_live
from tests.nights import Town, create_town, day, draw_customers, files, manifest, read

SIZES = {"a": 120, "b": 110, "d": 100}
CHANGED = {"a": 118, "b": 112, "d": 100}
K = {"min": 1, "max": 6, "rule": "fixed", "fixed": 3}


@pytest.fixture(scope="module")
def named_town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Night 1 without names; S01 is named before night 2, and renamed after it, before night 3."""
    town = create_town(tmp_path_factory.mktemp("named"), k=K)
    town.night(1, draw_customers(SIZES))
    name_segment(town.home, "S01", {"name": "iPhone & <b>best</b>", "owner": "crm"}, "ana")
    town.night(2, draw_customers(CHANGED))
    name_segment(town.home, "S01", {"name": "Top"}, "ana")
    town.night(3, draw_customers(SIZES))
    return town


@pytest.fixture
def town(named_town: Town, tmp_path: Path) -> Town:
    """A copy of the three nights."""
    return named_town.copy_to(tmp_path)


def folder_of(town: Town, number: int) -> Path:
    """The only edition of a night."""
    (folder,) = (town.home / "editions" / str(day(number))).iterdir()
    return folder


def test_tables_page_and_manifest_have_the_names_of_their_date(named_town: Town) -> None:
    """Night by night: none, the first name, the second. Segments without one have their factual name."""
    names = {}
    for number in (1, 2, 3):
        folder = folder_of(named_town, number)
        content = json.loads((folder / "manifest.json").read_text())
        page = (folder / "report.html").read_text()
        names[number] = content.get("given_names", {}).get("S01")
        assert ("iPhone &amp; &lt;b&gt;best&lt;/b&gt;" in page) == (number == 2)
        assert (">Top<" in page) == (number == 3)
    assert names == {1: None, 2: "iPhone & <b>best</b>", 3: "Top"}
    assert "given_names" not in json.loads((folder_of(named_town, 1) / "manifest.json").read_text())


def test_rows_have_the_name_of_their_segment(town: Town) -> None:
    """segments.parquet and changes.parquet agree with descriptions.parquet but for the given name."""
    night = town.run(3, town.folder / "night-3.csv", force=True)
    descriptions = read(night, "descriptions.parquet").set_index("segment_id")["name"].to_dict()
    expected = {**descriptions, "S01": "Top"}
    table = read(night)
    assert (table["segment_name"] == table["segment_id"].map(expected)).all()
    assert list(table.columns).index("segment_name") == list(table.columns).index("segment_id") + 1
    changes = read(night, "changes.parquet")
    assert set(changes["change"]) == {"joined", "left"}
    for column in ("from_segment", "segment"):
        rows = changes[changes[f"{column}_id"].notna()]
        assert (rows[f"{column}_name"] == rows[f"{column}_id"].map(expected)).all()
    assert changes.loc[changes["change"] == "joined", "from_segment_name"].isna().all()


def test_a_backfill_in_another_store_gives_the_same_bytes(named_town: Town, tmp_path: Path) -> None:
    """With the same names.json, every date has the names that its night had."""
    other_town = create_town(tmp_path, k=K)
    other_town.home.mkdir(parents=True)
    shutil.copyfile(named_town.home / NAMES_FILE, other_town.home / NAMES_FILE)
    for number in (1, 2, 3):
        source = tmp_path / f"night-{number}.csv"
        shutil.copyfile(named_town.folder / source.name, source)
        night = other_town.run(number, source)
        folder = folder_of(named_town, number)
        assert files(night) == {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
def test_a_name_given_while_a_night_runs_holds_from_the_next(town: Town) -> None:
    """The night had read the names before, so running it again finds its edition, and so does --force."""
    live = read_live(town.home)
    night_4 = town.night(4, draw_customers(CHANGED))
    content = json.loads((town.home / NAMES_FILE).read_text())
    # As a naming would have left it that began before night 4 was published.
    content["S02"] = [{"name": "Late", "by": "ana", "as_of": str(day(3)), "holds_from": str(day(4))}]
    (town.home / NAMES_FILE).write_text(json.dumps(content))
    assert live is not None and live[0] == day(3)
    repeated = town.run(4, town.folder / "night-4.csv")
    assert (repeated.outcome, repeated.edition) == ("already-published", night_4.edition)
    forced = town.run(4, town.folder / "night-4.csv", force=True)
    assert forced.edition == night_4.edition and "Late" not in manifest(forced)["given_names"].values()
    assert manifest(town.night(5, draw_customers(SIZES)))["given_names"] == {"S01": "Top", "S02": "Late"}


def test_a_rebuild_takes_the_names_from_the_manifest(town: Town, tmp_path: Path) -> None:
    """Even if names.json is lost since, the rebuilt edition has the same bytes."""
    (town.home / NAMES_FILE).unlink()
    edition = resolve_date_or_id(town.home, str(day(2)))
    plan = plan_rebuild(town.home, edition, str(town.folder / "night-2.csv"))
    prepare_scratch(town.home, edition, plan, tmp_path / "scratch")
    scratch = Town(tmp_path / "scratch", plan.definition)
    rebuilt = scratch.run(2, town.folder / "night-2.csv")
    assert compare_rebuilt(town.home, edition, scratch.home, rebuilt.edition).differences == []


def test_a_night_with_a_damaged_file_of_names_is_refused(town: Town) -> None:
    """Published without them, tables would silently call segments something else than the night before."""
    (town.home / NAMES_FILE).write_text("[1")
    with pytest.raises(DamagedFile, match=r"names.json .* restore it from a backup"):
        town.night(4, draw_customers(SIZES))
    assert read_live(town.home) == (day(3), folder_of(town, 3).name)


def test_index_and_command_say_which_names_are_newer(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """They show the newest name, and what the edition itself calls the segment."""
    name_segment(town.home, "S01", {"name": "Newest"}, "ana")
    write_index(town.home)
    page = (town.home / "index.html").read_text()
    assert "Newest" in page and "Named since the live edition" in page and "report say: Top" in page
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.add_typer(segments_app)
    app.command("other")(lambda: None)
    arguments = ["segments", town.definition.name, "--store", str(town.store)]
    result = CliRunner().invoke(app, arguments)
    assert "S01 was named since this edition, in which it is Top" in result.stdout
    segment = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)["segments"][0]
    assert (segment["called"], segment["called_in_edition"]) == ("Newest", "Top")
    live = read_live(town.home)
    assert live is not None and read_manifest(edition_folder(town.home, *live)).given_names == {"S01": "Top"}
