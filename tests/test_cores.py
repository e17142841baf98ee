"""The number of threads: one setting, bounded by what the container allows."""

import os
import re
from pathlib import Path

import pytest

from config.cores import count_usable_cores
from flows.night_runs import NIGHT_OPTIONS


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", 8), ("50000 100000", 1), ("150000 100000", 2), ("1600000 100000", 8), ("damaged", 8)],
)
def test_a_quota_of_cgroup_2_bounds_the_cores(tmp_path: Path, limit: str, cores: int) -> None:
    """A part of a processor counts as one; without a limit the affinity counts."""
    (tmp_path / "cpu.max").write_text(limit + "\n")
    assert count_usable_cores(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", 8), ("50000", 1), ("250000", 3)])
def test_a_quota_of_cgroup_1_bounds_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    """The files of cgroup v1 are read as well, and -1 means unlimited."""
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(quota + "\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert count_usable_cores(tmp_path) == cores


def test_without_affinity_the_machine_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems without sched_getaffinity have os.cpu_count alone."""
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert count_usable_cores(tmp_path) == 3


def test_a_flow_runs_as_many_tasks_at_once_as_the_setting_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting is read when a flow starts, not when it is imported."""
    monkeypatch.setenv("RESEGMENT_THREADS", "1")
    assert NIGHT_OPTIONS["task_runner"].duplicate()._max_workers == 1


def test_only_the_setting_counts_cores() -> None:
    """Every other module reads the setting; benchmarks count as the setting does."""
    root = Path(__file__).parents[1]
    packages = ("config", "deployments", "flows", "resegment", "schemas", "segmentation", "tasks", "bench")
    counting = re.compile(r"cpu_count|sched_getaffinity|ThreadPoolTaskRunner\(max_workers=(?!read_settings)")
    modules = (path for package in packages for path in (root / package).rglob("*.py"))
    assert [path.name for path in modules if counting.search(path.read_text())] == ["cores.py"]
