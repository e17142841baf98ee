"""Opening what a night reads: its source, its second tables and, with groups, the events before the window.

Rows are judged in tasks/ingest.py. Which files count is decided in segmentation/sources/listing.py.
"""

from collections.abc import Sequence
from pathlib import Path

from config.side_tables import list_side_tables
from schemas.night import Night
from segmentation.attributes.side_tables import (
    SideTable,
    make_side_night,
    named_refusals,
    open_side_table,
)
from segmentation.errors import NoData
from segmentation.groups.history import OpenedHistory, digest_history, make_history_night
from segmentation.parts import create_empty_folder
from segmentation.rows.judging.cast_batch import Contract, make_contract, with_python_schema
from segmentation.rows.judging.deliveries import counts_twice
from segmentation.rows.judging.digests import compute_digests
from segmentation.rows.judging.erased_rows import detect_erased
from segmentation.rows.reading.headers import read_header
from segmentation.rows.reading.opening import OpenedSource, open_files
from segmentation.samples.catalogue import write_samples
from segmentation.sources.content import SourceFile, fingerprint
from segmentation.sources.copied_files import refuse_copies
from segmentation.sources.listing import ListedFile, SourceListing, list_source, look_up_delta
from segmentation.store.tombstones import Tombstones


def open_source(night: Night, folder: str = "source") -> OpenedSource:
    """Query, sample, list or download the source's files. folder: of the run's copies, in staging."""
    definition = night.definition
    source, window = definition.source, definition.window(night.as_of)
    fetched = create_empty_folder(night.staging / folder)
    if night.source is None and source.sql is not None:
        return query_source(night, fetched)
    if (table := look_up_delta(source, night.source)) is not None:
        from segmentation.rows.reading.delta import open_delta

        return open_delta(table, definition, night.as_of, fetched)
    if night.source is None and source.sample is not None:
        samples = write_samples(
            source, definition.seed, create_empty_folder(night.staging / "sample"), window
        )
        listing = SourceListing([ListedFile(path, path.name, {}) for path in samples], [])
    else:
        listing = list_source(source, night.source, night.as_of, window)
    if counts_twice(definition.rows):
        names = [file.name for file in listing.files]
        listing.warnings.extend(refuse_copies(names, source.date_in_name))
    opened = open_files(listing.files, definition.rows, source.csv, fetched)
    return opened._replace(warnings=[*listing.warnings, *opened.warnings], outside=listing.outside)


def query_source(night: Night, folder: Path) -> OpenedSource:
    """The rows of the definition's SQL statement as a Parquet file in `folder`, named by the connection."""
    # SQLAlchemy and Prefect's blocks are a sixth of all that a night imports, and most nights read files.
    from segmentation.rows.reading.database import DatabaseQuery, DatabaseSecret, stage_query
    from tasks.runtime.connections import look_up_secret

    definition = night.definition
    window = definition.window(night.as_of)
    name = definition.source.connection or ""
    binds = {"as_of": night.as_of, "window_start": window[0] if window else night.as_of}
    path = folder / f"{name}.parquet"
    query = DatabaseQuery(definition.source.sql or "", binds)
    warnings = stage_query(query, DatabaseSecret(name, look_up_secret(name)), definition.rows, path)
    file = fingerprint(path)
    named = file._replace(input=file.input.model_copy(update={"name": name}))
    return OpenedSource([named], warnings, frozenset(read_header(path, definition.source.csv)))


def make_night_contract(night: Night) -> Contract:
    """The contract of the night's rows, with the checks of a Python schema."""
    definition = night.definition
    contract = make_contract(definition.rows, definition, definition.window(night.as_of))
    return with_python_schema(contract, night.schema_source)


def leave_out_erased(
    files: Sequence[SourceFile], contract: Contract, tombstones: Tombstones | None
) -> Contract:
    """The contract without the rows of erased customers that the source still has."""
    if tombstones is None:
        return contract
    return contract._replace(erased=frozenset(detect_erased(files, contract, tombstones)))


def open_side_tables(night: Night, tombstones: Tombstones | None) -> list[SideTable]:
    """The second tables that the definition names."""
    tables = []
    for name in list_side_tables(night.definition):
        side_night = make_side_night(night, name)
        with named_refusals(name):
            source = open_source(side_night, f"{name}-source")
            tables.append(open_side_table(name, side_night, source, tombstones))
    return tables


def open_history(night: Night) -> list[OpenedHistory]:
    """With groups and no edition that knows its customers: the source's events before the window."""
    earlier = make_history_night(night)
    if earlier is None:
        return []
    try:
        source = open_source(earlier.night)
    except NoData:
        source = OpenedSource([], [])
    contract = make_night_contract(earlier.night)
    digest = digest_history(earlier.night, compute_digests(source.files, contract))
    return [OpenedHistory(earlier.night, source, contract, (digest,), earlier.warnings)]
