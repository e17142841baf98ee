"""The command from a terminal: help, refusals, exit status, and a night from `run` to `score`."""

import json
import logging
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL
from rich.console import Console

from flows.campaign import measure_campaign
from flows.resegment import resegment, segment_customers
from flows.validate import validate
from resegment.flow_runs import count_task_runs
from resegment.progress import StageProgress
from tasks.runtime.stage import list_stages
from tests.conftest import Command
from tests.test_flow import TWO_GROUPS, write_demo


@pytest.mark.parametrize(
    "name",
    [
        *("init", "run", "backfill", "history", "report", "segments", "name", "audit", "diff", "promote"),
        *(
            "deadline",
            "prune",
            "rebuild",
            "score",
            "compare",
            "up",
            "down",
            "serve-reports",
            "sample",
            "sample orders",
        ),
    ],
)
def test_help_shows_an_example(name: str, main_command: Command) -> None:
    """Every command's help ends with an example of that command, or several."""
    result = main_command(*name.split(), "--help")
    assert result.returncode == 0
    assert re.search(f"Examples?: resegment {name}", result.stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "artikle"], "did you mean article?"),
        (["run", "../article"], "not a definition's name"),
        (["run", "missing.yaml"], "definition file missing.yaml does not exist"),
        (["run", "article", "--as-of", "2026-02-30"], "expected YYYY-MM-DD"),
        (["run", "article", "--as-of", "20260131"], "expected YYYY-MM-DD"),
        (["run", "article", "--as-of", "2199-01-01"], "is in the future"),
        (["run", "article", "--source", "nowhere.csv"], "file nowhere.csv does not exist"),
        (["history", "article"], "has no segmentation 'article'"),
        (["segments", "article"], "has no segmentation 'article'"),
        (["name", "article", "S01"], "nothing to change"),
        (["diff", "../etc", "2026-01-01", "2026-01-02"], "has no segmentation '../etc'"),
        (["promote", "article", "--as-of", "2026-01-31"], "has no segmentation 'article'"),
        (["rebuild", "article", "--as-of", "2026-01-31"], "has no segmentation 'article'"),
        (["score", "article", "x.csv", "-o", "y.csv"], "has no segmentation"),
        (["init", "nowhere.csv"], "file nowhere.csv does not exist"),
        (["init", "nowhere.csv", "-o", "Kunden.yml"], "a definition's file is NAME.yaml"),
        (["init", "nowhere.csv", "-o", "no/where.yaml"], "folder no does not exist"),
    ],
)
def test_a_refused_argument_is_one_line_and_status_2(
    arguments: list[str], words: str, main_command: Command, tmp_path: Path
) -> None:
    """A refusal says what was found and what to do, without a traceback, and writes nothing."""
    result = main_command(*arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stdout + result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_named(command: Command, tmp_path: Path) -> None:
    """A setting that should be a number exits with 2 and the variable's name, without a traceback."""
    result = command("run", "article", RESEGMENT_THREADS="zero")
    assert (result.returncode, len(result.stderr.strip().splitlines())) == (2, 1)
    assert "RESEGMENT_THREADS" in result.stderr and "zero" not in result.stderr


def test_a_server_that_does_not_answer_is_named(command: Command, tmp_path: Path) -> None:
    """With a PREFECT_API_URL where nothing listens, the run ends with one line that names the URL."""
    result = command("run", "article", "--as-of", "2026-01-31", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert result.returncode == 1
    assert "no Prefect server answers at http://127.0.0.1:9/api" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "store").exists()


def test_help_and_refusals_import_nothing_heavy() -> None:
    """The command's modules load without numpy, pandas, pyarrow, scikit-learn or Prefect."""
    code = (
        "import sys, resegment.cli; "
        "heavy = 'numpy pandas pyarrow sklearn prefect'; "
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "[]"


def test_python_m_resegment_is_the_command() -> None:
    """`python -m resegment` behaves as the installed command does."""
    arguments = [sys.executable, "-m", "resegment", "run", "--help"]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0
    assert "Example: resegment run" in result.stdout


def test_progress_shows_the_stages_of_the_flow() -> None:
    """The stages on the terminal are those that the flow calls, so a new stage needs no second list."""
    counts = count_task_runs(resegment, sweep=9, evaluate=6)
    assert list(counts) == list(dict.fromkeys(stage.name for stage in list_stages(segment_customers)))
    assert counts["sweep"] == 10  # nine values of k, and their curve
    assert counts["evaluate"] == 6
    assert counts["ingest"] == counts["publish"] == 1


def test_progress_counts_a_skipped_stage_as_a_whole() -> None:
    """One task run stands for the stage's twelve, so that the bar ends where the night does."""
    output = StringIO()
    progress = StageProgress(Console(file=output), {"sweep": 12, "choose": 1})
    for name, state in (("sweep 2026-01-31", "Skipped"), ("choose 2026-01-31", "Completed")):
        record = logging.LogRecord("prefect", logging.INFO, "", 0, f"Finished in state {state}()", None, None)
        record.task_run_name = name
        progress.handle(record)
    assert progress.bar.tasks[0].completed == progress.bar.tasks[0].total == 13
    assert "sweep 2026-01-31 (skipped)" in output.getvalue()
    assert "choose 2026-01-31 (skipped)" not in output.getvalue()


def test_progress_shows_the_stages_of_flows_that_read_outcomes() -> None:
    """A validation and a campaign read the outcome's rows first, and say so."""
    assert list(count_task_runs(validate)) == ["ingest", "summarise", "validate"]
    assert list(count_task_runs(measure_campaign)) == ["ingest", "summarise", "campaign"]


def test_init_writes_a_definition_once(main_command: Command, tmp_path: Path) -> None:
    """init prints what it wrote and what to type next; an existing file is kept unless forced."""
    write_demo(tmp_path, TWO_GROUPS)
    result = main_command("init", "customers.csv")
    file = tmp_path / "customers.yaml"
    assert result.returncode == 0, result.stderr
    assert "Written: customers.yaml from" in result.stdout
    assert result.stdout.splitlines()[1].endswith("resegment run customers.yaml")
    on_stdout = main_command("init", "customers.csv", "-o", "-")
    assert on_stdout.stdout == file.read_text()
    file.write_text("mine")
    refused = main_command("init", "customers.csv")
    assert (refused.returncode, file.read_text()) == (2, "mine")
    assert "--force" in refused.stderr
    assert main_command("init", "customers.csv", "--force").returncode == 0
    assert file.read_text() == on_stdout.stdout
    misspelt = main_command("init", "customers.csv", "-o", "other.yaml", "--id", "ID")
    assert (misspelt.returncode, "did you mean" in misspelt.stderr) == (2, True)


@pytest.mark.usefixtures("prefect_server")
def test_a_night_from_run_to_score(command: Command, main_command: Command, tmp_path: Path) -> None:
    """run publishes (0), a second run changes nothing (0), bad input is refused (2), a check holds (4)."""
    server = {"PREFECT_API_URL": PREFECT_API_URL.value() or ""}
    write_demo(tmp_path, TWO_GROUPS)
    day = ("--as-of", "2026-01-31")
    published = command("run", "demo.yaml", *day, **server)
    assert (published.returncode, published.stdout.splitlines()[0][:10]) == (0, "Published:"), (
        published.stderr
    )
    assert published.stdout.splitlines()[1].startswith("Segments: store/demo/published/as_of=2026-01-31")
    repeated = main_command("run", "demo.yaml", *day, "--json", **server)
    assert json.loads(repeated.stdout)["outcome"] == "already-published"

    (tmp_path / "bad.csv").write_text("id,orders\na,1\n")
    refused = command("run", "demo.yaml", *day, "--source", "bad.csv", **server)
    assert refused.returncode == 2
    assert "missing-column" in refused.stderr and "spend" in refused.stderr
    assert "Traceback" not in refused.stdout + refused.stderr

    (tmp_path / "half.csv").write_text("id,spend,orders\n" + "a,1,1\nb,9,9\nc,5,5\n" + "d,-1,1\n" * 3)
    held = main_command("run", "demo.yaml", *day, "--source", "half.csv", **server)
    assert (held.returncode, held.stdout.splitlines()[0][:5]) == (4, "Held:")
    assert "quarantined-share" in held.stdout

    rows = json.loads(main_command("history", "demo", "--json").stdout)
    assert [row["outcome"] for row in rows] == ["published", "already-published", "refused", "held"]
    assert "quarantined-share" in main_command("history", "demo").stdout
    audit = main_command("audit", "demo")
    assert (audit.returncode, "0 damaged" in audit.stdout) == (0, True)

    (tmp_path / "new.csv").write_text("id,spend,orders\nn1,11,1\nn2,503,9\nn3,oops,2\n")
    scored = main_command("score", "demo.yaml", "new.csv", "-o", "scores.parquet")
    assert scored.returncode == 0, scored.stderr
    assert "2 customers scored, 1 rows refused" in scored.stdout
    table = pd.read_parquet(tmp_path / "scores.parquet")
    assert table["segment_id"].tolist() == ["S01", "S02"]
    assert pd.read_parquet(tmp_path / "scores.quarantine.parquet")["reason"].tolist() == ["spend: unreadable"]

    edition = json.loads(repeated.stdout)["edition"]
    damaged = next((tmp_path / "store" / "demo" / "editions").rglob(f"{edition}/profiles.parquet"))
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    second_audit = main_command("audit", "demo")
    assert (second_audit.returncode, "profiles.parquet: damaged" in second_audit.stdout) == (1, True)
    assert main_command("run", "demo.yaml", *day, **server).stdout.startswith("Published:")
    assert main_command("audit", "demo").returncode == 0
