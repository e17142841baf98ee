"""A backfill that failed or was killed resumes when it is retried, as Retry in the UI does it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, PREFECT_RESULTS_LOCAL_STORAGE_PATH

import tasks.fit
from flows.resegment import segment_customers
from segmentation.backfill_plan import BackfillFailed
from segmentation.errors import StageFileGone
from segmentation.store.dates import published_dates
from segmentation.store.ledger import read_rows
from segmentation.store.repair.audit import audit_store
from tasks.runtime.stage import list_stages
from tests.dated_days import Days, create_days, day, outcomes
from tests.test_backfill import children, parents, run
from tests.test_flow import digests
from tests.test_retry import expect_stage_states

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_server"),
]

# Backfills, and dies by SIGKILL in the stage and on the date named.
_DRIVER = """
import os, signal, sys
import flows.resegment as f
from flows.backfill import backfill

where, deadly, mode, last, store = sys.argv[1:]
real = getattr(f, where)

def run(night, *rest):
    if str(night.as_of) == deadly:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(night, *rest)

setattr(f, where, run)
backfill("demo", "2026-01-01", last, mode=mode, store=store)
"""


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Four days of customers."""
    return create_days(tmp_path, 4, monkeypatch)


def environment() -> dict[str, str]:
    """What a process of its own needs to find the tests' server."""
    return {
        **os.environ,
        "PREFECT_API_URL": PREFECT_API_URL.value() or "",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }


def kill_in(days: Days, stage: str, number: int, mode: str) -> str:
    """Backfill four days in a process that dies in a stage of one of them: the backfill's run id."""
    arguments = [stage, str(day(number)), mode, str(day(4)), str(days.folder / "store")]
    process = subprocess.run(
        [sys.executable, "-c", _DRIVER, *arguments], env=environment(), capture_output=True
    )
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()[-2000:]
    return parents(days)[-1]


def retry(run_id: str) -> subprocess.CompletedProcess[str]:
    """`prefect flow-run retry`, in a process of its own, after the automation has marked the run crashed."""
    from prefect.states import Crashed

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run_id, Crashed(), force=True)
    command = ["-m", "prefect", "flow-run", "retry", run_id, "--entrypoint", "flows.backfill:backfill"]
    return subprocess.run(
        [sys.executable, *command], env=environment(), capture_output=True, text=True, timeout=200
    )


def describe_run(run_id: str) -> str:
    """What the UI shows about a run and the runs inside it."""
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(run_id)).state
    inside = [
        f"{run.name}: {run.state_name} {run.state.message if run.state else ''}" for run in children(run_id)
    ]
    return "\n".join([str(state.message if state else ""), *inside])


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("stage", "mode"), [("scale", "fill"), ("publish", "rebuild")])
def test_a_killed_backfill_resumes(days: Days, stage: str, mode: str) -> None:
    """After kill -9 in a stage of the third date, Retry resumes that date at that stage and runs the rest."""
    forward = days.forward(range(1, 5))
    if mode == "fill":
        shutil.rmtree(days.home)
    killed = kill_in(days, stage, 3, mode)
    process = retry(killed)
    assert process.returncode == 0, describe_run(killed)
    assert digests(days.home) == forward
    assert audit_store(days.home).damage == []
    assert list((days.home / ".staging").iterdir()) == []
    rows = [row for row in read_rows(days.home) if row["parent_run_id"] == killed]
    assert [(row["as_of"], row["outcome"], row["tries"]) for row in rows] == [
        (str(day(1)), "published", 1),
        (str(day(2)), "published", 1),
        (str(day(3)), "published", 2),
        (str(day(4)), "published", 1),
    ]
    names = [run.name for run in children(killed)]
    assert names[:2] == [f"demo {day(1)}", f"demo {day(2)}"], "a finished date has no second run"


def test_a_failed_date_resumes_at_its_failed_stage(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished stages of that date are taken from the cache although Prefect creates another run for it."""
    real = tasks.fit.refine

    def fail(*_: object, **__: object) -> None:
        raise StageFileGone("planted")

    with monkeypatch.context() as patch:
        patch.setattr(tasks.fit, "refine", fail)
        with pytest.raises(BackfillFailed):
            run(days, 1, 2)
    assert tasks.fit.refine is real
    (parent,) = parents(days)
    process = retry(parent)
    assert process.returncode == 0, process.stdout + process.stderr
    first = [run for run in children(parent) if run.name == f"demo {day(1)}"]
    assert sorted(str(run.state_name) for run in first) == ["Completed", "Failed"]
    second = next(run for run in first if run.state_name == "Completed")
    stages = [stage.name for stage in list_stages(segment_customers)]
    expected = {stage: {"Cached"} for stage in stages[: stages.index("fit")]}
    expected |= {stage: {"Completed"} for stage in stages[stages.index("fit") :]}
    expect_stage_states(str(second.id), expected)


def test_a_refused_date_starts_over_when_its_input_is_fixed(days: Days) -> None:
    """If a date was refused after ingest finished, Retry reads the fixed file, not ingest's cached result."""
    good = days.file(1).read_text()
    lines = good.splitlines()
    days.file(1).write_text(
        "\n".join([lines[0], *(line.split(",")[0] + ",5,5" for line in lines[1:])]) + "\n"
    )
    with pytest.raises(BackfillFailed, match="all-constant"):
        run(days, 1, 3, mode="rebuild")
    days.file(1).write_text(good)
    parent = parents(days)[-1]
    process = retry(parent)
    assert process.returncode == 0, process.stdout + process.stderr
    result = digests(days.home)
    shutil.rmtree(days.home)
    assert days.forward(range(1, 4)) == result


def test_retry_of_a_continued_backfill_runs_the_failed_date_only(days: Days) -> None:
    """With on_error continue the later dates are finished, so Retry runs only the fixed date."""
    days.break_file(2)
    with pytest.raises(BackfillFailed):
        run(days, 1, 4, on_error="continue")
    days.write(2)
    (parent,) = parents(days)
    process = retry(parent)
    assert process.returncode == 0, describe_run(parent)
    assert published_dates(days.home) == [day(number) for number in range(1, 5)]
    assert [run.name for run in children(parent)] == [
        f"demo {day(1)}", f"demo {day(2)}", f"demo {day(2)}", f"demo {day(3)}", f"demo {day(4)}",
    ]  # fmt: skip


def test_results_that_are_gone_are_told(days: Days) -> None:
    """Swept, or on another worker's disk: Retry says what to do, and a new backfill does it."""
    days.break_file(2)
    with pytest.raises(BackfillFailed):
        run(days, 1, 3)
    days.write(2)
    for record in Path(PREFECT_RESULTS_LOCAL_STORAGE_PATH.value()).iterdir():
        if str(days.folder).encode() in record.read_bytes():  # other tests' results stay
            record.unlink()
    (parent,) = parents(days)
    assert retry(parent).returncode != 0
    assert "is gone; start a new backfill" in describe_run(parent)
    assert outcomes(run(days, 1, 3)) == ["skipped", "published", "published"]
