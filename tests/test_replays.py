"""Nights with faults between and inside them leave what a small model says. `make prove` runs 100 seeds."""

from pathlib import Path

import pytest

from tests import replays
from tests.long_replays import read_results, start_replays
from tests.replays import Failure, Step, draw_steps, shrink
from tests.store_model import Model, Signature, View, list_contradictions, list_miscounted

SEEDS, NIGHTS = 5, 12  # a seed of 30 nights takes half a minute


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_whatever_happens_the_store_is_what_the_model_says(tmp_path: Path) -> None:
    """No seed fails; one that does prints its shortest steps as sentences."""
    results = read_results(start_replays(tmp_path, 1, SEEDS, NIGHTS))
    assert results["failures"] == []
    assert results["counts"]["seeds"] == SEEDS and results["counts"]["kills"] > 0


def test_steps_depend_on_the_seed_alone() -> None:
    """The same seed has the same steps, with nights in their order."""
    steps = draw_steps(7)
    assert steps == draw_steps(7) != draw_steps(8)
    assert [step.night for step in steps] == sorted(step.night for step in steps)
    assert all(step.describe().endswith(".") for step in steps)


def test_a_failure_is_shrunk_to_the_steps_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps of 40 matter here, so two are left."""

    def run_steps(
        folder: Path, steps: list[Step], *, has_disk: bool
    ) -> tuple[Failure | None, dict[str, int]]:
        nights = [step.night for step in steps]
        is_failing = 7 in nights and 23 in nights
        return (Failure(nights.index(23), "both") if is_failing else None), {}

    monkeypatch.setattr(replays, "run_steps", run_steps)
    steps = [Step("runs", night, night) for night in range(1, 41)]
    shortest, _ = shrink(tmp_path, steps, Failure(39, "both"), has_disk=False)
    assert [step.night for step in shortest] == [7, 23]


def test_the_model_sees_what_is_wrong() -> None:
    """An id given twice, a date that came back live, a lost row of the ledger, files that are left."""
    first: View = {"as_of": "2026-01-01", "previous": None, "sizes": {"S01": 1}, "decision": "published"}
    first |= {"customers": {"x": ["S01", None, None]}, "rows": {"read": 1, "used": 1, "customers": 1}}
    model = Model(published={"2026-01-01": "a"}, rows=2)
    model.remember("a", first, Signature("", frozenset(), None, None))
    second = {**first, "as_of": "2026-01-02"}
    view = {
        "live": {"as_of": "2026-01-02", "edition": "b"},
        "ids": {"given": 1},
        "names": {},
        "published": {"2026-01-01": "a"},
        "editions": {"a": first, "b": second},
        "ledger": {"published": 1},
        "left": [".staging/x"],
    }
    words = "\n".join(list_contradictions(model, view))
    for problem in ("live.json says", "a second time", "it had 2", "left behind"):
        assert problem in words
    assert [*list_miscounted(first, ["x"], set())] == []
    (problem,) = list_miscounted(first, ["x", "y"], {"y"})
    assert problem == "an edition has 1 rows and 1 customers, its source 2 and 1"
