"""Whole nights at once: real commands of several dates on one store, some killed, while a reader reads.

    python -m tests.crowds FOLDER ROUNDS COMMANDS

Prints as JSON what was read, published and killed, and every violation. Each round starts COMMANDS of them at
once: nights, backfills, promotions, names, rebuilds, erasures and prunings. What was killed is run again.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness

from segmentation.store.audit import audit_store
from tests.nights import PLAN, Town, create_town, day
from tests.replayed_nights import draw_night
from tests.store_model import Model, Signature, list_identity_faults
from tests.store_views import view_store

FIRST_NIGHTS = 4
KILLED_SHARE = 0.4
LONGEST_S = 400
# Success, a refusal such as that of a night during an erasure, a conflict, a held night.
STATUSES = {0, 2, 3, 4, -signal.SIGKILL}
ROOT = Path(__file__).parents[1]


class Running(NamedTuple):
    """A command that was started, and when it will be killed, if ever."""

    arguments: list[str]
    process: subprocess.Popen[str]
    death: float | None


def create_crowd(folder: Path) -> Town:
    """A definition that commands can read, files of 20 nights, and a few published nights."""
    town = create_town(folder, refit={"nights": 1}, k={"min": 3, "max": 5})
    (folder / "definitions").mkdir(parents=True)
    changes = {
        "refit": {"nights": 1},
        "k": {"min": 3, "max": 5},
        "retention": {"all_days": 6, "month_ends": 0},
    }
    (folder / "definitions" / "planted.yaml").write_text(json.dumps({**PLAN, **changes}))
    for number in range(1, 31):
        draw_night(number).to_csv(folder / f"night-{number}.csv", index=False)
    for number in range(1, FIRST_NIGHTS + 1):
        town.run(number, folder / f"night-{number}.csv")
    return town


def draw_commands(town: Town, newest: int, count: int, rng: random.Random) -> list[list[str]]:
    """Commands to run at once: nights of the next dates and of past ones, and what people do."""

    def night(number: int, rows: int | None = None) -> list[str]:
        source = str(town.folder / f"night-{rows or number}.csv")
        return ["run", "planted", "--as-of", str(day(number)), "--source", source]

    past = rng.randint(max(newest - 3, 1), newest)
    at_past = ["--as-of", str(day(past))]
    days = [
        "--start",
        str(day(past)),
        "--end",
        str(day(newest)),
        "--source",
        str(town.folder / f"night-{past}.csv"),
    ]
    victim = f"customer-a{rng.randint(0, 50):05d}"
    commands = [
        night(newest + 1),
        night(newest + 1, newest + 2),  # two publishers of one date
        ["promote", "planted", *at_past, "--user", "ana"],
        ["erase", "planted", victim, "--yes", "--who", "ana"],
        ["prune", "planted", "--user", "ana"],
        night(newest + 2),
        ["backfill", "planted", *days, "--mode", "rebuild", "--on-error", "continue"],
        ["name", "planted", "S01", "--name", f"Name {rng.randint(1, 99)}"],
        ["rebuild", "planted", *at_past],
        night(past),
        [*night(past), "--force"],
    ]
    return commands[:count] if count < len(commands) else commands


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


def read_until(home: Path, stop: Path, report: Path) -> None:
    """Read every published table and what is live, again and again, until the file `stop` exists."""
    reads, faults = 0, list[str]()
    while not stop.exists():
        time.sleep(0.05)  # the commands need the cores too
        for path in home.glob("published/as_of=*/segments.parquet"):
            fault = read_table(path)
            reads, faults = reads + 1, faults + ([fault] if fault else [])
        reads += 1
        live = json.loads((home / "live.json").read_bytes())
        if not (home / "editions" / live["as_of"] / live["edition"] / "manifest.json").exists():
            current = json.loads((home / "live.json").read_bytes())
            faults += ["live.json names an edition that is not there"] if current == live else []
    report.write_text(json.dumps({"reads": reads, "faults": faults}))


def read_table(path: Path) -> str:
    """What is wrong with a published table; empty if nothing, or if it was pruned at this moment."""
    try:
        table = pq.read_table(path, use_threads=False)
    except FileNotFoundError:
        return ""
    except (OSError, pa.ArrowException) as error:
        return f"{path.parent.name}: {type(error).__name__}"
    return "" if table.num_rows else f"{path.parent.name}: empty"


def run_round(town: Town, commands: list[list[str]], rng: random.Random, counts: Counter[str]) -> list[str]:
    """Run commands at once, then one by one what was killed or had to give in: what went wrong."""
    problems = []
    results = await_commands([start_command(town, arguments, rng) for arguments in commands])
    again = []
    for command, output in results:
        status = command.process.returncode
        counts.update({"commands": 1, "kills": status == -signal.SIGKILL, "conflicts": status == 3})
        again += [command.arguments] if status in (-signal.SIGKILL, 3) else []
        problems += check_output(command, output)
    # An erasure that was killed keeps nights from running.
    again.sort(key=lambda arguments: arguments[0] != "erase")
    for arguments in again:
        for command, output in await_commands([start_command(town, arguments)]):
            problems += check_output(command, output)
            counts["again"] += 1
    return problems


def check_output(command: Running, output: str) -> list[str]:
    """What is wrong with how a command ended."""
    words, status = " ".join(command.arguments[:4]), command.process.returncode
    is_different = command.arguments[0] == "rebuild" and status == 1 and "Differs" not in output
    if "Traceback" in output:
        return [f"{words}: {output[-800:]}"]
    is_fine = status in STATUSES or is_different or (command.arguments[0] == "backfill" and status == 1)
    return [] if is_fine else [f"{words} ended with {status}: {output[-400:]}"]


def list_identity_problems(home: Path) -> list[str]:
    """Ids that two editions gave, and customers whose segment does not follow from the edition before."""
    model, problems = Model(), list[str]()
    views = view_store(home, [])["editions"]
    while views:
        ready = [name for name, entry in views.items() if entry["previous"] not in views]
        for edition in ready:
            entry = views.pop(edition)
            has_previous = entry["previous"] is None or entry["previous"] in model.editions
            problems += list_identity_faults(model, edition, entry) if has_previous else []
            model.remember(edition, entry, Signature("", frozenset(), entry["previous"], None))
    return problems


def run_crowd(folder: Path, rounds: int, count: int) -> dict[str, Any]:
    """The rounds, with a reader all the time; then audit, ids and what is left."""
    town, counts, problems = create_crowd(folder), Counter[str](), list[str]()
    os.environ["RESEGMENT_DEFINITIONS"] = str(folder / "definitions")
    stop, report = folder / "stop", folder / "reads.json"
    code = "import sys, pathlib, tests.crowds; tests.crowds.read_until(*map(pathlib.Path, sys.argv[1:]))"
    arguments = [sys.executable, "-c", code, str(town.home), str(stop), str(report)]
    with subprocess.Popen(arguments, cwd=ROOT) as reader:
        for number in range(rounds):
            rng = random.Random(number)  # noqa: S311 - no secret
            commands = draw_commands(town, FIRST_NIGHTS + 2 * number, count, rng)
            problems += run_round(town, commands, rng, counts)
            problems += [f"round {number}: {entry}" for entry in audit_store(town.home).damage]
        stop.touch()
        reader.wait(60)
    outcomes = Counter(json.loads(path.read_bytes())["outcome"] for path in town.home.glob("ledger/*.json"))
    problems += list_identity_problems(town.home)
    problems += [f"left behind: {path}" for path in view_store(town.home, [])["left"]]
    return {"counts": counts, "ledger": outcomes, "problems": problems, **json.loads(report.read_text())}


if __name__ == "__main__":
    target = Path(sys.argv[1])
    os.environ |= {"RESEGMENT_STATE": str(target / "state"), "OMP_NUM_THREADS": "1"}
    with prefect_test_harness(server_startup_timeout=180):
        os.environ["PREFECT_API_URL"] = PREFECT_API_URL.value() or ""
        totals = run_crowd(target / "town", *map(int, sys.argv[2:]))
        sys.stdout.write(json.dumps(totals) + "\n")
