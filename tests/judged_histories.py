"""Random histories of a folder of dated event files, read every night."""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from config.definition import Definition
from schemas.known_files import KnownFiles
from schemas.night import Night
from schemas.rows import Ingested
from segmentation.errors import ResegmentError
from segmentation.parts import read_part
from tasks.ingest import ingest
from tasks.summarise import summarise
from tests.event_inputs import EVENTS, HEADER, with_rows

FIRST = date(2026, 1, 1)
_WINDOW = {
    "recency_days": {"op": "days_since_last"},
    "revenue": {"op": "sum", "expression": "pieces * price"},
}


class History(NamedTuple):
    """A folder of files whose names end in `suffix`, as it is now."""

    folder: Path
    suffix: str
    rng: random.Random

    def take_step(self) -> None:
        """Change the folder at random. Its next day's file is always added."""
        files = sorted(self.folder.glob(f"*{self.suffix}"))
        last = date.fromisoformat(files[-1].name[:10]) if files else FIRST
        self.write(last + timedelta(1))
        act = self.rng.choice(["none", "none", "change", "remove", "rename", "two days"])
        if act == "none" or len(files) < 3:
            return
        path = self.rng.choice(files[:-1])
        if act == "change":
            self.write(date.fromisoformat(path.name[:10]))
        elif act == "remove":
            path.unlink()
        elif act == "rename":
            path.rename(path.with_name(f"{path.name[:10]}-again{self.suffix}"))
        else:
            self.write(last + timedelta(2))

    def write(self, day: date) -> None:
        """Write a day's file: good lines, and lines of every other kind."""
        path, rows = self.folder / f"{day}{self.suffix}", self.rng.randrange(0, 30)
        lines = [self._draw(day) for _ in range(rows)]
        if self.suffix == ".parquet":
            columns = zip(*lines, strict=True) if lines else [()] * HEADER.count(",") + [()]
            arrays = [pa.array([value or None for value in column], pa.string()) for column in columns]
            table = pa.table(arrays, names=HEADER.split(","))
            pq.write_table(table, path, row_group_size=11)
            return
        texts = [",".join(line) for line in lines]
        texts += ["a,b"] if self.rng.random() < 0.3 else []
        self.rng.shuffle(texts)
        path.write_text("".join(f"{line}\n" for line in (HEADER, *texts)))

    def _draw(self, day: date) -> list[str]:
        rng, moved = self.rng, 0
        if rng.random() < 0.05:
            moved = rng.choice([-40, -1, 1])
        times = [f"{day + timedelta(moved)} {rng.randrange(24):02}:00:00"] * 9 + ["soon"]
        return [
            rng.choice(["", " c1", *(f"c{number}" for number in range(8))]),
            rng.choice(["C1", "i1", "i2", "i3", "i4"]),
            rng.choice(times),
            rng.choice(["1", "2", "3 pcs", "0", "x", "4"]),
            rng.choice(["0.1", "1.3", "2.7", "19.99", "-1", ""]),
        ]


def define(**changes: Any) -> Definition:
    """Events with a window of ten days, from files that are dated."""
    source = {"path": "x.csv", "date_in_name": "%Y-%m-%d", "days_after": 1}
    summary = {"window_days": 10, "features": _WINDOW}
    content = {**EVENTS, "source": source, "summary": summary, "features": list(_WINDOW), **changes}
    return Definition.model_validate(content)


def list_definitions() -> list[Definition]:
    """The same events under several contracts."""
    columns = EVENTS["rows"]["columns"]
    keyed = with_rows(key=["invoice", "id"], on_duplicate="last", order_by="day")
    conflicting = with_rows(key=["invoice", "id"], on_duplicate="quarantine")
    return [
        define(),
        define(rows=with_rows(columns={**columns, "pieces": {"type": "int", "gt": 1}})),
        define(rows=keyed),
        define(rows=conflicting),
    ]


class Judged(NamedTuple):
    """What a night read: its record without stage files, rows of all kinds, and how many files were known."""

    record: Ingested | str
    rows: list[list[dict[str, Any]]]
    known_files: KnownFiles


def read_night(history: History, definition: Definition, as_of: date, store: Path) -> Judged:
    """Read the folder; the record is the message where the night is refused."""
    night = Night(
        run_id="night",
        definition=definition,
        as_of=as_of,
        source=str(history.folder / f"*{history.suffix}"),
        store=store,
        force=False,
    )
    try:
        record = ingest(night)
        customers = summarise(night, record)
    except ResegmentError as error:
        return Judged(str(error), [], KnownFiles())
    kinds = (record.parts, record.quarantine, record.replacing, customers.parts, customers.quarantine)
    rows = [[row for part in parts for row in read_part(part).to_pylist()] for parts in kinds]
    rows[2].sort(key=lambda row: (row["source_file"], row["source_row"]))  # in no order
    nothing = {"parts": (), "quarantine": (), "replacing": (), "known_files": KnownFiles()}
    return Judged(record.model_copy(update=nothing), rows, record.known_files)
