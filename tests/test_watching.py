"""The examples of docs/operate.md, "Noticing a missed night": crontab, script and units do what they say."""

import configparser
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from resegment.deadline import deadline_app
from tests.inbox import Inbox, running_inbox

PAGE = Path(__file__).parents[1] / "docs" / "operate.md"
PROGRAM = "/opt/resegment/bin/resegment"
URL_FILE = "/etc/resegment/notice.curl"
SCRIPT = "/usr/local/bin/resegment-watch"
ANALYZE = shutil.which("systemd-analyze") or ""


def list_examples(language: str) -> list[str]:
    """The section's code blocks in a language."""
    section = (
        PAGE.read_text(encoding="utf-8").partition("## Noticing a missed night")[2].partition("\n## ")[0]
    )
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def read_units() -> dict[str, configparser.ConfigParser]:
    """The systemd units, by file name."""
    units = {}
    for text in list_examples("ini"):
        unit = configparser.ConfigParser(interpolation=None)
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(text)
        units[Path(text.splitlines()[0].removeprefix("# ")).name] = unit
    return units


def install_script(folder: Path, program: str, url: str) -> Path:
    """The script as documented, with a program and a webhook of this test's."""
    (script,) = list_examples("sh")
    assert PROGRAM in script and URL_FILE in script and SCRIPT in script
    (folder / "notice.curl").write_text(f'url = "{url}"\n')
    path = folder / "resegment-watch"
    path.write_text(script.replace(PROGRAM, program).replace(URL_FILE, str(folder / "notice.curl")))
    path.chmod(0o755)
    return path


def install_program(folder: Path, output: str, status: int) -> str:
    """A program in place of `resegment`, which prints this and ends like this."""
    path = folder / "resegment"
    (folder / "output").write_text(output)
    path.write_text(f'#!/bin/sh\necho "$@" > {folder}/arguments\ncat {folder}/output\nexit {status}\n')
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """A webhook."""
    with running_inbox() as inbox:
        yield inbox


def list_options() -> set[str]:
    """The options of `resegment deadline`."""
    return {option for parameter in get_command(deadline_app).params for option in parameter.opts}


def test_the_crontab_calls_the_command() -> None:
    """Variables, then five fields and a command with options that exist, without cron's % (a line break)."""
    (crontab,) = list_examples("text")
    *variables, line = crontab.splitlines()
    assert all(re.fullmatch(r"[A-Z_]+=\S+", variable) for variable in variables)
    *fields, command = line.split(" ", 5)
    assert len(fields) == 5 and all(re.fullmatch(r"\*|\d+", field) for field in fields)
    assert "%" not in command
    assert re.fullmatch(rf"timeout -k 10 120 {PROGRAM} deadline(( --[a-z]+)+)", command)
    assert {word for word in command.split() if word.startswith("--")} <= list_options()


def test_the_units_name_each_other() -> None:
    """The timer starts the check; a check that fails starts the notice, which runs the script."""
    units = read_units()
    timer, check, missed = (
        units[f"resegment-{name}"] for name in ("deadline.timer", "deadline.service", "missed.service")
    )
    assert timer["Timer"]["OnCalendar"] == "*-*-* 06:05:00 Europe/Berlin"
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert check["Unit"]["OnFailure"] == "resegment-missed.service"
    assert check["Service"]["Type"] == missed["Service"]["Type"] == "oneshot"
    assert check["Service"]["ExecStart"].startswith(f"{PROGRAM} deadline ")
    assert {word for word in check["Service"]["ExecStart"].split() if word.startswith("--")} <= list_options()
    assert missed["Service"]["ExecStart"] == SCRIPT


@pytest.mark.skipif(not ANALYZE, reason="not essential: no systemd-analyze")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    """systemd-analyze verifies them without a word, and the timer's time is one."""
    for text in list_examples("ini"):
        name = Path(text.splitlines()[0].removeprefix("# ")).name
        # The programs are not installed here; verify asks for them.
        (tmp_path / name).write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text))
    names = sorted(str(path) for path in tmp_path.iterdir())
    verified = subprocess.run([ANALYZE, "verify", *names], capture_output=True, text=True, timeout=60)
    ours = [line for line in verified.stderr.splitlines() if "resegment" in line]
    assert (verified.returncode, ours) == (0, [])
    calendar = read_units()["resegment-deadline.timer"]["Timer"]["OnCalendar"]
    assert subprocess.run([ANALYZE, "calendar", calendar], capture_output=True).returncode == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    ("output", "status", "text"),
    [
        ('{"text": "every night is published"}', 0, None),
        ('{"text": "it\'s \\"missing\\""}', 1, 'it\'s "missing"'),
        ('{"text": "cannot tell"}', 2, "cannot tell"),
        ("", 1, "Resegment: the deadline check itself did not run"),
        ("", 124, "Resegment: the deadline check itself did not run"),
    ],
)
def test_the_script_posts_what_is_missing(
    output: str, status: int, text: str | None, inbox: Inbox, tmp_path: Path
) -> None:
    """A notice for every end but 0, also when the check itself broke; cron sees the check's exit status."""
    program = install_program(tmp_path, output, status)
    script = install_script(tmp_path, program, f"{inbox.url}/hooks/canary")
    result = subprocess.run([script, "--as-of", "2020-01-01"], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (status, "", "")
    assert (tmp_path / "arguments").read_text() == "deadline --all --json --as-of 2020-01-01\n"
    assert [notice.content["text"] for notice in inbox.notices] == ([text] if text else [])
    assert all(notice.path == "/hooks/canary" for notice in inbox.notices)
