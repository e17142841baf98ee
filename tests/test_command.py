"""The command as a person uses it: help, refusals, exit status, history, audit, score."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL

from tests.conftest import Command
from tests.test_flow import TWO_GROUPS, write_demo


@pytest.mark.parametrize(
    "name",
    [
        *("run", "init", "compare", "history", "segments", "name", "diff", "promote", "rebuild"),
        *("audit", "score", "sample", "up", "down"),
    ],
)
def test_help_shows_an_example(name: str, command: Command) -> None:
    """Every command's help ends with an example that begins with the command."""
    shown = command(name, "--help")
    assert shown.returncode == 0
    assert f"Example: resegment {name}" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "artikle"], "did you mean article?"),
        (["run", "../article"], "not a definition's name"),
        (["run", "missing.yaml"], "there is no definition file missing.yaml"),
        (["run", "article", "--as-of", "2026-02-30"], "expected YYYY-MM-DD"),
        (["run", "article", "--as-of", "20260131"], "expected YYYY-MM-DD"),
        (["run", "article", "--as-of", "2199-01-01"], "lies in the future"),
        (["run", "article", "--source", "nowhere.csv"], "there is no file nowhere.csv"),
        (["history", "article"], "holds no segmentation 'article'"),
        (["segments", "article"], "holds no segmentation 'article'"),
        (["name", "article", "S01"], "nothing to say"),
        (["diff", "../etc", "2026-01-01", "2026-01-02"], "holds no segmentation '../etc'"),
        (["promote", "article", "--as-of", "2026-01-31"], "holds no segmentation 'article'"),
        (["rebuild", "article", "--as-of", "2026-01-31"], "holds no segmentation 'article'"),
        (["score", "article", "x.csv", "-o", "y.csv"], "holds no segmentation"),
        (["init", "nowhere.csv"], "there is no file nowhere.csv"),
        (["init", "nowhere.csv", "-o", "Kunden.yml"], "a definition's file is NAME.yaml"),
        (["init", "nowhere.csv", "-o", "no/where.yaml"], "there is no folder no"),
    ],
)
def test_a_refused_argument_is_one_line_and_status_2(
    arguments: list[str], words: str, command: Command, tmp_path: Path
) -> None:
    """A refusal says what was found and what to do, without a traceback, and touches nothing."""
    done = command(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_named(command: Command, tmp_path: Path) -> None:
    """A setting that is no number ends with exit 2 and the variable's name, without a traceback."""
    done = command("run", "article", RESEGMENT_THREADS="zero")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    assert "RESEGMENT_THREADS" in done.stderr and "zero" not in done.stderr


def test_a_server_that_does_not_answer_is_named(command: Command, tmp_path: Path) -> None:
    """With a PREFECT_API_URL where nobody listens, the run ends with one line that names it."""
    done = command("run", "article", "--as-of", "2026-01-31", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert done.returncode == 1
    assert "no Prefect server answers at http://127.0.0.1:9/api" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "store").exists()


def test_help_and_refusals_import_nothing_heavy() -> None:
    """The command's module and its arguments load without pandas, pyarrow, scikit-learn or Prefect."""
    code = (
        "import sys, resegment.cli, resegment.arguments; "
        "heavy = 'pandas pyarrow sklearn prefect'; "
        "print([m for m in heavy.split() if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_init_writes_a_definition_once(command: Command, tmp_path: Path) -> None:
    """init says what was written and what to type next; a file that is there is kept unless forced."""
    write_demo(tmp_path, TWO_GROUPS)
    done = command("init", "customers.csv")
    written = tmp_path / "customers.yaml"
    assert done.returncode == 0, done.stderr
    assert "Written: customers.yaml from" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("resegment run customers.yaml")
    shown = command("init", "customers.csv", "-o", "-")
    assert shown.stdout == written.read_text()
    written.write_text("mine")
    again = command("init", "customers.csv")
    assert (again.returncode, written.read_text()) == (2, "mine")
    assert "--force" in again.stderr
    assert command("init", "customers.csv", "--force").returncode == 0
    assert written.read_text() == shown.stdout
    named = command("init", "customers.csv", "-o", "other.yaml", "--id", "ID")
    assert (named.returncode, "did you mean" in named.stderr) == (2, True)


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
def test_a_night_from_run_to_score(command: Command, tmp_path: Path) -> None:
    """run publishes (0), again is a no-op (0), bad input is refused (2), a failed check holds (4)."""
    server = {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}
    write_demo(tmp_path, TWO_GROUPS)
    day = ("--as-of", "2026-01-31")
    done = command("run", "demo.yaml", *day, **server)
    assert (done.returncode, done.stdout.splitlines()[0][:10]) == (0, "Published:"), done.stderr
    assert done.stdout.splitlines()[1].startswith("Segments: store/demo/published/as_of=2026-01-31")
    again = command("run", "demo.yaml", *day, "--json", **server)
    assert json.loads(again.stdout)["outcome"] == "already-published"

    (tmp_path / "bad.csv").write_text("id,orders\na,1\n")
    refused = command("run", "demo.yaml", *day, "--source", "bad.csv", **server)
    assert refused.returncode == 2
    assert "missing-column" in refused.stderr and "spend" in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr

    (tmp_path / "half.csv").write_text("id,spend,orders\n" + "a,1,1\nb,9,9\nc,5,5\n" + "d,-1,1\n" * 3)
    held = command("run", "demo.yaml", *day, "--source", "half.csv", **server)
    assert (held.returncode, held.stdout.splitlines()[0][:5]) == (4, "Held:")
    assert "quarantined-share" in held.stdout

    rows = json.loads(command("history", "demo", "--json").stdout)
    assert [row["outcome"] for row in rows] == ["published", "already-published", "refused", "held"]
    assert "quarantined-share" in command("history", "demo").stdout
    audit = command("audit", "demo")
    assert (audit.returncode, "0 damaged" in audit.stdout) == (0, True)

    (tmp_path / "new.csv").write_text("id,spend,orders\nn1,11,1\nn2,503,9\nn3,oops,2\n")
    scored = command("score", "demo.yaml", "new.csv", "-o", "scores.parquet")
    assert scored.returncode == 0, scored.stderr
    assert "2 customers scored, 1 rows refused" in scored.stdout
    table = pd.read_parquet(tmp_path / "scores.parquet")
    assert table["segment_id"].tolist() == ["S01", "S02"]
    assert pd.read_parquet(tmp_path / "scores.quarantine.parquet")["reason"].tolist() == ["spend: unreadable"]

    edition = json.loads(again.stdout)["edition"]
    damaged = next((tmp_path / "store" / "demo" / "editions").rglob(f"{edition}/profiles.parquet"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    found = command("audit", "demo")
    assert (found.returncode, "profiles.parquet: damaged" in found.stdout) == (1, True)
    assert command("run", "demo.yaml", *day, **server).stdout.startswith("Published:")
    assert command("audit", "demo").returncode == 0
