"""A second table as a night of its own: the same reading, contract and quarantine as those of rows.

Which of its rows hold on the date is decided in joining.py. Opening its source is in tasks/ingest.py.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NamedTuple

from config.definition import Definition
from config.side_tables import SideTableName, make_side_definition
from schemas.night import Night
from schemas.rows import Digest, Input, SideRows
from schemas.wording import format_count
from segmentation.errors import Refused
from segmentation.parts import create_empty_folder
from segmentation.rows.judging.cast_batch import Contract, make_contract
from segmentation.rows.judging.digests import compute_digests
from segmentation.rows.judging.erased_rows import detect_erased
from segmentation.rows.judging.judged_source import judge_rows
from segmentation.rows.judging.refusing import summarise_reasons
from segmentation.rows.reading.opening import OpenedSource
from segmentation.sources.dated_names import span_in_name
from segmentation.store.tombstones import Tombstones
from segmentation.store.typed_inputs import name_side_file

_MANGLED = "id rewritten by a spreadsheet"


class SideTable(NamedTuple):
    """A second table, opened: `night` is that of its definition, `contract` leaves erased customers out."""

    name: SideTableName
    night: Night
    source: OpenedSource
    contract: Contract
    digests: tuple[Digest, ...]


def refuse_past_date(definition: Definition, as_of: date, today: str) -> None:
    """Refuse a past date whose attributes only say what is true today, unless the definition accepts that."""
    attributes = definition.attributes
    if attributes is None or attributes.is_dated or attributes.as_of == "latest" or str(as_of) >= today:
        return
    raise Refused(
        "undated-attributes",
        f"attributes say what is true today, and {as_of} is past: give them dated files "
        "(attributes.source.date_in_name), valid_from and valid_to, or SQL that binds :as_of; or accept "
        "today's values with 'attributes: {as_of: latest}'",
    )


def make_side_night(night: Night, name: SideTableName) -> Night:
    """The night of a second table. `--source` replaces the rows' source, not this one."""
    definition = make_side_definition(night.definition, name)
    return night.model_copy(update={"definition": definition, "source": None, "schema_source": None})


@contextmanager
def named_refusals(name: SideTableName) -> Iterator[None]:
    """Refusals that name the table. NoData becomes a refusal too."""
    try:
        yield
    except Refused as error:
        raise Refused(error.code, f"{name}: {error.message}") from None


def open_side_table(
    name: SideTableName, night: Night, source: OpenedSource, tombstones: Tombstones | None
) -> SideTable:
    """The table whose source was opened, with its digests. night: that of make_side_night."""
    contract = accept_any_year(make_contract(night.definition.rows, night.definition, None))
    digests = tuple(
        digest.model_copy(update={"table": name}) for digest in compute_digests(source.files, contract)
    )
    if tombstones is not None:
        contract = contract._replace(erased=frozenset(detect_erased(source.files, contract, tombstones)))
    return SideTable(name, night, source, contract, digests)


def accept_any_year(contract: Contract) -> Contract:
    """The contract that takes times of any year in columns without a rule about years: 9999 means for ever.

    A second table's times are bounds of validity, or are described and not computed with.
    """
    schema = contract.schema
    for name, column in contract.rows.columns.items():
        if column.type == "timestamp" and name != contract.rows.id:
            schema = schema.update_column(name, checks=[])
    return contract._replace(schema=schema)


def list_side_inputs(tables: Iterable[SideTable]) -> tuple[Input, ...]:
    """The files of second tables, as the ledger and the lists of typed files name them."""
    return tuple(
        file.input.model_copy(update={"name": name_side_file(table.name, file.input.name)})
        for table in tables
        for file in table.source.files
    )


def judge_side_tables(tables: Iterable[SideTable], folder: Path) -> dict[SideTableName, SideRows]:
    """The rows of each table by its name. Their stage files are in folders of `folder`."""
    rows: dict[SideTableName, SideRows] = {}
    for table in tables:
        if table.name == "aliases":  # read before the rows: segmentation/attributes/aliases.py
            continue
        with named_refusals(table.name):
            rows[table.name] = judge_side_table(table, folder / table.name)
    return rows


def judge_side_table(table: SideTable, folder: Path, *, may_be_empty: bool = False) -> SideRows:
    """Write the table's good and refused rows. Refused if not a single row is good.

    may_be_empty: a table without any row is not refused.
    """
    files = table.source.files
    inputs = tuple(file.input for file in files)
    rows = judge_rows(files, table.contract, create_empty_folder(folder))
    if not rows.parts and not (may_be_empty and not rows.balance.quarantined):
        problem = "it has no rows"
        if rows.balance.quarantined:
            problem = f"all rows are refused: {summarise_reasons(Counter(rows.balance.reasons))}"
            if any(_MANGLED in reason for reason in rows.balance.reasons):
                problem += f"; if ids end in .0, set {table.name}.id_suffix"
        raise Refused("no-rows", f"{problem}; expected at least one row to use")
    odd = (f"in {format_count(count, 'row')}, {oddity}" for oddity, count in sorted(rows.oddities.items()))
    return SideRows(
        inputs=inputs,
        balance=rows.balance,
        parts=tuple(rows.parts),
        quarantine=tuple(rows.quarantine),
        warnings=tuple(f"{table.name}: {warning}" for warning in (*table.source.warnings, *odd)),
        day=_get_day(table),
    )


def _get_day(table: SideTable) -> date | None:
    """The first day that the name of the file says, if the table has dated files."""
    pattern = table.night.definition.source.date_in_name
    spans = [span_in_name(file.input.name, pattern) for file in table.source.files] if pattern else []
    return next((span.first for span in spans if span is not None), None)
