"""kill -9 at many points of a night, of a forced night and of a promotion: nothing is left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

POINTS = 200 if os.environ.get("RESEGMENT_TEST_POINTS") == "all" else 12

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was found at each point, from tests/kills.py."""
    folder = tmp_path_factory.mktemp("kills")
    process = subprocess.run(
        [sys.executable, "-m", "tests.kills", str(folder), str(POINTS)],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "RESEGMENT_STATE": str(folder / "state"), "RESEGMENT_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    by_action: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return by_action


@pytest.mark.parametrize("action", ["night", "force", "promote"])
def test_after_a_kill_and_a_rerun_nothing_is_left(results: dict[str, Any], action: str) -> None:
    """The re-run ends well and gives the same bytes; stage files, temporary files and scratch are gone."""
    assert results[action]["changes"] > 10
    assert results[action]["problems"] == {}
