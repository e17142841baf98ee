"""Small files of a store that were damaged by hand: every command answers in one message, and no id is wrong.

Damage is drawn from a seed (damaging.py), so that a failure can be repeated.
"""

import json
import random
import shutil
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from config.settings import read_settings
from resegment.editions import editions_app
from resegment.history import history_app
from resegment.repair import repair_app
from resegment.report import report_app
from resegment.score import score_app
from resegment.segments import segments_app
from segmentation.errors import ResegmentError
from tests.damaged_store import FIRST, edition
from tests.damaging import damage_bytes, damage_values
from tests.nights import PLAN, Town, day, draw_customers, segment_of

HOME_FILES = ("live.json", "ids.json", "names.json", "index.json", "ledger")
FILES = (*HOME_FILES, "manifest.json", "model.json", "SHA256SUMS")
SEEDS, MORE_SEEDS, NIGHTS = range(1), range(1, 20), range(8)


@pytest.fixture
def town(pristine: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """A copy of the store in the folder in which commands run, with its definition and a table to score."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    read_settings.cache_clear()
    (tmp_path / "planted.yaml").write_text(json.dumps({**PLAN, "refit": {"nights": 1}}))
    draw_customers({"a": 20, "d": 20}).to_csv(tmp_path / "new.csv", index=False)
    return pristine.copy_to(tmp_path)


def call(*arguments: str) -> Result:
    """Run a command of the store. Whatever happens, it answers in one message and with an exit status."""
    app = typer.Typer()
    for subcommand in (history_app, report_app, segments_app, editions_app, repair_app, score_app):
        app.add_typer(subcommand)
    result = CliRunner().invoke(app, arguments)
    error = result.exception
    assert error is None or isinstance(error, SystemExit | ResegmentError), (arguments, repr(error))
    if isinstance(error, ResegmentError):
        assert "\n" not in str(error) and len(str(error)) < 1000
    return result


def choose_file(town: Town, kind: str, rng: random.Random) -> Path:
    """The file to damage."""
    if kind == "ledger":
        return rng.choice(sorted((town.home / "ledger").iterdir()))
    if kind not in HOME_FILES:
        return edition(town, rng.choice((1, 2, 4, 4))) / kind
    return town.home / kind


def check_commands(town: Town) -> None:
    """Every command that reads the store answers, and segments have their own ids."""
    live = str(day(4))
    call("history", "planted")
    call("history", "planted", "--json")
    call("report", "planted")
    call("report", "planted", "--as-of", live)
    call("diff", "planted", str(day(1)), live)
    segments = call("segments", "planted", "--json")
    if segments.exit_code == 0:
        ids = [segment["segment_id"] for segment in json.loads(segments.stdout)["segments"]]
        assert ids == ["S01", "S02", "S03", "S05"]
    scores = call("score", "planted.yaml", "new.csv", "-o", "scores.parquet")
    if scores.exit_code == 0:
        table = pd.read_parquet("scores.parquet")
        by_group = table.groupby(table["customer_id"].str[0])["segment_id"].unique()
        assert {group: list(ids) for group, ids in by_group.items()} == {"a": ["S01"], "d": ["S05"]}
    call("audit", "planted")
    call("name", "planted", "S01", "--name", "Other")
    call("promote", "planted", "--as-of", live)
    call("repair", "planted", "--dry-run")
    call("repair", "planted")
    call("report", "planted", "--index")


def damage_file(town: Town, kind: str, seed: int) -> None:
    """Damage one file as the seed says."""
    rng = random.Random(f"{kind} {seed}")  # noqa: S311 - no secret
    path = choose_file(town, kind, rng)
    damage = damage_bytes if kind == "SHA256SUMS" or rng.random() < 0.4 else damage_values
    content = damage(path.read_bytes(), rng)
    path.unlink()
    path.write_bytes(content)


def check_seed(pristine: Town, town: Town, kind: str, seed: int) -> None:
    """Damage one file, and use the store."""
    shutil.rmtree(town.store)
    pristine.copy_to(town.folder)
    damage_file(town, kind, seed)
    check_commands(town)


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_ends_in_one_message(town: Town, pristine: Town, kind: str) -> None:
    """Every command refuses it in one message, or continues and says what it left out."""
    for seed in SEEDS:
        check_seed(pristine, town, kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_many_damaged_files_end_in_one_message(town: Town, pristine: Town, kind: str) -> None:
    """As above, many times."""
    for seed in MORE_SEEDS:
        check_seed(pristine, town, kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FILES)
def test_a_night_after_damage_keeps_ids_or_is_refused(town: Town, pristine: Town, kind: str) -> None:
    """The next night gives every group the id that it had, or ends in one message."""
    customers = draw_customers({**FIRST, "d": 60})
    for seed in NIGHTS:
        shutil.rmtree(town.store)
        pristine.copy_to(town.folder)
        damage_file(town, kind, seed)
        try:
            published = town.night(5, customers)
        except ResegmentError as error:
            assert "\n" not in str(error)
        else:
            groups = {group: segment_of(published, group) for group in "abcd"}
            assert groups == {"a": "S01", "b": "S03", "c": "S02", "d": "S05"}, (kind, seed)
