"""Acts on a store, whose calls fail one by one in fault_grid.py: nights, what people do, and readers.

Most are the commands themselves, called in a forked process that has imported everything. Of the nights only
`run` is: a Prefect server records it, which takes seconds. The others are the flow's functions.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import resegment.cli
from config.settings import read_settings
from segmentation.errors import ResegmentError
from segmentation.store.files.storage_failures import explain_error
from tests.kills import run_forked
from tests.nights import PLAN, Town, create_town, day, draw_customers
from tests.tracing import CHANGES, READS, Trace, trace

RETENTION = {"all_days": 1}
HELD, LAST, NEW = 60, 61, 62  # numbers of nights
READERS = ("audit", "deadline")
_SLOWEST_S = 120


def do_command(town: Town, *words: str) -> int:
    """Call a command of `resegment`; its exit status."""
    sys.argv = ["resegment", *words, "--store", str(town.store)]
    try:
        resegment.cli.main()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(ending.code is not None)
    return 0


def do_night(town: Town, number: int, file: str, force: bool = False) -> int:
    """Run the night of a date without Prefect, and print a failure as the command does."""
    try:
        published = town.run(number, town.folder / file, force=force)
    except ResegmentError as error:
        sys.stderr.write(f"resegment: {error}\n")
        return error.exit_status
    except OSError as error:
        failure = explain_error(error)
        if failure is None:
            raise
        sys.stderr.write(f"resegment: {failure}\n")
        return failure.exit_status
    sys.stderr.writelines(f"note: {failure}\n" for failure in published.unrecorded)
    return 0


Act = Callable[[Town], int]
ACTS: dict[str, Act] = {
    "night": lambda town: do_night(town, NEW, "customers.csv"),
    "forced night": lambda town: do_night(town, LAST, "other.csv", force=True),
    "run": lambda town: do_command(
        town, "run", "planted", "--as-of", str(day(NEW)), "--source", str(town.folder / "customers.csv")
    ),
    "promote": lambda town: do_command(town, "promote", "planted", "--as-of", str(day(1)), "--by", "ana"),
    "promote held": lambda town: do_command(
        town, "promote", "planted", "--as-of", str(day(HELD)), "--by", "ana"
    ),
    "name": lambda town: do_command(
        town, "name", "planted", "S01", "--name", "Best", "--owner", "crm", "--by", "ana"
    ),
    "erase": lambda town: do_command(town, "erase", "planted", "a00000", "--yes", "--who", "ana"),
    "prune": lambda town: do_command(town, "prune", "planted", "--by", "ana"),
    "repair": lambda town: do_command(town, "repair", "planted", "--by", "ana"),
    "audit": lambda town: do_command(town, "audit", "planted"),
    "deadline": lambda town: do_command(town, "deadline", "planted", "--as-of", str(day(LAST))),
}


def create_origin(folder: Path) -> Town:
    """A town with a definition that commands can read, and files of customers."""
    town = create_town(folder, retention=RETENTION)
    (folder / "definitions").mkdir(parents=True)
    (folder / "tmp").mkdir()
    definition = json.dumps({**PLAN, "retention": RETENTION})
    (folder / "definitions" / "planted.yaml").write_text(definition)
    customers = draw_customers({"a": 60, "b": 50})
    customers.to_csv(folder / "customers.csv", index=False)
    customers[1:].to_csv(folder / "other.csv", index=False)
    customers[::4].to_csv(folder / "few.csv", index=False)
    return town


def build_origin(folder: Path) -> Town:
    """Five nights of three months, and one that is held."""
    town = create_origin(folder)
    for number in (1, 2, 32, 33, LAST):
        assert run_forked(partial(_prepare, town, number, "customers.csv", "published")) == 0
    assert run_forked(partial(_prepare, town, HELD, "few.csv", "held")) == 0
    return town


def _prepare(town: Town, number: int, file: str, outcome: str) -> None:
    move_in(town)
    assert town.run(number, town.folder / file).outcome == outcome


def damage(town: Town) -> None:
    """Lose live.json, and spoil the table of the last date."""
    (town.home / "live.json").write_bytes(b"{")
    table = sorted((town.home / "published").rglob("*.parquet"))[-1]
    content = table.read_bytes()
    table.unlink()
    table.write_bytes(content[:-5])


def copy_town(origin: Town, folder: Path) -> Town:
    """A copy of the town that keeps hard links."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(["/bin/cp", "-a", origin.folder, folder], check=True)
    return origin._replace(folder=folder)


def move_in(town: Town) -> None:
    """Make this process use the town's own folders, and print to its file `output`."""
    os.environ |= {
        "TMPDIR": str(town.folder / "tmp"),
        # Stores in which a machine has published are noted here: the first time takes more calls.
        "RESEGMENT_STATE": str(town.folder / "state"),
        "RESEGMENT_DEFINITIONS": str(town.folder / "definitions"),
    }
    read_settings.cache_clear()
    signal.alarm(_SLOWEST_S)


def act_in_child(town: Town, name: str) -> int:
    """Act, and print to the file `output`; the exit status."""
    move_in(town)
    with (town.folder / "output").open("w") as output:
        sys.stdout = sys.stderr = output
        return ACTS[name](town)


def trace_act(town: Town, name: str, injection: list[str]) -> Trace:
    """Act under strace."""
    return trace(town, partial(act_in_child, town, name), READS if name in READERS else CHANGES, injection)
