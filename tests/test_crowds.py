"""Commands of several dates at once on one store, some killed: readers see whole tables, audit is clean."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import crowds
from tests.long_replays import ROOT, read_results
from tests.nights import create_town, day

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_crowd_of_commands_leaves_a_whole_store(tmp_path: Path) -> None:
    """Two publishers of one date, then a promotion, a night, a pruning and an erasure at once."""
    command = [sys.executable, "-m", "tests.crowds", str(tmp_path), "1", "4", "2"]
    results = read_results(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    assert (results["problems"], results["faults"]) == ([], [])
    counts = results["counts"]
    assert counts["attempts"] == counts["wins"] + counts.get("losses", 0) == 2
    assert results["reads"] > 100


@pytest.mark.parametrize(
    ("published", "editions", "fault"),
    [("a", "a", ""), ("b", "ab", "winners are"), ("a", "ab", "winners are"), ("a", "", "winners are")],
)
def test_a_race_that_went_wrong_is_seen(
    published: str, editions: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loser is published, or leaves an edition, or the winner's edition is gone."""
    town = create_town(tmp_path)
    for edition in editions:
        folder = town.home / "editions" / str(day(5)) / (edition * 16)
        folder.mkdir(parents=True)
        (folder / "manifest.json").touch()

    def race(running: Any) -> list[tuple[Any, str]]:
        outputs = {0: f"Published: edition {'a' * 16}\n", 3: "resegment: another run published it"}
        command = [SimpleNamespace(arguments=["run"], process=SimpleNamespace(returncode=n)) for n in outputs]
        return list(zip(command, outputs.values(), strict=True))

    monkeypatch.setattr(crowds, "await_commands", race)
    monkeypatch.setattr(crowds, "start_command", lambda town, arguments: None)
    view = {"published": {str(day(5)): published * 16}}
    monkeypatch.setattr(crowds, "view_store", lambda home, states: view)
    counts = Counter[str]()
    problems = crowds.run_race(town, 5, 2, counts)
    assert (counts["wins"], counts["losses"]) == (1, 1)
    assert fault in "".join(problems) and bool(problems) == bool(fault)
