"""The ledger: one row per run, kept forever. Clock times, host and paths are here and nowhere else.

A row is written when a run begins and replaced when it ends, so a killed run is still `begun`. An
edition's facts are in its manifest.json.
"""

import json
import os
import platform
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from schemas.night import Night
from segmentation.store.durable import write_durably
from segmentation.store.layout import VERSION, Home, get_home, join_path
from segmentation.store.objects import AnyPath


def ledger_path(home: Home, run_id: str) -> Home:
    """The file with one run's row."""
    return join_path(home, "ledger", f"{run_id}.json")


def begin_row(night: Night) -> None:
    """Write the row of a run that begins. A retry of the same run keeps its first `began`."""
    earlier = _read_row(ledger_path(get_home(night), night.run_id)) or {}
    row = {
        "run_id": night.run_id,
        "segmentation": night.definition.name,
        "as_of": str(night.as_of),
        "began": earlier.get("began", _now()),
        "ended": None,
        "outcome": "begun",
        "tries": earlier.get("tries", 0) + 1,
        "host": platform.node(),
        "process": os.getpid(),
        "version": VERSION,
        "source": night.source or night.definition.source.path or night.definition.source.sample,
        "force": night.force,
        "parent_run_id": night.parent,
        "refusals": night.attempt,
    }
    _put_row(get_home(night), row)


def count_refusals(home: AnyPath, run_id: str) -> int:
    """How often this run has ended in a refusal or conflict, after which its stage files are removed."""
    return int((_read_row(ledger_path(home, run_id)) or {}).get("refusals", 0))


def end_row(night: Night, outcome: str, facts: dict[str, Any]) -> None:
    """Complete the row of this run with its outcome and facts, such as edition, k or the reason."""
    row = _read_row(ledger_path(get_home(night), night.run_id)) or {"run_id": night.run_id}
    _put_row(get_home(night), {**row, **facts, "ended": _now(), "outcome": outcome})


def add_row(home: AnyPath, as_of: date, outcome: str, facts: dict[str, Any]) -> None:
    """Write a row for something that is not a run, such as a promotion."""
    run_id, moment = str(uuid4()), _now()
    row = {
        "run_id": run_id,
        "segmentation": home.name,
        "as_of": str(as_of),
        "began": moment,
        "ended": moment,
        "outcome": outcome,
        "host": platform.node(),
        "version": VERSION,
        **facts,
    }
    _put_row(home, row)


def read_rows(home: AnyPath) -> list[dict[str, Any]]:
    """All rows, oldest first, without those that cannot be read."""
    rows = [row for path in (home / "ledger").glob("*.json") if (row := _read_row(path))]
    return sorted(rows, key=lambda row: (row.get("began", ""), row["run_id"]))


def read_nights(home: AnyPath) -> list[dict[str, Any]]:
    """The rows of runs meant to publish their date, oldest first: all but comparisons."""
    return [row for row in read_rows(home) if row.get("outcome") != "compared"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _read_row(path: AnyPath) -> dict[str, Any] | None:
    try:
        row = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return row if isinstance(row, dict) and "run_id" in row else None


def _put_row(home: AnyPath, row: dict[str, Any]) -> None:
    # A file per run: parallel runs never write the same one, so the ledger needs no lock.
    content = json.dumps(row, indent=1, sort_keys=True).encode() + b"\n"
    write_durably(ledger_path(home, row["run_id"]), content)
