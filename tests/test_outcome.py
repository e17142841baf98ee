"""What `resegment run` prints at its end: the verdict, what was read and refused and why, and warnings."""

import sys
from datetime import date
from typing import Any

import pytest

from resegment.outcome import format_published
from schemas.night import Published
from schemas.rows import RowBalance

ROWS = RowBalance(
    read=45_678,
    used=44_444,
    quarantined=1234,
    reasons={"id: blank id": 4, "quantity: not above 0": 20, "sent back": 10, "unit_price: unreadable": 1200},
    outside=90,
)


def end(**changes: Any) -> list[str]:
    """The lines for a night."""
    published = Published(
        **{
            "name": "shop",
            "as_of": date(2026, 1, 31),
            "edition": "0490df720cd6db09",
            "outcome": "published",
            "k": 4,
            "customers": 4264,
            "segments_path": "store/segments.parquet",
            "report_path": "store/report.html",
            "rows": ROWS,
            "quarantine_path": "store/quarantine.parquet",
            "files": 365,
            **changes,
        }
    )
    return format_published(published).splitlines()


def test_refused_rows_are_counted_with_their_reasons_and_place() -> None:
    """The most common reasons come first, then where every refused row is."""
    assert end(files_outside=12)[3:] == [
        "Read:     45,678 rows of 365 files (12 more are dated outside), 90 more outside the window",
        "Refused:  1,234 of 45,678 rows (2.70%): unit_price: unreadable (1,200), quantity: not above 0 (20), "
        "sent back (10), 1 more reason",
        "          store/quarantine.parquet",
    ]


def test_a_clean_night_says_so() -> None:
    """No refused row is said too, with one file as one file."""
    assert end(rows=RowBalance(read=3, used=3), files=1)[3:] == [
        "Read:     3 rows of 1 file",
        "Refused:  0 rows",
    ]


def test_merged_rows_are_counted() -> None:
    """Rows that another row of their customer or key replaced are said."""
    rows = RowBalance(read=5000, used=3000, merged=2000, outside=7)
    assert end(rows=rows, files=1)[3] == (
        "Read:     5,000 rows of 1 file, 2,000 of them merged with another row, 7 more outside the window"
    )


def test_a_small_share_is_not_rounded_to_nothing() -> None:
    """One refused row of a million is not 0 %."""
    rows = RowBalance(read=10**6, used=10**6 - 1, quarantined=1, reasons={"sent back": 1})
    assert "(under 0.01%)" in end(rows=rows)[4]


@pytest.mark.parametrize(
    ("outcome", "verb"),
    [("published", "Published:"), ("already-published", "Already published:"), ("held", "Held:")],
)
def test_failed_checks_and_notes_come_last(outcome: str, verb: str) -> None:
    """Whoever looks at the bottom of a terminal sees them, however the run ended."""
    lines = end(outcome=outcome, reasons=("churn: high",), warnings=("input: odd",))
    assert lines[0].startswith(verb)
    assert lines[-2:] == ["  check failed: churn: high", "  note: input: odd"]


def test_lines_fit_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 80 columns long lines are wrapped below their text; a path is never broken."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    lines = end(warnings=("input: " + "a word " * 30,))[3:]
    assert max(map(len, lines)) <= 80
    assert lines[1:4] == [
        "Refused:  1,234 of 45,678 rows (2.70%): unit_price: unreadable (1,200),",
        "          quantity: not above 0 (20), sent back (10), 1 more reason",
        "          store/quarantine.parquet",
    ]


def test_scripts_get_the_same_numbers() -> None:
    """--json has the balance, the files and the place of refused rows."""
    fields = Published.model_fields
    assert {"rows", "quarantine_path", "files", "files_outside", "reasons", "warnings"} <= set(fields)
