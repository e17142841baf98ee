"""A store of two nights, run once and copied for each test, and ways to damage the second one's files."""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from schemas.manifest import EditionRef
from schemas.night import Night, Published
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from tests.nights import Town, create_town, day, draw_customers, files, ids, manifest

SIZES = {"a": 60, "b": 50, "c": 45, "d": 40}
FOUR_IDS = {"S01", "S02", "S03", "S04"}


class TwoNights(NamedTuple):
    """A store of two nights, the second's edition, and the third night that follows from them."""

    town: Town
    second: EditionRef
    third: Published
    expected: dict[str, bytes]

    @property
    def folder(self) -> Path:
        """The second edition's folder."""
        return edition_folder(self.town.home, *self.second)

    @property
    def table(self) -> Path:
        """The second date's published table."""
        return published_path(self.town.home, self.second.as_of)

    def copy_to(self, folder: Path) -> "TwoNights":
        """The two nights in another folder, with tables that are two files."""
        return self._replace(town=self.town.copy_to(folder))

    def make_third(self) -> Night:
        """The third night, to be given to a stage."""
        source = str(self.town.folder / "night-3.csv")
        return Night(
            run_id="third",
            definition=self.town.definition,
            as_of=day(3),
            source=source,
            store=self.town.store,
            force=False,
        )

    def run_third(self, **changes: Any) -> Published:
        """Run the third night."""
        return self.town.run(3, self.town.folder / "night-3.csv", **changes)


@pytest.fixture(scope="session")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> TwoNights:
    """The nights, with the third one run in a copy."""
    town = create_town(tmp_path_factory.mktemp("nights"), k={"min": 4, "max": 4})
    town.night(1, draw_customers(SIZES))
    second = town.night(2, draw_customers({**SIZES, "a": 62}))
    draw_customers({**SIZES, "b": 52}).to_csv(town.folder / "night-3.csv", index=False)
    nights = TwoNights(town, EditionRef(day(2), second.edition), second, {})
    copy = nights.copy_to(tmp_path_factory.mktemp("third"))
    third = copy.run_third()
    assert (manifest(third)["how"], set(ids(third))) == ("scored", FOUR_IDS)
    return nights._replace(third=third, expected=files(third))


@pytest.fixture
def nights(two_nights: TwoNights, tmp_path: Path) -> TwoNights:
    """A copy of the two nights, to be damaged."""
    return two_nights.copy_to(tmp_path / "copy")


def flip(path: Path, offset: int = 60) -> None:
    """Flip one bit of a file; a negative offset counts from its end."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


def cut(path: Path, octets: int = 5) -> None:
    """Cut a file by some bytes."""
    path.write_bytes(path.read_bytes()[:-octets])


def flip_text(path: Path, text: str) -> None:
    """Flip one bit of the first character of a text in a file."""
    flip(path, path.read_bytes().index(text.encode()))


def link_tables(nights: TwoNights) -> Path:
    """Make both tables one file, as they are in the store that published them: its path."""
    nights.table.unlink()
    os.link(nights.folder / SEGMENTS, nights.table)
    return nights.table


def lose(*paths: Path) -> None:
    """Remove folders."""
    for path in paths:
        shutil.rmtree(path)
