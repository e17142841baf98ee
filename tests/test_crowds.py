"""Commands of several dates at once on one store, some killed: readers see whole tables, audit is clean."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_crowd_of_commands_leaves_a_whole_store(tmp_path: Path) -> None:
    """Two nights, a promotion, an erasure and a pruning at once; what was killed is run again."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.crowds", str(tmp_path), "1", "6"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    results = json.loads(process.stdout.splitlines()[-1])
    assert (results["problems"], results["faults"]) == ([], [])
    assert results["reads"] > 100
