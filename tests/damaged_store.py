"""A store with a history, ways to damage its files, and a person who does what audit says.

Built once per session and copied. What must come of each kind of damage is in test_damaged_stores.py.
"""

import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from segmentation.identity.given_names import name_segment
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.report.index.index_refresh import write_index
from segmentation.store.catalogue.published import published_edition
from segmentation.store.earlier_ids import IssuedIds
from segmentation.store.issued_ids import read_issued_ids
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.pointer import Pointer, read_pointer
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.damage import Damage
from segmentation.store.repair.repairing import RepairRequest, repair_store
from tests.nights import Town, create_town, day, draw_customers

FIRST = {"a": 60, "b": 60, "c": 60}
Harm = Callable[[Path], None]


class Model(NamedTuple):
    """What the store must be, whatever was damaged and repaired."""

    pointer: Pointer
    ids: IssuedIds
    editions: dict[date, str | None]


def build_store(folder: Path) -> Town:
    """Night 1 is live again, since night 2 was withdrawn; 3 was held; 4 builds on 1 and has a new segment."""
    town = create_town(folder, refit={"nights": 1})
    town.night(1, draw_customers(FIRST))
    town.night(2, draw_customers({**FIRST, "e": 60}))
    assert town.night(3, draw_customers(FIRST).iloc[::3]).outcome == "held"
    promote_edition(town.home, PromotionRequest(day(1), None, "ana", "night 2 was wrong"))
    assert town.night(4, draw_customers({**FIRST, "d": 60})).outcome == "published"
    name_segment(town.home, "S01", {"name": "Best"}, "ana")
    write_index(town.home)
    return town


def describe(town: Town) -> Model:
    """What the store is now."""
    ids = read_issued_ids(town.home)
    assert ids is not None
    editions = {day(number): published_edition(town.home, day(number)) for number in (1, 2, 3, 4)}
    return Model(read_pointer(town.home), ids, editions)


def edition(town: Town, number: int) -> Path:
    """The folder of a night's edition."""
    (folder,) = (town.home / "editions" / str(day(number))).iterdir()
    return folder


def ledger_row(town: Town, outcome: str, number: int) -> Path:
    """The ledger's row of that outcome and night."""
    for path in (town.home / "ledger").iterdir():
        text = path.read_text()
        if f'"outcome": "{outcome}"' in text and f'"as_of": "{day(number)}"' in text:
            return path
    raise AssertionError(f"no row {outcome} of night {number}")


def rewrite(path: Path, content: bytes) -> None:
    """Replace a file, so that another name of it on disk keeps its bytes."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def cut(path: Path) -> None:
    """The last five bytes are gone."""
    rewrite(path, path.read_bytes()[:-5])


def flip(path: Path) -> None:
    """One bit in the middle is another."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    rewrite(path, bytes(content))


def zero(path: Path) -> None:
    """As a file system leaves a file after a power cut."""
    rewrite(path, bytes(path.stat().st_size))


def remove(path: Path) -> None:
    """The file or folder is gone."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def add(path: Path) -> None:
    """A file that nobody asked for."""
    path.write_text("x")


def put(content: bytes) -> Harm:
    """Other content."""
    return lambda path: rewrite(path, content)


def follow_advice(town: Town, pristine: Path) -> list[str]:
    """Do what audit says, first what needs no backup, until it finds nothing. Returns what was done."""
    steps: list[str] = []
    for _ in range(8):
        damage = audit_store(town.home).damage
        if not damage:
            return steps
        steps.append(_follow(town, pristine, min(damage, key=_rank)))
    raise AssertionError(f"still damaged after {steps}: {audit_store(town.home).damage}")


def _rank(entry: Damage) -> tuple[bool, ...]:
    """First what depends on nothing else and loses nothing."""
    words = ("see there first", "--index", "backup", "--force", "--live")
    return tuple(word in entry.advice for word in words)


def _follow(town: Town, pristine: Path, entry: Damage) -> str:
    path = town.home.parent / entry.path
    if "--live DATE" in entry.advice:
        repair_store(town.home, RepairRequest("ana", day(4)))
        return "live"
    if run := re.search(r"resegment run \S+ --as-of (\S+) --force", entry.advice):
        number = (date.fromisoformat(run[1]) - day(1)).days + 1
        town.run(number, town.folder / f"night-{number}.csv", force=True)
        return "run"
    if "resegment repair" in entry.advice:
        repair_store(town.home, RepairRequest("ana"))
        return "repair"
    if move := re.search(r"move it to (\S+);", entry.advice):
        target = town.store / move[1]
        target.parent.mkdir(parents=True, exist_ok=True)
        remove(path) if target.exists() else path.rename(target)
        return "move"
    if "move it out" in entry.advice:
        remove(path)
        return "remove"
    if "--index" in entry.advice:
        write_index(town.home, reread=True)
        return "index"
    if "backup" in entry.advice:
        backup = pristine / path.relative_to(town.folder)
        shutil.copyfile(backup, path)
        return "backup"
    assert "remove it" in entry.advice, entry
    remove(path)
    return "remove"


def table(town: Town, number: int) -> Path:
    """The published table of a night."""
    return published_path(town.home, day(number))


def own_table(town: Town, number: int) -> Path:
    """The table in the edition's folder."""
    return edition_folder(town.home, day(number), edition(town, number).name) / SEGMENTS
