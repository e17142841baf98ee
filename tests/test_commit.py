"""Publishing: one winner per date, live.json only moves forward, repeating an attempt loses nothing."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.errors import Conflict, DamagedFile
from segmentation.parts import hash_file
from segmentation.store.catalogue.published import published_edition
from segmentation.store.files.locking import lock
from segmentation.store.files.objects import ObjectPath
from segmentation.store.layout import EDITION_KEY, MANIFEST_KEY, SEGMENTS, edition_folder, published_path
from segmentation.store.pointer import read_live
from segmentation.store.publication.commit import commit_edition, move_live

NightMaker = Callable[..., Night]


def build(night: Night, edition: str, mark: str = "", manifest: str | None = None) -> Path:
    """A finished edition in the run's staging folder."""
    folder = night.staging / "edition"
    folder.mkdir(parents=True)
    digest = b"00"
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
        digest = hash_file(folder / "manifest.json").encode()
    footer = {EDITION_KEY: edition.encode(), MANIFEST_KEY: digest}
    table = pa.table({"customer_id": ["a", mark]}).replace_schema_metadata(footer)
    pq.write_table(table, folder / SEGMENTS)
    (folder / "model.json").write_text(mark)
    return folder


def key(edition: str, replaces: str | None = None) -> EditionKey:
    """The key of an edition that a run makes."""
    return EditionKey(edition=edition, previous=None, replaces=replaces)


def as_run(night: Night, run_id: str, day: date | None = None) -> Night:
    """The same night in another run, perhaps for another date."""
    return night.model_copy(update={"run_id": run_id, "as_of": day or night.as_of})


def test_a_published_edition_is_live(make_night: NightMaker) -> None:
    """After the commit the table names the edition, the folder is complete, live.json points at it."""
    night = make_night()
    commit_edition(night, key("e1"), build(night, "e1"), live=True)
    folder = edition_folder(night.home, night.as_of, "e1")
    assert published_edition(night.home, night.as_of) == "e1"
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", SEGMENTS]
    assert published_path(night.home, night.as_of).read_bytes() == (folder / SEGMENTS).read_bytes()
    assert read_live(night.home) == (night.as_of, "e1")


def test_a_held_edition_is_kept_and_not_live(make_night: NightMaker) -> None:
    """A held edition gets its folder; the table and live.json stay those of the published edition."""
    night = make_night()
    commit_edition(night, key("e1"), build(night, "e1"), live=True)
    rival = as_run(night, "two")
    commit_edition(rival, key("e2"), build(rival, "e2"), live=False)
    assert edition_folder(night.home, night.as_of, "e2").is_dir()
    assert published_edition(night.home, night.as_of) == "e1"
    assert read_live(night.home) == (night.as_of, "e1")


def test_the_second_publisher_of_a_date_is_refused(make_night: NightMaker) -> None:
    """A run that began before another published raises Conflict and changes nothing."""
    night = make_night()
    commit_edition(night, key("e1"), build(night, "e1"), live=True)
    rival = as_run(night, "two")
    folder = build(rival, "e2")
    with pytest.raises(Conflict, match="had edition none when this run began and has e1"):
        commit_edition(rival, key("e2", replaces=None), folder, live=True)
    assert published_edition(night.home, night.as_of) == "e1"
    assert not edition_folder(night.home, night.as_of, "e2").exists()
    assert folder.is_dir()


def test_a_run_may_replace_the_edition_it_started_from(make_night: NightMaker) -> None:
    """A run that found the published edition when it began replaces it; the old folder stays."""
    night = make_night()
    commit_edition(night, key("e1"), build(night, "e1"), live=True)
    rival = as_run(night, "two")
    commit_edition(rival, key("e2", replaces="e1"), build(rival, "e2"), live=True)
    assert published_edition(night.home, night.as_of) == "e2"
    assert edition_folder(night.home, night.as_of, "e1").is_dir()


def test_publishing_the_same_edition_again_is_not_a_conflict(make_night: NightMaker) -> None:
    """A run whose edition exists already, from an earlier attempt, completes it without a conflict."""
    night = make_night()
    commit_edition(night, key("e1"), build(night, "e1", "old"), live=True)
    (night.home / "live.json").unlink()
    retry = as_run(night, "two")
    commit_edition(retry, key("e1", replaces=None), build(retry, "e1", "new"), live=True)
    assert (edition_folder(night.home, night.as_of, "e1") / "model.json").read_text() == "new"
    assert read_live(night.home) == (night.as_of, "e1")


def test_live_only_moves_forward(make_night: NightMaker) -> None:
    """A backfill of an older date publishes it and leaves live.json; a newer date moves it."""
    night = make_night()
    for run_id, day, live_date in (
        ("a", date(2026, 1, 31), date(2026, 1, 31)),
        ("b", date(2026, 1, 1), date(2026, 1, 31)),
        ("c", date(2026, 2, 1), date(2026, 2, 1)),
    ):
        run = as_run(night, run_id, day)
        commit_edition(run, key(run_id), build(run, run_id), live=True)
        assert published_edition(night.home, day) == run_id
        live = read_live(night.home)
        assert live is not None
        assert live.as_of == live_date


def test_live_of_the_same_date_follows_its_edition(tmp_path: Path) -> None:
    """The same date again points at the new edition; the same edition writes nothing."""
    move_live(tmp_path, date(2026, 1, 1), "a")
    inode = (tmp_path / "live.json").stat().st_ino
    move_live(tmp_path, date(2026, 1, 1), "a")
    assert (tmp_path / "live.json").stat().st_ino == inode
    move_live(tmp_path, date(2026, 1, 1), "b")
    assert json.loads((tmp_path / "live.json").read_text()) == {"as_of": "2026-01-01", "edition": "b"}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"as_of": "x", "edition": "e"}', '{"as_of": 5, "edition": "e"}']
)
def test_a_damaged_pointer_is_refused(tmp_path: Path, content: str) -> None:
    """A damaged live.json is not a missing one: nothing overwrites it but a repair."""
    assert read_live(tmp_path) is None
    (tmp_path / "live.json").write_text(content)
    with pytest.raises(DamagedFile, match="run 'resegment repair"):
        read_live(tmp_path)
    with pytest.raises(DamagedFile, match="live"):
        move_live(tmp_path, date(2026, 1, 1), "a")
    assert (tmp_path / "live.json").read_text() == content


def test_publishing_without_hard_links(make_night: NightMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without hard links the table is copied, and still replaced in one step."""

    def no_links(source: Path, target: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", no_links)
    night = make_night()
    commit_edition(night, key("e1"), build(night, "e1"), live=True)
    assert published_edition(night.home, night.as_of) == "e1"


def test_of_several_publishers_one_wins(make_night: NightMaker) -> None:
    """Four runs publish one date at once: one wins, three get Conflict, and the table is the winner's."""
    night = make_night()
    runs = [as_run(night, f"run-{i}") for i in range(4)]
    folders = [build(run, run.run_id) for run in runs]
    ready = threading.Barrier(4, timeout=30)

    def race(run: Night, folder: Path) -> str:
        ready.wait()
        try:
            commit_edition(run, key(run.run_id), folder, live=True)
        except Conflict:
            return "conflict"
        return run.run_id

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(race, runs, folders))
    assert outcomes[:3] == ["conflict"] * 3
    assert published_edition(night.home, night.as_of) == outcomes[3]


def test_a_lock_is_released_at_the_end_of_its_block(tmp_path: Path) -> None:
    """A lock can be taken again after it was released, also after an error in its block."""
    with pytest.raises(ZeroDivisionError), lock(tmp_path / "deep" / ".lock"):
        _ = 1 / 0
    with lock(tmp_path / "deep" / ".lock"):
        assert (tmp_path / "deep" / ".lock").exists()


def test_a_lock_in_use_is_waited_for_or_reported(tmp_path: Path) -> None:
    """With wait=False a lock in use raises at once; otherwise the second holder waits for the first."""
    path, order = tmp_path / ".lock", list[str]()

    def wait_and_lock() -> None:
        with lock(path):
            order.append("second")

    waiter = threading.Thread(target=wait_and_lock)
    with lock(path):
        with pytest.raises(BlockingIOError), lock(path, wait=False):
            raise AssertionError("two holders of one lock")
        waiter.start()
        order.append("first")
    waiter.join(timeout=30)
    assert order == ["first", "second"]


def test_objects_have_no_lock() -> None:
    """Among objects a lock does nothing: conditional puts take its place."""
    path = ObjectPath("bucket", "store/demo/.lock")
    with lock(path), lock(path, wait=False):
        pass
