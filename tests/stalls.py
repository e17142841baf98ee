"""The nightly flow with one function that stalls once, for tests/test_recovery.py to run on a worker.

Flow and stages are the real ones. The file STALLS names a function for each deployment, which waits when it
is first called.
"""

import importlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.resegment import resegment

FIT = "tasks.fit.refine"
PUBLISH = (
    "segmentation.store.publication.commit.move_live"  # after the commit point, when the table is published
)
STALLING_FUNCTIONS = (
    "tasks.ingest.judge_rows",
    "tasks.sweep.fit_weighted",
    FIT,
    "tasks.report.render_report",
    PUBLISH,
)

__all__ = ["resegment"]


def stall_once(function: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """The function, whose first call in any process writes its pid to `folder` and waits there for `go`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            # Linked once it is complete, so that a test that sees the file can read the pid.
            pid_file = folder / f"pid-{os.getpid()}"
            pid_file.write_text(str(os.getpid()))
            os.link(pid_file, folder / "stalled")
        except FileExistsError:
            return function(*args, **kwargs)
        while not (folder / "go").exists():
            time.sleep(0.05)
        return function(*args, **kwargs)

    return call


def install_stall() -> None:
    """Make the function stall that the plan names for this run's deployment."""
    # Found by the deployment's name, because a worker accepts no environment from a run.
    plan = json.loads(Path(os.environ["STALLS"]).read_text())
    place, folder = plan[os.environ["PREFECT__DEPLOYMENT_NAME"]]
    module_name, _, name = place.rpartition(".")
    module = importlib.import_module(module_name)
    setattr(module, name, stall_once(getattr(module, name), Path(folder)))


if "PREFECT__FLOW_ENTRYPOINT" in os.environ:
    install_stall()
