"""Staging: one process per run, and files of dead runs are removed in the end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from schemas.night import Night
from segmentation.errors import Conflict
from segmentation.store.staging import remove_staging, staging_session, sweep_staging

NightMaker = Callable[..., Night]


def leave(night: Night, run_id: str, as_of: str, hours: float = 0.0) -> Path:
    """The staging folder of a run that died `hours` ago."""
    folder = night.home / ".staging" / run_id
    folder.mkdir(parents=True)
    (folder / "night.json").write_text(json.dumps({"as_of": as_of}))
    (folder / "part.parquet").touch()
    (folder / ".lock").touch()
    modified = folder.stat().st_mtime - hours * 3600
    os.utime(folder, (modified, modified))
    return folder


def test_a_run_locks_its_folder(make_night: NightMaker) -> None:
    """While a run has its folder locked, the same run elsewhere is a conflict; afterwards it can resume."""
    night = make_night()
    with staging_session(night):
        assert night.staging.stat().st_mode & 0o777 == 0o700
        with pytest.raises(Conflict, match="test-run is under way"), staging_session(night):
            raise AssertionError("two processes locked one folder")
    with staging_session(night):
        pass


def test_two_runs_do_not_wait_for_each_other(make_night: NightMaker) -> None:
    """Each run has its own folder."""
    night = make_night()
    with staging_session(night), staging_session(night.model_copy(update={"run_id": "other"})):
        assert len(list((night.home / ".staging").iterdir())) == 2


def test_files_of_a_failed_run_stay_for_its_retry(make_night: NightMaker) -> None:
    """A run that fails leaves its stage files; remove_staging removes them, and may be called twice."""
    night = make_night()
    with pytest.raises(ZeroDivisionError), staging_session(night):
        (night.staging / "part.parquet").touch()
        _ = 1 / 0
    assert (night.staging / "part.parquet").exists()
    remove_staging(night)
    remove_staging(night)
    assert not night.staging.exists()


def test_files_of_dead_runs_are_swept(make_night: NightMaker) -> None:
    """Folders of the published date go, and stale ones of any date; fresh ones of other dates stay."""
    night = make_night()
    same_date = leave(night, "same-date", "2026-01-31")
    stale = leave(night, "stale", "2026-01-01", hours=73)
    fresh = leave(night, "fresh", "2026-01-01", hours=71)
    assert sweep_staging(night.home, date(2026, 1, 31), 72.0) == ["same-date", "stale"]
    assert (same_date.exists(), stale.exists(), fresh.exists()) == (False, False, True)


def test_locked_folders_stay(make_night: NightMaker) -> None:
    """A folder locked by a process is not swept, however old it is."""
    night = make_night()
    with staging_session(night):
        os.utime(night.staging, (0, 0))
        assert sweep_staging(night.home, night.as_of, 0.0) == []
        assert night.staging.is_dir()


def test_a_killed_process_keeps_no_lock(make_night: NightMaker) -> None:
    """After kill -9 of its process the folder's lock is free, and the sweep removes it."""
    night = make_night()
    script = (
        "import sys, os, signal\nfrom pathlib import Path\nfrom schemas.night import Night\n"
        "from segmentation.store.staging import staging_session\n"
        "night = Night.model_validate_json(sys.argv[1])\n"
        "with staging_session(night):\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script, night.model_dump_json()], cwd=Path(__file__).parents[1], check=False
    )
    assert process.returncode == -9
    assert night.staging.is_dir()
    assert sweep_staging(night.home, night.as_of, 72.0) == ["test-run"]


def test_folders_without_a_date_stay_until_stale(make_night: NightMaker) -> None:
    """A folder whose night.json is damaged is removed only once it is stale."""
    night = make_night()
    folder = leave(night, "odd", "")
    (folder / "night.json").write_text("{")
    assert sweep_staging(night.home, night.as_of, 72.0) == []
    os.utime(folder, (0, 0))
    assert sweep_staging(night.home, night.as_of, 72.0) == ["odd"]


def test_temporary_files_of_dead_processes_go(make_night: NightMaker) -> None:
    """Temporary files go with their process; those of a running one, and other files, stay."""
    night = make_night()
    process = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    dead_id = process.stdout.decode().strip()
    (night.home / "ledger").mkdir(parents=True)
    orphans = [night.home / f".live.json.{dead_id}.tmp", night.home / "ledger" / f".r.json.{dead_id}.tmp"]
    kept_files = [
        night.home / f".live.json.{os.getpid()}.tmp",
        night.home / ".mine.tmp",
        night.home / "a.tmp",
    ]
    for path in (*orphans, *kept_files):
        path.touch()
    sweep_staging(night.home, night.as_of, 72.0)
    assert not any(path.exists() for path in orphans)
    assert all(path.exists() for path in kept_files)


def test_an_empty_store_has_nothing_to_sweep(make_night: NightMaker) -> None:
    """Sweeping a store without runs removes nothing."""
    night = make_night()
    assert sweep_staging(night.home, night.as_of, 0.0) == []
