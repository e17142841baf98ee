"""The commands of crowds.py: what is started at once, which of them are killed, and how each may end."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.nights import Town, day

KILLED_SHARE = 0.4
LONGEST_S = 400
REFUSAL, CONFLICT, HELD = 2, 3, 4
# Success, a refusal such as that of a night during an erasure, a conflict, a held night.
STATUSES = {0, REFUSAL, CONFLICT, HELD, -signal.SIGKILL}
ROOT = Path(__file__).parents[1]
REFUSED = re.compile(r"^resegment: ([a-z-]+):", re.MULTILINE)


class Running(NamedTuple):
    """A command that was started, and when it will be killed, if ever."""

    arguments: list[str]
    process: subprocess.Popen[str]
    death: float | None


def make_night(town: Town, number: int, rows: int | None = None) -> list[str]:
    """The command of a night, on the rows of this or of another one."""
    source = str(town.folder / f"night-{rows or number}.csv")
    return ["run", "planted", "--as-of", str(day(number)), "--source", source]


def draw_commands(town: Town, newest: int, count: int, rng: random.Random) -> list[list[str]]:
    """Commands to run at once: what people do, nights of the next dates and of past ones."""
    past = rng.randint(max(newest - 3, 1), newest)
    at_past = ["--as-of", str(day(past))]
    days = ["--start", str(day(past)), "--end", str(day(newest))]
    source = ["--source", str(town.folder / f"night-{past}.csv")]
    victim = f"customer-a{rng.randint(0, 50):05d}"
    commands = [
        ["promote", "planted", *at_past, "--by", "ana"],
        make_night(town, newest + 1),
        ["prune", "planted", "--by", "ana"],
        ["erase", "planted", victim, "--yes", "--by", "ana"],
        ["name", "planted", "S01", "--name", f"Name {rng.randint(1, 99)}"],
        ["backfill", "planted", *days, *source, "--mode", "rebuild", "--on-error", "continue"],
        ["rebuild", "planted", *at_past],
        make_night(town, past),
        [*make_night(town, past), "--force"],
    ]
    return commands[:count]


def start_command(town: Town, arguments: list[str], rng: random.Random | None = None) -> Running:
    """Start a command; with chances, it may be killed later."""
    process = subprocess.Popen(
        [sys.executable, "-m", "resegment", *arguments, "--store", str(town.store)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    is_killed = rng is not None and rng.random() < KILLED_SHARE
    death = time.monotonic() + rng.uniform(3, 15) if rng is not None and is_killed else None
    return Running(arguments, process, death)


def await_commands(running: list[Running]) -> list[tuple[Running, str]]:
    """Wait for all of them, killing each whose time has come: with what it printed."""
    deadline, waiting = time.monotonic() + LONGEST_S, list(running)
    while waiting:
        for command in [command for command in waiting if command.process.poll() is None]:
            if time.monotonic() > min(command.death or deadline, deadline):
                os.killpg(command.process.pid, signal.SIGKILL)
        waiting = [command for command in waiting if command.process.poll() is None]
        time.sleep(0.1)
    return [(command, command.process.communicate()[0]) for command in running]


def count_ending(command: Running, output: str, counts: Counter[str]) -> bool:
    """Count how a command ended; whether it was killed or had to give in."""
    status = command.process.returncode
    counts.update({"commands": 1, "kills": status == -signal.SIGKILL, "conflicts": status == CONFLICT})
    counts.update({f"{command.arguments[0]}: success": 1} if status == 0 else {})
    refusals = REFUSED.findall(output) if status == REFUSAL else []
    counts.update(f"refused: {code}" for code in refusals)
    return status in (-signal.SIGKILL, CONFLICT) or "erasing" in refusals


def check_output(command: Running, output: str) -> list[str]:
    """What is wrong with how a command ended."""
    words, status = " ".join(command.arguments[:4]), command.process.returncode
    is_different = command.arguments[0] == "rebuild" and status == 1 and "Differs" not in output
    is_fine = status in STATUSES or is_different or (command.arguments[0] == "backfill" and status == 1)
    # A command that does not know its own options ends with 2, as one that refuses.
    is_misused = "Usage:" in output
    if "Traceback" not in output and is_fine and not is_misused:
        return []
    return [f"{words} ended with {status}: {output[-800:]}"]
