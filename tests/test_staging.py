"""Staging: one process per run; a dead run's files stay only while a retry can use them."""

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
from segmentation.store.files.durable import sweep_temporaries
from segmentation.store.files.scratch import scratch_folder
from segmentation.store.layout import published_path
from segmentation.store.runs.staging import (
    STAGING,
    SweepRules,
    remove_staging,
    staging_session,
    sweep_staging,
)

NightMaker = Callable[..., Night]
DAY, OTHER_DAY = date(2026, 1, 31), date(2026, 1, 1)


def leave(night: Night, run_id: str, hours: float = 0.0, **facts: object) -> Path:
    """The staging folder of a run that died `hours` ago."""
    folder = night.home / STAGING / run_id
    folder.mkdir(parents=True)
    (folder / "night.json").write_text(json.dumps({"as_of": str(OTHER_DAY), **facts}))
    (folder / "part.parquet").touch()
    (folder / ".lock").touch()
    modified = folder.stat().st_mtime - hours * 3600
    os.utime(folder, (modified, modified))
    return folder


def sweep(night: Night, finished: date | None = None, hours: float = 72.0) -> list[str]:
    """Sweep the segmentation's folder; the run ids."""
    return sweep_staging(night.home, SweepRules(night.home, hours, finished))


def publish_table(night: Night, day: date) -> None:
    """A date's published table that names edition `e1`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = published_path(night.home, day)
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"resegment.edition": "e1", "resegment.manifest_sha256": "0" * 64}
    pq.write_table(pa.table({"a": [1]}).replace_schema_metadata(metadata), path)


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
        assert len(list((night.home / STAGING).iterdir())) == 2


def test_files_of_a_failed_run_stay_for_its_retry(make_night: NightMaker) -> None:
    """A run that fails leaves its stage files; remove_staging removes them, and may be called twice."""
    night = make_night()
    with pytest.raises(ZeroDivisionError), staging_session(night):
        (night.staging / "part.parquet").touch()
        _ = 1 / 0
    assert sweep(night) == [] and (night.staging / "part.parquet").exists()
    remove_staging(night)
    remove_staging(night)
    assert list((night.home / STAGING).iterdir()) == []


def test_files_that_no_retry_can_use_are_swept(make_night: NightMaker) -> None:
    """Those of a settled date go, of runs that cannot be retried, and stale ones; fresh ones stay."""
    night = make_night()
    leave(night, "settled", as_of=str(DAY))
    leave(night, "stale", hours=73)
    leave(night, "unretried", can_retry=False)
    fresh = leave(night, "fresh", hours=71)
    assert sweep(night, finished=DAY) == ["settled", "stale", "unretried"]
    assert list((night.home / STAGING).iterdir()) == [fresh]


def test_files_of_a_date_that_another_run_publishes_are_swept(make_night: NightMaker) -> None:
    """Whichever run published it since; a forced run of a date that was published before is kept."""
    night = make_night()
    leave(night, "first")
    forced = leave(night, "forced", published="e1")
    assert sweep(night) == []
    publish_table(night, OTHER_DAY)
    assert sweep(night) == ["first"]
    assert forced.exists()


def test_locked_folders_stay(make_night: NightMaker) -> None:
    """A folder locked by a process is not swept, however old it is."""
    night = make_night()
    with staging_session(night):
        os.utime(night.staging, (0, 0))
        assert sweep(night, finished=night.as_of, hours=0.0) == []
        assert night.staging.is_dir()


def test_a_killed_process_keeps_no_lock(make_night: NightMaker) -> None:
    """After kill -9 the locks on its stage files, temporary files and scratch are free."""
    night = make_night()
    script = (
        "import sys, os, signal\nfrom schemas.night import Night\n"
        "from segmentation.store.files.durable import replace_file\n"
        "from segmentation.store.files.scratch import scratch_folder\n"
        "from segmentation.store.runs.staging import staging_session\n"
        "night = Night.model_validate_json(sys.argv[1])\n"
        "with staging_session(night), scratch_folder(night.home / '.staging'):\n"
        "    with replace_file(night.home / 'live.json'):\n        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script, night.model_dump_json()], cwd=Path(__file__).parents[1], check=False
    )
    assert process.returncode == -9
    assert len(list((night.home / STAGING).iterdir())) == 2
    assert len(sweep(night, finished=night.as_of)) == 2
    assert list((night.home / STAGING).iterdir()) == []
    assert sweep_temporaries(night.home) == 1


def test_a_folder_whose_run_is_unknown(make_night: NightMaker) -> None:
    """Without night.json it holds no stage file yet, so it goes; with a damaged one once it is stale."""
    night = make_night()
    (leave(night, "early") / "night.json").unlink()
    odd = leave(night, "odd")
    (odd / "night.json").write_text("{")
    assert sweep(night) == ["early"]
    os.utime(odd, (0, 0))
    assert sweep(night) == ["odd"]


def test_a_killed_sweep_is_finished_by_the_next(make_night: NightMaker) -> None:
    """A folder is renamed before it is emptied, so what a kill leaves is known to be rubbish."""
    night = make_night()
    half = leave(night, "run.host-0123456789abcdef.removed")
    assert sweep(night) == ["run"] and not half.exists()


def test_scratch_in_use_stays(make_night: NightMaker) -> None:
    """Scratch of a living process, such as a promotion's, is locked."""
    night = make_night()
    with scratch_folder(night.home / STAGING) as scratch:
        assert sweep(night, hours=0.0) == []
        assert scratch.stat().st_mode & 0o777 == 0o700
    assert list((night.home / STAGING).iterdir()) == []


def test_an_empty_store_has_nothing_to_sweep(make_night: NightMaker) -> None:
    """Sweeping a store without runs removes nothing and creates nothing."""
    night = make_night()
    assert sweep(night, hours=0.0) == []
    assert not night.home.exists()
