"""Stage ingest: source files to typed parts and quarantine, every row judged by the contract.

One batch at a time. Duplicates are the next stage's business.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from config.columns import Rows
from config.sources import Csv
from schemas.records import Counts, Digest, EditionKey, Ingested, Input, Night, Part
from segmentation.errors import NoData, Refused
from segmentation.parts import start_folder, write_part
from segmentation.rows.digests import identify
from segmentation.rows.judging import Judged, judge_files, make_contract
from segmentation.rows.reading import REPEATED_HEADER, check_header, columns_to_read, read_header
from segmentation.rows.refusing import tell_reasons
from segmentation.samples.catalogue import write_samples
from segmentation.source import SourceFile, check_content, fetch, find_files, fingerprint
from segmentation.store.edition_key import make_edition_key
from segmentation.store.layout import find_home, is_whole
from tasks.runtime.stage import stage


def find_source(night: Night) -> tuple[list[SourceFile], list[str]]:
    """The source's files, each accepted by its first bytes and fingerprinted; warnings."""
    source, window = night.segmentation.source, night.segmentation.window(night.as_of)
    if night.source is None and source.sql is not None:
        file, warnings = fetch_source(night, start_folder(night.staging / "source"))
        return [file], warnings
    if night.source is None and source.sample is not None:
        folder = start_folder(night.staging / "sample")
        paths = write_samples(source, night.segmentation.seed, folder, window)
    else:
        found = find_files(source, night.source, night.as_of, window)
        paths = fetch(found, start_folder(night.staging / "source"))
    files = [fingerprint(path) for path in paths]
    for path in paths:
        check_content(path, source.csv)
    return files, check_headers(files, night.segmentation.rows, source.csv)


def fetch_source(night: Night, folder: Path) -> tuple[SourceFile, list[str]]:
    """The rows of the definition's statement as a Parquet file in `folder`, named by the connection."""
    # SQLAlchemy and Prefect's blocks: a sixth of all that a night imports, and most nights read files.
    from segmentation.rows.database import Query, stage_query
    from tasks.runtime.connections import find_secret

    source, window = night.segmentation.source, night.segmentation.window(night.as_of)
    name = source.connection or ""
    binds = {"as_of": night.as_of, "window_start": window[0] if window else night.as_of}
    path = folder / f"{name}.parquet"
    secret = name, find_secret(name)
    warnings = stage_query(Query(source.sql or "", binds), secret, night.segmentation.rows, path)
    file = fingerprint(path)
    return file._replace(input=file.input.model_copy(update={"name": name})), warnings


def check_headers(files: Iterable[SourceFile], rows: Rows, csv: Csv) -> list[str]:
    """Refuse a source with a header that breaks the contract; warnings otherwise, each said once."""
    wanted = columns_to_read(rows)
    found: dict[str, list[str]] = {}
    for file in files:
        name = file.path.name
        for warning in check_header(name, read_header(file.path, csv), wanted, csv.delimiter):
            # Typed rows make the same edition whatever file they are in: no name.
            told = [] if file.input.numbered else [name]
            found.setdefault(warning, []).extend(told)
    return [_say(names, warning) for warning, names in found.items()]


def _say(names: Sequence[str], warning: str) -> str:
    """`a.csv and 2 more files: …`; the warning alone where no file is named."""
    if not names:
        return warning
    return f"{names[0]}{f' and {len(names) - 1} more files' if len(names) > 1 else ''}: {warning}"


class Written(NamedTuple):
    """What became of the source's rows: good parts, refused parts, and what was counted."""

    parts: list[Part]
    quarantine: list[Part]
    reasons: Counter[str]
    mentions: Counter[str]
    oddities: Counter[str]
    outside: int


def write_rows(judged: Iterable[Judged], folder: Path) -> Written:
    """Write judged batches as they come, and count."""
    reasons, mentions, oddities = Counter[str](), Counter[str](), Counter[str]()
    parts: list[Part] = []
    quarantine: list[Part] = []
    outside = 0
    for number, one in enumerate(judged):
        reasons += one.reasons
        mentions += one.mentions
        oddities += one.oddities
        outside += one.outside
        if one.good.num_rows:
            parts.append(write_part(folder / f"rows-{number:05d}.parquet", one.good))
        if one.refused.num_rows:
            quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", one.refused))
    return Written(parts, quarantine, reasons, mentions, oddities, outside)


def check_rows(written: Written, inputs: Sequence[Input]) -> list[str]:
    """Refuse a source that repeats its header, or has no row to use; warnings about what is odd."""
    warnings = []
    if repeats := written.reasons[REPEATED_HEADER]:
        warnings.append(f"{repeats} row repeats the header: have files been concatenated?")
    if repeats > 1:
        raise Refused(
            "repeated-header", f"{repeats} rows repeat the header: give concatenated files one by one"
        )
    if not written.parts:
        names = ", ".join(one.name for one in inputs) if len(inputs) <= 3 else f"{len(inputs)} files"
        refused = sum(part.rows for part in written.quarantine)
        found = f"all {refused} rows are refused: {tell_reasons(written.reasons)}" if refused else "no rows"
        found += f"; {written.outside} lie outside the window" if written.outside else ""
        kind = Refused if refused else NoData
        raise kind("no-rows", f"{names}: {found}; expected at least one row to use")
    return [*warnings, *(f"{count} ids {what}" for what, count in sorted(written.oddities.items()))]


def take_nothing(
    key: EditionKey, inputs: tuple[Input, ...], digests: tuple[Digest, ...], no_data: str | None = None
) -> Ingested:
    """Nothing was read: the edition is published already, or there is no data."""
    return Ingested(
        key=key,
        inputs=inputs,
        digests=digests,
        published=no_data is None,
        counts=Counts(read=0, good=0, quarantined=0, reasons={}),
        parts=(),
        quarantine=(),
        warnings=(),
        no_data=no_data,
    )


def read_source(night: Night) -> Ingested:
    """Read, judge and write every row of the source; stop early if its edition is published."""
    segmentation = night.segmentation
    folder = start_folder(night.staging / "ingest")
    files, warnings = find_source(night)
    inputs = tuple(file.input for file in files)
    contract = make_contract(segmentation.rows, segmentation, segmentation.window(night.as_of))
    digests = identify(files, contract)
    key = make_edition_key(night, digests)
    if not night.force and is_whole(find_home(night), night.as_of, key.edition):
        return take_nothing(key, inputs, digests)

    written = write_rows(judge_files(files, contract), folder)
    warnings += check_rows(written, inputs)

    good, refused = (sum(part.rows for part in parts) for parts in (written.parts, written.quarantine))
    counts = Counts(
        read=good + refused,
        good=good,
        quarantined=refused,
        reasons=dict(sorted(written.reasons.items())),
        mentions=dict(sorted(written.mentions.items())),
        outside=written.outside,
    )
    return Ingested(
        key=key,
        inputs=inputs,
        digests=digests,
        published=False,
        counts=counts,
        parts=tuple(written.parts),
        quarantine=tuple(written.quarantine),
        warnings=tuple(warnings),
    )


@stage("ingest {night.as_of}")
def ingest(night: Night) -> Ingested:
    """The source's rows, or that there are none where the definition takes that for no fault."""
    try:
        return read_source(night)
    except NoData as nothing:
        if night.segmentation.source.on_no_data == "refuse":
            raise
        key = EditionKey(edition="", previous=None, replaces=None)
        return take_nothing(key, (), (), no_data=str(nothing))
