"""A forced publication exchanges an edition's folder: always the old edition or the new."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import segmentation.store.files.exchange
from schemas.manifest import Manifest, ManifestRows
from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.canonical import to_json
from segmentation.parts import hash_file
from segmentation.store.catalogue.published import is_intact, published_edition
from segmentation.store.files.exchange import REPLACED, exchange_folders, restore_replaced
from segmentation.store.layout import EDITION_KEY, MANIFEST_KEY, SEGMENTS, SUMS, edition_folder
from segmentation.store.publication.commit import commit_edition

ROOT = Path(__file__).parents[1]
DAY = date(2026, 1, 31)
EDITION = "0123456789abcdef"
KEY = EditionKey(edition=EDITION, previous=None, replaces=None)
REPLACING = KEY.model_copy(update={"replaces": EDITION})


def seal_edition(folder: Path, python: str = "3.11.9", model: str = "{}") -> Path:
    """A small edition with all digests. `python`: what its manifest says made it."""
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(model)
    manifest = Manifest(
        name="demo",
        as_of=DAY,
        edition=EDITION,
        decision="published",
        rows=ManifestRows(customers=1),
        k=1,
        how="cold",
        inertia=0.0,
        sizes={"S01": 1},
        environment={"python": python},
        files={"model.json": hash_file(folder / "model.json")},
    )
    (folder / "manifest.json").write_bytes(to_json(manifest))
    footer = {EDITION_KEY: EDITION.encode(), MANIFEST_KEY: hash_file(folder / "manifest.json").encode()}
    pq.write_table(pa.table({"customer_id": ["a"]}).replace_schema_metadata(footer), folder / SEGMENTS)
    names = sorted(path.name for path in folder.iterdir())
    (folder / SUMS).write_text("".join(f"{hash_file(folder / name)}  {name}\n" for name in names))
    return folder


@pytest.fixture
def night(make_night: Callable[..., Night]) -> Night:
    """A night whose edition is published."""
    night = make_night()
    commit_edition(night, KEY, seal_edition(night.staging / "edition"), live=True)
    return night


def read_all(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Inode and bytes of each file."""
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in sorted(folder.iterdir())}


@pytest.fixture(params=["at once", "by turns"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to exchange folders: in one step, and as on file systems that cannot do that."""
    if request.param == "by turns":
        monkeypatch.setattr(segmentation.store.files.exchange, "exchange_at_once", lambda *_: False)
    return str(request.param)


def test_two_folders_change_places(tmp_path: Path, way: str) -> None:
    """Each has the other's files afterwards, and nothing else is left."""
    for name in ("new", "editions/2026-01-31/e"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "mark").write_text(name)
    exchange_folders(tmp_path / "new", tmp_path / "editions/2026-01-31/e", tmp_path)
    assert (tmp_path / "editions/2026-01-31/e/mark").read_text() == "new"
    assert (tmp_path / "new/mark").read_text() == "editions/2026-01-31/e"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["editions", "new"]


@pytest.mark.parametrize("python", ["3.11.9", "3.13.0"])
def test_the_same_edition_is_left_alone(night: Night, python: str) -> None:
    """Published again it keeps its files, even if another Python made the new ones."""
    folder = edition_folder(night.home, DAY, EDITION)
    original = read_all(folder)
    commit_edition(night, REPLACING, seal_edition(night.staging / "again", python), live=True)
    assert read_all(folder) == original
    assert is_intact(night.home, DAY, EDITION)


@pytest.mark.parametrize("damage", ["model.json", SEGMENTS, SUMS, "manifest.json", "stray"])
def test_a_damaged_edition_is_replaced(night: Night, way: str, damage: str) -> None:
    """Whatever is wrong with it, forcing its date gives a whole one."""
    folder = edition_folder(night.home, DAY, EDITION)
    original = {name: content for name, (_, content) in read_all(folder).items()}
    (folder / damage).unlink(missing_ok=True)
    (folder / damage).write_text("not what was sealed")
    commit_edition(night, REPLACING, seal_edition(night.staging / "again"), live=True)
    assert {name: content for name, (_, content) in read_all(folder).items()} == original
    assert not (night.home / REPLACED).exists()
    assert is_intact(night.home, DAY, EDITION)


def test_a_failed_exchange_puts_the_edition_back(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error on the second rename leaves the edition where it was."""
    monkeypatch.setattr(segmentation.store.files.exchange, "exchange_at_once", lambda *_: False)
    folder = edition_folder(night.home, DAY, EDITION)
    original = read_all(folder)
    with pytest.raises(FileNotFoundError):
        exchange_folders(tmp_path / "missing", folder, night.home)
    assert read_all(folder) == original


@pytest.mark.parametrize("has_new", [False, True])
def test_what_a_crash_took_away_is_put_back(night: Night, has_new: bool) -> None:
    """An edition that waits in .replaced returns, unless the new one has taken its place."""
    folder = edition_folder(night.home, DAY, EDITION)
    original = read_all(folder)
    replaced = night.home / REPLACED / str(DAY) / EDITION
    replaced.parent.mkdir(parents=True)
    shutil.copytree(folder, replaced) if has_new else folder.rename(replaced)
    assert restore_replaced(night.home) == ([] if has_new else [f"{DAY}/{EDITION}"])
    assert read_all(folder) == original
    assert not (night.home / REPLACED).exists()


def test_a_held_result_leaves_the_published_edition_alone(night: Night) -> None:
    """The table and its manifest belong together, whatever a later run decides about the same content."""
    folder = edition_folder(night.home, DAY, EDITION)
    original = read_all(folder)
    commit_edition(night, REPLACING, seal_edition(night.staging / "again", model='{"k": 2}'), live=False)
    assert read_all(folder) == original


_DRIVER = """
import json, sys
from pathlib import Path
import segmentation.store.files.exchange
from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.store.publication.commit import commit_edition
if sys.argv[3] == "by turns":
    segmentation.store.files.exchange.exchange_at_once = lambda *_: False
night = Night.model_validate_json(Path(sys.argv[1]).read_text())
key = EditionKey.model_validate_json(Path(sys.argv[2]).read_text())
commit_edition(night, key, night.staging / "again", live=True)
"""
_CALLS = ("renameat2", "rename", "link", "unlink", "unlinkat", "mkdir", "rmdir", "fsync")


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("call", _CALLS)
@pytest.mark.parametrize("way_to_exchange", ["at once", "by turns"])
def test_a_kill_leaves_the_old_edition_or_the_new(
    night: Night, tmp_path: Path, call: str, way_to_exchange: str
) -> None:
    """Killed at any of these calls, the edition is the old one or the new; forcing it again heals it."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    folder = edition_folder(night.home, DAY, EDITION)
    seal_edition(night.staging / "again", model='{"k": 2}')
    new = {path.name: path.read_bytes() for path in (night.staging / "again").iterdir()}
    old = {path.name: path.read_bytes() for path in folder.iterdir()}
    shutil.copytree(night.store, tmp_path / "before")
    (tmp_path / "night.json").write_text(night.model_dump_json())
    (tmp_path / "key.json").write_text(REPLACING.model_dump_json())
    for number in range(1, 40):
        shutil.rmtree(night.store)
        shutil.copytree(tmp_path / "before", night.store)
        fault = f"inject={call}:signal=KILL:when={number}"
        driver = [sys.executable, "-c", _DRIVER, str(tmp_path / "night.json"), str(tmp_path / "key.json")]
        command = [strace, "-f", "-qq", "-o", "/dev/null", "-e", fault, *driver, way_to_exchange]
        process = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
        restore_replaced(night.home)
        content = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert content in (old, new), f"torn at {call} {number}"
        assert published_edition(night.home, DAY) == EDITION
        if process.returncode == 0:
            assert content == new
            return
        shutil.rmtree(night.staging / "again", ignore_errors=True)
        commit_edition(night, REPLACING, seal_edition(night.staging / "again", model='{"k": 2}'), live=True)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == new
        assert json.loads((night.home / "live.json").read_text())["edition"] == EDITION
    pytest.fail("the commit never process by itself")
