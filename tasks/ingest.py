"""Stage ingest: source files to typed parts and quarantine, every row judged by the contract.

It works one batch at a time. Duplicates are handled in summarise.py.
"""

from collections import Counter
from collections.abc import Sequence

from config.clauses import CheckLimits
from schemas.late_files import LateFiles
from schemas.night import Night
from schemas.rows import Digest, EditionKey, Ingested, Input
from schemas.wording import format_count
from segmentation.attributes.aliases import leave_out_merged, read_merged_ids, write_aliases
from segmentation.attributes.side_tables import (
    SideTable,
    judge_side_tables,
    list_side_inputs,
)
from segmentation.errors import NoData, Refused
from segmentation.groups.history import OpenedHistory, add_history
from segmentation.identity.continuing import confirm_previous
from segmentation.identity.given_names import resolve_names
from segmentation.outcomes.tie_breaking import choose_night_validation
from segmentation.parts import create_empty_folder
from segmentation.rows.casting.merged_ids import MergedIds
from segmentation.rows.judging.cast_batch import Contract, with_currencies
from segmentation.rows.judging.currencies import check_currencies, list_currency_rules
from segmentation.rows.judging.deliveries import counts_twice
from segmentation.rows.judging.digests import compute_digests
from segmentation.rows.judging.judged_cache import open_cache
from segmentation.rows.judging.judged_source import judge_rows
from segmentation.rows.judging.refused_value import list_amounts
from segmentation.rows.judging.refusing import summarise_reasons
from segmentation.rows.judging.row_counts import CountRules, make_count_rules
from segmentation.rows.judging.sketches import choose_share
from segmentation.rows.judging.writing import JudgedRows
from segmentation.rows.reading.file_batches import REPEATED_HEADER
from segmentation.rows.reading.opening import OpenedSource
from segmentation.sources.content import SourceFile
from segmentation.sources.late_files import detect_late_files
from segmentation.store.catalogue.edition_key import StoreContent, collect_content, make_edition_key
from segmentation.store.catalogue.pruned import name_as_published
from segmentation.store.catalogue.unread_sources import report_nothing_read, report_published
from segmentation.store.layout import get_home
from segmentation.store.runs.space import check_space
from segmentation.store.tombstones import (
    Tombstones,
    digest_ids,
    fingerprint_tombstones,
    read_tombstones,
    refuse_pending,
)
from tasks.runtime.opening import (
    leave_out_erased,
    make_night_contract,
    open_history,
    open_side_tables,
    open_source,
)
from tasks.runtime.stage import stage

MOST_NAMED = 3  # inputs that a message lists by name


def check_rows(rows: JudgedRows, inputs: Sequence[Input]) -> list[str]:
    """Refuse a source that repeats its header or has no row to use. Returns warnings about what is odd."""
    balance, warnings = rows.balance, []
    repeats = balance.reasons.get(REPEATED_HEADER, 0)
    if repeats == 1:
        warnings.append("1 row repeats the header: were files concatenated?")
    if repeats > 1:
        raise Refused(
            "repeated-header", f"{repeats:,} rows repeat the header: give concatenated files one by one"
        )
    if not rows.parts:
        is_short = len(inputs) <= MOST_NAMED
        names = ", ".join(source.name for source in inputs) if is_short else f"{len(inputs)} files"
        refused = balance.quarantined
        subject = "the only row is" if refused == 1 else f"all {refused:,} rows are"
        problem = (
            f"{subject} refused: {summarise_reasons(Counter(balance.reasons))}" if refused else "no rows"
        )
        problem += f"; {balance.outside} are outside the window" if balance.outside else ""
        problem += f"; {balance.erased} are of erased customers" if balance.erased else ""
        kind = Refused if refused else NoData
        raise kind("no-rows", f"{names}: {problem}; expected at least one row to use")
    return [
        *warnings,
        *(f"in {format_count(count, 'row')}, {odd}" for odd, count in sorted(rows.oddities.items())),
    ]


def check_row_count(count: int, limits: CheckLimits) -> None:
    """Refuse a night whose rows are fewer or more than the definition allows."""
    # Before customers are clustered: a cut export would make segments that nobody can use.
    rows = format_count(count, "row")
    if limits.min_rows is not None and count < limits.min_rows:
        raise Refused("row-count", f"{rows}; checks.min_rows is {limits.min_rows:,}: is the source complete?")
    if limits.max_rows is not None and count > limits.max_rows:
        problem = f"{rows}; checks.max_rows is {limits.max_rows:,}: was a file delivered twice?"
        raise Refused("row-count", problem)


def make_rules(night: Night, inputs: Sequence[Input]) -> CountRules:
    """How the rows are counted by day and by file."""
    definition = night.definition
    location = night.source or definition.source.path or ""
    # A single file that somebody names may hold any days, whatever date is in its name.
    is_one_file = len(inputs) == 1 and location.endswith(inputs[0].name)
    names = [""] if is_one_file else [file.name for file in inputs]
    return make_count_rules(definition, definition.window(night.as_of), names)


def complete_contract(night: Night, source: OpenedSource, contract: Contract) -> Contract:
    """The contract that also looks for rows delivered twice, and counts currencies, days and amounts."""
    definition, inputs = night.definition, [file.input for file in source.files]
    if counts_twice(definition.rows):
        contract = contract._replace(sketched=choose_share(source.files))
    contract = with_currencies(contract, list_currency_rules(definition, source.header, source.files))
    return contract._replace(counted=make_rules(night, inputs), amounts=list_amounts(definition))


def detect_all_late_files(
    night: Night, key: EditionKey, files: Sequence[SourceFile], tables: Sequence[SideTable]
) -> LateFiles:
    """The late files of the rows and of every second table."""
    late = detect_late_files(night, key, files)
    for table in tables:
        side = detect_late_files(table.night, key, table.source.files, table.name)
        labelled = {"text": side.text.label(table.name), "typed": side.typed.label(table.name)}
        late = late.merge(side.model_copy(update=labelled))
    return late


def check_judged(night: Night, rows: JudgedRows, inputs: Sequence[Input], contract: Contract) -> list[str]:
    """Refuse judged rows that cannot be used, or are too few or too many. Returns warnings."""
    definition = night.definition
    warnings = [*check_rows(rows, inputs), *rows.deliveries.check_repeats(definition)]
    warnings += check_currencies(rows.currencies, contract.currencies)
    check_row_count(rows.balance.read, definition.checks)
    return warnings


def follow_merged_ids(
    history: OpenedHistory, merged: MergedIds | None, tombstones: Tombstones | None
) -> OpenedHistory:
    """The earlier events under the ids that stay, without those of erased customers."""
    contract = history.contract._replace(merged=merged)
    return history._replace(contract=leave_out_erased(history.source.files, contract, tombstones))


def digest_erased(
    tombstones: Tombstones | None, contract: Contract, sources: Sequence[SideTable | OpenedHistory]
) -> str | None:
    """The digest of the tombstones for which rows are left out; None for none of them."""
    erased = (source.contract.erased for source in sources)
    return digest_ids(tombstones, contract.erased.union(*erased))


def collect_digests(
    source: OpenedSource, contract: Contract, sources: Sequence[SideTable | OpenedHistory]
) -> tuple[Digest, ...]:
    """The digests of the rows, then of everything else that the night reads."""
    side = (digest for table in sources for digest in table.digests)
    return (*compute_digests(source.files, contract), *side)


def read_complete_tombstones(night: Night) -> Tombstones | None:
    """The tombstones of erased customers. Refused while an erasure is not complete."""
    tombstones = read_tombstones(get_home(night))
    refuse_pending(get_home(night), tombstones)
    return tombstones


def judge_source(
    night: Night, source: OpenedSource, contract: Contract, tombstones: str | None
) -> JudgedRows:
    """The source's rows in stage files. Files that earlier nights judged are not judged again."""
    cache = open_cache(night, source.files, contract, tombstones)
    return judge_rows(source.files, contract, night.staging / "ingest", cache)


def read_source(night: Night) -> Ingested:
    """Read, judge and write every row of the source; stop early if its edition is published."""
    # Before the source: whoever is erased from here on makes this run a conflict.
    tombstones = read_complete_tombstones(night)
    folder = create_empty_folder(night.staging / "ingest")
    source, history = open_source(night), open_history(night)
    inputs = tuple(file.input for file in source.files)
    tables, contract = open_side_tables(night, tombstones), make_night_contract(night)
    digests = collect_digests(source, contract, (*tables, *history))
    merged = read_merged_ids(night, tables, folder)
    tables = leave_out_merged(tables, merged, tombstones)
    history = [follow_merged_ids(opened, merged, tombstones) for opened in history]
    contract = leave_out_erased(source.files, contract._replace(merged=merged), tombstones)
    used = digest_erased(tombstones, contract, (*tables, *history))
    from_store = StoreContent(used, resolve_names(night), choose_night_validation(night))
    key = make_edition_key(night, digests, from_store)
    key = key.model_copy(update={"tombstones": fingerprint_tombstones(tombstones)})
    # After hashing and before judging: a re-run of a published night costs one pass over the source.
    content = collect_content(night, digests, from_store)
    published = report_published(night, name_as_published(night, key, content), inputs, digests, used)
    if published is None:
        confirmed = confirm_previous(night, key, content)
        # Another name: of a night that started over, which a person accepted when it was published.
        if confirmed.edition != key.edition:
            published = report_published(night, confirmed, inputs, digests, used)
        key = confirmed
    if published is not None:
        sources = {"files_outside": source.outside, "side_inputs": list_side_inputs(tables)}
        return published.model_copy(update=sources)
    check_space(night, (*inputs, *(file.input for table in history for file in table.source.files)))
    contract = complete_contract(night, source, contract)
    rows = judge_source(night, source, contract, key.tombstones)
    warnings = (*source.warnings, *check_judged(night, rows, inputs, contract))
    side_rows = judge_side_tables(tables, folder)
    ingested = Ingested(
        attributes=side_rows.get("attributes"),
        key=key,
        inputs=inputs,
        known_files=rows.known_files,
        files_outside=source.outside,
        digests=digests,
        tombstones=used,
        aliases=None if merged is None else write_aliases(merged, contract.erased, folder),
        side_inputs=list_side_inputs(tables),
        late=detect_all_late_files(night, key, source.files, tables),
        balance=rows.balance,
        parts=tuple(rows.parts),
        quarantine=tuple(rows.quarantine),
        replacing=tuple(rows.replacing),
        breakdown=rows.counts.break_down([amount.name for amount in contract.amounts]),
        warnings=(*warnings, *(warning for side in side_rows.values() for warning in side.warnings)),
    )
    return add_history(ingested, history[0]) if history else ingested


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
