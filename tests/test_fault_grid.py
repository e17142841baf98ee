"""A disk that fails, or a death at any call, leaves a store old or new. `make prove` tries all points."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fault_checks import check_end
from tests.fault_grid import thin_out
from tests.tracing import CRASHED, KILLED, STRACE, Call, Point, Trace, list_unsynced

ROOT = Path(__file__).parents[1]
STORE = Path("/town/store")
POINTS_OF_EACH = 6
FULL = "resegment: disk-full: /town/store: the disk is full\n"
NOTE = "Published\n  note: index.html is out of date\n"


@pytest.mark.slow
@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_no_fault_tears_the_store(tmp_path: Path) -> None:
    """A few points of each act: old or new, one clear line, and a second attempt gives the same bytes."""
    command = [sys.executable, "-m", "tests.fault_grid", str(tmp_path), str(POINTS_OF_EACH)]
    grid = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert grid.returncode == 0, grid.stdout + grid.stderr


@pytest.mark.parametrize(
    ("words", "status", "output", "is_fine"),
    [
        ("promote write EIO", 1, FULL, True),
        ("promote write EIO", 1, "", False),
        ("promote write EIO", 1, FULL + FULL, False),
        ("promote write EIO", 1, "resegment: [Errno 5] Input/output error\n", False),
        ("promote write EIO", CRASHED, "Traceback: KeyError('k')\n", False),
        ("promote write EIO", 0, "Live\n", False),
        ("promote write EIO", 0, NOTE, True),
        ("promote unlink EIO", 0, "Live\n", True),
        ("promote write KILL", KILLED, "", True),
        ("promote write KILL", 1, FULL, False),
        ("audit read EIO", 0, "9 files read, 0 damaged\n", False),
        ("audit read EIO", 1, "live.json: cannot be read\n", True),
    ],
)
def test_unclear_ends_are_seen(words: str, status: int, output: str, is_fine: bool) -> None:
    """A failed call must end in one plain line, in a note, or be one that does not matter."""
    act, name, fault = words.split()
    point = Point(act, Call(name, 1, "/planted/live.json"), fault)
    end = Trace(status, output, f'{name}(3</town/store/planted/live.json>, "x", 1) = -1 EIO (INJECTED)\n')
    assert (check_end(point, end, STORE) == []) is is_fine


def test_many_writes_to_a_file_are_three() -> None:
    """Of many writes to one file the first, the middle and the last are points; other calls all are."""
    writes = [Call("write", number, "/planted/a") for number in range(1, 8)]
    syncs = [Call("fsync", number, "/planted/a") for number in range(1, 8)]
    assert thin_out(writes + syncs) == [writes[0], writes[3], writes[6], *syncs]


@pytest.mark.parametrize(
    ("names", "problems"),
    [
        ("write fsync rename folder", []),
        ("write rename folder", ["/live.tmp is renamed before fsync"]),
        ("fsync write rename folder", ["/live.tmp is renamed before fsync"]),
        ("write fsync rename", ["no fsync of the store after a rename"]),
        ("folder write fsync rename", ["no fsync of the store after a rename"]),
    ],
)
def test_a_missing_fsync_is_seen(names: str, problems: list[str]) -> None:
    """A file is on disk before it gets its name, and its name afterwards."""
    calls = {
        "write": Call("write", 1, "/live.tmp"),
        "fsync": Call("fsync", 1, "/live.tmp"),
        "rename": Call("rename", 1, "/live.tmp /live.json"),
        "folder": Call("fsync", 2, ""),
    }
    assert list(list_unsynced(calls[name] for name in names.split())) == problems
