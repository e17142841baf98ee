"""Temporary files: named after host and chance, locked while their writer lives, and exact modes."""

import ast
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from segmentation.store.files import scratch
from segmentation.store.files.durable import (
    make_unique_suffix,
    replace_file,
    sweep_temporaries,
    write_durably,
)
from segmentation.store.files.permissions import create_folder, set_mode
from segmentation.store.files.scratch import create_page_folder, scratch_folder, sweep_scratch
from tests.source_tree import SourceFile, list_code, parse_snippet


@pytest.fixture(params=[0o077, 0o000])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """A process with this umask."""
    earlier = os.umask(request.param)
    yield request.param
    os.umask(earlier)


def read_mode(path: Path) -> int:
    """Permissions and setgid bit."""
    return stat.S_IMODE(path.stat().st_mode)


def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    """Folders 0750 and files 0640, whatever the umask is."""
    path = tmp_path / "a" / "b" / "live.json"
    write_durably(path, b"{}")
    assert [read_mode(place) for place in (path, path.parent, path.parent.parent)] == [0o640, 0o750, 0o750]


def test_folders_inherit_the_group(tmp_path: Path) -> None:
    """The setgid bit of a store's folder is in those below it too; one that exists keeps its mode."""
    tmp_path.chmod(0o2770)
    create_folder(tmp_path / "a" / "b")
    assert read_mode(tmp_path / "a" / "b") == 0o2750
    assert read_mode(tmp_path) == 0o2770
    set_mode(tmp_path / "a", 0o700)
    assert read_mode(tmp_path / "a") == 0o2700


def test_a_living_writers_file_stays(tmp_path: Path) -> None:
    """A sweep of the same or of another process on any host leaves a file alone while it is locked."""
    target = tmp_path / "live.json"
    with replace_file(target) as temporary:
        assert sweep_temporaries(tmp_path) == 0
        temporary.write_bytes(b"x")
    assert target.read_bytes() == b"x"
    assert list(tmp_path.iterdir()) == [target]


def test_orphans_go_by_lock_or_age(tmp_path: Path) -> None:
    """Unlocked ones go at once, ones of earlier versions after an hour, files of other programs never."""
    orphan = tmp_path / f".live.json.{make_unique_suffix()}.tmp"
    young, old = tmp_path / ".live.json.4711.tmp", tmp_path / ".live.json.4712.tmp"
    unrelated = [tmp_path / ".mine.tmp", tmp_path / "a.tmp", tmp_path / ".live.json"]
    for path in (orphan, young, old, *unrelated):
        path.touch()
    os.utime(old, (0, 0))
    assert sweep_temporaries(tmp_path) == 2
    assert {*tmp_path.iterdir()} == {young, *unrelated}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """The file is as it was, and no temporary file is left."""
    target = tmp_path / "live.json"
    write_durably(target, b"old")
    with pytest.raises(KeyboardInterrupt), replace_file(target):
        raise KeyboardInterrupt
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_long_names_can_be_written(tmp_path: Path) -> None:
    """A temporary name fits where the file's own name does."""
    write_durably(tmp_path / ("ä" * 127), b"x")
    assert len(list(tmp_path.iterdir())) == 1


def test_scratch_of_the_dead_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder whose lock is free goes, a page after a day; links and folders of others stay."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / f"{scratch.SCRATCH}dead"
    (dead / "store").mkdir(parents=True)
    (dead / "store" / "rows.parquet").touch()
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / f"{scratch.SCRATCH}link"
    link.symlink_to(tmp_path / "elsewhere")
    page, old_page = create_page_folder(), create_page_folder()
    os.utime(old_page, (0, 0))
    with scratch_folder() as living:
        assert read_mode(living) == 0o700
        assert sweep_scratch() == 0
        assert {*tmp_path.iterdir()} == {living, link, page, tmp_path / "elsewhere"}
    assert not living.exists()


def list_users_of_tempfile(files: Iterable[SourceFile]) -> list[str]:
    """Modules that import tempfile."""
    return [
        file.path
        for file in files
        for node in file.nodes
        if (isinstance(node, ast.Import) and any(alias.name == "tempfile" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "tempfile")
    ]


def test_scratch_is_made_in_one_place() -> None:
    """Folders of the tempfile module outlive a kill for ever; those of scratch.py are swept."""
    users = list_users_of_tempfile(list_code())
    assert users == ["segmentation/store/files/scratch.py"]
    for example in ("import tempfile", "def f():\n from tempfile import mkdtemp"):
        assert list_users_of_tempfile(parse_snippet(example)) != []
