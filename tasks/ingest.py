"""Stage ingest: source files to typed parts and quarantine, every row judged by the contract.

It works one batch at a time. Duplicates are handled in summarise.py.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from config.columns import Rows
from config.sources import Csv
from schemas.night import Night
from schemas.rows import Digest, EditionKey, Ingested, Input, RowBalance
from segmentation.errors import NoData, Refused
from segmentation.parts import create_empty_folder
from segmentation.rows.currencies import check_currencies, list_currency_rules
from segmentation.rows.deliveries import counts_twice
from segmentation.rows.digests import compute_digests
from segmentation.rows.headers import check_header, columns_to_read, read_header
from segmentation.rows.judging import judge_files, make_contract, with_currencies
from segmentation.rows.reading import REPEATED_HEADER
from segmentation.rows.refusing import summarise_reasons
from segmentation.rows.sketches import choose_share
from segmentation.rows.writing import JudgedRows, write_rows
from segmentation.samples.catalogue import write_samples
from segmentation.source import fetch_files, list_files
from segmentation.source_checks import SourceFile, check_content, fingerprint
from segmentation.store.edition_key import make_edition_key
from segmentation.store.layout import get_home
from segmentation.store.published import is_intact
from tasks.runtime.stage import stage

MOST_NAMED = 3  # inputs that a message lists by name


class OpenedSource(NamedTuple):
    """The source's files, accepted by their first bytes and their headers, and what was odd about them."""

    files: list[SourceFile]
    warnings: list[str]
    header: frozenset[str] = frozenset()  # the columns of all files


def open_source(night: Night) -> OpenedSource:
    """Query, sample, list or download the source's files."""
    definition = night.definition
    source, window = definition.source, definition.window(night.as_of)
    if night.source is None and source.sql is not None:
        return query_source(night, create_empty_folder(night.staging / "source"))
    if night.source is None and source.sample is not None:
        folder = create_empty_folder(night.staging / "sample")
        paths = write_samples(source, definition.seed, folder, window)
    else:
        listed = list_files(source, night.source, night.as_of, window)
        paths = fetch_files(listed, create_empty_folder(night.staging / "source"))
    # Before anything else reads the files, so that a file replaced during the run is noticed.
    files = [fingerprint(path) for path in paths]
    for path in paths:
        check_content(path, source.csv)
    return check_headers(files, definition.rows, source.csv)


def query_source(night: Night, folder: Path) -> OpenedSource:
    """The rows of the definition's SQL statement as a Parquet file in `folder`, named by the connection."""
    # SQLAlchemy and Prefect's blocks are a sixth of all that a night imports, and most nights read files.
    from segmentation.rows.database import DatabaseQuery, DatabaseSecret, stage_query
    from tasks.runtime.connections import look_up_secret

    definition = night.definition
    window = definition.window(night.as_of)
    name = definition.source.connection or ""
    binds = {"as_of": night.as_of, "window_start": window[0] if window else night.as_of}
    path = folder / f"{name}.parquet"
    query = DatabaseQuery(definition.source.sql or "", binds)
    warnings = stage_query(query, DatabaseSecret(name, look_up_secret(name)), definition.rows, path)
    file = fingerprint(path)
    return OpenedSource([file._replace(input=file.input.model_copy(update={"name": name}))], warnings)


def check_headers(files: list[SourceFile], rows: Rows, csv: Csv) -> OpenedSource:
    """Refuse a source with a header that breaks the contract. Returns warnings, each one once."""
    expected = columns_to_read(rows)
    names: dict[str, list[str]] = {}
    columns: set[str] = set()
    for file in files:
        name, header = file.path.name, read_header(file.path, csv)
        columns.update(header)
        for warning in check_header(name, header, expected, csv.delimiter):
            # Typed rows make the same edition whatever file they are in, so such files are not named.
            names.setdefault(warning, []).extend([] if file.input.numbered else [name])
    warnings = [_prefix(warning, files_with_it) for warning, files_with_it in names.items()]
    return OpenedSource(files, warnings, frozenset(columns))


def _prefix(warning: str, names: Sequence[str]) -> str:
    """`a.csv and 2 more files: …`; the warning alone where no file is named."""
    if not names:
        return warning
    return f"{names[0]}{f' and {len(names) - 1} more files' if len(names) > 1 else ''}: {warning}"


def check_rows(rows: JudgedRows, inputs: Sequence[Input]) -> list[str]:
    """Refuse a source that repeats its header or has no row to use. Returns warnings about what is odd."""
    balance, warnings = rows.balance, []
    if repeats := balance.reasons.get(REPEATED_HEADER, 0):
        warnings.append(f"{repeats} row repeats the header: were files concatenated?")
    if repeats > 1:
        raise Refused(
            "repeated-header", f"{repeats} rows repeat the header: give concatenated files one by one"
        )
    if not rows.parts:
        is_short = len(inputs) <= MOST_NAMED
        names = ", ".join(source.name for source in inputs) if is_short else f"{len(inputs)} files"
        refused = balance.quarantined
        problem = (
            f"all {refused} rows are refused: {summarise_reasons(Counter(balance.reasons))}"
            if refused
            else "no rows"
        )
        problem += f"; {balance.outside} are outside the window" if balance.outside else ""
        kind = Refused if refused else NoData
        raise kind("no-rows", f"{names}: {problem}; expected at least one row to use")
    return [*warnings, *(f"{count:,} {oddity}" for oddity, count in sorted(rows.oddities.items()))]


def report_nothing_read(
    key: EditionKey, inputs: tuple[Input, ...], digests: tuple[Digest, ...], no_data: str | None = None
) -> Ingested:
    """The record of a run that reads nothing: its edition is published already, or the source has no data."""
    return Ingested(
        key=key,
        inputs=inputs,
        digests=digests,
        is_published=no_data is None,
        balance=RowBalance(),
        parts=(),
        quarantine=(),
        warnings=(),
        no_data=no_data,
    )


def read_source(night: Night) -> Ingested:
    """Read, judge and write every row of the source; stop early if its edition is published."""
    definition = night.definition
    folder = create_empty_folder(night.staging / "ingest")
    source = open_source(night)
    inputs = tuple(file.input for file in source.files)
    contract = make_contract(definition.rows, definition, definition.window(night.as_of))
    digests = compute_digests(source.files, contract)
    key = make_edition_key(night, digests)
    # After hashing and before judging: a re-run of a published night costs one pass over the source.
    if not night.force and is_intact(get_home(night), night.as_of, key.edition):
        return report_nothing_read(key, inputs, digests)
    if counts_twice(definition.rows):
        contract = contract._replace(sketched=choose_share(source.files))
    contract = with_currencies(contract, list_currency_rules(definition, source.header))
    rows = write_rows(judge_files(source.files, contract), folder, inputs)
    warnings = (*source.warnings, *check_rows(rows, inputs), *rows.deliveries.find_repeats(definition))
    warnings = (*warnings, *check_currencies(rows.currencies, contract.currencies))
    return Ingested(
        key=key,
        inputs=inputs,
        digests=digests,
        balance=rows.balance,
        parts=tuple(rows.parts),
        quarantine=tuple(rows.quarantine),
        superseding=tuple(rows.superseding),
        warnings=warnings,
    )


@stage("ingest {night.as_of}")
def ingest(night: Night) -> Ingested:
    """The source's rows; a record without rows where the definition allows a source to be empty."""
    try:
        return read_source(night)
    except NoData as error:
        if night.definition.source.on_no_data == "refuse":
            raise
        key = EditionKey(edition="", previous=None, replaces=None)
        return report_nothing_read(key, (), (), no_data=str(error))
