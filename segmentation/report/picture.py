"""A page as a picture, taken by a Chromium that is on this machine. No run needs one, none is installed.

The commands that ask for pictures are resegment/report.py's.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from segmentation.errors import Refused, ResegmentError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
_SECONDS = 120
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--virtual-time-budget=10000",  # of the page's clock, not ours: figures are drawn first
)


class NoPicture(ResegmentError):
    """The browser did not take the picture."""


def find_browser(named: str | None = None) -> str | None:
    """The executable that is named, else the first Chromium on PATH; None if there is none."""
    return next((path for name in ([named] if named else NAMES) if (path := shutil.which(name))), None)


def take_picture(page: Path, picture: Path, size: tuple[int, int], named: str | None = None) -> None:
    """Write a PNG of the page's top, so many pixels wide and high. named: which executable.

    Refused where no browser is found; NoPicture where it fails.
    """
    browser = find_browser(named)
    if browser is None:
        raise Refused(
            "no-browser",
            f"no browser is here to take a picture: found no {named or ', '.join(NAMES[:3])} on PATH; "
            "install Chromium, or name one by RESEGMENT_BROWSER. The report itself needs none",
        )
    # Chromium's sandbox does not start for root; the page is one of ours, whose policy lets nothing in.
    more = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory() as scratch:
        taken = Path(scratch) / "picture.png"
        command = [
            browser,
            *_FLAGS,
            *more,
            f"--user-data-dir={scratch}/profile",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={taken}",
            page.resolve().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise NoPicture(f"{browser} took no picture within {_SECONDS} s") from None
        if not taken.is_file():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise NoPicture(
                f"{browser} took no picture (status {done.returncode}): {' '.join(said[-1:])[:200]}"
            )
        shutil.copyfile(taken, picture)
