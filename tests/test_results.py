"""Results kept for a retry: private, swept when they are old, and only this project's."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH, temporary_settings

from config.settings import Settings
from tasks.runtime.results import protect_results, sweep_results
from tests.test_flow import run

RECORD = b'{"metadata": {}, "result": "{\\"__class__\\": \\"schemas.clustering.Candidate\\"}"}'
DAY_S = 86_400


def write_record(folder: Path, name: str, days: float, content: bytes = RECORD) -> Path:
    """A record of this age."""
    path = folder / name
    path.write_bytes(content)
    old_time = time.time() - days * DAY_S
    os.utime(path, (old_time, old_time))
    return path


def test_old_records_of_ours_are_swept_and_nothing_else(tmp_path: Path) -> None:
    """Older than result_days: gone. Younger ones, other projects' and folders stay."""
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
    """No setting takes results from a run that may still be retried: stale_hours is the least."""
    fresh = write_record(tmp_path, "record", 2)
    stale = write_record(tmp_path, "older", 4)
    assert sweep_results(tmp_path, Settings(result_days=0, stale_hours=72)) == 1
    assert fresh.exists() and not stale.exists()


def test_the_folder_is_made_private(tmp_path: Path) -> None:
    """Others could have code run by writing into it: one that is open is closed, a new one is private."""
    folder = tmp_path / "results"
    protect_results(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    protect_results(folder)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_runs_that_begin_together_sweep_the_same_records(tmp_path: Path) -> None:
    """Each takes what it finds; a record that the other has taken is no fault. Every one goes once."""
    for number in range(2000):
        write_record(tmp_path, f"old-{number}", 15)
    with ThreadPoolExecutor(4) as pool:
        swept = list(pool.map(lambda _: sweep_results(tmp_path, Settings(result_days=14)), range(4)))
    assert sum(swept) == 2000
    assert list(tmp_path.iterdir()) == []


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
def test_a_night_sweeps(tmp_path: Path) -> None:
    """After a night its own results are there, those of long ago are gone, and the folder is private."""
    folder = tmp_path / "results"
    folder.mkdir()
    old = write_record(folder, "old", 30)
    with temporary_settings({PREFECT_RESULTS_LOCAL_STORAGE_PATH: folder}):
        run("article", tmp_path / "store")
    assert not old.exists()
    assert len(list(folder.iterdir())) > 20
    assert folder.stat().st_mode & 0o777 == 0o700
