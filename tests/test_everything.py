"""Every clause of a definition at once, over six nights: each promise holds for all of them together."""

import json
import os
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from config.clauses import Retention
from config.settings import read_settings
from schemas.night import Published
from segmentation.identity.customer_path import trace_customer
from segmentation.pruning.pruning import PruneRequest, prune_editions
from segmentation.rebuilding import compare_rebuilt, plan_rebuild, prepare_scratch
from segmentation.store.catalogue.editions import resolve_edition
from segmentation.store.names_file import NAMES_FILE
from segmentation.store.places import list_unknown
from segmentation.store.repair.audit import audit_store
from segmentation.store.runs.judged_entries import JUDGED
from segmentation.store.validations import FOLDER
from tests.conftest import Command
from tests.erasing import erase, search
from tests.everything_shop import (
    NIGHTS,
    OLD_ID,
    VALIDATED_BEFORE,
    VICTIM,
    act_between,
    make_everything_shop,
    write_everything,
)
from tests.late_shop import Shop, day
from tests.nights import Town, files, manifest, read

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, dict[int, Published]]:
    """The shop and its six nights."""
    folder = tmp_path_factory.mktemp("everything")
    write_everything(folder)
    shop, published = make_everything_shop(folder), {}
    for number in NIGHTS:
        act_between(shop, number)
        published[number] = shop.night(number)
    return shop, published


@pytest.fixture
def store(nights: tuple[Shop, dict[int, Published]], tmp_path: Path) -> Town:
    """A copy of the store; its definition reads the shop's own files."""
    shutil.copytree(nights[0].folder / "store", tmp_path / "store")
    return Town(tmp_path, nights[0].definition)


def test_every_night_is_published(nights: tuple[Shop, dict[int, Published]]) -> None:
    """With names of its date, all known customers, scores, levels, reasons of moves; audit finds nothing."""
    shop, published = nights
    assert {night.outcome for night in published.values()} == {"published"}
    assert audit_store(shop.home).damage == [] and list_unknown(shop.home.parent, shop.name) == []
    names = [manifest(published[number]).get("given_names", {}).get("S01") for number in NIGHTS]
    assert names == [None, *['Best, "really" ÷ 😀'] * 2, *["Best"] * 3]
    assert ["validation" in manifest(published[number]) for number in NIGHTS] == [
        number >= VALIDATED_BEFORE for number in NIGHTS
    ]
    for night in published.values():
        table, sizes = read(night), manifest(night)["groups"]["sizes"]
        assert len(read(night, "known.parquet")) == sum(sizes.values()) and len(table) == sizes["segment"]
        assert table["rfm"].str.fullmatch("[1-5]{3}").all() and table["country"].isna().any()
    changes = pd.concat([read(published[number], "changes.parquet") for number in NIGHTS[1:]])
    moves = changes[(changes["customer_id"] == VICTIM) & (changes["cause"] == "behaviour")]
    assert len(moves) and set(moves["moved_by"]) <= {*shop.definition.features}
    path = trace_customer(shop.home, VICTIM)
    assert [stop.as_of for stop in path.stops] == [day(number) for number in NIGHTS]
    last_path = trace_customer(shop.home, OLD_ID).stops
    assert [bool(stop.state) for stop in last_path] == [number < 27 for number in NIGHTS[: len(last_path)]]


@pytest.mark.parametrize("number", NIGHTS)
def test_every_night_is_rebuilt(
    nights: tuple[Shop, dict[int, Published]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """From its manifest, and the tables where the definition says they are, come the same bytes."""
    shop, _ = nights
    content = shop.definition.model_dump(mode="json", by_alias=True)
    (tmp_path / "demo.yaml").write_text(json.dumps(content))
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(tmp_path))
    read_settings.cache_clear()
    edition = resolve_edition(shop.home, day(number), None)
    plan = plan_rebuild(shop.home, edition, None)
    scratch, _ = prepare_scratch(shop.home, edition, plan, tmp_path / "scratch")
    rebuilt = shop.night(number, definition=plan.definition, source=plan.source, store=scratch)
    assert compare_rebuilt(shop.home, edition, scratch / shop.name, rebuilt.edition).differences == []


def test_a_backfill_gives_the_bytes_of_the_nights(
    nights: tuple[Shop, dict[int, Published]], tmp_path: Path
) -> None:
    """In another store with the same names, and with the validation from the night that first had it."""
    shop, published = nights
    home = tmp_path / "store" / shop.name
    home.mkdir(parents=True)
    shutil.copy(shop.home / NAMES_FILE, home / NAMES_FILE)
    for number in NIGHTS:
        if number == VALIDATED_BEFORE:
            shutil.copytree(shop.home / FOLDER, home / FOLDER)
        assert files(shop.night(number, store=tmp_path / "store")) == files(published[number])


def test_an_erased_customer_leaves_every_table(
    nights: tuple[Shop, dict[int, Published]], store: Town
) -> None:
    """Nothing has the customer's ids, before and after another night, and what is pruned leaves it whole."""
    paths = [Path(path) for path in search(store.home, VICTIM) | search(store.home, OLD_ID)]
    assert any(JUDGED in path.parts for path in paths)
    names = {path.name for path in paths if JUDGED not in path.parts}
    tables = {"segments.parquet", "changes.parquet", "known.parquet"}
    assert names == {*tables, "quarantine.parquet", "quarantine-attributes.parquet"}
    erase(store, VICTIM, OLD_ID)
    assert audit_store(store.home).damage == []
    shop = nights[0]
    night = shop.night(30, store=store.store)
    assert night.outcome == "published" and night.rows is not None and night.rows.erased > 0
    assert search(store.home, VICTIM) | search(store.home, OLD_ID) == set()
    request = PruneRequest(Retention(all_days=2), "ana", store.home)
    assert len(prune_editions(store.home, request, lambda line: None).dates) == len(NIGHTS) - 1
    assert audit_store(store.home).damage == []
    assert shop.night(31, store=store.store).outcome == "published"


def test_lists_are_of_the_tables(
    nights: tuple[Shop, dict[int, Published]], store: Town, main_command: Command
) -> None:
    """A segment with a formula for a name, and the lapsed, are listed as the edition has them."""
    last = nights[1][NIGHTS[-1]]
    text = main_command(
        "export", "demo", "--segment", "=1+1", "--columns", "rfm", "--store", str(store.store)
    )
    table = read(last)
    members = table[table["segment_id"] == "S02"]
    listed = pd.read_csv(StringIO(text.stdout), dtype=str)
    assert listed["customer_id"].tolist() == members["customer_id"].tolist()
    assert listed["rfm"].tolist() == members["rfm"].tolist() and set(listed["segment_name"]) == {"=1+1"}
    assert f"{len(members)} texts begin with" in text.stderr
    text = main_command("export", "demo", "--segment", "lapsed", "--store", str(store.store))
    known_customers = read(last, "known.parquet")
    lapsed = known_customers.loc[known_customers["group"] == "lapsed", "customer_id"]
    assert pd.read_csv(StringIO(text.stdout))["customer_id"].tolist() == lapsed.tolist()


def test_a_killed_night_is_made_again(nights: tuple[Shop, dict[int, Published]], tmp_path: Path) -> None:
    """Killed at points from its first change of the file system to its last, it ends with the same bytes."""
    shop, _ = nights
    shutil.copytree(shop.folder, tmp_path / "shop")
    command = [sys.executable, "-m", "tests.everything_kills", str(tmp_path / "shop"), "6"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    killed = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == 0, killed.stderr
    assert json.loads(killed.stdout)["problems"] == {}
