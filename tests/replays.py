"""Seeded replays: 30 nights with faults between and inside them, against a model of what the store must be.

A seed that fails is shrunk to the fewest steps that still fail. Seeds are run by seeded_replays.py.
"""

import random
import shutil
import time
from pathlib import Path
from typing import NamedTuple

from tests.nights import create_town
from tests.replayed_damage import damage, list_advice
from tests.replayed_nights import Replay, Violation, draw_night
from tests.replayed_people import (
    backfill,
    deliver_late,
    erase,
    number_of,
    promote_any,
    prune,
    rename,
    roll_back,
)

NIGHTS = 30
OTHER_CODES = ("0123456789abcdef", "fedcba9876543210")
IN_NIGHTS = {"runs": 8, "killed": 4, "full disk": 2, "doubled": 1, "at once": 2, "held": 2, "set back": 1}
BETWEEN = {
    **{"damage": 6, "late": 2, "promote": 2, "roll back": 2, "rename": 1, "erase": 1, "prune": 2},
    **{"code": 1, "backfill": 2},
}
SENTENCES = {
    "runs": "Night {n} runs.",
    "killed": "Night {n} is killed and runs again.",
    "full disk": "Night {n} runs on a full disk, and again with room.",
    "doubled": "Night {n} gets every row twice.",
    "at once": "Night {n} has two publishers at once.",
    "held": "Night {n} gets a third of its rows and is held.",
    "set back": "The clock is set back three hours, and night {n} runs.",
    "damage": "After night {n}, files of the store are damaged and healed.",
    "late": "After night {n}, rows of an earlier date arrive late and it runs again.",
    "promote": "After night {n}, an edition is promoted.",
    "roll back": "After night {n}, the live edition is withdrawn for an earlier one.",
    "rename": "After night {n}, a segment is named.",
    "erase": "After night {n}, two customers are erased.",
    "prune": "After night {n}, the store is pruned.",
    "code": "After night {n}, other code is installed.",
    "backfill": "After night {n}, some dates are rebuilt.",
}
_SHRINKING_S = 900


class Step(NamedTuple):
    """One thing that happens, and the seed of its own chances: it does not depend on the steps before."""

    kind: str
    night: int
    seed: int

    def describe(self) -> str:
        """The step as a sentence."""
        return SENTENCES[self.kind].format(n=self.night)


class Failure(NamedTuple):
    """The step at which the store was not as it must be, and how."""

    position: int
    problem: str


def draw_steps(seed: int, nights: int = NIGHTS) -> list[Step]:
    """The steps of a seed."""
    rng, steps = random.Random(seed), []  # noqa: S311 - no secret
    for night in range(1, nights + 1):
        kinds = list(IN_NIGHTS) if night > 1 else ["runs"]
        (kind,) = rng.choices(kinds, [IN_NIGHTS[kind] for kind in kinds])
        steps.append(Step(kind, night, rng.getrandbits(32)))
        if rng.random() < 0.6:
            (kind,) = rng.choices(list(BETWEEN), list(BETWEEN.values()))
            steps.append(Step(kind, night, rng.getrandbits(32)))
    return steps


def take_step(replay: Replay, step: Step) -> None:
    """Do what the step says and compare the store with the model."""
    rng, number = random.Random(step.seed), step.night  # noqa: S311 - no secret
    acts = {
        "late": deliver_late,
        "promote": promote_any,
        "roll back": roll_back,
        "rename": rename,
        "erase": erase,
        "prune": prune,
        "backfill": backfill,
    }
    replay.count(step.kind)
    if step.kind in acts:
        acts[step.kind](replay, rng)
    elif step.kind == "damage":
        damage(replay, number, rng)
    elif step.kind == "code":
        replay.conditions = replay.conditions._replace(code=rng.choice(OTHER_CODES))
    else:
        take_night(replay, step, rng)
    replay.check()


def take_night(replay: Replay, step: Step, rng: random.Random) -> None:
    """Tonight, with what happens to it."""
    number, customers = step.night, draw_night(step.night)
    if step.kind == "held":
        customers = customers.iloc[::3]
    if step.kind == "doubled":
        customers = customers.loc[customers.index.repeat(2)]
    source = replay.write_source(f"night-{number}", customers)
    replay.conditions = replay.conditions._replace(hours_back=3 if step.kind == "set back" else 0)
    if step.kind == "killed":
        replay.run_killed(number, source, rng)
    elif step.kind == "full disk":
        replay.run_on_full_disk(number, source, rng)
    elif step.kind == "at once":
        replay.run_twice_at_once(number, source, rng)
    else:
        replay.run(number, source)


def finish(replay: Replay) -> None:
    """Audit finds nothing; every published date can be run again, twice, and then nothing changes."""
    for _ in range(2):
        for as_of in replay.model.list_current():
            replay.run(number_of(as_of), Path(replay.model.sources[as_of]))
        replay.check()
    entries = list_advice(replay)
    replay.require(not entries, f"audit at the end: {entries[:1]}")


def run_steps(folder: Path, steps: list[Step], *, has_disk: bool) -> tuple[Failure | None, dict[str, int]]:
    """Run the steps in a new store: what failed, and what was done."""
    shutil.rmtree(folder, ignore_errors=True)
    town = create_town(folder / "town", refit={"nights": 1}, k={"min": 3, "max": 5})
    town.folder.mkdir(parents=True)
    replay = Replay(town, has_disk=has_disk)
    passed = 0
    try:
        for step in steps:
            take_step(replay, step)
            passed += 1
        finish(replay)
    except (Violation, AssertionError, OSError, ValueError) as error:
        return Failure(passed, f"{type(error).__name__}: {error}"), replay.counts
    return None, replay.counts


def shrink(
    folder: Path, steps: list[Step], failure: Failure, *, has_disk: bool
) -> tuple[list[Step], Failure]:
    """The fewest steps that still fail, as far as the time allows."""
    steps, deadline = steps[: failure.position + 1], time.monotonic() + _SHRINKING_S
    size = max(len(steps) // 2, 1)
    while True:
        start = 0
        while start < len(steps) and time.monotonic() < deadline:
            shorter = steps[:start] + steps[start + size :]
            again = run_steps(folder, shorter, has_disk=has_disk)[0] if shorter else None
            if again is None:
                start += size
            else:
                steps, failure = shorter[: again.position + 1], again
        if size == 1 or time.monotonic() >= deadline:
            return steps, failure
        size //= 2
