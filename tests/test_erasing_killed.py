"""An erasure that is killed, and one that meets a run: no night starts in between, and nothing is left."""

from pathlib import Path
from typing import Any

import pytest

from segmentation.erasing import editions, erasure
from segmentation.errors import Conflict, DamagedFile, Refused
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.ledger import read_rows
from segmentation.store.publication.commit import commit_edition
from segmentation.store.repair.audit import audit_store
from segmentation.store.tombstones import TOMBSTONES_FILE, read_tombstones
from tests.erasing import VICTIM, draw_line, erase, five_nights, search
from tests.nights import Town

__all__ = ["five_nights"]  # a fixture
slow = pytest.mark.slow


@pytest.fixture
def town(five_nights: Town, tmp_path: Path) -> Town:
    """A copy of the five nights."""
    return five_nights.copy_to(tmp_path)


class Killed(BaseException):
    """A kill, as far as the code can tell: nothing catches it."""


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> list[str]:
    """Kill the erasure after that many of its steps that change the store; returns the steps so far."""
    steps: list[str] = []

    def watch(module: Any, name: str) -> None:
        function = getattr(module, name)

        def run(*arguments: Any, **options: Any) -> Any:
            if len(steps) == step:
                raise Killed
            steps.append(name)
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, run)

    for name in ("rewrite", "_record", "remove_stage_files", "record_erasure", "exchange_folders"):
        watch(erasure, name)
    watch(erasure, "publish_rewritten")
    watch(editions, "rewrite_table")
    return steps


@pytest.mark.parametrize(
    "step", [2, 6, 9, *(pytest.param(step, marks=slow) for step in (0, 1, 3, 4, 5, 7, 8, 14, 20, 30, 31))]
)
def test_a_killed_erasure_is_completed(town: Town, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Until then no night starts. The second attempt knows the ids, or their hashes; the store is whole."""
    with monkeypatch.context() as patch:
        steps = kill_at(patch, step)
        with pytest.raises(Killed):
            erase(town, VICTIM)
    assert len(steps) == step
    tombstones = read_tombstones(town.home)
    if tombstones is not None and tombstones.pending:
        with pytest.raises(Refused, match=r"^erasing: the erasure that ana began at .* 'resegment erase"):
            town.night(6, draw_line())
        assert not audit_store(town.home).damage or step > 4
    erase(town, *([VICTIM] if tombstones is None or step % 2 else []))
    assert search(town.home, VICTIM) == set()
    assert audit_store(town.home).damage == []
    tombstones = read_tombstones(town.home)
    assert tombstones is not None and not tombstones.pending and len(tombstones.tombstones) == 1
    assert list((town.home / ".staging").glob("*")) == []
    assert not any(row["outcome"] == "erasing" for row in read_rows(town.home))


def test_a_run_under_way_is_not_stopped(town: Town) -> None:
    """Its stage files hold rows: the erasure is a conflict, and nothing has changed."""
    folder = town.home / ".staging" / "running"
    folder.mkdir(parents=True)
    with lock(folder / LOCK), pytest.raises(Conflict, match="run running of planted is under way"):
        erase(town, VICTIM)
    assert read_tombstones(town.home) is None
    assert len(search(town.home / "editions", VICTIM)) == 8


def test_a_run_that_read_the_customer_is_not_published(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another host it does not see the erasure until it commits, which is a conflict then."""
    import tasks.publish

    def erase_and_commit(*arguments: Any) -> None:
        # Another host cannot see the locks of this one.
        monkeypatch.setattr("segmentation.erasing.stage_files.list_folders", lambda home: [])
        monkeypatch.setattr(erasure, "list_folders", lambda home: [])
        erase(town, VICTIM)
        commit_edition(*arguments)

    monkeypatch.setattr(tasks.publish, "commit_edition", erase_and_commit)
    with pytest.raises(Conflict, match="customers were erased during this run"):
        town.night(6, draw_line())
    assert search(town.home, VICTIM) == set()


@pytest.mark.parametrize(
    "content", [None, b"{}", *(pytest.param(content, marks=slow) for content in (b"", b'{"salt": "0"}'))]
)
def test_lost_tombstones_stop_the_night(town: Town, content: bytes | None) -> None:
    """A file that is missing after an erasure, or damaged, would let customers come back: it is refused."""
    erase(town, VICTIM)
    path = town.home / TOMBSTONES_FILE
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(DamagedFile, match="erased customers would come back"):
        town.night(6, draw_line())
