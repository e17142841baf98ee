"""The command `resegment erase`: what it asks, prints and refuses; and the same in a bucket."""

import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench.nights import run_night
from config.definition import Definition
from schemas.night import Night
from segmentation.erasing.erasure import erase_customers
from segmentation.erasing.requests import make_request
from segmentation.errors import Refused
from segmentation.store.files.objects import ObjectPath
from segmentation.store.layout import published_path
from segmentation.store.repair.audit import audit_store
from segmentation.store.tombstones import read_tombstones
from tests.conftest import DEFINITION, Command
from tests.erasing import COMBINING, create_store, has_bytes, has_value, search, write_refused
from tests.erasing import VICTIM as LONG_VICTIM
from tests.nights import PLAN, Town, create_town, day, draw_customers

VICTIM = "a00007-5e0b77c1d2"  # long enough that no digest or picture holds it by chance


def draw_town() -> pd.DataFrame:
    """Two groups of customers, one of them the victim."""
    return draw_customers({"a": 40, "b": 40}).replace({"id": {"a00007": VICTIM}})


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Two nights of two groups."""
    town = create_town(tmp_path)
    for number in (1, 2):
        town.night(number, draw_town())
    return town


@pytest.mark.slow
def test_the_command_erases_ids_of_a_file(town: Town, command: Command, tmp_path: Path) -> None:
    """It says what would go, refuses to ask without a terminal, and then prints what it has erased."""
    (tmp_path / "ids.txt").write_text(f"\ufeff{VICTIM}\r\n\nnobody\n")
    name, options = town.definition.name, ["--ids-from", "ids.txt", "--store", "store", "--reason", "4711"]
    plan = command("erase", name, *options, "--dry-run")
    assert plan.returncode == 0 and "Would erase: 2 rows of 2 ids (1 found)" in plan.stdout, plan.stderr
    refusal = command("erase", name, *options)
    assert refusal.returncode == 2 and "give --yes" in refusal.stderr
    assert read_tombstones(town.home) is None
    erased = command("erase", name, *options, "--yes", "--json", "--who", "ana")
    assert erased.returncode == 0, erased.stderr
    summary = json.loads(erased.stdout)
    assert [entry["rows"] for entry in summary["editions"]] == [{"segments.parquet": 1}] * 2
    assert VICTIM not in erased.stdout + erased.stderr + plan.stdout + plan.stderr
    assert search(town.home, VICTIM) == set()
    history = command("history", name, "--store", "store")
    assert history.stdout.count("erased") == 1 and "by ana: 4711" in history.stdout
    rebuilt = command("rebuild", name, "--store", "store", "--as-of", str(day(1)))
    assert rebuilt.returncode == 2 and "its bytes cannot be repeated" in rebuilt.stderr


@pytest.mark.slow
def test_the_command_refuses_what_it_cannot_do(town: Town, command: Command) -> None:
    """No ids and nobody erased before; a file without ids; an id in the reason."""
    name, store = town.definition.name, ("--store", "store", "--yes")
    for arguments, message in (
        ([], "no-ids: nobody has been erased from planted yet"),
        (["--ids-from", "missing.txt"], "ids-from: missing.txt cannot be read (No such file or directory)"),
        ([VICTIM, "--reason", f"mail of {VICTIM}"], "reason: reason holds one of the ids"),
    ):
        result = command("erase", name, *arguments, *store)
        assert result.returncode == 2 and message in result.stderr, result.stderr


@pytest.mark.slow
def test_a_bucket_is_erased_like_a_folder(bucket: ObjectPath, tmp_path: Path) -> None:
    """Editions and published tables lose the rows, audit accepts it, and the next night leaves them out."""
    source = tmp_path / "customers.csv"
    draw_town().rename(columns={"visits": "orders"}).astype({"orders": int}).to_csv(source, index=False)
    nights = [
        Night(
            run_id=f"night-{number}",
            definition=Definition.model_validate({**DEFINITION, "source": {"path": str(source)}}),
            as_of=day(number),
            source=None,
            store=tmp_path / "work",
            objects=str(bucket),
            force=False,
        )
        for number in (1, 2, 3)
    ]
    for night in nights[:2]:
        run_night(night)
    home = bucket / "demo"
    request = make_request(home, [VICTIM], "ana", "", tmp_path / "work" / "demo")
    holding = search_bucket(home, tmp_path)
    assert len(holding) == 4
    summary = erase_customers(home, request, lambda line: None)
    assert (summary.rows, len(summary.tables)) == (2, 2)
    assert search_bucket(home, tmp_path) == set()
    assert audit_store(home).damage == []
    published = run_night(nights[2])
    assert published.rows is not None and published.rows.erased == 1
    assert search_bucket(home, tmp_path) == set()
    with pytest.raises(Refused, match="no-ids"):
        erase_customers(bucket / "other", request._replace(ids=frozenset()), lambda line: None)


def search_bucket(home: ObjectPath, folder: Path) -> set[str]:
    """The objects that hold the victim, in their bytes or in a decoded value."""
    holding = set()
    for path in home.list_below():
        copy = path.fetch(folder)
        if has_bytes(copy, VICTIM) or has_value(copy, VICTIM):
            holding.add(str(path))
        copy.unlink()
    return holding


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_search_of_everything_finds_nothing(tmp_path: Path, command: Command) -> None:
    """Store, stage files, results, Prefect's database and logs: the id is found before, and never again.

    The nights are in every state: contested, left, joined, held, refused rows; the last ones ran on a real
    Prefect server with its own home. The source keeps the customer throughout.
    """
    town = create_store(tmp_path)
    name, places = town.definition.name, ("store", "state", "prefect", "logs")
    (tmp_path / "planted.yaml").write_text(json.dumps({**PLAN, **COMBINING}))
    (tmp_path / "logs").mkdir()
    environment = {"PREFECT_HOME": str(tmp_path / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}

    def run(label: str, *arguments: str) -> str:
        result = command(*arguments, "--store", "store", **environment)
        (tmp_path / "logs" / label).write_text(result.stdout + result.stderr)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def search_all() -> set[str]:
        return {f"{place}/{path}" for place in places for path in search(tmp_path / place, LONG_VICTIM)}

    write_refused(tmp_path / "night-4.csv")
    run("night-6", "run", "planted.yaml", "--as-of", str(day(6)), "--source", "night-4.csv")
    # What a run that died has left: its stage files hold rows as they were read.
    dead = town.home / ".staging" / "dead-run"
    shutil.copytree(published_path(town.home, day(6)).parent, dead / "summarise")
    shutil.copyfile(tmp_path / "night-4.csv", dead / "source.csv")

    holding = search_all()
    kinds = {Path(path).name for path in holding}
    assert kinds == {
        *("segments.parquet", "changes.parquet", "contested.parquet", "quarantine.parquet", "source.csv")
    }
    summary = json.loads(run("erase", "erase", name, LONG_VICTIM, "--yes", "--json", "--reason", "4711"))
    after_erasing = search_all()
    run("night-7", "run", "planted.yaml", "--as-of", str(day(7)), "--source", "night-4.csv")
    after_night = search_all()
    searched = sum(path.is_file() for place in places for path in (tmp_path / place).rglob("*"))
    database = (tmp_path / "prefect" / "prefect.db").stat().st_size
    sys.stdout.write(
        f"\nfound before: {len(holding)} files of {len(summary['editions'])} editions: {sorted(kinds)}\n"
        f"found after erase: {len(after_erasing)}; after the next night: {len(after_night)}\n"
        f"searched: {searched:,} files, with Prefect's database of {database:,} bytes\n"
    )
    assert LONG_VICTIM in (tmp_path / "night-4.csv").read_text()
    assert (after_erasing, after_night) == (set(), set())
    assert database > 100_000
    run("audit", "audit", name)
    run("rebuild", "rebuild", name, "--as-of", str(day(7)))
