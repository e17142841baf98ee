"""The results that Prefect keeps for retries: private, and removed once no retry can use them.

They hold the stages' records. Stage files are removed by segmentation/store/runs/staging.py.
"""

import time
from contextlib import suppress
from pathlib import Path

from prefect.settings import PREFECT_RESULTS_LOCAL_STORAGE_PATH

from config.settings import Settings

_OURS = b"schemas."  # start of the class name in results of this project
_PRIVATE = 0o700


def results_folder() -> Path:
    """The folder where this process keeps results."""
    return Path(PREFECT_RESULTS_LOCAL_STORAGE_PATH.value())


def protect_results(folder: Path) -> None:
    """Make the folder private: a result names its serializer, so whoever writes one can run code."""
    folder.mkdir(parents=True, exist_ok=True, mode=_PRIVATE)
    if folder.stat().st_mode & 0o077:
        folder.chmod(_PRIVATE)


def sweep_results(folder: Path, settings: Settings) -> int:
    """Remove this project's results older than result_days and than stage files. Returns how many.

    Results of other projects in the same folder stay, whatever their age.
    """
    # Results that point to stage files must live as long as these, or a retry would recompute for nothing.
    hours = max(settings.result_days * 24, settings.stale_hours)
    oldest = time.time() - hours * 3600
    removed = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another run may remove it at the same time
            if path.is_file() and path.stat().st_mtime < oldest and _OURS in path.read_bytes():
                path.unlink()
                removed += 1
    return removed
