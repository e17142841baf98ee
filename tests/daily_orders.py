"""A folder with a file of orders per day, some of them damaged, and what ingest says of it."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from config.definition import Definition
from schemas.rows import Ingested
from tasks.ingest import ingest
from tests.event_inputs import HEADER, define, make_night

DAYS = [date(2026, 1, 1) + timedelta(i) for i in range(30)]
DATED = {"path": "days", "date_in_name": "%Y-%m-%d"}
ROWS = 40

Line = Callable[[date, int], str]


def order(day: date, i: int) -> str:
    """A good line: 40 a day, of which the last two are large."""
    return f"c{i},i{i},{day} 10:{i:02d}:00,{i % 3 + 1},{i + 0.5 if i < 38 else 3204.5}"


def write_days(folder: Path, changed: dict[date, Line], name: str = "%Y-%m-%d") -> Path:
    """A file per day. `changed` days have other lines."""
    folder.mkdir(exist_ok=True)
    files: dict[str, list[str]] = {}
    for day in DAYS:
        write = changed.get(day, order)
        lines = [write(day, i) for i in range(ROWS)]
        files.setdefault(f"{day:{name}}.csv", [HEADER]).extend(line for line in lines if line)
    for file, lines in files.items():
        (folder / file).write_text("\n".join(lines) + "\n")
    return folder


def read(folder: Path, **changes: Any) -> tuple[Ingested, Definition]:
    """What ingest returns for a folder of daily files."""
    definition = define(**{"source": DATED, **changes})
    return ingest(make_night(folder, definition)), definition


def decimal_comma(day: date, i: int) -> str:
    """`12,5` for 12.5, quoted as Excel does."""
    return f'c{i},i{i},{day} 10:{i:02d}:00,2,"{i},5"'


def no_ids(day: date, i: int) -> str:
    """The column of ids is empty."""
    return f",i{i},{day} 10:{i:02d}:00,2,1.5"


def cancelled(day: date, i: int) -> str:
    """Lines that rows.where filters out."""
    return order(day, i).replace(",i", ",C")
