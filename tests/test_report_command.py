"""`resegment report`: where a report is, opened, or as a picture."""

import os
import shutil
from pathlib import Path

import pytest

from resegment.report import parse_size
from segmentation.errors import Refused
from segmentation.report.picture import NoPicture, find_browser, take_picture
from tests.browser import ABSENT
from tests.conftest import Command
from tests.nights import FOUR, Town, day, draw_customers, found_town

PIXELS = (640, 480)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A night published and live, the next one held."""
    town = found_town(tmp_path_factory.mktemp("town"))
    town.night(1, draw_customers(FOUR))
    town.night(2, draw_customers({"a": 30, "b": 20, "c": 15, "d": 10}))
    return town


@pytest.fixture
def town(made: Town, tmp_path: Path) -> Town:
    """The same, a test's own: ./store of the command."""
    shutil.copytree(made.store, tmp_path / "store")
    return made._replace(folder=tmp_path)


@pytest.fixture
def opener(tmp_path: Path) -> Path:
    """A browser that notes what it is to open."""
    script = tmp_path / "opener"
    script.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n')
    script.chmod(0o755)
    return script


def test_where_a_report_is(command: Command, town: Town, tmp_path: Path, opener: Path) -> None:
    """The live edition's, or a date's; --open opens that file; --index writes the index and names it."""
    live, held = (sorted((town.home / "editions").glob(f"{day(n)}/*/report.html"))[0] for n in (1, 2))
    assert command("report", "planted").stdout == f"{live.relative_to(tmp_path)}\n"
    dated = command("report", "planted", "--as-of", str(day(2)), "--open", BROWSER=f"{opener} %s")
    assert (dated.returncode, dated.stdout) == (0, f"{held.relative_to(tmp_path)}\n"), dated.stderr
    assert (tmp_path / "opened").read_text() == f"{held.as_uri()}\n"
    (town.home / "index.html").write_text("old")
    index = command("report", "planted", "--index")
    assert index.stdout == "store/planted/index.html\n"
    assert str(day(2)) in (town.home / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody",), "holds no segmentation 'nobody'"),
        (("planted", "--as-of", "2026-01-09"), "there is no edition 2026-01-09"),
        (("planted", "--as-of", "today"), "'today' is not a date"),
        (("planted", "--edition", "abcd"), "name the edition's date too: --as-of"),
        (("planted", "--index", "--as-of", "2026-01-01"), "the index is of all editions"),
        (("planted", "--size", "big"), "'big' is not a size"),
        (("planted", "--png", "x.png"), "no browser is here to take a picture: found no nothing on PATH"),
        (("planted", "--open"), "no browser could be opened here; open "),
    ],
)
def test_what_is_refused(command: Command, town: Town, arguments: tuple[str, ...], words: str) -> None:
    """One line, exit status 2, no traceback."""
    done = command("report", *arguments, RESEGMENT_BROWSER="nothing", BROWSER="false")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1), done.stderr
    assert words in done.stderr
    assert town.home.is_dir()


def test_a_report_that_is_gone_is_refused(command: Command, town: Town) -> None:
    """A damaged edition is named."""
    next((town.home / "editions").glob(f"{day(1)}/*/report.html")).unlink()
    done = command("report", "planted")
    assert (done.returncode, "is damaged or has no report" in done.stderr) == (2, True)


def test_a_picture_is_taken(command: Command, town: Town, tmp_path: Path) -> None:
    """A PNG of the size asked for, by the browser that is here."""
    if find_browser(os.environ.get("RESEGMENT_BROWSER")) is None:
        pytest.skip(f"{ABSENT}: no Chromium on PATH; apt-get install chromium")
    done = command("report", "planted", "--png", "x.png", "--size", "640x480")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1] == "x.png"
    content = (tmp_path / "x.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert tuple(int.from_bytes(content[at : at + 4]) for at in (16, 20)) == PIXELS
    assert len(content) > 5000


def test_a_browser_that_fails_is_told(tmp_path: Path) -> None:
    """A browser that takes no picture, and none at all."""
    page = tmp_path / "page.html"
    page.write_text("<p>x</p>")
    with pytest.raises(NoPicture, match=r"false took no picture \(status 1\)"):
        take_picture(page, tmp_path / "x.png", PIXELS, "false")
    with pytest.raises(Refused, match="found no nothing on PATH"):
        take_picture(page, tmp_path / "x.png", PIXELS, "nothing")
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("text", ["", "10x10", "1280", "1280x1600x2", "-100x200", "1280x999999"])
def test_sizes_are_two_numbers(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(Refused, match="expected width x height"):
        parse_size(text)
