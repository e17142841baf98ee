"""Publishing among objects: of many at once one wins, and a cut leaves the old edition or the new.

The S3 server is real and enforces the conditions of a put.
"""

import threading
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import segmentation.store.object_commit
from schemas.rows import EditionKey
from segmentation.errors import Conflict
from segmentation.store.commit import move_live
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.object_commit import commit_objects
from segmentation.store.objects import ObjectPath
from segmentation.store.pointer import read_live
from segmentation.store.published import published_edition
from tests.test_real_data import DAY


def test_two_that_publish_at_once(bucket: ObjectPath, tmp_path: Path) -> None:
    """Of many runs that saw the date empty, one publishes; the others change nothing and say so."""
    home = bucket / "demo"
    built = [build(tmp_path, f"e{i}") for i in range(6)]
    together = threading.Barrier(len(built))
    ends: list[str] = []

    def commit(i: int) -> None:
        together.wait()
        try:
            commit_objects(home, DAY, EditionKey(edition=f"e{i}", previous=None, replaces=None), built[i])
        except Conflict as error:
            ends.append(str(error))
        else:
            ends.append(f"e{i}")

    threads = [threading.Thread(target=commit, args=(i,)) for i in range(len(built))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [end for end in ends if len(end) == 2]
    assert len(winners) == 1, ends
    assert published_edition(home, DAY) == winners[0]
    assert read_live(home) == (DAY, winners[0])
    assert all("another run published it" in end for end in ends if end not in winners)


def build(folder: Path, edition: str) -> Path:
    """A finished edition on this machine."""
    built = folder / edition
    built.mkdir()
    footer = {"resegment.edition": edition, "resegment.manifest_sha256": "00"}
    pq.write_table(pa.table({"customer_id": ["a"]}).replace_schema_metadata(footer), built / SEGMENTS)
    (built / "SHA256SUMS").write_text(edition)
    return built


@pytest.mark.parametrize("replaces", [None, "e0"])
def test_a_table_that_changed_since_is_not_replaced(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaces: str | None
) -> None:
    """On the first publication and the next: what came between the look and the put wins."""
    home = bucket / "demo"
    if replaces:
        commit_objects(
            home, DAY, EditionKey(edition="e0", previous=None, replaces=None), build(tmp_path, "e0")
        )
    other = build(tmp_path, "e1")
    upload = segmentation.store.object_commit.upload_edition

    def overtaken(*arguments: Any) -> None:
        upload(*arguments)
        published_path(home, DAY).put(other / SEGMENTS)

    monkeypatch.setattr(segmentation.store.object_commit, "upload_edition", overtaken)
    with pytest.raises(Conflict, match=f"held edition {replaces or 'none'} when this run began and holds e1"):
        key = EditionKey(edition="e2", previous=None, replaces=replaces)
        commit_objects(home, DAY, key, build(tmp_path, "e2"))
    assert published_edition(home, DAY) == "e1"
    assert published_path(home, DAY).read_bytes() == (other / SEGMENTS).read_bytes()


def test_the_live_pointer_moves_forward_only(bucket: ObjectPath) -> None:
    """A backfill of an earlier date leaves it; the newest date wins among many at once."""
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
    """The run ends here."""


@pytest.mark.parametrize("at", range(5))
def test_a_cut_at_any_put_leaves_the_old_edition_or_the_new(
    bucket: ObjectPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """Before the put of the table the old edition is live, after it the new; once more ends it."""
    home, puts = bucket / "demo", 0
    commit_objects(home, DAY, EditionKey(edition="e0", previous=None, replaces=None), build(tmp_path, "e0"))
    old = published_path(home, DAY).read_bytes()
    key, built, put = (
        EditionKey(edition="e1", previous=None, replaces="e0"),
        build(tmp_path, "e1"),
        ObjectPath.put,
    )

    def cut(self: ObjectPath, *arguments: Any, **options: Any) -> None:
        nonlocal puts
        puts += 1
        if puts == at + 1:
            raise PowerCut
        put(self, *arguments, **options)

    monkeypatch.setattr(ObjectPath, "put", cut)
    if at < 4:
        with pytest.raises(PowerCut):
            commit_objects(home, DAY, key, built)
    expected = [old, old, old, (built / SEGMENTS).read_bytes(), old]
    assert published_path(home, DAY).read_bytes() == expected[at]
    monkeypatch.undo()
    commit_objects(home, DAY, key, built)
    assert published_path(home, DAY).read_bytes() == (built / SEGMENTS).read_bytes()
    assert read_live(home) == (DAY, "e1")
    assert (edition_folder(home, DAY, "e1") / "SHA256SUMS").is_file()
