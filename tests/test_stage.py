"""Stages: plain functions outside a flow run, and one order, which the flow states."""

import inspect
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from flows.compare import compare_algorithms
from flows.resegment import segment_customers
from schemas.record import Record
from tasks.runtime.stage import Stage, list_stages
from tests.nights import create_town, draw_customers

STAGES = [*list_stages(segment_customers), *list_stages(compare_algorithms)]


def first(record: Record) -> Record:
    """A function that is not a stage."""
    return record


def nested() -> None:
    """A function of this module, followed by list_stages."""
    STAGE_B(None)


def outline() -> None:
    """Calls a stage, a function of this module, and a function that is not a stage."""
    STAGE_A(None)
    nested()
    STAGE_A(None)


def make_stage(name: str) -> Stage[Any, Any]:
    """A stage that returns an empty record."""

    def run(night: None) -> Record:
        return first(Record())

    return Stage(run, f"{name} {{night}}")


STAGE_A, STAGE_B = make_stage("a"), make_stage("b")


def test_stages_are_listed_in_the_order_of_the_lines() -> None:
    """Each stage once, by its first call; functions of the same module are followed."""
    assert [stage.name for stage in list_stages(outline)] == ["a", "b"]


def test_the_listed_order_is_the_order_in_which_a_night_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow's outline, as the terminal and the documents show it, is what happens."""
    calls: list[str] = []
    for stage in dict.fromkeys(list_stages(segment_customers)):

        def record_call(*args: Any, stage: Stage[Any, Any] = stage, run: Any = stage.function) -> Any:
            calls.append(stage.name)
            return run(*args)

        monkeypatch.setattr(stage, "function", record_call)
    create_town(tmp_path).night(1, draw_customers({"a": 60, "b": 50}))
    names = [stage.name for stage in list_stages(segment_customers)]
    assert list(dict.fromkeys(calls)) == list(dict.fromkeys(names))


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_stage_takes_the_night_and_logs_a_line(stage: Stage[Any, Any]) -> None:
    """Its first parameter is the night, and its record says what to log."""
    assert next(iter(inspect.signature(stage.function).parameters)) == "night"
    record = get_type_hints(stage.function)["return"]
    assert record.log_line is not Record.log_line


def test_a_stage_runs_once_per_item_outside_a_flow() -> None:
    """`for_each` calls the plain function for each item, in order, with the fixed arguments first."""

    class Item(Record):
        text: str

    def run(night: str, item: int) -> Item:
        return Item(text=f"{night}{item}")

    records = Stage(run, "a {night}").for_each([1, 2], "n")
    assert [record.text for record in records] == ["n1", "n2"]
