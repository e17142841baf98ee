"""The results that Prefect keeps for a retry: private, and swept when no run can want them any more.

What they hold is each stage's record; stage files are swept by segmentation/store/staging.py.
"""

import time
from contextlib import suppress
from pathlib import Path

from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH

from config.settings import Settings

_OURS = b"schemas."  # the class that a record of this project names
_PRIVATE = 0o700


def find_results() -> Path:
    """The folder of results of this process's runs."""
    return Path(PREFECT_RESULTS_LOCAL_STORAGE_PATH.value())


def protect_results(folder: Path) -> None:
    """Make the folder its owner's alone: a record says how it is to be read, so who writes one runs code."""
    folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    if folder.stat().st_mode & 0o077:
        folder.chmod(_PRIVATE)


def sweep_results(folder: Path, settings: Settings) -> int:
    """Remove this project's records that no retry can use: older than result_days and than stage files.

    Gives how many. Other projects' results in the same folder stay, whatever their age.
    """
    hours = max(settings.result_days * 24, settings.stale_hours)
    oldest = time.time() - hours * 3600
    swept = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another run that begins sweeps it too
            if path.is_file() and path.stat().st_mtime < oldest and _OURS in path.read_bytes():
                path.unlink()
                swept += 1
    return swept
