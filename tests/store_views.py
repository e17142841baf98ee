"""What a store is, read without the project's code: pointer, tables, editions, ids, names, ledger.

A view is plain JSON, so that a process can hand it to another one. What it must be is in store_model.py.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

EDITION_KEY = b"resegment.edition"
LEFT = (".staging/*", ".replaced/*", "**/*.tmp")


def view_store(home: Path, fresh: list[str]) -> dict[str, Any]:
    """The store. Of editions not in `fresh`, which lists those that are known, customers are read too."""
    return {
        "live": read_json(home / "live.json"),
        "ids": read_json(home / "ids.json"),
        "names": read_json(home / "names.json") or {},
        "published": {path.parent.name.partition("=")[2]: read_name(path) for path in list_tables(home)},
        "editions": view_editions(home, set(fresh)),
        "ledger": Counter(row_outcome(path) for path in (home / "ledger").glob("*.json")),
        "left": sorted(str(path.relative_to(home)) for pattern in LEFT for path in home.glob(pattern)),
    }


def read_json(path: Path) -> Any:
    """A JSON file; None without it."""
    return json.loads(path.read_bytes()) if path.exists() else None


def row_outcome(path: Path) -> str:
    """The outcome in a row of the ledger, `ended` or not."""
    return str(read_json(path)["outcome"])


def list_tables(home: Path) -> list[Path]:
    """The published tables."""
    return sorted((home / "published").glob("as_of=*/segments.parquet"))


def read_name(path: Path) -> str:
    """The edition that a table names. The whole table is read."""
    table = pq.ParquetFile(path).read(use_threads=False)
    return str(table.schema.metadata[EDITION_KEY].decode())


def view_editions(home: Path, known: set[str]) -> dict[str, Any]:
    """Each edition's date and manifest, and the customers of those that are not known yet."""
    views = dict[str, Any]()
    for path in sorted((home / "editions").glob("*/*/manifest.json")):
        folder = path.parent
        manifest = json.loads(path.read_bytes())
        names = (
            "decision",
            "previous",
            "sizes",
            "rows",
            "k",
            "how",
            "accept_new_ids",
            "inputs",
            "given_names",
        )
        view = {name: manifest.get(name) for name in names} | {"as_of": folder.parent.name}
        if folder.name not in known:
            view["customers"] = read_customers(folder / "segments.parquet")
        views[folder.name] = view
    return views


def read_customers(path: Path) -> dict[str, list[str | None]]:
    """Segment, previous segment and change by customer."""
    table = pq.ParquetFile(path).read(use_threads=False).to_pydict()
    columns = (table["segment_id"], table["previous_segment_id"], table["change"])
    return dict(zip(table["customer_id"], map(list, zip(*columns, strict=True)), strict=True))
