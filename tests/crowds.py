"""Whole nights at once: real commands of several dates on one store, some killed, while a reader reads.

    python -m tests.crowds FOLDER ROUNDS COMMANDS PUBLISHERS

Prints as JSON what was read, published and killed, and every violation. In each round, PUBLISHERS publish
different rows as one date at once. Then COMMANDS of crowd_commands.py start at once. What was killed, or had
to give in, is run again.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from prefect.settings import PREFECT_API_URL
from prefect.testing.utilities import prefect_test_harness

from segmentation.store.repair.audit import audit_store
from tests.crowd_commands import (
    CONFLICT,
    HELD,
    ROOT,
    await_commands,
    check_output,
    count_ending,
    draw_commands,
    make_night,
    start_command,
)
from tests.nights import PLAN, Town, create_town, day
from tests.replayed_nights import draw_night
from tests.store_model import Model, Signature, list_identity_faults
from tests.store_views import view_store

FIRST_NIGHTS = 4


def create_crowd(folder: Path, nights: int) -> Town:
    """A definition that commands can read, files of all nights, and a few published nights."""
    town = create_town(folder, refit={"nights": 1}, k={"min": 3, "max": 5})
    (folder / "definitions").mkdir(parents=True)
    changes = {
        "refit": {"nights": 1},
        "k": {"min": 3, "max": 5},
        "retention": {"all_days": 6, "month_ends": 0},
    }
    (folder / "definitions" / "planted.yaml").write_text(json.dumps({**PLAN, **changes}))
    for number in range(1, nights + 1):
        draw_night(number).to_csv(folder / f"night-{number}.csv", index=False)
    for number in range(1, FIRST_NIGHTS + 1):
        town.run(number, folder / f"night-{number}.csv")
    return town


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


def run_race(town: Town, number: int, publishers: int, counts: Counter[str]) -> list[str]:
    """Publish different rows as one date at once: what went wrong. A loser leaves no edition."""
    commands = [make_night(town, number, number + i) for i in range(publishers)]
    editions, problems, held = set[str](), list[str](), 0
    for command, output in await_commands([start_command(town, arguments) for arguments in commands]):
        problems += check_output(command, output)
        status = command.process.returncode
        outcome = {0: "wins", CONFLICT: "losses", HELD: "held in a race"}.get(status, "neither")
        counts.update({"attempts": 1, outcome: 1})
        held += status == HELD
        editions |= {output.rpartition("edition ")[2][:16]} if status == 0 else set()
        if outcome == "neither":
            problems.append(f"a publisher of {day(number)} ended with {status}: {output[-400:]}")
    counts["contested dates"] += len(editions) < publishers
    folders = {path.parent.name for path in town.home.glob(f"editions/{day(number)}/*/manifest.json")}
    published = view_store(town.home, list(folders))["published"].get(str(day(number)))
    is_whole = held == publishers or (published in editions and editions <= folders)
    if not is_whole or len(folders) > len(editions) + held:
        problems.append(f"{day(number)} has {published} of {folders}, winners are {editions}")
    return problems


def run_round(town: Town, commands: list[list[str]], rng: random.Random, counts: Counter[str]) -> list[str]:
    """Run commands at once, then one by one what was killed or had to give in: what went wrong."""
    problems = []
    results = await_commands([start_command(town, arguments, rng) for arguments in commands])
    again = []
    for command, output in results:
        again += [command.arguments] if count_ending(command, output, counts) else []
        problems += check_output(command, output)
    # An erasure that was killed keeps nights from running.
    again.sort(key=lambda arguments: arguments[0] != "erase")
    for arguments in again:
        for command, output in await_commands([start_command(town, arguments)]):
            problems += check_output(command, output)
            counts["again"] += 1
            count_ending(command, output, counts)
    return problems


def list_identity_problems(home: Path) -> list[str]:
    """Ids that two editions gave, and customers whose segment does not follow from the previous edition."""
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


def run_crowd(folder: Path, rounds: int, count: int, publishers: int) -> dict[str, Any]:
    """The rounds, with a reader all the time; then audit, ids and what is left."""
    nights = FIRST_NIGHTS + 2 * rounds + publishers
    town, counts, problems = create_crowd(folder, nights), Counter[str](), list[str]()
    os.environ["RESEGMENT_DEFINITIONS"] = str(folder / "definitions")
    stop, report = folder / "stop", folder / "reads.json"
    code = "import sys, pathlib, tests.crowds; tests.crowds.read_until(*map(pathlib.Path, sys.argv[1:]))"
    arguments = [sys.executable, "-c", code, str(town.home), str(stop), str(report)]
    with subprocess.Popen(arguments, cwd=ROOT) as reader:
        for number in range(rounds):
            rng = random.Random(number)  # noqa: S311 - no secret
            contested = FIRST_NIGHTS + 2 * number + 1
            problems += run_race(town, contested, publishers, counts)
            commands = draw_commands(town, contested, count, rng)
            problems += run_round(town, commands, rng, counts)
            sys.stderr.write(json.dumps({"round": number, **counts, "problems": problems}) + "\n")
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
