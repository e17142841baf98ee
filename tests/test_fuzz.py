"""Damaged and odd files: whatever bytes, types and definitions, no traceback, no hang, little memory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fuzzing import attempt

QUICK = range(150)
SLOW_SEED, SLOW_COUNT = 20_000, 6_000


@pytest.mark.parametrize("first", QUICK[::50])
def test_odd_files_are_read_or_refused(tmp_path: Path, first: int) -> None:
    """Each file is read or refused on purpose: anything else is a traceback, shown here with its seed."""
    outcomes = {seed: attempt(seed, tmp_path) for seed in QUICK[first : first + 50]}
    assert {seed: outcome for seed, outcome in outcomes.items() if "Traceback" in outcome} == {}
    # The files are not all damaged beyond reading.
    assert "read" in outcomes.values()
    assert len(set(outcomes.values())) > 4


@pytest.mark.slow
def test_thousands_of_odd_files(tmp_path: Path) -> None:
    """Of 6,000 files none ends in a traceback or hangs, and reading them takes less than 1 GB."""
    code = ["-X", "faulthandler", "-m", "tests.fuzzing", str(SLOW_SEED), str(SLOW_COUNT)]
    # A process of its own: a damaged file could end it, and its peak of memory is its own.
    environment = {**os.environ, "RESEGMENT_STORE": str(tmp_path / "store")}
    result = subprocess.run(
        [sys.executable, *code], capture_output=True, text=True, env=environment, check=False,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-4000:]
    report: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    assert report["wrong"] == {}
    assert report["peak_mb"] < 1000
    assert report["outcomes"]["read"] > SLOW_COUNT // 10
