"""One id that holds too many events: a guest's, a till's, or the text that a database writes for nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.night import Night
from segmentation.checks.id_share import check_id_share
from tasks.ingest import ingest
from tasks.summarise import summarise

EVENTS = {
    "rows": {
        "grain": "event",
        "id": "id",
        "time": "day",
        "columns": {"day": {"type": "timestamp"}, "spend": {"type": "float"}},
    },
    "summary": {"window_days": 30, "features": {"spend": {"op": "sum", "column": "spend"}}},
    "features": ["spend"],
}


def write_events(path: Path, counts: dict[str, int]) -> Path:
    """As many events of each id as `counts` says, in January 2026."""
    lines = [f"{name},2026-01-15,5" for name, count in counts.items() for _ in range(count)]
    path.write_text("id,day,spend\n" + "".join(f"{line}\n" for line in lines))
    return path


REGULARS = {f"c{i:03}": 3 + i % 4 for i in range(100)}
ZIPF = {f"c{i:03}": 1000 // i for i in range(1, 101)}


@pytest.mark.parametrize(
    ("counts", "is_usual"),
    [
        (REGULARS, True),
        (ZIPF, True),
        ({"a": 500, "b": 2, "c": 1}, True),
        ({**REGULARS, "0": 200}, False),
        ({**REGULARS, "0": 200, "\\N": 200}, False),
        ({**REGULARS, "0": 20}, True),
    ],
)
def test_an_id_with_an_implausible_share_of_the_events(
    tmp_path: Path, make_night: Callable[..., Night], counts: dict[str, int], is_usual: bool
) -> None:
    """One id far above all others is advised on; a usual long tail and a table of three customers are not."""
    night = make_night(write_events(tmp_path / "events.csv", counts), **EVENTS)
    check = check_id_share(summarise(night, ingest(night)))
    assert (check.passed, check.required) == (is_usual, False)
    assert ("source.csv.null_values" in check.finding) == (not is_usual)
    assert f"{max(counts.values()) / sum(counts.values()):.1%} of {sum(counts.values()):,}" in check.finding


def test_the_advice_cures_it(tmp_path: Path, make_night: Callable[..., Night]) -> None:
    """With the id among the null values, its events are in quarantine as blank ids."""
    path = write_events(tmp_path / "events.csv", {**REGULARS, "0": 200})
    source = {"path": str(path), "csv": {"null_values": ["", "0"]}}
    night = make_night(path, **EVENTS, source=source)
    customers = summarise(night, ingest(night))
    assert customers.balance.reasons == {"id: blank id": 200}
    assert check_id_share(customers).passed


@pytest.mark.parametrize(
    ("ids", "is_warned"),
    [
        (["NULL"], True),
        (["\\N"], True),
        (["0"], True),
        (["guest"], True),
        (["0", "1"], False),
        (["NA"], False),
    ],
)
def test_ids_of_nobody_are_warned_of(
    tmp_path: Path, make_night: Callable[..., Night], ids: list[str], is_warned: bool
) -> None:
    """An id that means none is warned of, however few its events are; a 0 where ids count from 0 is not."""
    night = make_night(write_events(tmp_path / "events.csv", {**REGULARS, **dict.fromkeys(ids, 4)}), **EVENTS)
    warnings = [text for text in summarise(night, ingest(night)).warnings if "is unknown" in text]
    assert len(warnings) == is_warned
    assert all("source.csv.null_values" in text for text in warnings)


@pytest.mark.parametrize(
    ("ids", "is_warned"),
    [
        ([*(f"{n:06}" for n in range(1, 60)), *(f"{n}" for n in range(1, 20))], True),
        ([*(f"c{n}@x.org" for n in range(60)), *(f"C{n}@X.org" for n in range(5))], True),
        ([*(f"{n:06}" for n in range(60)), "1", "2"], False),
        ([f"{n}" for n in range(100)], False),
    ],
)
def test_ids_in_two_forms_are_warned_of(
    tmp_path: Path, make_night: Callable[..., Night], ids: list[str], is_warned: bool
) -> None:
    """000123 and 123, or addresses in two cases, are two customers, and the run says so."""
    night = make_night(write_events(tmp_path / "events.csv", dict.fromkeys(ids, 3)), **EVENTS)
    warnings = [text for text in summarise(night, ingest(night)).warnings if "leading zeros" in text]
    assert len(warnings) == is_warned
