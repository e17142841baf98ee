"""kill -9 at every stage boundary and inside the commit: the old edition or the new one, never less.

Each crash is a real process that really dies; the re-run is a plain one.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

from segmentation.store.audit import audit_store
from segmentation.store.published import published_edition
from tests.test_flow import DAY, digests, run

pytestmark = [
    pytest.mark.xdist_group("prefect"),
    pytest.mark.usefixtures("prefect_server"),
    pytest.mark.slow,
]

# Runs the flow, and dies by SIGKILL when the named stage has ended, or at the named step of the commit.
_DRIVER = """
import os, signal, sys
import flows.resegment as f
import segmentation.store.commit as c

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class Deadly:
    def __init__(self, task):
        self.task = task
    def __call__(self, *a):
        self.task(*a)
        die()
    def map(self, *a):
        self.task.map(*a).result()
        die()

where, store = sys.argv[1:]
if hasattr(f, where):
    setattr(f, where, Deadly(getattr(f, where)))
else:
    setattr(c, where, die)
f.resegment("article", as_of="2026-01-31", store=store, force=True)
"""

STAGES = (
    "ingest", "summarise", "recall", "scale", "sweep", "score", "weigh", "choose", "fit", "align", "check",
    "report", "publish",
)  # fmt: skip
STEPS = ("_place_folder", "publish_table", "move_live")


def crash(where: str, store: Path) -> None:
    """Run the flow in a process of its own that is killed at `where`."""
    environment = {
        **os.environ,
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }
    process = subprocess.run(
        [sys.executable, "-c", _DRIVER, where, str(store)], env=environment, capture_output=True, timeout=120
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()[-2000:]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("where", [*STAGES, *STEPS])
def test_a_killed_run_leaves_an_edition_whole_and_a_rerun_mends_the_rest(where: str, tmp_path: Path) -> None:
    """After kill -9 the date holds nothing or the whole edition; a plain re-run publishes, and tidies up."""
    home = tmp_path / "article"
    crash(where, tmp_path)
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
    before = digests(tmp_path / "article")
    for where in STEPS:
        crash(where, tmp_path)
        table = tmp_path / "article" / "published" / f"as_of={DAY}" / "segments.parquet"
        assert len(pd.read_parquet(table)) == 24_000
        assert run("article", tmp_path).outcome in ("published", "already-published")
        assert digests(tmp_path / "article") == before
