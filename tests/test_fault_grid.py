"""A disk that fails, or a death at any call, leaves a store old or new. `make prove` tries all points."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.traced_acts import STRACE

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
POINTS_OF_EACH = 10


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_no_fault_tears_the_store(tmp_path: Path) -> None:
    """Ten points of each act: old or new, one clear line, and a second attempt gives the same bytes."""
    command = [sys.executable, "-m", "tests.fault_grid", str(tmp_path), str(POINTS_OF_EACH)]
    grid = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert grid.returncode == 0, grid.stdout + grid.stderr
