"""`resegment report`: the path of a report, opened in a browser, or as a picture."""

import os
import shutil
from pathlib import Path

import pytest

from resegment.report import parse_size
from segmentation.errors import Refused
from segmentation.report.serving.screenshots import ScreenshotError, look_up_browser, take_screenshot
from tests.browser import BROWSER_MISSING
from tests.conftest import Command
from tests.nights import FOUR, Town, create_town, day, draw_customers

PIXELS = (640, 480)


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town whose first night is published and live, and whose second is held."""
    town = create_town(tmp_path_factory.mktemp("town"))
    town.night(1, draw_customers(FOUR))
    town.night(2, draw_customers({"a": 30, "b": 20, "c": 15, "d": 10}))
    return town


@pytest.fixture
def town(two_nights: Town, tmp_path: Path) -> Town:
    """A copy of it for one test, in the command's ./store."""
    shutil.copytree(two_nights.store, tmp_path / "store")
    return two_nights._replace(folder=tmp_path)


@pytest.fixture
def opener(tmp_path: Path) -> Path:
    """A browser that only records the address it is given."""
    script = tmp_path / "opener"
    script.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/opened\n')
    script.chmod(0o755)
    return script


def test_where_a_report_is(
    command: Command, main_command: Command, town: Town, tmp_path: Path, opener: Path
) -> None:
    """The live edition's path or a date's; --open opens that file; --index rebuilds the index."""
    live, held = (sorted((town.home / "editions").glob(f"{day(n)}/*/report.html"))[0] for n in (1, 2))
    assert main_command("report", "planted").stdout == f"{live.relative_to(tmp_path)}\n"
    dated = command("report", "planted", "--as-of", str(day(2)), "--open", BROWSER=f"{opener} %s")
    assert (dated.returncode, dated.stdout) == (0, f"{held.relative_to(tmp_path)}\n"), dated.stderr
    assert (tmp_path / "opened").read_text() == f"{held.as_uri()}\n"
    (town.home / "index.html").write_text("old")
    index = main_command("report", "planted", "--index")
    assert index.stdout == "store/planted/index.html\n"
    assert str(day(2)) in (town.home / "index.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody",), "has no segmentation 'nobody'"),
        (("planted", "--as-of", "2026-01-09"), "edition 2026-01-09 does not exist"),
        (("planted", "--as-of", "today"), "'today' is not a date"),
        (("planted", "--edition", "abcd"), "--edition needs the edition's date too: add --as-of"),
        (("planted", "--index", "--as-of", "2026-01-01"), "the index covers all editions"),
        (("planted", "--size", "big"), "'big' is not a size"),
        (("planted", "--png", "x.png"), "no browser found for the picture: looked for nothing on PATH"),
        (("planted", "--open"), "no browser could be opened on this machine; open "),
    ],
)
def test_what_is_refused(
    main_command: Command, town: Town, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    """One line, exit status 2, no traceback."""
    monkeypatch.setattr("webbrowser._tryorder", None)  # so that it reads BROWSER
    result = main_command("report", *arguments, RESEGMENT_BROWSER="nothing", BROWSER="false")
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (2, 1), result.stderr
    assert words in result.stderr
    assert town.home.is_dir()


def test_a_report_that_is_gone_is_refused(main_command: Command, town: Town) -> None:
    """The damaged edition is named."""
    next((town.home / "editions").glob(f"{day(1)}/*/report.html")).unlink()
    result = main_command("report", "planted")
    assert (result.returncode, "is damaged or has no report" in result.stderr) == (2, True)


def test_a_picture_is_taken(command: Command, town: Town, tmp_path: Path) -> None:
    """The picture is a PNG of the requested size, taken by this machine's browser."""
    if look_up_browser(os.environ.get("RESEGMENT_BROWSER")) is None:
        pytest.skip(f"{BROWSER_MISSING}: no Chromium on PATH; apt-get install chromium")
    result = command("report", "planted", "--png", "x.png", "--size", "640x480")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1] == "x.png"
    content = (tmp_path / "x.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert tuple(int.from_bytes(content[offset : offset + 4]) for offset in (16, 20)) == PIXELS
    assert len(content) > 5000


def test_a_browser_that_fails_is_reported(tmp_path: Path) -> None:
    """A browser that fails, and a browser that does not exist, are both reported."""
    page = tmp_path / "page.html"
    page.write_text("<p>x</p>")
    with pytest.raises(ScreenshotError, match=r"false took no picture \(status 1\)"):
        take_screenshot(page, tmp_path / "x.png", PIXELS, "false")
    with pytest.raises(Refused, match="looked for nothing on PATH"):
        take_screenshot(page, tmp_path / "x.png", PIXELS, "nothing")
    assert not (tmp_path / "x.png").exists()


@pytest.mark.parametrize("text", ["", "10x10", "1280", "1280x1600x2", "-100x200", "1280x999999"])
def test_sizes_are_two_numbers(text: str) -> None:
    """Anything but two numbers is refused."""
    with pytest.raises(Refused, match="expected width x height"):
        parse_size(text)
