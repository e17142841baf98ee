"""Bad inputs and the correct outcome of each: 92 codes, each with a file or a parameter."""

import inspect
import os
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pytest

from config.definition import BUILT_IN, Definition
from config.definition_files import resolve_definition
from config.sources import Source
from flows.resegment import resegment
from schemas.identity import PreviousEdition
from schemas.night import Night
from schemas.rows import Customers
from segmentation.backfill_plan import check_range
from segmentation.errors import Refused
from segmentation.parts import read_part
from segmentation.rows.reading import parquet_reading
from segmentation.sources.listing import list_files
from tasks.ingest import ingest
from tasks.runtime.parameters import check_place, parse_as_of, resolve_as_of
from tasks.scale import scale
from tasks.summarise import summarise
from tests.bad_inputs import COLUMNS, ENCODING, LAYOUT, SECRETS, Case
from tests.bad_rows import IDS, LATER, NIGHTS, VALUES
from tests.conftest import DEFINITION
from tests.test_poison_nights import POISON

NightMaker = Callable[..., Night]
CASES = [*LAYOUT, *ENCODING, *COLUMNS, *IDS, *VALUES]
GROUPS = {"L": 20, "E": 18, "C": 13, "I": 12, "V": 19, "U": 10}
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Parameter(NamedTuple):
    """A parameter that is refused, and the message. `attempt` gets an empty folder."""

    code: str
    attempt: Callable[[Path], object]
    message: str


def open_fifo(folder: Path) -> None:
    """A named pipe in place of a table."""
    os.mkfifo(folder / "customers.csv")
    list_files(Source(path=str(folder / "customers.csv")), None, date(2026, 1, 31))


def follow_link(folder: Path) -> None:
    """A link from the allowed folder to a file outside it."""
    inbox = folder / "inbox"
    inbox.mkdir()
    (inbox / "customers.csv").symlink_to(folder / "elsewhere.csv")
    check_place(str(inbox / "customers.csv"), "source", (str(inbox),))


def define(**changes: object) -> Callable[[Path], object]:
    """Read the demo definition with these keys replaced."""
    return lambda _: Definition.model_validate({**DEFINITION, **changes})


def name(text: str) -> Callable[[Path], object]:
    """Look up the definition with this name."""
    return lambda _: resolve_definition(text, BUILT_IN)


def as_of(value: object) -> Callable[[Path], object]:
    """Run for this date."""
    return lambda _: resolve_as_of(parse_as_of(value), "UTC", None, NOON)


def days(start: date, end: date) -> Callable[[Path], object]:
    """Backfill this range, on a day in May."""
    return lambda _: check_range(start, end, date(2026, 5, 20))


PARAMETERS = [
    Parameter("L15", lambda folder: list_files(Source(path=str(folder)), None, date.min), "no-file"),
    Parameter("L15", open_fifo, "not a regular file"),
    Parameter("L15", follow_link, "must be below"),
    Parameter("C12", define(rows={"id": None, "columns": {"<img>": {"type": "int"}}}), "column names start"),
    Parameter("C12", define(rows={"id": None, "columns": {"a`b": {"type": "int"}}}), "column names"),
    Parameter("C12", define(rows={"id": None, "columns": {"x" * 5000: {"type": "int"}}}), "at most 100"),
    Parameter("C12", define(rows={"id": None, "columns": {"x\n": {"type": "int"}}}), "column names start"),
    Parameter("U01", as_of("../../etc"), "YYYY-MM-DD"),
    *(Parameter("U02", as_of(text), "YYYY-MM-DD") for text in ("2026-02-30", "2026-W05-1", "20260131")),
    Parameter("U03", as_of(1769817600), "YYYY-MM-DD"),
    Parameter("U03", as_of(True), "YYYY-MM-DD"),
    Parameter("U04", as_of("2026-01-31T00:00:00Z"), "YYYY-MM-DD"),
    Parameter("U04", as_of(NOON), "YYYY-MM-DD"),
    Parameter("U05", as_of("2026-02-01"), "future-date"),
    *(
        Parameter("U06", name(text), "not a definition's name")
        for text in ("../x", "a/b", "article\n", "CON", "", "a" * 41)
    ),
    Parameter("U07", define(k={"max": 10**9}), "k.max"),
    Parameter("U07", define(k={"max": 0}), "k.max"),
    Parameter("U07", define(k={"max": float("nan")}), "k.max"),
    Parameter("U08", define(k_max=5), "k_max"),
    Parameter("U09", days(date(1999, 1, 1), date(2026, 5, 18)), "10,000 dates"),
]


@pytest.fixture
def make_case_night(tmp_path: Path, make_night: NightMaker) -> Callable[[Case], Night]:
    """The night of one case, with its file written."""

    def make(case: Case) -> Night:
        path = tmp_path / case.name
        path.write_bytes(case.content if isinstance(case.content, bytes) else case.content())
        return make_night(path, **case.changes)

    return make


def run(night: Night) -> tuple[Customers, tuple[str, ...]]:
    """Run the three stages that read the input. Returns the customers and every warning."""
    customers = summarise(night, ingest(night))
    scaled = scale(night, customers, PreviousEdition())
    return customers, (*customers.warnings, *scaled.warnings)


def read_ids(customers: Customers) -> list[str]:
    """The ids of the customers."""
    return list(pa.concat_tables([read_part(p) for p in customers.parts])["customer_id"].to_pylist())


def label(case: Case) -> str:
    """`L01-no-final-newline`: names a case in pytest's output."""
    return re.sub(r"[^\w-]+", "-", f"{case.code}-{case.outcome}-{case.reason}").strip("-")


refusals = [case for case in CASES if case.outcome == "refused"]
accepted = [case for case in CASES if case.outcome != "refused"]


@pytest.mark.parametrize("case", refusals, ids=label)
def test_a_bad_file_is_refused(
    case: Case, make_case_night: Callable[[Case], Night], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal has its code, explains the problem in one line, and contains no customer's value."""
    if case.limit is not None:
        monkeypatch.setattr(parquet_reading, "LARGEST_GROUP_BYTES", case.limit)
    night = make_case_night(case)
    with pytest.raises(Refused) as refusal:
        run(night)
    assert refusal.value.code == case.reason
    assert case.hint in refusal.value.message
    assert not [secret for secret in SECRETS if secret in str(refusal.value)]
    assert len(str(refusal.value).splitlines()) == 1
    assert not night.home.joinpath("published").exists()


@pytest.mark.parametrize("case", accepted, ids=label)
def test_a_file_with_bad_rows_is_read(case: Case, make_case_night: Callable[[Case], Night]) -> None:
    """Bad rows are quarantined with their reason, good rows are used, and every row is accounted for."""
    customers, warnings = run(make_case_night(case))
    tables = [read_part(part).to_pandas() for part in customers.quarantine]
    reasons = pd.concat(tables)["reason"].tolist() if tables else []
    ids = read_ids(customers)
    assert customers.balance.adds_up
    assert (len(ids), len(reasons)) == (customers.balance.used, customers.balance.quarantined)
    assert customers.balance.reasons == Counter(reasons)
    assert (customers.balance.quarantined, customers.balance.merged) == (case.bad, case.merged)
    if case.outcome == "quarantined":
        assert sum(case.reason in reason for reason in reasons) == case.bad
    assert set(case.ids) <= set(ids)
    assert case.warning in " ".join(warnings)
    assert bool(warnings) == bool(case.warning)
    assert not [secret for secret in SECRETS if secret in " ".join((*warnings, *customers.balance.reasons))]


@pytest.mark.parametrize("case", PARAMETERS, ids=lambda case: case.code)
def test_a_bad_parameter_is_refused(tmp_path: Path, case: Parameter) -> None:
    """Invalid dates, names, places and definitions are refused, and the message names the parameter."""
    with pytest.raises((Refused, ValueError), match=re.escape(case.message)):
        case.attempt(tmp_path)


def test_u10_no_parameter_takes_sql_or_code() -> None:
    """The flow has exactly these parameters, and none of them is a query or an expression."""
    parameters = set(inspect.signature(resegment.fn).parameters)
    assert parameters == {"definition", "as_of", "source", "store", "force", "accept_new_ids", "catch_up"}


def test_negative_zero_is_zero(tmp_path: Path, make_night: NightMaker) -> None:
    """Without an id, -0.0 and 0.0 give the same table."""
    columns = {"spend": {"type": "float", "ge": 0}, "orders": {"type": "int"}}
    tables = []
    for text in ("0.0", "-0.0"):
        path = tmp_path / "customers.csv"
        path.write_text(f"spend,orders\n{text},1\n5,2\n7,3\n")
        customers, _ = run(make_night(path, rows={"id": None, "columns": columns}))
        tables.append(pa.concat_tables([read_part(part) for part in customers.parts]))
    assert tables[0].equals(tables[1])


def test_every_code_is_covered() -> None:
    """All 92 codes have a case, or a reason for having none."""
    tested = {case.code for case in CASES} | {case.code for case in PARAMETERS} | {"U10"}
    assert set(NIGHTS.values()) <= set(POISON)
    codes = tested | set(LATER) | set(NIGHTS)
    assert codes == {f"{group}{i:02d}" for group, last in GROUPS.items() for i in range(1, last + 1)}
    assert len(codes) == 92
    assert not tested & set(LATER)
