"""What must hold after a call has failed: the store's state, the exit status and message, audit's advice.

A check is a list of problems, empty if all is well. The points are in fault_grid.py.
"""

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from segmentation.store.pointer import read_pointer
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.damage import Damage
from tests.crowds import list_identity_problems
from tests.kills import digest_editions, list_left, run_forked
from tests.nights import FIRST, Town
from tests.store_views import read_json, view_editions
from tests.traced_acts import READERS, act_in_child, copy_town, do_command, do_night, move_in
from tests.tracing import CRASHED, KILLED, Point, Trace, list_calls


def _number(text: str) -> int:
    return (date.fromisoformat(text) - FIRST).days + 1


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def look(town: Town, check: Callable[[], list[str]]) -> list[str]:
    """The problems that a check finds, in a process of its own."""
    answers = town.folder / "answers.json"

    def check_in_child() -> None:
        move_in(town)
        with (town.folder / "checks").open("w") as sys.stdout:
            answers.write_text(json.dumps(check()))

    if run_forked(check_in_child):
        return ["the check itself fails"]
    problems: list[str] = json.loads(answers.read_text())
    return problems


def check_end(point: Point, end: Trace, store: Path) -> list[str]:
    """What is wrong with how the act ended: a traceback, a message that is not clear, or a wrong status."""
    if point.fault == "KILL":
        return [] if end.status == KILLED else [f"not killed: {end.status}"]
    if end.status == 0:
        call = f"{point.call.name} {point.call.target}"
        return (
            [] if is_harmless(point, end, store) else [f"ended with 0 although {call} failed: {end.output}"]
        )
    failures = [line for line in end.output.splitlines() if line.startswith("resegment: ")]
    is_list = point.act in (*READERS, "repair") and bool(end.output.strip())
    is_clear = (len(failures) == 1 or is_list) and not re.search("Errno|Traceback", end.output)
    if end.status > 0 and end.status != CRASHED and is_clear:
        return []
    return [f"ended with {end.status}: {end.output}"]


def is_harmless(point: Point, end: Trace, store: Path) -> bool:
    """May the act end with 0 although this call failed?"""
    name, _, target = point.call
    if point.act in READERS:
        # It may have failed once and not the next time.
        is_read = re.compile(rf"^{name}\(.*{re.escape(target)}[>\"].* = \d", re.MULTILINE)
        # Without a fault, opening a file that is not there fails too.
        is_absent = name == "openat" and not Path(f"{store}{target}").exists()
        return is_absent or (point.fault == "EIO" and bool(is_read.search(end.log)))
    # Prefect runs a stage again that failed.
    if point.act == "run" and target.startswith("/planted/.staging"):
        return True
    # What is not removed now is removed by the next sweep. A link that cannot be made is a copy.
    if name in ("unlink", "unlinkat", "rmdir", "link"):
        return True
    # A folder that cannot be renamed before it is removed is removed under its own name.
    if name == "rename" and target.endswith(".removed"):
        return True
    # The row of a night is written a second time, without its stage files, which may have filled the disk.
    later = [call for call in list_calls(end.log, store) if call.number > point.call.number]
    if "/ledger" in target and (name, target) in [(call.name, call.target) for call in later]:
        return True
    # A page or a row that cannot be written: the note says so.
    return bool(re.search(r"^ *note: ", end.output, re.MULTILINE))


def list_tables(town: Town) -> dict[str, str]:
    """sha256 of the published tables by path."""
    return {path: digest for path, digest in digest_editions(town).items() if path.startswith("published")}


def check_state(town: Town, act: str, old: dict[str, str], new: dict[str, str]) -> list[str]:
    """What is torn: a table that is neither old nor new, an unreadable one, a pointer, ids or lineage."""
    tables = list_tables(town)
    problems = [
        f"torn: {path}" for path, digest in tables.items() if digest not in (old.get(path), new.get(path))
    ]
    problems += [f"lost: {path}" for path in old.keys() & new.keys() - tables.keys()]
    if act != "repair":
        for path in tables:
            pq.read_table(town.home / path, use_threads=False)
        read_pointer(town.home)
    # While customers are being erased, an edition may have them and the one before may not.
    return problems + (check_ids(town) if act not in ("repair", "erase") else [])


def check_ids(town: Town) -> list[str]:
    """Ids given twice or not in ids.json, and customers who do not follow from the night before."""
    numbers = [
        int(segment[1:]) for entry in view_editions(town.home, set()).values() for segment in entry["sizes"]
    ]
    issued = (read_json(town.home / "ids.json") or {}).get("given", 0)
    problems = [f"ids.json ends at {issued}, S{max(numbers)} was given"] if max(numbers) > issued else []
    return problems + list_identity_problems(town.home)


def check_advice(town: Town, folder: Path) -> list[str]:
    """Follow audit's advice on a copy of the town until nothing is damaged: what does not help."""
    if not audit_store(town.home).damage:
        return []
    town = copy_town(town, folder)
    for _ in range(3):
        damage = audit_store(town.home).damage
        if not damage:
            return []
        if problems := list(_follow(town, damage[0])):
            return problems
    return [f"advice does not help: {entry.path}: {entry.problem}; {entry.advice}" for entry in damage]


def _follow(town: Town, entry: Damage) -> Iterator[str]:
    words = f"{entry.path}: {entry.problem}; {entry.advice}"
    status = 0
    if "run 'resegment repair planted'" in entry.advice:
        status = do_command(town, "repair", "planted")
    elif "run 'resegment erase planted'" in entry.advice:
        status = do_command(town, "erase", "planted", "--yes")
    elif night := re.search(r"run 'resegment run planted --as-of (\S+) --force'", entry.advice):
        status = do_night(town, _number(night[1]), "customers.csv", force=True)
    elif re.search("remove (it|its folder)", entry.advice):
        _remove(town.home.parent / entry.path)
    else:
        yield f"advice needs a person: {words}"
    if status:
        yield f"advice ends with {status}: {words}"


def repeat(town: Town, act: str) -> list[str]:
    """Act again: what fails, is damaged or left behind."""
    if status := act_in_child(town, act):
        return [f"the re-run ends with {status}: {(town.folder / 'output').read_text()}"]
    problems = [f"audit: {entry.path}: {entry.problem}" for entry in audit_store(town.home).damage]
    return problems + [f"left: {path}" for path in list_left(town)] + check_ids(town)


def compare_with_golden(town: Town, golden: Town) -> list[str]:
    """Files that are not as after an act that nothing disturbed."""
    expected, contents = digest_store(golden), digest_store(town)
    paths = expected.keys() | contents.keys()
    return [f"not golden: {path}" for path in sorted(paths) if expected.get(path) != contents.get(path)][:3]


def digest_store(town: Town) -> dict[str, Any]:
    """Editions, published tables, and what live.json, ids.json and names.json say."""
    names = ("live.json", "ids.json", "names.json")
    return {**digest_editions(town), **{name: read_json(town.home / name) for name in names}}


def check_all(point: Point, end: Trace, town: Town, start: Town, golden: Town) -> list[str]:
    """Every promise at one point, the re-run last."""
    problems = check_end(point, end, town.store)
    if point.act in READERS:
        return problems + compare_with_golden(town, golden)
    tables = (list_tables(start), list_tables(golden))
    problems += look(town, partial(check_state, town, point.act, *tables))
    problems += look(town, partial(check_advice, town, town.folder.with_name("advised")))
    problems += look(town, partial(repeat, town, point.act))
    return problems + compare_with_golden(town, golden)
