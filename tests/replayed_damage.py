"""Damage in a replay: one or two files are harmed, tonight is tried, and a person does what audit says.

The kinds of damage are those of damaged_store.py. Afterwards the store is what the model says again.
"""

import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from segmentation.report.index.index_refresh import write_index
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.repairing import RepairRequest, repair_store
from tests.damaged_store import add, cut, flip, put, remove, zero
from tests.forked_acts import Ending, observe, run_act
from tests.replayed_nights import Replay, draw_night
from tests.replayed_people import number_of

MOST_STEPS = 12
HARMS: dict[str, Callable[[Path], None]] = {
    "cut": cut,
    "flipped": flip,
    "zeroed": zero,
    "removed": remove,
    "replaced by a list": put(b"[]"),
    "emptied": put(b""),
}


class Harm(NamedTuple):
    """What was done to which file."""

    path: Path
    kind: str


class Advice(NamedTuple):
    """What audit says about one file."""

    path: str
    problem: str
    advice: str


def list_targets(replay: Replay, rng: random.Random) -> list[Path]:
    """Files of each kind that a disk may damage."""
    home, model = replay.town.home, replay.model
    editions = sorted(path for path in (home / "editions").glob("*/*") if path.name in replay.present)
    folders = rng.sample(editions, min(3, len(editions)))
    tables = [home / "published" / f"as_of={as_of}" / "segments.parquet" for as_of in sorted(model.published)]
    rows = sorted((home / "ledger").glob("*.json"))
    paths = [home / name for name in ("live.json", "ids.json", "names.json", "index.html")]
    paths += [rng.choice(sorted(folder.iterdir())) for folder in folders]
    paths += [*rng.sample(tables, min(2, len(tables))), *rng.sample(rows, min(1, len(rows)))]
    return [path for path in paths if path.exists()]


def harm_files(replay: Replay, rng: random.Random) -> list[Harm]:
    """Harm one or two files, or add one."""
    targets = list_targets(replay, rng)
    harms = []
    for path in rng.sample(targets, min(len(targets), rng.choice((1, 1, 2)))):
        kind = rng.choice([*HARMS, "added to"])
        if kind == "removed" and (path.name == "names.json" or path.parent.name == "ledger"):
            kind = "cut"  # nothing else says that the file was there
        if kind == "added to":
            add(path.parent / "notes.txt")
        elif path.exists():
            HARMS[kind](path)
        harms.append(Harm(path, kind))
    return harms


def damage(replay: Replay, number: int, rng: random.Random) -> None:
    """Harm the store, perhaps try a night on it, heal it, and compare it with the model."""
    if replay.model.live is None:
        return
    backup = replay.town.folder.parent / "backup"
    shutil.rmtree(backup, ignore_errors=True)
    shutil.copytree(replay.town.home, backup)
    harms = harm_files(replay, rng)
    replay.count("damaged files", len(harms))
    words = ", ".join(f"{harm.path.relative_to(replay.town.home)} {harm.kind}" for harm in harms)
    source = replay.write_source(f"night-{number + 1}", draw_night(number + 1))
    ending = try_night(replay, number + 1, source, words) if rng.random() < 0.5 else None
    steps = heal(replay, backup, rng, words)
    replay.count("steps of healing", len(steps))
    if ending is not None:
        replay.record(number + 1, source, ending)
        expect_another(replay, ending, harms)


def expect_another(replay: Replay, ending: Ending, harms: list[Harm]) -> None:
    """A night after an edition without its history begins a new one: run again, it is another edition."""
    night = replay.model.editions[ending.edition] if ending.edition else None
    if night is None or ending.outcome == "already-published":
        return
    for harm in harms:
        if harm.path.name == "history.parquet" and harm.path.parent.name == night.signature.previous:
            night.signature = night.signature._replace(source="with a new history")


def try_night(replay: Replay, number: int, source: Path, words: str) -> Ending | None:
    """The next night on the damaged store: its ending unless it is refused. It never gets other ids."""
    ending = wait_for_night(replay, number, source)
    is_refused = ending.outcome == "refused" and ending.code.startswith("damaged")
    is_fine = is_refused or ending.outcome in replay.list_expected(number, source, force=False)
    replay.require(
        is_fine and ending.message.isprintable(), f"with {words}, night {number} ended as {ending}"
    )
    replay.count("refusals", is_refused)
    return None if is_refused else ending


def wait_for_night(replay: Replay, number: int, source: Path) -> Ending:
    """Run a night without telling the model."""

    def act() -> Ending:
        record = replay.town.run(number, source)
        return Ending(record.outcome, record.edition)

    return run_act(replay.town, act, replay.conditions)


def heal(replay: Replay, backup: Path, rng: random.Random, words: str) -> list[str]:
    """Do what audit says until it says nothing. Returns what was done."""
    steps: list[str] = []
    tried = list[str]()
    while entries := list_advice(replay):
        replay.require(len(steps) < MOST_STEPS, f"with {words}, still {entries[0]} after {steps}")
        # What did not help is not done again before everything else: another file may be what is damaged.
        entry = min(entries, key=lambda entry: (tried.count(entry.path), *_rank(entry)))
        tried.append(entry.path)
        steps.append(follow(replay, backup, entry, rng))
    return steps


def list_advice(replay: Replay) -> list[Advice]:
    """What audit says."""

    def look() -> Any:
        return [(entry.path, entry.problem, entry.advice) for entry in audit_store(replay.town.home).damage]

    entries = observe(replay.town, look)
    assert isinstance(entries, list)
    return [Advice(*entry) for entry in entries]


def _rank(entry: Advice) -> tuple[int, ...]:
    """First what loses nothing, last a person's decision."""
    return tuple(words in entry.advice for words in ("--live", "see there first", "backup"))


def follow(replay: Replay, backup: Path, entry: Advice, rng: random.Random) -> str:
    """Do what audit says about one file."""
    town = replay.town
    path = town.store / entry.path
    copy = backup / path.relative_to(town.home)
    run = re.search(r"resegment run \S+ --as-of (\S+) --force", entry.advice)
    if run and rng.random() < 0.5 and is_repeatable(replay, run[1], path):
        force = replay.model.sources[run[1]]
        return f"force: {run_act(town, lambda: _force(replay, run[1], Path(force)), replay.conditions)}"
    if "backup" in entry.advice and copy.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        if copy.is_dir():
            shutil.rmtree(path, ignore_errors=True)
            shutil.copytree(copy, path)
        else:
            path.unlink(missing_ok=True)
            shutil.copy2(copy, path)
        return f"backup of {entry.path}"
    act = _choose(replay, entry, path)
    return f"{entry.path}: {run_act(town, act, replay.conditions)}"


def _choose(replay: Replay, entry: Advice, path: Path) -> Callable[[], Ending]:
    home = replay.town.home

    def repair() -> Ending:
        return Ending("repaired", message="; ".join(repair_store(home, RepairRequest("ana")).actions))

    def index() -> Ending:
        write_index(home, reread=True)
        return Ending("index")

    def drop() -> Ending:
        remove(path)
        return Ending("removed")

    if "resegment repair" in entry.advice and "--live DATE" not in entry.advice:
        return repair
    if "--index" in entry.advice:
        return index
    replay.require("remove it" in entry.advice, f"advice that cannot be followed: {entry}")
    return drop


def _force(replay: Replay, as_of: str, source: Path) -> Ending:
    record = replay.town.run(number_of(as_of), source, force=True)
    return Ending(record.outcome, record.edition)


def is_repeatable(replay: Replay, as_of: str, path: Path) -> bool:
    """Would a forced run of the date make the very edition that is damaged?"""
    edition = replay.model.published.get(as_of)
    if edition is None or edition not in path.parts:
        return False
    source = Path(replay.model.sources[as_of])
    return replay.model.editions[edition].signature == replay.sign(number_of(as_of), source)
