"""How fresh files are that are dated by a day, a week or a month."""

from datetime import date

import pytest

from config.definition import Definition
from schemas.rows import EditionKey, Ingested, Input, RowBalance
from segmentation.rows.summarising.freshness import infer_newest_day


def infer(pattern: str | None, *names: str, as_of: str = "2026-06-20") -> date | None:
    """The newest day of customers in files of these names."""
    source = {"path": "in", "date_in_name": pattern}
    rows = {"id": "id", "columns": {"spend": {"type": "float"}}}
    content = {"name": "demo", "source": source, "rows": rows, "features": ["spend"]}
    ingested = Ingested(
        key=EditionKey(edition="", previous=None, replaces=None),
        inputs=tuple(Input(name=name, size=1, sha256="") for name in names),
        digests=(),
        balance=RowBalance(),
        parts=(),
        quarantine=(),
        warnings=(),
    )
    return infer_newest_day(Definition.model_validate(content), ingested, date.fromisoformat(as_of))


@pytest.mark.parametrize(
    ("pattern", "name", "newest"),
    [
        ("%Y-%m-%d", "2026-06-14.csv", "2026-06-14"),
        ("%Y/%m/%d", "2026/06/14.csv", "2026-06-14"),
        # A week and a month are over on their last day: the file may hold it.
        ("%G-W%V", "2026-W24.csv", "2026-06-14"),
        ("%Y-%m", "customers-2026-05.csv", "2026-05-31"),
        # One that is not over is as new as it can be.
        ("%G-W%V", "2026-W25.csv", "2026-06-20"),
        ("%Y-%m", "customers-2026-06.csv", "2026-06-20"),
        ("%Y", "2026.csv", "2026-06-20"),
    ],
)
def test_a_file_is_as_new_as_the_last_day_it_may_hold(pattern: str, name: str, newest: str) -> None:
    """Not as old as its first day, and never newer than as_of."""
    assert infer(pattern, name) == date.fromisoformat(newest)


def test_files_without_dates_say_nothing() -> None:
    """Without a pattern, or without a date in the name, the age of the data is unknown."""
    assert infer(None, "2026-06-14.csv") is None
    assert infer("%Y-%m-%d", "customers.csv") is None
    assert infer("%Y-%m-%d", "2026-06-13.csv", "2026-06-14.csv") == date(2026, 6, 14)
