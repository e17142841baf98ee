"""Erasing in a store that is damaged, linked elsewhere, or restored from a backup in part."""

import shutil
from pathlib import Path

import pytest

from segmentation.erasing.requests import make_request
from segmentation.errors import DamagedFile, Refused
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.catalogue.published import published_edition
from segmentation.store.layout import QUARANTINE, SEGMENTS, edition_folder, published_path
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.repairing import RepairRequest, repair_store
from segmentation.store.tombstones import TOMBSTONES_FILE
from tests.erasing import VICTIM, draw_line, erase, five_nights, search
from tests.nights import Town, day

__all__ = ["five_nights"]  # a fixture


@pytest.fixture
def town(five_nights: Town, tmp_path: Path) -> Town:
    """A copy of the five nights."""
    return five_nights.copy_to(tmp_path)


def locate_edition(town: Town, number: int) -> Path:
    """The folder of the edition that is published for a night."""
    return edition_folder(town.home, day(number), str(published_edition(town.home, day(number))))


def link(path: Path, target: Path) -> None:
    """Move a file or folder elsewhere and leave a link."""
    shutil.move(path, target)
    path.symlink_to(target)


@pytest.mark.parametrize("place", ["edition", "table", "published"])
def test_what_a_link_leads_to_would_keep_the_rows(place: str, town: Town) -> None:
    """A link in the store is refused before anything is erased."""
    folder = locate_edition(town, 2)
    paths = {"edition": folder, "table": folder / SEGMENTS, "published": published_path(town.home, day(2))}
    link(paths[place], town.folder / "elsewhere")
    with pytest.raises(Refused, match=r"^link: .* is a link, .* put the original in its place"):
        erase(town, VICTIM)
    assert not (town.home / TOMBSTONES_FILE).exists()


@pytest.mark.parametrize("name", [SEGMENTS, QUARANTINE])
def test_a_missing_file_may_come_back(name: str, town: Town) -> None:
    """An edition without one of its tables is refused before anything is erased."""
    (locate_edition(town, 4) / name).unlink()
    with pytest.raises(DamagedFile, match=f"{name} is missing"):
        erase(town, VICTIM)
    assert not (town.home / TOMBSTONES_FILE).exists()


def test_rows_from_a_backup_do_not_spread(town: Town, five_nights: Town) -> None:
    """The newest edition is from a backup: neither night, promotion nor repair uses its rows again."""
    erase(town, VICTIM)
    folder = locate_edition(town, 4)
    shutil.rmtree(folder)
    shutil.copytree(five_nights.home / folder.relative_to(town.home), folder)
    holding = search(town.home, VICTIM)
    with pytest.raises(Refused, match=r"^erasing: .* as if from a backup; run 'resegment erase planted'"):
        town.night(6, draw_line())
    with pytest.raises(Refused, match=r"^erasing: "):
        promote_edition(town.home, PromotionRequest(day(4), None, "ana", ""))
    result = repair_store(town.home, RepairRequest("ana"))
    assert result.actions == []
    assert {entry.advice for entry in result.left} == {"run 'resegment erase planted'"}
    assert search(town.home, VICTIM) == holding
    erase(town)
    assert search(town.home, VICTIM) == set()
    assert audit_store(town.home).damage == []


def test_tombstones_from_a_backup_are_refused(town: Town) -> None:
    """Tombstones that do not have every erasure of the ledger would bring somebody back."""
    erase(town, VICTIM)
    content = (town.home / TOMBSTONES_FILE).read_bytes()
    erase(town, "p00003")
    (town.home / TOMBSTONES_FILE).write_bytes(content)
    with pytest.raises(DamagedFile, match=r"lacks an erasure that the ledger has, .* restore it"):
        town.night(6, draw_line())
    assert [entry.problem for entry in audit_store(town.home).damage] == [
        "lacks an erasure that the ledger has, as if from a backup"
    ]


@pytest.mark.parametrize("reason", [f"{VICTIM}.", f"about ({VICTIM})", f"id={VICTIM}, by mail"])
def test_an_id_next_to_punctuation_is_an_id(reason: str, town: Town) -> None:
    """It is found in a reason, also if the command got it with blanks around it."""
    for text in (VICTIM, f" {VICTIM} "):
        with pytest.raises(Refused, match=r"^reason: reason holds one of the ids"):
            make_request(town.home, [text], "ana", reason, town.home)


def test_an_id_that_is_no_text_is_refused(town: Town) -> None:
    """Bytes of another encoding on the command line arrive as half of a surrogate pair."""
    with pytest.raises(Refused, match=r"^ids: an id is not UTF-8 text"):
        make_request(town.home, ["p\udcff"], "ana", "", town.home)
