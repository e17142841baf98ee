"""What the Prefect UI shows: stable keys, escaped Markdown, a picture, a working link to the report."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

from config.settings import read_settings
from flows.resegment import resegment
from schemas.night import Published
from segmentation.report.sections.size_bars import draw_size_bars
from segmentation.store.ledger import read_rows
from tasks.runtime.artifacts import link_report
from tasks.runtime.markdown import escape_cell, format_table
from tasks.runtime.parameters import format_day
from tests.test_flow import DAY, TWO_GROUPS, definitions, run, write_demo

__all__ = ["definitions"]

HOSTILE = "<img src=x onerror=alert(1)>|[a](http://evil.example)`*_#\n- b ~~c~~"


def read_artifacts(run_id: str) -> dict[str, tuple[str, str]]:
    """Artifacts of a run by key: description and Markdown."""
    with get_client(sync_client=True) as client:
        artifacts = client.read_artifacts(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run_id])))
    return {
        str(artifact.key): (str(artifact.description), str(artifact.data))
        for artifact in artifacts
        if artifact.key
    }


@pytest.mark.usefixtures("prefect_server")
def test_a_held_night_shows_why_and_where_its_report_is(
    tmp_path: Path, definitions: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The edition's artifact says why it is held, keys are the same each night, and logs hold counts only."""
    monkeypatch.setenv("RESEGMENT_REPORTS_URL", "http://127.0.0.1:4280/")
    read_settings.cache_clear()
    write_demo(definitions, TWO_GROUPS)
    run("demo", tmp_path)
    write_demo(definitions, [*TWO_GROUPS, *(f"canary{i},-5,1" for i in range(10))])
    state = resegment("demo", as_of=DAY, store=str(tmp_path), return_state=True)
    held: Any = state.result()
    rows = {row["outcome"]: row["run_id"] for row in read_rows(tmp_path / "demo")}
    first, second = read_artifacts(rows["published"]), read_artifacts(rows["held"])
    assert set(first) == set(second) == {
        "demo-edition", "demo-segments", "demo-sweep", "demo-quarantine", "demo-checks",
    }  # fmt: skip
    description, text = second["demo-edition"]
    assert "Held" in description and "quarantined-share" in description
    assert "## Held" in text and "not live" in text and "- quarantined-share" in text
    address = re.search(r"\[Open the report\]\(http://127.0.0.1:4280/(.*?)\)", text)
    assert address is not None and (tmp_path / address[1]) == Path(held.report_path)
    assert "**failed**" in second["demo-checks"][1]
    assert not any("canary" in text for pair in second.values() for text in pair)
    lines = " / ".join(record.getMessage() for record in caplog.records)
    for line in ("50 rows of 1 inputs: 50 good", "50 customers of 50 rows", "published: 50 customers in 2"):
        assert line in lines
    assert "canary" not in lines


@pytest.mark.parametrize("mark", ["<", "|", "[", "`", "*", "_", "#", "\n", "~", "!", "("])
def test_cells_are_neither_html_nor_markdown(mark: str) -> None:
    """Every mark with a meaning in Markdown or HTML is escaped or removed."""
    cell = escape_cell(HOSTILE + mark)
    assert "<" not in cell and "\n" not in cell
    assert not re.search(r"(?<!\\)[|\[\]`*_#~!(]", cell)


def test_a_table_is_valid_markdown() -> None:
    """Header, rule with sides, rows."""
    assert format_table(["a", "b"], [[1, 2]], "lr") == ["| a | b |", "| --- | ---: |", "| 1 | 2 |"]


def test_the_picture_is_svg_with_a_bar_for_each_segment() -> None:
    """Bars are proportional to segment sizes; no segments give an empty picture."""

    def widths(*sizes: tuple[str, int]) -> list[int]:
        svg = ElementTree.fromstring(draw_size_bars(sizes))  # noqa: S314 - our own
        return [int(bar.attrib["width"]) for bar in svg.findall("{*}rect")]

    first, second, third = widths(("S01", 300), ("S02", 100), ("S03", 0))
    assert abs(first - 3 * second) <= 2
    assert third == 1
    assert widths() == []


def test_without_an_address_the_place_in_the_store_is_named(tmp_path: Path) -> None:
    """Where reports are not served, the artifact names its place in the store, without local folders."""
    published = Published(
        name="demo", as_of=datetime(2026, 1, 31, tzinfo=UTC).date(), edition="ab", outcome="published",
        k=2, customers=3, segments_path="x", report_path=str(tmp_path / "report.html"),
    )  # fmt: skip
    assert link_report(published) == "Report: `demo/editions/2026-01-31/ab/report.html` in the store"


def test_a_scheduled_runs_name_has_the_date_in_the_definitions_zone(definitions: Path) -> None:
    """02:30 in Kolkata is still the day before in UTC; an unknown definition gives `today`."""
    write_demo(definitions, TWO_GROUPS, timezone="Asia/Kolkata")
    scheduled = datetime(2026, 1, 30, 21, 0, tzinfo=UTC)
    assert format_day("demo", None, scheduled) == "2026-01-31"
    assert format_day("demo", "2026-01-02", scheduled) == "2026-01-02"
    assert format_day("../nowhere", None, scheduled) == "today"
