"""Names that people give to segments, by stable id: what is kept, and what is refused.

How editions carry them is in tests/test_names_in_editions.py.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from segmentation.errors import DamagedFile, Refused
from segmentation.identity.given_names import list_splits, name_segment
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.files.durable import make_unique_suffix
from segmentation.store.issued_ids import reserve_ids
from segmentation.store.ledger import add_row
from segmentation.store.names_file import (
    NAMES_FILE,
    read_given_names,
    read_name_versions,
    select_names,
    serialise_names,
)
from segmentation.store.repair.repairing import RepairRequest, repair_store
from tests.nights import Town, create_town, day, draw_customers
from tests.test_store import make_manifest, write_sealed

FIRST, SECOND, THIRD, FOURTH = ("1" * 16, "2" * 16, "3" * 16, "4" * 16)  # editions
THREE = {"a": 120, "b": 110, "d": 100}
PLAN = {"min": 1, "max": 6, "rule": "fixed"}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """One night is published."""
    town = create_town(tmp_path, k={**PLAN, "fixed": 3})
    assert town.night(1, draw_customers(THREE)).outcome == "published"
    return town


def test_a_name_stays_with_its_id(town: Town) -> None:
    """Texts that are not passed stay, and empty texts are removed."""
    name_segment(town.home, "S02", {"name": "Größte", "owner": "crm"}, "ana")
    name_segment(town.home, "S02", {"note": "call first", "owner": None}, "ben")
    name = read_given_names(town.home)["S02"]
    assert (name.name, name.owner, name.note, name.by) == ("Größte", "crm", "call first", "ben")
    name_segment(town.home, "S02", {"name": "", "owner": "", "note": ""}, "ana")
    assert read_given_names(town.home) == {}


def test_every_version_is_kept_with_the_date_from_which_it_holds(town: Town) -> None:
    """The day after the live one. The last one of a day holds, and removing a name is a version too."""
    for name in ("Good", "Best"):
        name_segment(town.home, "S01", {"name": name}, "ana")
    town.night(2, draw_customers(THREE))
    name_segment(town.home, "S01", {"name": ""}, "ana")
    town.night(3, draw_customers(THREE))
    name_segment(town.home, "S01", {"name": "Top"}, "ben")
    versions = read_name_versions(town.home)
    assert [(version.name, version.holds_from) for version in versions["S01"]] == [
        ("Best", "2026-01-02"),
        ("", "2026-01-03"),
        ("Top", "2026-01-04"),
    ]
    names = [select_names(versions, day(number)).get("S01") for number in range(1, 6)]
    assert names == [None, "Best", None, "Top", "Top"]
    promote_edition(town.home, PromotionRequest(day(1), None, "ana", "a wrong source"))
    name_segment(town.home, "S01", {"name": "After all"}, "ana")
    versions = read_name_versions(town.home)
    assert [select_names(versions, day(number))["S01"] for number in (2, 3, 4)] == ["After all"] * 3


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    """One name for each segment, which holds from the day after the live date at that time."""
    content = {"S01": {"name": "Best", "owner": "", "note": "", "by": "ana", "as_of": "2026-02-28"}}
    (tmp_path / NAMES_FILE).write_text(json.dumps(content))
    versions = read_name_versions(tmp_path)
    assert read_given_names(tmp_path)["S01"].holds_from == "2026-03-01"
    assert select_names(versions, date(2026, 2, 28)) == {}
    assert select_names(versions, date(2026, 3, 1)) == {"S01": "Best"}
    (tmp_path / NAMES_FILE).write_bytes(serialise_names(versions))
    assert read_name_versions(tmp_path) == versions


def test_what_a_killed_naming_left_is_removed(town: Town) -> None:
    """Naming again sweeps the temporary file, and so does a repair."""
    orphan = town.home / f".{NAMES_FILE}.{make_unique_suffix()}.tmp"
    orphan.write_text("{")
    name_segment(town.home, "S02", {"name": "Best"}, "ana")
    assert not orphan.exists()
    orphan.write_text("{")
    repair_store(town.home, RepairRequest("ana"))
    assert not orphan.exists()


def test_a_split_piece_inherits_no_name(town: Town) -> None:
    """The piece that keeps the id keeps the name, and the split is reported: the name may no longer fit."""
    sizes = {**THREE, "f": 90}
    town.night(2, draw_customers(sizes))
    for segment in ("S01", "S02", "S03"):
        name_segment(town.home, segment, {"name": f"named {segment}"}, "ana")
    four = Town(town.folder, create_town(town.folder, k={**PLAN, "fixed": 4}).definition)
    third = four.night(3, draw_customers(sizes))
    assert (third.outcome, third.k) == ("published", 4)
    assert "S04" not in read_given_names(town.home)
    splits = list_splits(town.home, read_given_names(town.home))
    assert [(split.event, str(split.as_of)) for split in splits.values()] == [("split", "2026-01-03")]


@pytest.mark.parametrize(
    ("segment", "texts", "message"),
    [
        ("S09", {"name": "x"}, "the live edition has no segment 'S09'; there are S01, S02, S03"),
        ("S01", {"name": "two\nlines"}, "name must be one line"),
        ("S01", {"owner": "x" * 81}, "owner must be one line of text of at most 80"),
        ("S01", {"note": "\x1b[31m"}, "note must be one line"),
    ],
)
def test_an_impossible_name_is_refused(
    town: Town, segment: str, texts: dict[str, str | None], message: str
) -> None:
    """The refusal is one line, and nothing is written."""
    with pytest.raises(Refused, match=message):
        name_segment(town.home, segment, texts, "ana")
    assert not (town.home / NAMES_FILE).exists()


def test_a_damaged_file_of_names_is_refused(town: Town) -> None:
    """It is not overwritten, since a person's words may be in it."""
    (town.home / NAMES_FILE).write_text("[1")
    with pytest.raises(Refused, match=r"names.json is not JSON or is cut .* restore it from a backup"):
        name_segment(town.home, "S01", {"name": "x"}, "ana")
    assert (town.home / NAMES_FILE).read_text() == "[1"


def test_ids_are_issued_once(tmp_path: Path) -> None:
    """Another edition gets other ids, the same edition the same; a lost file is rebuilt from manifests."""
    home = tmp_path / "demo"
    assert reserve_ids(home, FIRST, 3) == 0
    assert reserve_ids(home, SECOND, 2) == 3
    assert reserve_ids(home, FIRST, 3) == 0
    assert reserve_ids(home, THIRD, 1) == 5
    (home / "ids.json").unlink()
    sizes = {"S02": 9, "S04": 5, "S05": 4}
    write_edition(home, make_manifest(as_of="2026-01-01", edition=SECOND, ids_before=3, sizes=sizes))
    assert reserve_ids(home, SECOND, 2) == 3
    assert reserve_ids(home, FOURTH, 1) == 5


def test_lost_ids_are_not_guessed(tmp_path: Path) -> None:
    """With ids.json lost and a manifest damaged, no id is given until the ledger has all of them."""
    home = tmp_path / "demo"
    sound = make_manifest(as_of="2026-01-01", edition=FIRST, ids_before=4, sizes={"S07": 3})
    write_edition(home, sound)
    folder = write_edition(home, {**sound, "edition": SECOND, "sizes": {"S09": 3}})
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(DamagedFile, match="is missing, and so are the ids in editions/2026-01-01/2222"):
        reserve_ids(home, THIRD, 1)
    add_row(home, date(2026, 1, 1), "published", {"edition": SECOND, "sizes": {"S09": 3}, "ids_before": 8})
    assert reserve_ids(home, THIRD, 1) == 9


def write_edition(home: Path, manifest: dict[str, Any]) -> Path:
    """An edition's folder with its manifest and SHA256SUMS."""
    folder = home / "editions" / str(manifest["as_of"]) / str(manifest["edition"])
    folder.mkdir(parents=True)
    write_sealed(folder, json.dumps(manifest).encode())
    return folder
