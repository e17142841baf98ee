"""Sweeping: removing what dead processes left, in every segmentation of a store and on this machine.

It takes place at the start and the end of whatever runs, published or not, and never fails it. Which stage
files can go is decided in staging.py, which temporary files and scratch in files/durable.py and
files/scratch.py.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from config.settings import read_settings
from schemas.night import Night
from segmentation.store.files.durable import sweep_temporaries
from segmentation.store.files.exchange import recover_replaced
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.scratch import sweep_scratch
from segmentation.store.layout import get_home
from segmentation.store.runs.judged_entries import sweep_entries
from segmentation.store.runs.staging import STAGING, SweepRules, sweep_staging

WORKPLACES = "object-stores"  # in the state folder: a folder for each object store that runs here work for
_RECENT_S = 90 * 86_400


def sweep_store(store: AnyPath) -> None:
    """Sweep every segmentation of a store and this machine's scratch. A store in a bucket has no rubbish."""
    hours = read_settings().stale_hours
    with suppress(OSError):  # a disk that fails here fails the run itself, where it matters
        _sweep_all(store, hours)


def _sweep_all(store: AnyPath, hours: float) -> None:
    if isinstance(store, Path):
        for home in _list_homes(store):
            _sweep_home(home, SweepRules(home, hours))
        sweep_temporaries(store)
    for workplace in _list_folders(read_settings().state.expanduser().absolute() / WORKPLACES):
        for home in _list_homes(workplace):
            # Only by age: which of these buckets can be reached from here is not known.
            _sweep_home(home, SweepRules(None, hours))
    sweep_scratch()


def sweep_settled(night: Night) -> list[str]:
    """Remove what dead runs of this date left, since its run has ended well. Returns their run ids."""
    rules = SweepRules(get_home(night), read_settings().stale_hours, night.as_of)
    try:
        return _sweep_home(night.home, rules)
    except OSError:
        return []


def _sweep_home(home: Path, rules: SweepRules) -> list[str]:
    recover_replaced(home)
    removed = sweep_staging(home, rules)
    sweep_entries(home)
    for folder in (home, home / "ledger"):
        sweep_temporaries(folder)
    oldest = time.time() - _RECENT_S
    for name in ("published", "inputs", "comparisons", "validations"):
        for folder in _list_folders(home / name):
            # A file that is left behind makes its folder recent, and there is a folder for each night.
            if folder.stat().st_mtime > oldest:
                sweep_temporaries(folder)
    return removed


def _list_homes(store: Path) -> Iterator[Path]:
    """The segmentations of a store, and no other folder that may be next to them."""
    for folder in _list_folders(store):
        if (folder / STAGING).is_dir() or (folder / "ledger").is_dir():
            yield folder


def _list_folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:  # it does not exist, or is not readable
        return []
