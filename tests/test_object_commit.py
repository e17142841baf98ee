"""Publishing among objects: one of many publishers wins, and a crash leaves the old edition or the new.

The S3 server is real and enforces the conditions of a put.
"""

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import segmentation.store.publication.object_commit
from schemas.rows import EditionKey
from segmentation.errors import Conflict
from segmentation.store.catalogue.published import published_edition
from segmentation.store.files.objects import ObjectPath
from segmentation.store.layout import SEGMENTS, SUMS, edition_folder, published_path
from segmentation.store.pointer import read_live
from segmentation.store.publication.commit import move_live
from segmentation.store.publication.object_commit import commit_objects, upload_edition
from segmentation.store.repair.audited_editions import check_sums
from tests.test_exchange import EDITION, seal_edition
from tests.test_real_data import DAY


def test_of_publishers_at_once_one_wins(bucket: ObjectPath, tmp_path: Path) -> None:
    """Of six runs that found the date empty, one publishes; the others change nothing and get Conflict."""
    home = bucket / "demo"
    folders = [build(tmp_path, f"e{i}") for i in range(6)]
    start = threading.Barrier(len(folders))
    outcomes: list[str] = []

    def commit(i: int) -> None:
        start.wait()
        try:
            commit_objects(home, DAY, EditionKey(edition=f"e{i}", previous=None, replaces=None), folders[i])
        except Conflict as error:
            outcomes.append(str(error))
        else:
            outcomes.append(f"e{i}")

    threads = [threading.Thread(target=commit, args=(i,)) for i in range(len(folders))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [outcome for outcome in outcomes if len(outcome) == 2]
    assert len(winners) == 1, outcomes
    assert published_edition(home, DAY) == winners[0]
    assert read_live(home) == (DAY, winners[0])
    assert all("another run published it" in outcome for outcome in outcomes if outcome not in winners)


def build(folder: Path, edition: str) -> Path:
    """A finished edition on this machine."""
    source = folder / edition
    source.mkdir()
    footer = {"resegment.edition": edition, "resegment.manifest_sha256": "00"}
    pq.write_table(pa.table({"customer_id": ["a"]}).replace_schema_metadata(footer), source / SEGMENTS)
    (source / "SHA256SUMS").write_text(edition)
    return source


@pytest.mark.parametrize("replaces", [None, "e0"])
def test_a_table_that_changed_since_is_not_replaced(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaces: str | None
) -> None:
    """On the first publication and the next, a table put after the run's check wins."""
    home = bucket / "demo"
    if replaces:
        commit_objects(
            home, DAY, EditionKey(edition="e0", previous=None, replaces=None), build(tmp_path, "e0")
        )
    rival = build(tmp_path, "e1")
    upload = segmentation.store.publication.object_commit.upload_edition

    def upload_and_lose(*arguments: Any) -> None:
        upload(*arguments)
        published_path(home, DAY).put(rival / SEGMENTS)

    monkeypatch.setattr(segmentation.store.publication.object_commit, "upload_edition", upload_and_lose)
    with pytest.raises(Conflict, match=f"had edition {replaces or 'none'} when this run began and has e1"):
        key = EditionKey(edition="e2", previous=None, replaces=replaces)
        commit_objects(home, DAY, key, build(tmp_path, "e2"))
    assert published_edition(home, DAY) == "e1"
    assert published_path(home, DAY).read_bytes() == (rival / SEGMENTS).read_bytes()


def test_the_live_pointer_moves_forward_only(bucket: ObjectPath) -> None:
    """An earlier date leaves it; of many dates at once, the newest wins."""
    days = [date(2026, 1, day) for day in range(1, 9)]
    threads = [threading.Thread(target=move_live, args=(bucket, day, f"e{day.day}")) for day in days]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_live(bucket) == (days[-1], "e8")
    move_live(bucket, days[2], "late")
    assert read_live(bucket) == (days[-1], "e8")


class PowerCut(Exception):
    """The run dies here."""


@pytest.mark.parametrize("completed_puts", range(5))
def test_a_crash_at_any_put_leaves_the_old_edition_or_the_new(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, completed_puts: int
) -> None:
    """Before the put of the table the old edition is live, after it the new; a repeat completes it."""
    home, puts = bucket / "demo", 0
    commit_objects(home, DAY, EditionKey(edition="e0", previous=None, replaces=None), build(tmp_path, "e0"))
    old = published_path(home, DAY).read_bytes()
    key, source = EditionKey(edition="e1", previous=None, replaces="e0"), build(tmp_path, "e1")
    original_put = ObjectPath.put

    def put_or_crash(self: ObjectPath, *arguments: Any, **options: Any) -> None:
        nonlocal puts
        puts += 1
        if puts == completed_puts + 1:
            raise PowerCut
        original_put(self, *arguments, **options)

    monkeypatch.setattr(ObjectPath, "put", put_or_crash)
    if completed_puts < 4:
        with pytest.raises(PowerCut):
            commit_objects(home, DAY, key, source)
    expected = [old, old, old, (source / SEGMENTS).read_bytes(), old]
    assert published_path(home, DAY).read_bytes() == expected[completed_puts]
    monkeypatch.undo()
    commit_objects(home, DAY, key, source)
    assert published_path(home, DAY).read_bytes() == (source / SEGMENTS).read_bytes()
    assert read_live(home) == (DAY, "e1")
    assert (edition_folder(home, DAY, "e1") / "SHA256SUMS").is_file()


@pytest.fixture
def object_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of objects that are put from here on."""
    names: list[str] = []
    original_put = ObjectPath.put

    def put(self: ObjectPath, *arguments: Any, **options: Any) -> None:
        names.append(self.name)
        original_put(self, *arguments, **options)

    monkeypatch.setattr(ObjectPath, "put", put)
    return names


E1 = EditionKey(edition=EDITION, previous=None, replaces=None)


def test_of_an_edition_that_is_there_only_damaged_objects_are_put(
    bucket: ObjectPath, tmp_path: Path, object_names: list[str]
) -> None:
    """Published again, a whole edition is not object_names to; of a damaged one, only what is damaged."""
    home, source = bucket / "demo", seal_edition(tmp_path / "e1")
    folder = edition_folder(home, DAY, EDITION)
    upload_edition(home, DAY, E1, source)
    assert sorted(object_names) == sorted(path.name for path in source.iterdir()) and object_names[-1] == SUMS
    object_names.clear()
    upload_edition(home, DAY, E1, source)
    assert object_names == []
    (folder / "model.json").put(b"cut")
    object_names.clear()
    upload_edition(home, DAY, E1, source)
    assert object_names == ["model.json"]
    assert list(check_sums(folder)) == []


@pytest.mark.parametrize("completed_puts", range(4))
def test_a_crash_while_an_edition_is_replaced_leaves_it_plainly_incomplete(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, completed_puts: int
) -> None:
    """Its digests go first and come last, so no mixture looks whole; a repeat completes it."""
    home, source = bucket / "demo", seal_edition(tmp_path / "e1", model='{"k": 2}')
    folder = edition_folder(home, DAY, EDITION)
    upload_edition(home, DAY, E1, seal_edition(tmp_path / "e0"))
    original_put, puts = ObjectPath.put, 0

    def put_or_crash(self: ObjectPath, *arguments: Any, **options: Any) -> None:
        nonlocal puts
        puts += 1
        if puts == completed_puts + 1:
            raise PowerCut
        original_put(self, *arguments, **options)

    monkeypatch.setattr(ObjectPath, "put", put_or_crash)
    with pytest.raises(PowerCut):
        upload_edition(home, DAY, E1, source)
    assert (list(check_sums(folder)) == []) == (completed_puts == 0)
    monkeypatch.undo()
    upload_edition(home, DAY, E1, source)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in source.iterdir()
    }
