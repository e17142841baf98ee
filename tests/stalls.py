"""The nightly flow, told to stop inside a stage once: what tests/test_recovery.py lets a worker run.

The flow and its tasks are the real ones; a function that the stage calls waits, the first time.
"""

import importlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.resegment import resegment

PLACES = {
    "ingest": "tasks.ingest.write_rows",
    "sweep": "tasks.sweep.fit_weighted",
    "fit": "tasks.fit.refine",
    "report": "tasks.report.render",
    "publish": "segmentation.store.commit.move_live",  # after the commit point: the table is out
}

__all__ = ["resegment"]


def stall_once(function: Callable[..., Any], folder: Path) -> Callable[..., Any]:
    """The function, but its first call in all processes says its pid in `folder` and waits for `go` there."""

    def call(*given: Any, **named: Any) -> Any:
        try:
            (folder / "stalled").open("x").write(str(os.getpid()))
        except FileExistsError:
            return function(*given, **named)
        while not (folder / "go").exists():
            time.sleep(0.05)
        return function(*given, **named)

    return call


if "STALL_AT" in os.environ:
    module_name, _, name = PLACES[os.environ["STALL_AT"]].rpartition(".")
    module = importlib.import_module(module_name)
    setattr(module, name, stall_once(getattr(module, name), Path(os.environ["STALL_IN"])))
