"""kill -9 after every stage and inside the commit leaves the old edition or the new one, never less.

Each crash is a real process that is killed. It is run again in this process.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

from flows.resegment import segment_customers
from segmentation.store.catalogue.published import published_edition
from segmentation.store.repair.audit import audit_store
from tasks.runtime.stage import list_stages
from tests.test_flow import DAY, digests, run

pytestmark = [
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.slow,
]

# Runs the flow, and dies by SIGKILL when the named stage has ended, or at the named step of the commit.
_DRIVER = """
import os, signal, sys
import flows.resegment as f
import segmentation.store.publication.commit as c

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Deadly:
    def __init__(self, stage):
        self.stage = stage
    def __call__(self, *args):
        self.stage(*args)
        die()
    def for_each(self, *args):
        self.stage.for_each(*args)
        die()

place, store = sys.argv[1:]
if hasattr(f, place):
    setattr(f, place, Deadly(getattr(f, place)))
else:
    setattr(c, place, die)
f.resegment("article", as_of="2026-01-31", store=store, force=True)
"""

STAGES = tuple(stage.function.__name__ for stage in list_stages(segment_customers))
STEPS = ("_place_folder", "publish_table", "move_live")


def crash(place: str, store: Path) -> None:
    """Run the flow in a process of its own that is killed at a stage's end or a step of the commit."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }
    process = subprocess.run(
        [sys.executable, "-c", _DRIVER, place, str(store)], env=environment, capture_output=True, timeout=120
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()[-2000:]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("place", [*STAGES, *STEPS])
def test_after_a_kill_a_rerun_publishes_and_tidies_up(place: str, tmp_path: Path) -> None:
    """After kill -9 the date has no edition or a whole one. Running it again publishes and tidies up."""
    home = tmp_path / "article"
    crash(place, tmp_path)
    edition = published_edition(home, pd.Timestamp(DAY).date())
    if edition is not None:
        table = pd.read_parquet(home / "published" / f"as_of={DAY}" / "segments.parquet")
        assert len(table) == 24_000
    published = run("article", tmp_path)
    assert published.outcome in ("published", "already-published")
    assert audit_store(home).damage == []
    assert sorted(p.name for p in home.iterdir()) == [
        ".lock", ".staging", "editions", "ids.json", "index.html", "index.json", "ledger", "live.json",
        "published",
    ]  # fmt: skip
    assert list((home / ".staging").iterdir()) == []
    assert len(list((home / "editions" / DAY).iterdir())) == 1


def test_a_kill_while_a_date_is_published_again_keeps_the_bytes(tmp_path: Path) -> None:
    """Killed at each step of the commit, a forced second publication leaves the same table readable."""
    run("article", tmp_path)
    expected = digests(tmp_path / "article")
    for step in STEPS:
        crash(step, tmp_path)
        table = tmp_path / "article" / "published" / f"as_of={DAY}" / "segments.parquet"
        assert len(pd.read_parquet(table)) == 24_000
        assert run("article", tmp_path).outcome in ("published", "already-published")
        assert digests(tmp_path / "article") == expected
