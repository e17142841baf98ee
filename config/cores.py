"""How many processors this process may use: its affinity, bounded by its container's quota.

The number of threads is RESEGMENT_THREADS, config/settings.py, which asks here for its default.
"""

import os
from math import ceil
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def count_usable_cores(cgroups: Path = CGROUPS) -> int:
    """Processors of the affinity, or the quota rounded up where that is less; at least 1."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    quota = read_quota(cgroups)
    return cores if quota is None else max(1, min(cores, ceil(quota)))


def read_quota(cgroups: Path) -> float | None:
    """Processors' worth of time that the container's cgroup allows, None without a limit."""
    try:
        quota, period = _read_limits(cgroups)
        return int(quota) / int(period) if int(quota) > 0 and int(period) > 0 else None
    except (OSError, ValueError):  # neither version's file, or "max"
        return None


def _read_limits(cgroups: Path) -> tuple[str, str]:
    if (cgroups / "cpu.max").exists():  # cgroup v2: "200000 100000"
        quota, period = (cgroups / "cpu.max").read_text().split()
        return quota, period
    folder = cgroups / "cpu"  # v1: the quota is -1 without a limit
    return (folder / "cpu.cfs_quota_us").read_text(), (folder / "cpu.cfs_period_us").read_text()
