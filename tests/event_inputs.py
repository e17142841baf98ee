"""Events for tests: a definition of grain event, CSV files of events, and the stages that read them."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from config.definition import Definition
from schemas.night import Night
from schemas.rows import Customers, Ingested
from segmentation.parts import read_part, write_part
from segmentation.rows.summarising.aggregation import Aggregation, choose_scale
from segmentation.rows.summarising.engine import open_engine, run_query
from segmentation.rows.summarising.events import name_features
from tasks.ingest import ingest
from tasks.summarise import summarise

AS_OF = date(2026, 2, 1)
HEADER = "id,invoice,day,pieces,price"

EVENTS: dict[str, Any] = {
    "name": "demo",
    "timezone": "Europe/London",
    "source": {"path": "events.csv"},
    "rows": {
        "grain": "event",
        "id": "id",
        "time": "day",
        "where": [{"column": "invoice", "not_starts_with": "C", "reason": "cancellation"}],
        "columns": {
            "invoice": {"type": "text"},
            "day": {"type": "timestamp"},
            "pieces": {"type": "int", "gt": 0},
            "price": {"type": "float", "ge": 0},
        },
    },
    "summary": {
        "window_days": 31,
        "features": {
            "recency_days": {"op": "days_since_last"},
            "orders": {"op": "count_distinct", "column": "invoice"},
            "revenue": {"op": "sum", "expression": "pieces * price"},
        },
    },
    "features": ["recency_days", "orders", "revenue"],
}


def define(**changes: Any) -> Definition:
    """The definition EVENTS. Keyword arguments replace parts of it."""
    return Definition.model_validate({**EVENTS, **changes})


def with_rows(**changes: Any) -> dict[str, Any]:
    """The rows of EVENTS with these changes."""
    return {**EVENTS["rows"], **changes}


def with_features(features: Mapping[str, Any]) -> dict[str, Any]:
    """A summary with these features, and all of them clustered."""
    return {"summary": {"window_days": 31, "features": features}, "features": list(features)}


def write_events(path: Path, lines: Iterable[str], header: str = HEADER) -> Path:
    """Write these lines as a CSV file."""
    path.write_text("".join(f"{line}\n" for line in (header, *lines)))
    return path


def make_night(source: Path, definition: Definition | None = None, run_id: str = "test-run") -> Night:
    """A night as of 1 February 2026, with its store next to the source."""
    return Night(
        run_id=run_id,
        definition=definition or define(),
        as_of=AS_OF,
        source=str(source),
        store=source.parent / "store",
        force=False,
    )


def ingest_and_summarise(night: Night) -> tuple[Ingested, Customers]:
    """Run the two stages that read events."""
    rows = ingest(night)
    return rows, summarise(night, rows)


def read_customers(customers: Customers) -> pd.DataFrame:
    """The customer table, indexed by id."""
    customer_table: pd.DataFrame = pd.concat([read_part(part).to_pandas() for part in customers.parts])
    return customer_table.set_index("customer_id")


def read_refused(customers: Customers) -> pd.DataFrame:
    """The refused rows, in the order of the files."""
    refused_rows: pd.DataFrame = pd.concat([read_part(part).to_pandas() for part in customers.quarantine])
    return refused_rows.reset_index(drop=True)


def make_events(rows: int, customers: int, seed: int = 5) -> pd.DataFrame:
    """Events of January 2026 with skewed prices, ids in several alphabets, and ties."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2026-01-01", "us")
    return pd.DataFrame(
        {
            "customer_id": [f"{'aZé漢'[n % 4]}{n}" for n in rng.integers(0, customers, rows)],
            "invoice": [f"i{n}" if n != 3 else "i'3" for n in rng.integers(0, 30, rows)],
            "day": start + rng.integers(0, 31 * 86_400_000_000, rows).astype("timedelta64[us]"),
            "pieces": rng.integers(1, 50, rows),
            "price": np.round(rng.lognormal(1, 4, rows), 2),
        }
    )


def aggregate(
    folder: Path, frames: list[pd.DataFrame], definition: Definition, as_of: date = AS_OF
) -> pa.Table:
    """Aggregate these events to customers, with one stage file per frame."""
    folder.mkdir(parents=True, exist_ok=True)
    events = (pa.Table.from_pandas(frame, preserve_index=False) for frame in frames)
    parts = [write_part(folder / f"{i}.parquet", table) for i, table in enumerate(events)]
    aggregation = Aggregation(definition, as_of, parts)
    with open_engine(folder, folder / "spill") as connection:
        (ranges,) = run_query(connection, aggregation.ranges_query())
        events, *largest = ranges.to_pylist()[0].values()
        assert events == sum(map(len, frames))
        tables = list(
            run_query(
                connection, aggregation.customers_query([choose_scale(size, events) for size in largest])
            )
        )
    return name_features(pa.concat_tables(tables), definition)


def check_balance(customers: Customers) -> None:
    """Check that every row in the window is used or quarantined, and that reasons count every refused row."""
    assert (
        customers.balance.read
        == customers.balance.used + customers.balance.merged + customers.balance.quarantined
    )
    assert customers.balance.merged == 0
    assert sum(customers.balance.reasons.values()) == customers.balance.quarantined
    assert all(
        count <= customers.balance.mentions[reason] for reason, count in customers.balance.reasons.items()
    )
