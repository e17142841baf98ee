"""Acts on a store, each in a process forked from this one, which may be killed, out of step or out of space.

The kill is a SIGKILL before a change of the file system, the full disk a real one. Only a clock that is set
back and other code are patched, in the child. What the acts are for is in replays.py.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import segmentation.store.edition.source_digest
import segmentation.store.ledger
from segmentation.errors import Conflict, Refused, ResegmentError, StorageFailed
from segmentation.store.edition.source_digest import compute_source_digest
from tests.kills import kill_at, run_forked, watch_changes
from tests.nights import Town, draw_customers

SLOWEST_S = 90  # an act that takes longer hangs


class Ending(NamedTuple):
    """How an act ended: its outcome or the kind of its failure, and the edition, code and message."""

    outcome: str
    edition: str = ""
    code: str = ""
    message: str = ""


class Conditions(NamedTuple):
    """What is out of the ordinary: other code, a clock set back, and the change before which to die."""

    code: str | None = None
    hours_back: int = 0
    death: int | None = None


def warm_up(folder: Path, town: Town) -> None:
    """Run two nights, so that forked processes have imported everything."""
    folder.mkdir(parents=True)
    draw_customers({"a": 60, "b": 50, "c": 40}).to_csv(folder / "customers.csv", index=False)
    for number in (1, 2):
        town._replace(folder=folder).run(number, folder / "customers.csv")


def run_act(town: Town, act: Callable[[], Ending], conditions: Conditions) -> Ending:
    """Run an act in a process of its own."""
    process, path = start_act(town, act, conditions)
    return wait_for(process, path)


def start_act(town: Town, act: Callable[[], Ending], conditions: Conditions) -> tuple[int, Path]:
    """Start an act: its process, and the file in which it says how it ended."""
    path = town.folder / f"ending-{os.urandom(4).hex()}.json"
    process = os.fork()
    if process == 0:
        signal.alarm(SLOWEST_S)
        try:
            apply_conditions(town, conditions)
            path.write_text(json.dumps(act_and_explain(act)))
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    return process, path


def wait_for(process: int, path: Path) -> Ending:
    """How a process ended."""
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if status == -signal.SIGKILL:
        return Ending("killed")
    if status != 0:
        return Ending("crashed", message=f"its process ended with {status}")
    ending = Ending(*json.loads(path.read_text()))
    path.unlink()
    return ending


def apply_conditions(town: Town, conditions: Conditions) -> None:
    """Make this process work under these conditions."""
    if conditions.code is not None:
        code = conditions.code
        segmentation.store.edition.source_digest.digest_sources = lambda folders: code
        compute_source_digest.cache_clear()
    if conditions.hours_back:
        back = timedelta(hours=conditions.hours_back)
        vars(segmentation.store.ledger)["datetime"] = _shift_clock(back)
    if conditions.death is not None:
        watch_changes(town.store, partial(kill_at, conditions.death))


def _shift_clock(back: timedelta) -> type[datetime]:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) - back

    return Clock


def act_and_explain(act: Callable[[], Ending]) -> Ending:
    """The act's ending; a failure that is meant by its kind and message, any other one as a crash."""
    try:
        return act()
    except Refused as error:
        return Ending("refused", code=error.code, message=str(error))
    except Conflict as error:
        return Ending("conflict", message=str(error))
    except StorageFailed as error:
        return Ending("storage", code=error.code, message=str(error))
    except ResegmentError as error:
        return Ending("failed", code=type(error).__name__, message=str(error))
    except Exception as error:
        sys.excepthook(*sys.exc_info())
        return Ending("crashed", code=type(error).__name__, message=f"{error!r}")


@contextmanager
def full_disk(store: Path, room: int) -> Iterator[None]:
    """Leave only this room, in bytes, on the store's file system, which must be its own."""
    filler = store.parent / "filler"
    free = shutil.disk_usage(store.parent).free
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free - room, 1))
    try:
        yield
    finally:
        filler.unlink()


def observe(town: Town, look: Callable[[], object]) -> object:
    """What a function sees, in a process of its own: this one must not start threads of Arrow."""
    path = town.folder / "observed.json"
    status = run_forked(lambda: path.write_text(json.dumps(look())))
    if status:
        raise AssertionError(f"the store cannot be looked at: status {status}")
    return json.loads(path.read_text())
