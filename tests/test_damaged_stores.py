"""Whatever is damaged in a store: audit says what to do, and doing it gives back ids and live edition."""

import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store import ledger
from segmentation.store.issued_ids import read_issued_ids, reserve_ids
from segmentation.store.pointer import read_pointer
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.repairing import RepairRequest, repair_store
from tests.damaged_store import (
    add,
    cut,
    describe,
    edition,
    flip,
    follow_advice,
    ledger_row,
    own_table,
    put,
    remove,
    rewrite,
    table,
    zero,
)
from tests.nights import Town, day

Damaging = Callable[[Town], None]


@pytest.fixture
def town(pristine: Town, tmp_path: Path) -> Town:
    """A copy of it. Tables in their two places are two files, as in a store that was restored."""
    return pristine.copy_to(tmp_path)


def forget_superseded(town: Town) -> None:
    """live.json as before the withdrawal, from a backup."""
    content = json.loads((town.home / "live.json").read_text())
    del content["set_aside"]
    (town.home / "live.json").write_text(json.dumps(content))


def live_of(number: int) -> Damaging:
    """live.json names an earlier night."""
    return lambda town: rewrite(
        town.home / "live.json",
        json.dumps({"as_of": str(day(number)), "edition": edition(town, number).name}).encode(),
    )


def swap_tables(town: Town) -> None:
    """Another date's table in the place of the live one."""
    rewrite(table(town, 4), table(town, 1).read_bytes())


def change_sums(town: Town) -> None:
    """A digest in SHA256SUMS is another."""
    path = edition(town, 4) / "SHA256SUMS"
    path.write_text(path.read_text().replace("0", "1", 1))


def both(*damagings: Damaging) -> Damaging:
    """Several at once."""

    def harm(town: Town) -> None:
        for damaging in damagings:
            damaging(town)

    return harm


def home_file(name: str, harm: Callable[[Path], None]) -> Damaging:
    """Damage to a file of the segmentation."""
    return lambda town: harm(town.home / name)


def edition_file(name: str, harm: Callable[[Path], None], number: int = 4) -> Damaging:
    """Damage to a file of a night's edition."""
    return lambda town: harm(edition(town, number) / name)


def become_folder(path: Path) -> None:
    """A folder has taken the file's name."""
    path.unlink()
    path.mkdir()


def become_pipe(path: Path) -> None:
    """A pipe has taken the file's name: reading it would never end."""
    path.unlink()
    os.mkfifo(path)


def swap_dates(town: Town) -> None:
    """The folders of two dates have each other's names."""
    first, second = edition(town, 1).parent, edition(town, 4).parent
    first.rename(first.with_name("aside"))
    second.rename(first)
    first.with_name("aside").rename(second)


def rename(path: Path) -> None:
    """Somebody has given it another name."""
    path.rename(path.with_name(f"{path.name}-old"))


def double(path: Path) -> None:
    """A copy of the folder next to it."""
    shutil.copytree(path, path.with_name(f"{path.name}-copy"))


CASES: dict[str, tuple[Damaging, list[str]]] = {
    "live-cut": (home_file("live.json", cut), ["repair"]),
    "live-missing": (home_file("live.json", remove), ["repair"]),
    "live-zeros": (home_file("live.json", zero), ["repair"]),
    "live-not-text": (home_file("live.json", put(b"\xff\xfe")), ["repair"]),
    "live-list": (home_file("live.json", put(b"[]")), ["repair"]),
    "live-deep": (home_file("live.json", put(b"[" * 100_000)), ["repair"]),
    "live-older": (live_of(1), ["repair"]),
    "live-withdrawn": (live_of(2), ["repair"]),
    "live-forgets": (forget_superseded, ["repair"]),
    "ids-cut": (home_file("ids.json", cut), ["repair"]),
    "ids-missing": (home_file("ids.json", remove), ["repair"]),
    "ids-older": (home_file("ids.json", put(b'{"given": 3, "editions": {}}')), ["repair"]),
    "ids-texts": (home_file("ids.json", put(b'{"given": "9", "editions": {}}')), ["repair"]),
    "ids-negative": (home_file("ids.json", put(b'{"given": 9, "editions": {"e": [-1, 2]}}')), ["repair"]),
    "live-and-ids": (both(home_file("live.json", zero), home_file("ids.json", remove)), ["repair"]),
    "names-cut": (home_file("names.json", cut), ["backup"]),
    "names-numbers": (home_file("names.json", put(b'{"S01": {"name": 5}}')), ["backup"]),
    "ledger-run": (lambda town: cut(ledger_row(town, "published", 1)), ["backup"]),
    "ledger-promotion": (lambda town: zero(ledger_row(town, "promoted", 1)), ["repair", "backup"]),
    "ledger-folder-and-live": (
        both(home_file("ledger", remove), home_file("live.json", remove)),
        ["live"],
    ),
    "promotion-and-live": (
        both(lambda town: cut(ledger_row(town, "promoted", 1)), home_file("live.json", cut)),
        ["live", "backup"],
    ),
    "report": (edition_file("report.html", flip), ["run"]),
    "report-of-an-earlier-date": (edition_file("report.html", cut, 1), ["run"]),
    "report-of-the-withdrawn": (edition_file("report.html", remove, 2), ["run"]),
    "report-of-the-held": (edition_file("report.html", remove, 3), ["backup"]),
    "manifest": (edition_file("manifest.json", flip), ["run"]),
    "manifest-and-ids": (
        both(edition_file("manifest.json", cut), home_file("ids.json", cut)),
        ["repair", "run"],
    ),
    "model": (edition_file("model.json", remove), ["run"]),
    "sums-missing": (edition_file("SHA256SUMS", remove), ["repair"]),
    "sums-zeros": (edition_file("SHA256SUMS", zero), ["repair"]),
    "sums-changed": (change_sums, ["repair"]),
    "own-table-cut": (lambda town: cut(own_table(town, 4)), ["repair"]),
    "own-table-bit": (lambda town: flip(own_table(town, 4)), ["repair"]),
    "published-cut": (lambda town: cut(table(town, 4)), ["repair"]),
    "published-bit": (lambda town: flip(table(town, 4)), ["repair"]),
    "published-missing": (lambda town: remove(table(town, 4)), ["repair"]),
    "published-of-withdrawn-missing": (lambda town: remove(table(town, 2)), ["repair"]),
    "published-of-another-date": (swap_tables, ["repair"]),
    "both-tables-cut": (
        both(lambda town: cut(table(town, 4)), lambda town: cut(own_table(town, 4))),
        ["run"],
    ),
    "sums-and-published": (
        both(edition_file("SHA256SUMS", cut), lambda town: cut(table(town, 4))),
        ["repair"],
    ),
    "edition-missing": (lambda town: remove(edition(town, 4)), ["run"]),
    "editions-swapped": (swap_dates, ["move", "move"]),
    "edition-renamed": (lambda town: rename(edition(town, 4)), ["move"]),
    "date-renamed": (lambda town: rename(edition(town, 4).parent), ["move"]),
    "edition-doubled": (lambda town: double(edition(town, 2)), ["move"]),
    "published-is-a-folder": (lambda town: become_folder(table(town, 2)), ["remove", "repair"]),
    "own-table-is-a-pipe": (lambda town: become_pipe(own_table(town, 4)), ["remove", "repair"]),
    "live-is-a-folder": (home_file("live.json", become_folder), ["remove", "repair"]),
    "ids-is-a-pipe": (home_file("ids.json", become_pipe), ["remove", "repair"]),
    "sums-is-a-folder": (edition_file("SHA256SUMS", become_folder), ["remove", "repair"]),
    "file-added": (edition_file("notes.txt", add), ["remove"]),
    "file-added-at-home": (home_file("notes.txt", add), ["remove"]),
    "index-cut": (home_file("index.json", cut), ["index"]),
    "page-zeros": (home_file("index.html", zero), ["index"]),
}
SLOW = {case for case, (_, steps) in CASES.items() if "run" in steps} - {"manifest"}


@pytest.mark.parametrize(
    "case", [pytest.param(case, marks=[pytest.mark.slow] if case in SLOW else []) for case in CASES]
)
def test_following_the_advice_heals(case: str, pristine: Town, town: Town) -> None:
    """Audit finds the damage; after its advice it finds nothing, and live edition and ids are as before."""
    model = describe(town)
    damaging, steps = CASES[case]
    damaging(town)
    assert audit_store(town.home).damage
    assert follow_advice(town, pristine.folder) == steps
    healed = describe(town)
    assert (healed.pointer, healed.editions) == (model.pointer, model.editions)
    assert healed.ids.total == model.ids.total
    assert healed.ids.editions.items() <= model.ids.editions.items()
    assert reserve_ids(town.home, "f" * 16, 1) == model.ids.total


def test_the_last_decision_counts_although_the_clock_was_set_back(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Night 2, withdrawn by a promotion, is promoted by an earlier clock: repair finds that it is live."""
    monkeypatch.setattr(ledger, "_now", lambda: "2020-01-01T00:00:00.000+00:00")
    for reason in ("it was right", "said again"):
        promote_edition(town.home, PromotionRequest(day(1), None, "ana", reason))
        promote_edition(town.home, PromotionRequest(day(2), None, "ana", reason))
    pointer = read_pointer(town.home)
    assert pointer.live == (day(2), edition(town, 2).name)
    cut(town.home / "live.json")
    repair_store(town.home, RepairRequest("ana"))
    assert read_pointer(town.home) == pointer


def test_ids_are_repaired_without_any_edition(town: Town) -> None:
    """The ledger has them, also if no edition is left to say for which date the repair is."""
    issued = describe(town).ids
    for name in ("editions", "published", "ids.json"):
        remove(town.home / name)
    repair_store(town.home, RepairRequest("ana"))
    assert read_issued_ids(town.home) == issued


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_two_kinds_of_damage_heal_too(seed: int, pristine: Town, town: Town) -> None:
    """Whichever two are drawn: the advice heals both, and live edition and ids are as before."""
    model = describe(town)
    first, second = random.Random(seed).sample(sorted(CASES), 2)  # noqa: S311 - no secret
    CASES[first][0](town)
    # The first damage may have removed what the second would cut.
    with suppress(OSError, ValueError, AssertionError):
        CASES[second][0](town)
    follow_advice(town, pristine.folder)
    healed = describe(town)
    assert (healed.pointer, healed.editions) == (model.pointer, model.editions), (first, second)
    assert healed.ids.total == model.ids.total, (first, second)
