"""A store with a customer in every kind of file, and a search for that customer that knows no code of ours.

The search reads raw bytes in several encodings, and every decoded column of every Parquet file.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from schemas.erasure import ErasureSummary
from segmentation.erasing.erasure import erase_customers
from segmentation.erasing.requests import make_request
from tests.nights import Town, create_town, day

VICTIM = "p00520-9f3ac1e7b2"  # between the borders of night 1 and night 2, so it is contested
COMBINING: dict[str, Any] = {
    "features": ["spend"],
    "scaling": {"default": "standard"},
    "k": {"min": 2, "max": 3, "rule": "fixed", "fixed": 2},
    "refit": {"policy": "always", "mode": "combine", "nights": 3},
    "checks": {"max_quarantined": 0.5},
}


def draw_line(crowd: int = 300) -> pd.DataFrame:
    """Customers p00000… who spend 0 to 999, one of them the victim, and a crowd q00000… of 999 each."""
    line = {VICTIM if i == 520 else f"p{i:05d}": f"{i}.0" for i in range(1000)}
    line |= {f"q{i:05d}": "999.0" for i in range(crowd)}
    return pd.DataFrame({"id": list(line), "spend": list(line.values()), "visits": "1.0"})


def without(customers: pd.DataFrame, customer_id: str = VICTIM) -> pd.DataFrame:
    """The customers without one of them."""
    return customers[customers["id"] != customer_id]


def write_refused(path: Path) -> None:
    """The line with two rows of the victim that are refused: an unreadable amount, and a field too many."""
    draw_line().to_csv(path, index=False)
    with path.open("a") as file:
        file.write(f"{VICTIM},much,1.0\n")
        file.write(f'"{VICTIM}",1.0,1.0,1.0\n')
        file.write("r00001,much,1.0\n")


def create_store(folder: Path) -> Town:
    """Five nights: the victim is contested in 2, leaves in 3, joins in 4 with refused rows, is held in 5."""
    town = create_town(folder, **COMBINING)
    outcomes = [
        town.night(1, draw_line(0)).outcome,
        town.night(2, draw_line()).outcome,
        town.night(3, without(draw_line())).outcome,
    ]
    write_refused(town.folder / "night-4.csv")
    outcomes.append(town.run(4, town.folder / "night-4.csv").outcome)
    outcomes.append(town.night(5, draw_line().iloc[::4]).outcome)
    assert outcomes == ["published"] * 4 + ["held"]
    return town


@pytest.fixture(scope="session")
def five_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Five nights with the victim in every kind of file that holds customers."""
    return create_store(tmp_path_factory.mktemp("town"))


def erase(town: Town, *ids: str) -> ErasureSummary:
    """Ana erases these customers."""
    request = make_request(town.home, ids, "ana", "request 4711", town.home)
    return erase_customers(town.home, request, lambda line: None)


def search(folder: Path, customer_id: str) -> set[str]:
    """Files below a folder that hold the id in their bytes, in any encoding, or in a decoded value."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and (has_bytes(path, customer_id) or has_value(path, customer_id))
    }


def has_bytes(path: Path, customer_id: str) -> bool:
    """Are the id's bytes in the file: as UTF-8, UTF-16, base64 or hexadecimal?"""
    content = path.read_bytes()
    octets = customer_id.encode()
    # Base64 depends on the position within three bytes: the middle of it is the same for each.
    encoded = [base64.b64encode(b"\0" * shift + octets)[4 : -(4 if shift else 2)] for shift in range(3)]
    forms = [octets, customer_id.encode("utf-16-le"), customer_id.encode("utf-16-be")]
    return any(form in content for form in (*forms, *encoded, octets.hex().encode()))


def has_value(path: Path, customer_id: str) -> bool:
    """Is the id in a value, a statistic or the metadata of the Parquet file?"""
    if path.suffix != ".parquet":
        return False
    return any(customer_id in text for text in list_texts(path))


def list_texts(path: Path) -> Iterator[str]:
    """Every value, every column's least and largest value, and the metadata of a Parquet file, as text."""
    table = pq.ParquetFile(path)
    yield from map(str, (table.metadata.metadata or {}).values())
    for group in range(table.num_row_groups):
        for column in range(table.metadata.num_columns):
            statistics = table.metadata.row_group(group).column(column).statistics
            if statistics is not None and statistics.has_min_max:
                yield from (str(statistics.min), str(statistics.max))
    for column_values in table.read().to_pydict().values():
        yield from map(str, column_values)


def read_manifest_rows(town: Town, number: int, edition: str) -> dict[str, Any]:
    """The row balance in an edition's manifest."""
    path = town.home / "editions" / str(day(number)) / edition / "manifest.json"
    rows: dict[str, Any] = json.loads(path.read_text())["rows"]
    return rows
