"""Screenshots of pages, taken by a Chromium installed on this machine.

No run needs a browser, and none is installed with Resegment. The command is in resegment/report.py.
"""

import os
import shutil
import subprocess
from pathlib import Path

from segmentation.errors import Refused, ResegmentError
from segmentation.store.files.scratch import scratch_folder

BROWSER_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
_TIMEOUT_S = 120
_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--virtual-time-budget=10000",  # ms on the page's clock: time for plotly.js to draw the figures
)


class ScreenshotError(ResegmentError):
    """The browser took no screenshot."""


def look_up_browser(executable: str | None = None) -> str | None:
    """The path of the executable, by default of the first Chromium on PATH; None if it is not there."""
    names = [executable] if executable else BROWSER_NAMES
    return next((path for name in names if (path := shutil.which(name))), None)


def take_screenshot(page: Path, target: Path, size: tuple[int, int], executable: str | None = None) -> None:
    """Write a PNG of the top of a page. size: width and height in pixels.

    Raises Refused without a browser, and ScreenshotError if the browser fails.
    """
    browser, names = look_up_browser(executable), [executable] if executable else BROWSER_NAMES
    if browser is None:
        raise Refused(
            "no-browser",
            f"no browser found for the picture: looked for {', '.join(names[:3])} on PATH; "
            "install Chromium, or set RESEGMENT_BROWSER to an executable. The report itself needs no browser",
        )
    # Chromium's sandbox does not start as root. The page is our own, and its policy blocks everything else.
    sandbox_flags = ("--no-sandbox",) if os.geteuid() == 0 else ()
    with scratch_folder() as scratch:
        screenshot = scratch / "screenshot.png"
        command = [
            browser,
            *_FLAGS,
            *sandbox_flags,
            f"--user-data-dir={scratch}/profile",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={screenshot}",
            page.resolve().as_uri(),
        ]
        try:
            # Chromium has temporary folders of its own besides the profile.
            environment = {**os.environ, "TMPDIR": str(scratch)}
            process = subprocess.run(
                command, env=environment, capture_output=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise ScreenshotError(f"{browser} took no picture within {_TIMEOUT_S} s") from None
        if not screenshot.is_file():
            last_line = " ".join(process.stderr.decode(errors="replace").strip().splitlines()[-1:])
            status = process.returncode
            raise ScreenshotError(f"{browser} took no picture (status {status}): {last_line[:200]}")
        # Only now, so that an earlier picture stays if the browser takes none.
        shutil.copyfile(screenshot, target)
