"""Made-up tables, and helpers that write them and propose definitions for them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from config.definition_files import parse_definition
from segmentation.proposing.proposal import make_name, propose

HOSTILE = [
    "<script>alert(1)</script>",
    'a "b"\nname: x',
    "y: #z",
    "- {",
    "\u202eolé",
    " padded ",
    "null",
    "2",
]


def people(rows: int = 300) -> dict[str, Any]:
    """Customers in two groups: id, spend, visits, and one of three cities."""
    random = np.random.default_rng(5)
    group = np.arange(rows) % 2
    return {
        "customer id": [f"c{i:04d}" for i in range(rows)],
        "spend": (group * 500 + random.normal(100, 9, rows)).round(2),
        "visits": group * 20 + random.integers(1, 15, rows),
        "city": np.array(["Bonn", "Köln", "Ulm"])[random.integers(0, 3, rows)],
    }


def events(rows: int = 600) -> dict[str, Any]:
    """Invoice lines of 50 customers, some without an id, some of them returns."""
    random = np.random.default_rng(8)
    customers = [f"{17000 + i // 4 % 50}.0" for i in range(rows)]
    hours = np.repeat(random.integers(0, 30 * 24, -(-rows // 4)), 4)[:rows]
    days = pd.Timestamp("2026-01-01 08:00") + pd.to_timedelta(hours, unit="h")
    return {
        "InvoiceNo": [f"{'C' if i % 30 == 0 else ''}{9000 + i // 4}" for i in range(rows)],
        "Quantity": [-1 if i % 30 == 0 else i % 9 + 1 for i in range(rows)],
        "InvoiceDate": days.strftime("%Y-%m-%d %H:%M:%S"),
        "Unit Price": random.gamma(2, 4, rows).round(2) + 0.01,
        "CustomerID": [None if i % 10 == 0 else customer for i, customer in enumerate(customers)],
    }


def write_table(path: Path, columns: dict[str, Any], **dialect: Any) -> Path:
    """Write columns as a CSV file in a dialect, or as Parquet if the suffix says so."""
    frame = pd.DataFrame(columns)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, **dialect)
    return path


def propose_content(path: Path, requested_id: str | None = None) -> dict[str, Any]:
    """The proposed definition, validated, as parsed YAML."""
    name = make_name(str(path))
    text = propose(str(path), name, requested_id).text
    parse_definition(text, f"{name}.yaml")
    content: dict[str, Any] = yaml.safe_load(text)
    return content
