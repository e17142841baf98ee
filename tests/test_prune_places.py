"""Pruning a bucket, by the command, and by the flow."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.clauses import Retention
from resegment import cli
from segmentation.erasing.erasure import ERASE_LOCK
from segmentation.errors import Conflict
from segmentation.pruning.pruning import PruneRequest, prune_editions
from segmentation.store.dates import published_dates
from segmentation.store.files.locking import lock
from segmentation.store.files.objects import ObjectPath
from segmentation.store.repair.audit import audit_store
from tests.nights import PLAN, Town, create_town, day, draw_customers

KEEP = Retention(all_days=1)


@pytest.fixture(scope="module")
def three_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Three nights of one month: the first of them is neither its end nor needed."""
    town = create_town(tmp_path_factory.mktemp("town"))
    for number in (1, 2, 3):
        assert town.night(number, draw_customers({"a": 60, "b": 60})).outcome == "published"
    return town


@pytest.fixture
def town(three_nights: Town, tmp_path: Path) -> Town:
    """A copy of the nights."""
    return three_nights.copy_to(tmp_path)


def test_pruning_and_erasing_take_turns(town: Town) -> None:
    """While customers are erased nothing is pruned."""
    with lock(town.home / ERASE_LOCK), pytest.raises(Conflict, match="under way"):
        prune_editions(town.home, PruneRequest(KEEP, "ana", town.home), lambda line: None)


def test_an_edition_in_the_folder_of_a_pruned_date_stays(town: Town) -> None:
    """Two dates' folders were swapped: the live edition is not removed with the date that has its folder."""
    first, live = (town.home / "editions" / str(day(number)) for number in (1, 3))
    contents = {path.name: path.read_bytes() for path in live.rglob("*.*")}
    first.rename(first.with_name("aside"))
    live.rename(first)
    first.with_name("aside").rename(live)
    summary = prune_editions(town.home, PruneRequest(KEEP, "ana", town.home), lambda line: None)
    assert [entry.as_of for entry in summary.dates] == [day(1)]
    assert {path.name: path.read_bytes() for path in first.rglob("*.*")} == contents


@pytest.fixture
def town_in_bucket(town: Town, bucket: ObjectPath) -> Iterator[ObjectPath]:
    """The same segmentation in a bucket: its home."""
    home = bucket / town.definition.name
    for path in town.home.rglob("*"):
        if path.is_file() and ".staging" not in path.parts and path.name != ".lock":
            (home / str(path.relative_to(town.home))).put(path.read_bytes())
    yield home


def test_a_bucket_is_pruned(town: Town, town_in_bucket: ObjectPath, tmp_path: Path) -> None:
    """In a bucket the same editions go, and the store is intact."""
    request = PruneRequest(KEEP, "ana", tmp_path / "work")
    summary = prune_editions(town_in_bucket, request, lambda line: None)
    assert [entry.as_of for entry in summary.dates] == [day(1)]
    assert summary.bytes > 0
    assert len(published_dates(town_in_bucket)) == 2
    assert not list((town_in_bucket / "editions" / str(day(1))).list_below())
    assert audit_store(town_in_bucket).damage == []
    assert prune_editions(town_in_bucket, request, lambda line: None).outcome == "nothing"


def test_the_command(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the retention from the definition, shows what would go, and prints one JSON document."""
    path = town.folder / "planted.yaml"
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(town.folder))
    monkeypatch.setattr(cli.app, "registered_groups", [])
    for subcommand in cli._SUBCOMMANDS:
        cli.app.add_typer(subcommand)

    def call(*options: str) -> str:
        arguments = ["prune", str(path), "--store", str(town.store), *options]
        result = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    path.write_text(json.dumps(PLAN))
    assert "sets no retention" in call()
    path.write_text(json.dumps({**PLAN, "retention": {"all_days": 1}}))
    assert "Would remove: 1 edition of 1 date" in call("--dry-run")
    assert len(published_dates(town.home)) == 3
    assert json.loads(call("--json"))["outcome"] == "pruned"
    assert "Nothing to remove: 2 dates kept" in call()


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_the_flow(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow prunes, and its page has what was removed."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    from config.settings import read_settings
    from flows.prune import prune as flow

    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(town.folder))
    read_settings.cache_clear()
    (town.folder / "planted.yaml").write_text(json.dumps({**PLAN, "retention": {"all_days": 1}}))
    summary = flow("planted", store=str(town.store))
    assert (summary.outcome, summary.editions) == ("pruned", 1)  # type: ignore[attr-defined]
    with get_client(sync_client=True) as client:
        key_filter = ArtifactFilter(key=ArtifactFilterKey(any_=["planted-prune"]))
        [page] = client.read_artifacts(artifact_filter=key_filter)
    assert str(day(1)) in str(page.data)
