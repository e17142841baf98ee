"""The backfill's form in a real browser: server on PostgreSQL, process worker, what a data engineer clicks.

The report that an artifact links to is opened over http, as `resegment serve-reports` serves it.

What a backfill does to the store is tests/test_backfill.py's; the reports' pages are tested elsewhere.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from config.settings import read_settings
from deployments.services import pick_free_port
from segmentation.store.published import published_dates
from tests.browser import open_page
from tests.dated_days import Days, day, found_days
from tests.deployed import DeployedServer, running_deployed_server, running_postgres
from tests.test_deploy import ask, end_state, wait

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from playwright.sync_api import Page as Tab

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("deploy")]

PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    """Eight days of customers."""
    with pytest.MonkeyPatch.context() as patch:
        yield found_days(tmp_path_factory.mktemp("ui"), 8, patch)
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
        with server.worker(), started(reports, server.environment, days.folder / "reports.log"):
            yield server


def submit(server: DeployedServer, tab: "Tab", first: int, last: int) -> str:
    """Fill the form for these days and submit it: the id of the run."""
    (found,) = ask(server, "deployments/filter", deployments={"name": {"any_": ["backfill"]}})
    tab.goto(f"{server.page}/v2/deployments/deployment/{found['id']}/run")
    tab.get_by_label("definition", exact=True).fill("demo", timeout=PATIENCE_MS)
    for field, number in (("start_date", first), ("end_date", last)):
        tab.get_by_label(field, exact=True).click()
        tab.get_by_label("Date (yyyy-MM-dd)").fill(str(day(number)))
        tab.keyboard.press("Escape")
    for _ in range(5):
        with tab.expect_response(lambda answer: answer.url.endswith("/create_flow_run")) as made:
            tab.get_by_role("button", name="Submit").click()
        if made.value.status == 201:
            return str(made.value.json()["id"])
        time.sleep(1)
    raise AssertionError(f"the form was not taken: {made.value.status} {made.value.text()}")


def open_artifact(server: DeployedServer, tab: "Tab", key: str) -> None:
    """Open the newest version of what runs show under this key."""
    latest = ask(server, "artifacts/latest/filter", artifacts={"key": {"any_": [key]}})
    tab.goto(f"{server.page}/v2/artifacts/artifact/{latest[0]['latest_id']}")


def inside(server: DeployedServer, run_id: str) -> list[dict[str, Any]]:
    """The runs inside a run, by date, then by start."""
    parent = {"parent_flow_run_id": {"any_": [run_id]}}
    found = ask(server, "flow_runs/filter", flow_runs=parent)
    return sorted(found, key=lambda one: (one["name"], one["start_time"] or ""))


def ended(server: DeployedServer, run_id: str, name: str) -> Callable[[], Any]:
    """Has the run ended in this state?"""
    return lambda: (end_state(server, run_id) or {}).get("name") == name


def shoot(tab: "Tab", name: str) -> None:
    """Keep a picture where RESEGMENT_SHOTS says."""
    if folder := os.environ.get("RESEGMENT_SHOTS"):
        tab.screenshot(path=Path(folder) / f"{name}.png")


def press_retry(tab: "Tab") -> None:
    """Retry the run whose page is open."""
    tab.get_by_role("button", name="Open menu").click()
    tab.get_by_role("menuitem", name="Retry").click()
    tab.get_by_role("button", name="Retry", exact=True).last.click()


def test_three_dates_from_the_form(deployed: DeployedServer, days: Days, browser: "Browser") -> None:
    """Filled and submitted, three dated runs complete under the backfill, and their artifacts can be read."""
    page = open_page(browser, deployed.page)
    tab = page.tab
    tab.set_default_timeout(PATIENCE_MS)
    run = submit(deployed, tab, 1, 3)
    assert wait(ended(deployed, run, "Completed"), 300), deployed.call("-c", "").stderr
    tab.goto(f"{deployed.page}/v2/runs/flow-run/{run}")
    tab.get_by_text(f"demo {day(1)} to {day(3)} fill").first.wait_for()
    tab.get_by_role("tab", name="Subflow Runs").click()
    for number in (1, 2, 3):
        tab.get_by_role("link", name=f"demo {day(number)}", exact=True).first.wait_for()
    shoot(tab, "subflows")
    assert [one["state_name"] for one in inside(deployed, run)] == ["Completed"] * 3
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


def test_a_broken_date_is_mended_and_retried(deployed: DeployedServer, days: Days, browser: "Browser") -> None:
    """The failure says what is wrong; mended, Retry completes, and only that date and those after it run."""
    good = days.file(5).read_bytes()
    days.break_file(5)
    page = open_page(browser, deployed.page)
    tab = page.tab
    tab.set_default_timeout(PATIENCE_MS)
    run = submit(deployed, tab, 4, 6)
    assert wait(ended(deployed, run, "Failed"), 300)
    tab.goto(f"{deployed.page}/v2/runs/flow-run/{run}")
    tab.get_by_text(re.compile(f"{day(5)} failed: no-rows: .*all 1 rows are refused")).first.wait_for()
    shoot(tab, "failed")
    before = inside(deployed, run)
    assert [(one["name"], one["state_name"]) for one in before] == [
        (f"demo {day(4)}", "Completed"),
        (f"demo {day(5)}", "Failed"),
    ]
    days.file(5).write_bytes(good)
    press_retry(tab)
    assert wait(ended(deployed, run, "Completed"), 300)
    tab.reload()
    tab.get_by_text("Completed", exact=True).first.wait_for()
    shoot(tab, "retried")
    after = inside(deployed, run)
    assert [(one["name"], one["state_name"]) for one in after] == [
        (f"demo {day(4)}", "Completed"),
        (f"demo {day(5)}", "Failed"),
        (f"demo {day(5)}", "Completed"),
        (f"demo {day(6)}", "Completed"),
    ]
    assert after[0]["id"] == before[0]["id"]
    assert after[0]["run_count"] == 1
    assert stages_of(deployed, after[1]["id"]) == {"ingest": "Failed"}
    assert set(stages_of(deployed, after[2]["id"]).values()) == {"Completed"}
    assert published_dates(days.home)[-3:] == [day(4), day(5), day(6)]
    page.close()


def test_the_failed_stage_alone_runs_again(deployed: DeployedServer, days: Days, browser: "Browser") -> None:
    """A fault in the store after ten stages of a date: Retry takes their results, and runs `publish` only."""
    in_the_way = days.home / "editions" / str(day(7))
    in_the_way.write_text("a file where the date's folder should be")
    page = open_page(browser, deployed.page)
    tab = page.tab
    tab.set_default_timeout(PATIENCE_MS)
    run = submit(deployed, tab, 7, 8)
    assert wait(ended(deployed, run, "Failed"), 300)
    (failed,) = inside(deployed, run)
    before = stages_of(deployed, failed["id"])
    assert before.pop("publish") == "Failed"
    assert set(before.values()) == {"Completed"}
    tab.goto(f"{deployed.page}/v2/runs/flow-run/{run}")
    tab.get_by_text(re.compile(f"{day(7)} failed: FileExistsError")).first.wait_for()
    shoot(tab, "failed stage")
    in_the_way.unlink()
    press_retry(tab)
    assert wait(ended(deployed, run, "Completed"), 300)
    (_, again, last) = inside(deployed, run)
    after = stages_of(deployed, again["id"])
    assert after.pop("publish") == "Completed"
    assert after == dict.fromkeys(before, "Cached")
    assert last["state_name"] == "Completed"
    assert published_dates(days.home)[-2:] == [day(7), day(8)]
    page.close()


def stages_of(server: DeployedServer, run_id: str) -> dict[str, str]:
    """State by stage."""
    runs = httpx.post(
        f"{server.page}/api/task_runs/filter", json={"flow_runs": {"id": {"any_": [run_id]}}}, timeout=60
    ).json()
    return {one["name"].split(" ")[0]: one["state_name"] for one in runs}
