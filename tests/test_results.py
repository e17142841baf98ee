"""Results kept for retries: private, removed when they are old, and only those of this project."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings

from config.settings import Settings, read_settings
from tasks.runtime.results import protect_results, sweep_results
from tests.test_flow import TWO_GROUPS, run, write_demo

RECORD = b'{"metadata": {}, "result": "{\\"__class__\\": \\"schemas.clustering.Candidate\\"}"}'
DAY_S = 86_400


def write_record(folder: Path, name: str, days: float, content: bytes = RECORD) -> Path:
    """A result file of this age in days."""
    path = folder / name
    path.write_bytes(content)
    old_time = time.time() - days * DAY_S
    os.utime(path, (old_time, old_time))
    return path


def test_old_results_of_this_project_are_removed_and_nothing_else(tmp_path: Path) -> None:
    """Those older than result_days are removed; newer ones, other projects' and folders stay."""
    old = write_record(tmp_path, "old", 15)
    fresh = [
        write_record(tmp_path, "young", 13),
        write_record(tmp_path, "others", 400, b'{"metadata": {}, "result": "1"}'),
    ]
    (tmp_path / "folder").mkdir()
    assert sweep_results(tmp_path, Settings(result_days=14)) == 1
    assert not old.exists()
    assert all(path.exists() for path in fresh) and (tmp_path / "folder").is_dir()


def test_a_run_whose_stage_files_are_kept_keeps_its_results(tmp_path: Path) -> None:
    """Results stay at least stale_hours, because the run may still be retried."""
    fresh = write_record(tmp_path, "record", 2)
    stale = write_record(tmp_path, "older", 4)
    assert sweep_results(tmp_path, Settings(result_days=0, stale_hours=72)) == 1
    assert fresh.exists() and not stale.exists()


def test_the_folder_is_made_private(tmp_path: Path) -> None:
    """Whoever can write into it can run code: a new folder is private, and an open one is made private."""
    folder = tmp_path / "results"
    protect_results(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    protect_results(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_runs_that_start_together_remove_each_result_once(tmp_path: Path) -> None:
    """A result that another run removed first is not an error."""
    for number in range(2000):
        write_record(tmp_path, f"old-{number}", 15)
    with ThreadPoolExecutor(4) as pool:
        removed = list(pool.map(lambda _: sweep_results(tmp_path, Settings(result_days=14)), range(4)))
    assert sum(removed) == 2000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("prefect_server")
def test_a_night_removes_old_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a night its own results exist, old ones are gone, and the folder is private."""
    folder = tmp_path / "results"
    folder.mkdir()
    old = write_record(folder, "old", 30)
    write_demo(tmp_path, TWO_GROUPS, k={"max": 12})
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(tmp_path))
    read_settings.cache_clear()
    with temporary_settings({PREFECT_RESULTS_LOCAL_STORAGE_PATH: folder}):
        run("demo", tmp_path / "store")
    assert not old.exists()
    assert len(list(folder.iterdir())) > 20
    assert folder.stat().st_mode & 0o777 == 0o700
