"""Free space, checked before a night's work: what it will need, what its file systems have.

A disk that fills up all the same is explained in files/storage_failures.py.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from config.settings import read_settings
from schemas.night import Night
from schemas.rows import Input
from segmentation.errors import StorageFailed
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import get_home
from segmentation.store.ledger import read_recent_rows

# Stage files and edition of a first night: the report, which is there twice, and multiples of the source's
# bytes. Measured on the samples shop and orders and rounded up: docs/operate.md, "Disk space".
_REPORTS = 12_000_000
_OF_TEXT, _OF_PARQUET, _OF_COMPRESSED = 2.0, 6.0, 7.0
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".zip")
USAGE = "bytes"  # the key of a ledger row
_KEYS = ("source", "staging", "edition")


def check_space(night: Night, inputs: Sequence[Input]) -> None:
    """StorageFailed if the file system of the stage files has less room than the night is likely to need."""
    margin = read_settings().space_margin
    if not margin:
        return
    need, basis = _estimate_need(night, inputs)
    # The edition is built among the stage files and renamed, and DuckDB spills there too: one file system.
    free = measure_free(night.staging)
    if need * margin > free:
        raise StorageFailed(
            "disk-space",
            f"{night.staging.parent} has {format_bytes(free)} free and this night needs about "
            f"{format_bytes(need * margin)} ({basis}); free some space, or set RESEGMENT_SPACE_MARGIN=0 to "
            "run anyway",
        )


def measure_usage(night: Night, inputs: Sequence[Input], folder: AnyPath) -> dict[str, int]:
    """Bytes of the source, the stage files and the edition, for the estimate of later nights."""
    return {
        "source": sum(source.size for source in inputs),
        "staging": _measure_folder(night.staging),
        "edition": sum(path.stat().st_size for path in folder.iterdir()) if isinstance(folder, Path) else 0,
    }


def measure_free(folder: Path) -> int:
    """Bytes that this user may still write to the folder's file system."""
    facts = os.statvfs(folder)
    return facts.f_bavail * facts.f_frsize


def format_bytes(size: float) -> str:
    """A size with one decimal.

    >>> format_bytes(999), format_bytes(1_234_567), format_bytes(5.25e12)
    ('999 bytes', '1.2 MB', '5,250.0 GB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size:.0f} bytes"


def _estimate_need(night: Night, inputs: Sequence[Input]) -> tuple[float, str]:
    """Bytes, and what the estimate is based on."""
    source = sum(file.size for file in inputs)
    usage = _read_last_usage(get_home(night))
    if usage:
        work = usage["staging"] + usage["edition"]
        # More rows than last night need more room; fewer may still need as much.
        growth = max(1.0, source / usage["source"]) if usage["source"] else 1.0
        return work * growth, f"the last night needed {format_bytes(work)}"
    need = _REPORTS + sum(file.size * _get_factor(file) for file in inputs)
    return need, f"its source has {format_bytes(source)}"


def _get_factor(file: Input) -> float:
    if file.numbered:
        return _OF_PARQUET
    return _OF_COMPRESSED if file.name.lower().endswith(_COMPRESSED) else _OF_TEXT


def _read_last_usage(home: AnyPath) -> dict[str, int] | None:
    for row in read_recent_rows(home) if isinstance(home, Path) else ():
        usage = row.get(USAGE)
        if isinstance(usage, dict) and all(isinstance(usage.get(key), int) for key in _KEYS):
            return usage
    return None


def _measure_folder(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
