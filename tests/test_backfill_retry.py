"""A backfill that failed or was killed, retried as the UI's Retry does it: it goes on where it was."""

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
from segmentation.backfilling import BackfillFailed
from segmentation.errors import StageFileGone
from segmentation.store.audit import audit_store
from segmentation.store.layout import published_dates
from segmentation.store.ledger import read_rows
from tests.dated_days import Days, day, found_days, outcomes
from tests.test_backfill import children, parents, run
from tests.test_flow import digests
from tests.test_retry import stage_states

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("prefect"),
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
    return found_days(tmp_path, 4, monkeypatch)


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
    done = subprocess.run([sys.executable, "-c", _DRIVER, *arguments], env=environment(), capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
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


def tell(run_id: str) -> str:
    """What the UI says of a run and of those inside it."""
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(UUID(run_id)).state
    inside = [
        f"{one.name}: {one.state_name} {one.state.message if one.state else ''}" for one in children(run_id)
    ]
    return "\n".join([str(state.message if state else ""), *inside])


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("stage", "mode"), [("scale", "fill"), ("publish", "rebuild")])
def test_a_killed_backfill_goes_on_where_it_was(days: Days, stage: str, mode: str) -> None:
    """After kill -9 in a stage of the third date, Retry runs that date from the stage, and the rest."""
    forward = days.forward(range(1, 5))
    if mode == "fill":
        shutil.rmtree(days.home)
    killed = kill_in(days, stage, 3, mode)
    done = retry(killed)
    assert done.returncode == 0, tell(killed)
    assert digests(days.home) == forward
    assert audit_store(days.home)[1] == []
    assert list((days.home / ".staging").iterdir()) == []
    rows = [row for row in read_rows(days.home) if row["parent_run_id"] == killed]
    assert [(row["as_of"], row["outcome"], row["tries"]) for row in rows] == [
        (str(day(1)), "published", 1),
        (str(day(2)), "published", 1),
        (str(day(3)), "published", 2),
        (str(day(4)), "published", 1),
    ]
    names = [one.name for one in children(killed)]
    assert names[:2] == [f"demo {day(1)}", f"demo {day(2)}"], "a date that was done has no second run"


def test_a_failed_date_resumes_at_its_failed_stage(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stages of that date which had finished are found again though Prefect makes another run of it."""
    real = tasks.fit.refine

    def fail(*_: object) -> None:
        raise StageFileGone("planted")

    with monkeypatch.context() as patch:
        patch.setattr(tasks.fit, "refine", fail)
        with pytest.raises(BackfillFailed):
            run(days, 1, 2)
    assert tasks.fit.refine is real
    (parent,) = parents(days)
    done = retry(parent)
    assert done.returncode == 0, done.stdout + done.stderr
    first = [one for one in children(parent) if one.name == f"demo {day(1)}"]
    assert sorted(str(one.state_name) for one in first) == ["Completed", "Failed"]
    again = next(one for one in first if one.state_name == "Completed")
    states = stage_states(str(again.id))
    assert states["ingest"] == states["scale"] == states["choose"] == {"Cached"}
    assert states["fit"] == states["publish"] == {"Completed"}


def test_a_refused_date_begins_afresh_when_its_input_is_mended(days: Days) -> None:
    """Refused after ingest had finished: Retry reads the mended file, not what ingest had kept."""
    good = days.file(1).read_text()
    lines = good.splitlines()
    days.file(1).write_text(
        "\n".join([lines[0], *(line.split(",")[0] + ",5,5" for line in lines[1:])]) + "\n"
    )
    with pytest.raises(BackfillFailed, match="all-constant"):
        run(days, 1, 3, mode="rebuild")
    days.file(1).write_text(good)
    parent = parents(days)[-1]
    done = retry(parent)
    assert done.returncode == 0, done.stdout + done.stderr
    found = digests(days.home)
    shutil.rmtree(days.home)
    assert days.forward(range(1, 4)) == found


def test_a_backfill_that_went_on_takes_up_the_failed_date_alone(days: Days) -> None:
    """With on_error continue the dates after it are done: Retry runs the mended date and no other."""
    days.break_file(2)
    with pytest.raises(BackfillFailed):
        run(days, 1, 4, on_error="continue")
    days.write(2)
    (parent,) = parents(days)
    done = retry(parent)
    assert done.returncode == 0, tell(parent)
    assert published_dates(days.home) == [day(number) for number in range(1, 5)]
    assert [one.name for one in children(parent)] == [
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
    assert "is not to be found; start a new backfill" in tell(parent)
    assert outcomes(run(days, 1, 3)) == ["skipped", "published", "published"]
