"""The backfill's form in a real browser, as a data engineer uses it: server on PostgreSQL, process worker.

The report that an artifact links to is opened over HTTP from `resegment serve-reports`. What a backfill does
to the store is tested in test_backfill.py.
"""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.server import running_process
from config.settings import read_settings
from deployments.services import pick_free_port
from flows.resegment import segment_customers
from segmentation.store.dates import published_dates
from tasks.runtime.stage import list_stages
from tests.browser import open_page
from tests.dated_days import Days, create_days, day
from tests.deployed import DeployedServer, running_deployed_server, running_postgres, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

PATIENCE_MS = 90_000
# These nights keep their model, and the evidence of the first one is carried on.
SKIPPED = {"sweep": "Skipped", "evaluate": "Skipped"}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    """Eight days of customers."""
    with pytest.MonkeyPatch.context() as patch:
        yield create_days(tmp_path_factory.mktemp("ui"), 8, patch)
    read_settings.cache_clear()


@pytest.fixture(scope="module")
def deployed(days: Days) -> Iterator[DeployedServer]:
    """A server on PostgreSQL with the deployments, a worker, and the reports' server."""
    port = pick_free_port()
    settings = {
        "RESEGMENT_DEFINITIONS": str(days.folder / "definitions"),
        "RESEGMENT_REPORTS_URL": f"http://127.0.0.1:{port}",
    }
    with (
        running_postgres() as database,
        running_deployed_server(days.folder, database, **settings) as server,
    ):
        server.deploy()
        reports = [str(Path(sys.executable).with_name("resegment")), "serve-reports", "--port", str(port)]
        with server.worker(), running_process(reports, server.environment, days.folder / "reports.log"):
            yield server


def submit_form(server: DeployedServer, tab: "Tab", first: int, last: int) -> str:
    """Fill the form for these days and submit it: the run's id."""
    (deployment,) = server.post("deployments/filter", deployments={"name": {"any_": ["backfill"]}})
    tab.goto(f"{server.page}/v2/deployments/deployment/{deployment['id']}/run")
    tab.get_by_label("definition", exact=True).fill("demo", timeout=PATIENCE_MS)
    for field, number in (("start_date", first), ("end_date", last)):
        tab.get_by_label(f"{field} (Optional)", exact=True).click()
        tab.get_by_label("Date (yyyy-MM-dd)").fill(str(day(number)))
        tab.keyboard.press("Escape")
    for _ in range(5):
        with tab.expect_response(lambda response: response.url.endswith("/create_flow_run")) as creation:
            tab.get_by_role("button", name="Submit").click()
        if creation.value.status == 201:
            return str(creation.value.json()["id"])
        time.sleep(1)
    raise AssertionError(f"the form was not accepted: {creation.value.status} {creation.value.text()}")


def open_artifact(server: DeployedServer, tab: "Tab", key: str) -> None:
    """Open the newest version of the artifact with this key."""
    latest = server.post("artifacts/latest/filter", artifacts={"key": {"any_": [key]}})
    tab.goto(f"{server.page}/v2/artifacts/artifact/{latest[0]['latest_id']}")


def list_subflow_runs(server: DeployedServer, run_id: str) -> list[dict[str, Any]]:
    """The subflow runs of a run, by date, then by start time."""
    parent = {"parent_flow_run_id": {"any_": [run_id]}}
    runs = server.post("flow_runs/filter", flow_runs=parent)
    return sorted(runs, key=lambda run: (run["name"], run["start_time"] or ""))


def list_names_and_states(runs: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Name and state of each run."""
    return [(run["name"], run["state_name"]) for run in runs]


def wait_for_end(server: DeployedServer, run_id: str, name: str) -> None:
    """Wait until the run has ended in this state."""
    assert wait_for(lambda: (server.get_final_state(run_id) or {}).get("name") == name, 600)


def shoot(tab: "Tab", name: str) -> None:
    """Save a screenshot in the folder RESEGMENT_SHOTS, if it is set."""
    if folder := os.environ.get("RESEGMENT_SHOTS"):
        tab.screenshot(path=Path(folder) / f"{name}.png")


def press_retry(tab: "Tab") -> None:
    """Retry the run whose page is open."""
    tab.get_by_role("button", name="Open menu").click()
    tab.get_by_role("menuitem", name="Retry").click()
    tab.get_by_role("button", name="Retry", exact=True).last.click()


def test_three_dates_from_the_form(deployed: DeployedServer, days: Days, browser: "Browser") -> None:
    """After the form is submitted, three dated runs complete under the backfill with readable artifacts."""
    page = open_page(browser, deployed.page)
    tab = page.tab
    tab.set_default_timeout(PATIENCE_MS)
    run = submit_form(deployed, tab, 1, 3)
    wait_for_end(deployed, run, "Completed")
    tab.goto(f"{deployed.page}/v2/runs/flow-run/{run}")
    tab.get_by_text(f"demo {day(1)} to {day(3)} fill").first.wait_for()
    tab.get_by_role("tab", name="Subflow Runs").click()
    for number in (1, 2, 3):
        tab.get_by_role("link", name=f"demo {day(number)}", exact=True).first.wait_for()
    shoot(tab, "subflows")
    assert [subflow["state_name"] for subflow in list_subflow_runs(deployed, run)] == ["Completed"] * 3
    assert published_dates(days.home) == [day(1), day(2), day(3)]
    open_artifact(deployed, tab, "demo-backfill")
    tab.get_by_text("3 of 3 dates done").first.wait_for()
    shoot(tab, "backfill")
    open_artifact(deployed, tab, "demo-segments")
    tab.get_by_text("S01").first.wait_for()
    shoot(tab, "segments")
    link = tab.get_by_role("link", name="Open the report")
    assert f"/demo/editions/{day(3)}/" in str(link.get_attribute("href"))
    link.click()
    tab.get_by_role("heading", name="demo").first.wait_for()
    tab.locator(".js-plotly-plot").first.wait_for()
    shoot(tab, "linked report")
    page.close()


def test_a_repaired_date_is_retried(deployed: DeployedServer, days: Days, browser: "Browser") -> None:
    """The failure says what is wrong. After the repair, Retry runs that date and later ones only."""
    content = days.file(5).read_bytes()
    days.break_file(5)
    page = open_page(browser, deployed.page)
    tab = page.tab
    tab.set_default_timeout(PATIENCE_MS)
    run = submit_form(deployed, tab, 4, 6)
    wait_for_end(deployed, run, "Failed")
    tab.goto(f"{deployed.page}/v2/runs/flow-run/{run}")
    tab.get_by_text(re.compile(f"{day(5)} failed: no-rows: .*the only row is refused")).first.wait_for()
    shoot(tab, "failed")
    runs_before = list_subflow_runs(deployed, run)
    assert list_names_and_states(runs_before) == [
        (f"demo {day(4)}", "Completed"),
        (f"demo {day(5)}", "Failed"),
    ]
    days.file(5).write_bytes(content)
    press_retry(tab)
    wait_for_end(deployed, run, "Completed")
    tab.reload()
    tab.get_by_text("Completed", exact=True).first.wait_for()
    shoot(tab, "retried")
    runs_after = list_subflow_runs(deployed, run)
    assert list_names_and_states(runs_after) == [
        (f"demo {day(4)}", "Completed"),
        (f"demo {day(5)}", "Failed"),
        (f"demo {day(5)}", "Completed"),
        (f"demo {day(6)}", "Completed"),
    ]
    assert runs_after[0]["id"] == runs_before[0]["id"]
    assert runs_after[0]["run_count"] == 1
    expect_stage_states(deployed, runs_after[1]["id"], {"ingest": "Failed"})
    stages = [stage.name for stage in list_stages(segment_customers)]
    expect_stage_states(deployed, runs_after[2]["id"], dict.fromkeys(stages, "Completed") | SKIPPED)
    assert published_dates(days.home)[-3:] == [day(4), day(5), day(6)]
    page.close()


def test_the_failed_stage_alone_runs_again(deployed: DeployedServer, days: Days, browser: "Browser") -> None:
    """When only `publish` fails, Retry reuses the results of the other stages and runs `publish` alone."""
    blocking_file = days.home / "editions" / str(day(7))
    blocking_file.write_text("a file where the date's folder should be")
    page = open_page(browser, deployed.page)
    tab = page.tab
    tab.set_default_timeout(PATIENCE_MS)
    run = submit_form(deployed, tab, 7, 8)
    wait_for_end(deployed, run, "Failed")
    (failed,) = list_subflow_runs(deployed, run)
    stages = [stage.name for stage in list_stages(segment_customers)]
    expect_stage_states(
        deployed, failed["id"], dict.fromkeys(stages, "Completed") | SKIPPED | {"publish": "Failed"}
    )
    tab.goto(f"{deployed.page}/v2/runs/flow-run/{run}")
    tab.get_by_text(re.compile(f"{day(7)} failed: FileExistsError")).first.wait_for()
    shoot(tab, "failed stage")
    blocking_file.unlink()
    press_retry(tab)
    wait_for_end(deployed, run, "Completed")
    (_, retried, last) = list_subflow_runs(deployed, run)
    expect_stage_states(
        deployed, retried["id"], dict.fromkeys(stages, "Cached") | SKIPPED | {"publish": "Completed"}
    )
    assert last["state_name"] == "Completed"
    assert published_dates(days.home)[-2:] == [day(7), day(8)]
    page.close()


def read_stage_states(server: DeployedServer, run_id: str) -> dict[str, str]:
    """The state of each stage that the server has recorded so far."""
    task_runs = server.post("task_runs/filter", flow_runs={"id": {"any_": [run_id]}})
    return {task_run["name"].split(" ")[0]: task_run["state_name"] for task_run in task_runs}


def expect_stage_states(server: DeployedServer, run_id: str, expected: dict[str, str]) -> None:
    """Assert that exactly these stages ran, with these states, once the server has recorded them."""
    wait_for(lambda: read_stage_states(server, run_id) == expected)
    assert read_stage_states(server, run_id) == expected
