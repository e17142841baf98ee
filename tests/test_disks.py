"""A full disk, a read-only one, and one that goes away: one clear message each, also in the ledger."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.client.schemas.objects import TaskRun
from prefect.states import Failed

from schemas.night import Night
from schemas.rows import Input
from segmentation.errors import StageFileGone, StorageFailed
from segmentation.store.files.storage_failures import explain_error, plain_storage_errors
from segmentation.store.ledger import add_row
from segmentation.store.runs import space
from segmentation.store.runs.known_stores import check_store, remember_store
from segmentation.store.runs.space import check_space
from tasks.runtime.stage import is_worth_retrying

INPUTS = [Input(name="a.csv", size=1_000_000, sha256="0" * 64)]


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How nights ended on file systems of their own, from tests/disks.py."""
    folder = tmp_path_factory.mktemp("disks")
    unshare = shutil.which("unshare")
    if not unshare or subprocess.run([unshare, "--mount", "true"], capture_output=True).returncode:
        pytest.skip("not essential: only root can mount a file system, where a sandbox allows it")
    command = [unshare, "--mount", sys.executable, "-m", "tests.disks", str(folder / "town")]
    process = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=200, check=False
    )
    if "permission denied" in process.stderr:
        pytest.skip("not essential: this sandbox does not allow mounting")
    assert process.returncode == 0, process.stderr
    ends: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return ends


@pytest.mark.slow
@pytest.mark.parametrize(
    ("night", "code", "words"),
    [
        ("short", "disk-space", "free and this night needs about"),
        ("full", "disk-full", "the disk is full; free some space, then run again"),
    ],
)
def test_a_disk_that_is_too_small(nights: dict[str, Any], night: str, code: str, words: str) -> None:
    """The message says what happened and what to do, the ledger has it, and stage files make room."""
    end = nights[night]
    assert end["code"] == code and words in end["message"]
    assert (end["row"]["outcome"], end["row"]["reasons"]) == ("failed", [end["message"]])
    assert end["staged"] == []


@pytest.mark.slow
def test_with_more_room_the_night_is_published(nights: dict[str, Any]) -> None:
    """Nothing has to be repaired first."""
    assert nights["again"]["message"] == "published"
    assert nights["again"]["row"]["outcome"] == "published"


@pytest.mark.slow
def test_a_read_only_store(nights: dict[str, Any]) -> None:
    """Where the ledger cannot be written, the message is all there is."""
    end = nights["read-only"]
    assert end["code"] == "read-only" and "the file system is read-only" in end["message"]
    assert end["row"]["outcome"] == "published"  # of the night before


@pytest.mark.slow
def test_a_store_that_goes_away(nights: dict[str, Any]) -> None:
    """The message says so and that the ledger could not be written; nothing is made in its place."""
    end = nights["gone"]
    assert end["code"] == "unmounted" and "the file system is gone; mount it" in end["message"]
    assert "the ledger could not be written either" in end["message"]
    assert [path for path in nights["left"] if path.endswith(".parquet")] == []


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "denied"),
        (errno.ESTALE, "unmounted"),
        (errno.ENOTCONN, "unmounted"),
        (errno.EIO, "io-error"),
        (errno.EEXIST, None),
        (errno.ENOENT, None),
    ],
)
def test_an_error_of_a_disk_is_explained(tmp_path: Path, number: int, code: str | None) -> None:
    """By its number, with the file; other errors pass as they are. Only a broken disk is tried again."""
    error = OSError(number, os.strerror(number), str(tmp_path / "file"))
    failure = explain_error(error, tmp_path)
    assert (failure and failure.code) == code
    expected = StorageFailed if code else OSError
    with pytest.raises(expected, match="file") as raised, plain_storage_errors(tmp_path):
        raise error
    task_run = TaskRun(task_key="ingest", dynamic_key="0")
    is_retried = is_worth_retrying(None, task_run, Failed(data=raised.value))  # type: ignore[arg-type]
    assert is_retried == (code in ("io-error", None))


@pytest.mark.parametrize("error", [FileNotFoundError(2, "no such file", "a"), StageFileGone("gone")])
def test_a_missing_file_of_a_missing_store(tmp_path: Path, error: Exception) -> None:
    """If the segmentation's folder has vanished during a run, its file system has."""
    with pytest.raises(type(error)), plain_storage_errors(tmp_path):
        raise error
    with pytest.raises(StorageFailed, match=r"unmounted: .*demo"), plain_storage_errors(tmp_path / "demo"):
        raise error


def test_a_known_store_that_is_not_mounted(tmp_path: Path) -> None:
    """A worker does not begin a new store where it has published before; a person may remove the note."""
    home = tmp_path / "mount" / "demo"
    check_store(home)
    home.mkdir(parents=True)
    remember_store(home)
    check_store(home)
    home.rmdir()
    with pytest.raises(StorageFailed, match=r"unmounted: .* is gone, though this machine") as error:
        check_store(home)
    Path(error.value.message.rpartition("remove ")[2]).unlink()
    check_store(home)


@pytest.mark.parametrize(
    ("usage", "free", "is_enough"),
    [
        (None, 17_500_001, True),  # 12 MB and twice the source, with the margin of 1.25
        (None, 17_499_999, False),
        ({"source": 500_000, "staging": 900_000, "edition": 100_000}, 2_500_001, True),  # twice last night's
        ({"source": 500_000, "staging": 900_000, "edition": 100_000}, 2_499_999, False),
        ({"source": 9_000_000, "staging": 900_000, "edition": 100_000}, 1_250_001, True),
        ({"source": "many"}, 17_500_001, True),  # a damaged row counts for nothing
    ],
)
def test_the_estimate_of_space(
    make_night: Callable[..., Night],
    monkeypatch: pytest.MonkeyPatch,
    usage: dict[str, Any] | None,
    free: int,
    is_enough: bool,
) -> None:
    """What the last night needed, in proportion to the source; on a first night a multiple of the source."""
    night = make_night()
    if usage:
        add_row(night.home, night.as_of, "published", {"bytes": usage})
    monkeypatch.setattr(space, "measure_free", lambda folder: free)
    if is_enough:
        check_space(night, INPUTS)
    else:
        with pytest.raises(StorageFailed, match=r"disk-space: .*RESEGMENT_SPACE_MARGIN=0"):
            check_space(night, INPUTS)
