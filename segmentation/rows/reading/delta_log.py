"""The log of a Delta table at one version: which files count, in which order, and which a window opens.

The deltalake package reads the log. Reading the files is in delta.py; other table formats
are refused in segmentation/sources/table_formats.py.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

import pyarrow as pa

from config.columns import Rows
from segmentation.errors import Refused
from segmentation.rows.reading.column_places import adapt_header, locate_columns
from segmentation.rows.reading.currency_columns import add_currency_of_header
from segmentation.rows.reading.headers import check_header, columns_to_read
from segmentation.store.files.buckets import get_endpoint
from segmentation.store.files.objects import AnyPath, ObjectPath

if TYPE_CHECKING:
    from deltalake import DeltaTable

# Features that change nothing here, or that are applied. With any other, rows could be read wrongly.
_KNOWN_FEATURES = {
    *("deletionVectors", "columnMapping", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"),
    *("typeWidening", "typeWidening-preview"),
}
_WAY_OUT = "export it to plain Parquet files, or query it through a database with source.sql"
# Times in a log are instants, the window's days are local; and the log may cut digits.
_MARGIN = timedelta(days=2)


class DeltaFile(NamedTuple):
    """A data file of the table: its name below the table's folder, and its entry in the log."""

    name: str
    entry: Mapping[str, Any]


class DeltaColumns(NamedTuple):
    """The columns to read: their types by name, their names in the files, and those that are partitions."""

    schema: pa.Schema
    names_in_files: Mapping[str, str]
    partitions: frozenset[str]


class DeltaLog(NamedTuple):
    """A table at one version, and the files that count, in the order in which they were written."""

    folder: AnyPath
    table: "DeltaTable"
    version: int
    files: list[DeltaFile]
    columns: DeltaColumns
    header: list[str]
    warnings: list[str]


def read_log(folder: AnyPath, version: int | None, rows: Rows) -> DeltaLog:
    """The table's log. Refused if the version is gone, or needs a feature that is not known here."""
    table = _load(folder, version)
    _check_features(folder, table)
    fields = json.loads(table.schema().to_json())["fields"]
    header = [field["name"] for field in fields]
    expected = columns_to_read(rows)
    full_header = adapt_header(folder.name, header, rows)
    warnings = check_header(folder.name, full_header, expected, ",", rows.is_ignored)
    rows = add_currency_of_header(rows, header)
    places = locate_columns(columns_to_read(rows), header, rows)
    names = [place for place in places.values() if place]
    names_in_files = {
        field["name"]: field["metadata"].get("delta.columnMapping.physicalName", field["name"])
        for field in fields
    }
    types = pa.schema(table.schema().to_arrow())
    columns = DeltaColumns(
        pa.schema([pa.field(name, types.field(name).type) for name in names]),
        {name: names_in_files[name] for name in names},
        frozenset(table.metadata().partition_columns),
    )
    entries = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    entries.sort(key=lambda entry: (entry["modification_time"], entry["path"]))
    files = [DeltaFile(_name_file(folder, entry["path"]), entry) for entry in entries]
    return DeltaLog(folder, table, table.version(), files, columns, header, warnings)


def _load(folder: AnyPath, version: int | None) -> "DeltaTable":
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError
    except ImportError:
        message = f"{folder.name} is a Delta table; to read it, pip install 'resegment[delta]'"
        raise Refused("delta", message) from None
    options = {}
    if isinstance(folder, ObjectPath) and (endpoint := get_endpoint()):
        options = {"endpoint": endpoint, "allow_http": str(endpoint.startswith("http://")).lower()}
    try:
        return DeltaTable(str(folder), version=version, storage_options=options)
    except (DeltaError, TableNotFoundError, OSError, ValueError):
        pass  # the library's text may quote an object's URL
    if version is None:
        raise Refused("delta", f"the log of Delta table {folder.name} cannot be read")
    raise Refused(
        "vacuumed", f"version {version} of Delta table {folder.name} is not in its log, or no longer in it"
    )


def _check_features(folder: AnyPath, table: "DeltaTable") -> None:
    features = set(table.protocol().reader_features or ()) - _KNOWN_FEATURES
    if table.metadata().configuration.get("delta.columnMapping.mode") == "id":
        features.add("columnMapping by id")
    if features:
        named = ", ".join(sorted(features))
        raise Refused(
            "delta-feature", f"Delta table {folder.name} needs {named}, which is not supported; {_WAY_OUT}"
        )


def _name_file(folder: AnyPath, path: str) -> str:
    name = unquote(path)
    if "://" in path or path.startswith(("/", "file:")) or ".." in PurePosixPath(name).parts:
        raise Refused(
            "delta-feature",
            f"Delta table {folder.name} is a shallow clone: its files are another table's; read that one",
        )
    return name


def select_window(log: DeltaLog, rows: Rows, window: tuple[date, date] | None) -> list[DeltaFile]:
    """The files that may hold events of the window, by the earliest and latest time in each."""
    places = locate_columns([rows.time], log.columns.schema.names, rows) if rows.time else {}
    place = places.get(rows.time or "")
    # With a key, an event outside the window may replace one within it.
    if window is None or place is None or rows.key:
        return log.files
    return [file for file in log.files if _may_meet(file.entry, log.columns, place, window)]


def _may_meet(entry: Mapping[str, Any], columns: DeltaColumns, time: str, window: tuple[date, date]) -> bool:
    name = columns.names_in_files[time]
    if time in columns.partitions:
        earliest = latest = entry.get(f"partition.{time}")
    elif entry.get(f"null_count.{name}") == 0:  # a row without a time belongs in quarantine
        earliest, latest = entry.get(f"min.{name}"), entry.get(f"max.{name}")
    else:
        return True
    if not (isinstance(earliest, date) and isinstance(latest, date)):
        return True
    first, last = (stamp.date() if isinstance(stamp, datetime) else stamp for stamp in (earliest, latest))
    return first < window[1] + _MARGIN and last >= window[0] - _MARGIN
