"""Commands of several dates at once on one store, some killed: readers see whole tables, audit is clean."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.long_replays import ROOT, read_results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_crowd_of_commands_leaves_a_whole_store(tmp_path: Path) -> None:
    """Two publishers of one date, then a promotion, a night, a pruning and an erasure at once."""
    command = [sys.executable, "-m", "tests.crowds", str(tmp_path), "1", "4", "2"]
    results = read_results(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    assert (results["problems"], results["faults"]) == ([], [])
    counts = results["counts"]
    assert counts["attempts"] == counts["wins"] + counts["losses"] == 2
    assert results["reads"] > 100
