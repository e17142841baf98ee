"""Stage 1, ingest: source files to typed parts and quarantine, every row judged by the contract.

One batch at a time. Duplicates are the next stage's business.
"""

from collections import Counter
from collections.abc import Iterable

from config.columns import Rows
from config.sources import Csv
from schemas.records import Counts, Ingested, Night, Part
from segmentation.errors import Refused
from segmentation.judging import judge_files
from segmentation.parts import start_folder, write_part
from segmentation.reading import REPEATED_HEADER, check_header, columns_to_read, read_header
from segmentation.samples import write_sample
from segmentation.source import SourceFile, check_content, find_files, fingerprint
from segmentation.store import is_whole, make_edition_key
from tasks.options import stage


def find_source(night: Night) -> list[SourceFile]:
    """The source's files, each accepted by its first bytes and fingerprinted."""
    source = night.segmentation.source
    if night.source is None and source.sample is not None:
        folder = start_folder(night.staging / "sample")
        paths = [write_sample(source, night.segmentation.seed, folder)]
    else:
        paths = find_files(source, night.source, night.as_of)
    files = [fingerprint(path) for path in paths]
    for path in paths:
        check_content(path, source.csv)
    return files


def check_headers(files: Iterable[SourceFile], rows: Rows, csv: Csv) -> list[str]:
    """Refuse a source with a header that breaks the contract; warnings otherwise."""
    wanted = columns_to_read(rows)
    found = (
        check_header(file.path.name, read_header(file.path, csv), wanted, csv.delimiter) for file in files
    )
    return [warning for warnings in found for warning in warnings]


@stage("ingest {night.as_of}")
def ingest(night: Night) -> Ingested:
    """Read, judge and write every row of the source; stop early if its edition is published."""
    rows, csv = night.segmentation.rows, night.segmentation.source.csv
    folder = start_folder(night.staging / "ingest")
    files = find_source(night)
    inputs = tuple(file.input for file in files)
    key = make_edition_key(night, inputs)
    if not night.force and is_whole(night.home, night.as_of, key.edition):
        nothing = Counts(read=0, good=0, quarantined=0, reasons={})
        return Ingested(
            key=key, inputs=inputs, published=True, counts=nothing, parts=(), quarantine=(), warnings=()
        )

    warnings = check_headers(files, rows, csv)
    parts: list[Part] = []
    quarantine: list[Part] = []
    reasons: Counter[str] = Counter()
    oddities: Counter[str] = Counter()
    for number, judged in enumerate(judge_files(files, rows, csv)):
        reasons += judged.reasons
        oddities += judged.oddities
        if judged.good.num_rows:
            parts.append(write_part(folder / f"rows-{number:05d}.parquet", judged.good))
        if judged.refused.num_rows:
            quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", judged.refused))

    if repeats := reasons[REPEATED_HEADER]:
        warnings.append(f"{repeats} row repeats the header: have files been concatenated?")
    if repeats > 1:
        raise Refused(
            "repeated-header", f"{repeats} rows repeat the header: give concatenated files one by one"
        )
    warnings += [f"{count} ids {what}" for what, count in sorted(oddities.items())]
    good, refused = sum(p.rows for p in parts), sum(p.rows for p in quarantine)
    if good == 0:
        names = ", ".join(one.name for one in inputs)
        found = f"all {refused} rows are refused: {dict(reasons.most_common(3))}" if refused else "no rows"
        raise Refused("no-rows", f"{names}: {found}; expected at least one row to use")
    counts = Counts(
        read=good + refused, good=good, quarantined=refused, reasons=dict(sorted(reasons.items()))
    )
    return Ingested(
        key=key,
        inputs=inputs,
        published=False,
        counts=counts,
        parts=tuple(parts),
        quarantine=tuple(quarantine),
        warnings=tuple(warnings),
    )
