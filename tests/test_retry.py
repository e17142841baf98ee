"""A failed run resumes at the failed stage, as the UI's Retry does it: the same run id, results kept."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_API_URL

from flows.resegment import segment_customers
from segmentation.errors import StageFileGone
from segmentation.store.ledger import read_rows
from segmentation.store.repair.audit import audit_store
from tasks import fit as fit_stage
from tasks.runtime.stage import list_stages
from tests.deployed import wait_for
from tests.test_flow import run

pytestmark = pytest.mark.usefixtures("prefect_server")


def retry(run_id: str) -> subprocess.CompletedProcess[str]:
    """`prefect flow-run retry`, in a process of its own."""
    return subprocess.run(
        [
            sys.executable, "-m", "prefect", "flow-run", "retry", run_id,
            "--entrypoint", "flows.resegment:resegment",
        ],
        env={**os.environ, "PREFECT_API_URL": PREFECT_API_URL.value() or ""},
        capture_output=True,
        text=True,
        timeout=250,
    )  # fmt: skip


def read_stage_states(run_id: str) -> dict[str, set[str]]:
    """The states of each stage's task runs that the server has recorded so far, first try and retry."""
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
    states: dict[str, set[str]] = {}
    for task_run in runs:
        state = str(task_run.state.name) if task_run.state else ""
        states.setdefault(task_run.name.split(" ")[0], set()).add(state)
    return states


def read_messages(run_id: str, state_name: str) -> list[str | None]:
    """The messages of the run's task runs in a state."""
    with get_client(sync_client=True) as client:
        runs = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
    states = [task_run.state for task_run in runs if task_run.state]
    return [state.message for state in states if state.name == state_name]


def expect_stage_states(run_id: str, expected: dict[str, set[str]]) -> None:
    """Assert that stages ended in exactly these states.

    Prefect's server records the states of task runs from events, in batches, so they are not there yet when
    a run's process ends.
    """

    def read_states() -> dict[str, set[str]]:
        states = read_stage_states(run_id)
        return {stage: states.get(stage, set()) for stage in expected}

    wait_for(lambda: read_states() == expected)
    assert read_states() == expected


def fail_in_fit(store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run whose fit fails for good; its run id."""

    def fail(*_: object, **__: object) -> None:
        raise StageFileGone("planted")

    with monkeypatch.context() as patch:
        patch.setattr(fit_stage, "refine", fail)
        with pytest.raises(StageFileGone):
            run("article", store)
    return str(read_rows(store / "article")[0]["run_id"])


@pytest.mark.slow
def test_retry_resumes_at_the_failed_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that had finished are not run again; the failed one and those after it are."""
    run_id = fail_in_fit(tmp_path, monkeypatch)
    assert list((tmp_path / "article" / ".staging").iterdir()) != []
    process = retry(run_id)
    assert process.returncode == 0, process.stderr
    stages = [stage.name for stage in list_stages(segment_customers)]
    expected = {stage: {"Completed", "Cached"} for stage in stages[: stages.index("fit")]}
    expected |= {stage: {"Completed"} for stage in stages[stages.index("fit") :]}
    expected["fit"] = {"Failed", "Completed"}
    expect_stage_states(run_id, expected)
    row = read_rows(tmp_path / "article")[0]
    assert (row["outcome"], row["tries"], row["k"]) == ("published", 2, 5)
    assert audit_store(tmp_path / "article")[1] == []


@pytest.mark.slow
def test_a_retry_without_stage_files_starts_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once another run has published the date, the dead run's files are gone: the retry starts over."""
    run_id = fail_in_fit(tmp_path, monkeypatch)
    published = run("article", tmp_path)
    assert list((tmp_path / "article" / ".staging").iterdir()) == []
    process = retry(run_id)
    assert process.returncode == 0, process.stdout + process.stderr
    row = next(row for row in read_rows(tmp_path / "article") if row["run_id"] == run_id)
    assert (row["outcome"], row["tries"], row["refusals"]) == ("already-published", 2, 1)
    assert Path(published.segments_path).is_file()
    assert audit_store(tmp_path / "article")[1] == []
    assert list((tmp_path / "article" / ".staging").iterdir()) == []


@pytest.mark.slow
def test_a_run_killed_after_its_last_stage_is_finished_by_a_retry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its edition is in the store, so the retry looks no further; the row says that this run published it."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patch:
        patch.setattr("flows.resegment.finalise_run", fail)
        with pytest.raises(RuntimeError, match="planted"):
            run("article", tmp_path)
    run_id = str(read_rows(tmp_path / "article")[0]["run_id"])
    process = retry(run_id)
    assert process.returncode == 0, process.stderr
    row = read_rows(tmp_path / "article")[0]
    assert (row["outcome"], row["tries"], row["k"]) == ("published", 2, 5)
    assert list((tmp_path / "article" / ".staging").iterdir()) == []
    assert audit_store(tmp_path / "article")[1] == []
