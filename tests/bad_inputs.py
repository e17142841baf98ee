"""Bad files, with one or more cases per code: layout (L), encoding and dialect (E), and columns (C).

Single bad rows are in tests/bad_rows.py. tests/test_bad_inputs.py runs both tables.
"""

import gzip
import io
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

HEADER = "id,spend,orders"
# The good rows' ids contain zq and their amounts 7731. Neither may appear in a message.
GOOD = tuple(f"zq{i},{77310 + i * i}.25,{i % 4}" for i in range(1, 9))
SECRETS = ("zq", "7731")

Content = bytes | Callable[[], bytes]


class Case(NamedTuple):
    """A file and its outcome. `reason` is the refusal's code, or the reason of the refused rows."""

    code: str
    content: Content
    outcome: Literal["refused", "quarantined", "accepted"]
    reason: str = ""
    bad: int = 0
    merged: int = 0
    warning: str = ""
    hint: str = ""
    ids: tuple[str, ...] = ()
    name: str = "customers.csv"
    changes: dict[str, Any] = {}  # noqa: RUF012 - never changed
    limit: int | None = None


def table(*lines: str, header: str = HEADER) -> bytes:
    """A CSV file with the header, the good rows and these lines."""
    return "".join(f"{line}\n" for line in (header, *GOOD, *lines)).encode()


def only(*lines: str, header: str = HEADER) -> bytes:
    """A CSV file with the header and only these lines."""
    return "".join(f"{line}\n" for line in (header, *lines)).encode()


def parquet(**columns: Any) -> bytes:
    """The good rows as Parquet with page checksums. Keyword arguments replace columns."""
    rows = [line.split(",") for line in GOOD]
    content: dict[str, Any] = {
        "id": [row[0] for row in rows],
        "spend": [float(row[1]) for row in rows],
        "orders": [int(row[2]) for row in rows],
        **columns,
    }
    buffer = io.BytesIO()
    pq.write_table(
        pa.table(content), buffer, write_page_checksum=True, use_dictionary=False, compression="none"
    )
    return buffer.getvalue()


def flipped() -> bytes:
    """A Parquet file with one bit of a value flipped."""
    content = bytearray(parquet())
    content[content.index(b"zq3") + 1] ^= 1
    return bytes(content)


def wide(columns: int) -> bytes:
    """The good rows with this many extra columns."""
    names = ",".join(f"c{i}" for i in range(columns))
    return only(*(f"{row}{',1' * columns}" for row in GOOD), header=f"{HEADER},{names}")


def declare(**columns: dict[str, Any]) -> dict[str, Any]:
    """The definition's rows with these extra columns."""
    contract = {"spend": {"type": "float", "ge": 0}, "orders": {"type": "int", "ge": 0}, **columns}
    return {"rows": {"id": "id", "columns": contract}}


def csv(**dialect: Any) -> dict[str, Any]:
    """The definition's source with this dialect declared."""
    return {"source": {"path": "customers.csv", "csv": dialect}}


def semicolons(content: bytes) -> bytes:
    """The same file with semicolons between fields."""
    return content.replace(b",", b";")


PREAMBLE = b"Export of 31 January\n" + table()
UTF16 = table().decode().encode("utf-16")
LATIN1 = table("zqJosé,5,1").decode().encode("latin-1")

LAYOUT = [
    Case("L01", table()[:-4], "refused", "no-final-newline"),
    Case("L03", gzip.compress(table())[:-9], "refused", "wrong-content", hint="gzip"),
    Case("L03", gzip.compress(table())[:-9], "refused", "damaged-compression", name="customers.csv.gz"),
    Case("L04", parquet()[:-20], "refused", "wrong-content", hint="cut", name="customers.parquet"),
    Case("L05", flipped, "refused", "damaged-parquet", name="customers.parquet"),
    Case("L06", b"", "refused", "empty-file"),
    Case("L07", only(), "refused", "no-rows"),
    Case("L08", only("zq1,77310,1"), "refused", "all-constant"),
    Case("L09", table(), "refused", "wrong-extension", name="customers.txt"),
    Case("L09", parquet(), "refused", "wrong-content", hint="is a Parquet file"),
    Case("L10", lambda: gzip.compress(bytes(1 << 24)), "refused", "wrong-content"),
    Case("L11", parquet(), "refused", "row-group", name="customers.parquet", limit=100),
    Case("L12", b"PK\x03\x04" + table(), "refused", "wrong-content", hint="spreadsheet"),
    Case("L12", b"\n <!DOCTYPE html><p>zq1</p>\n", "refused", "wrong-content", hint="error page"),
    Case("L13", lambda: table("zq9" + "x" * (17 << 20) + ",1,1"), "refused", "long-line"),
    Case("L13", lambda: b"id" * (1 << 20) + b"\n", "refused", "long-line"),
    Case("L14", lambda: wide(10_000), "refused", "too-many-columns"),
    Case("L16", table("z\0,5,1"), "quarantined", "id: NUL character", 1),
    Case("L16", table("z9,5\0,1"), "quarantined", "spend: unreadable", 1),
    Case("L17", only(*GOOD, header="idzq,77310,1"), "refused", "missing-column", hint="values, not names"),
    Case("L18", PREAMBLE, "refused", "missing-column"),
    Case("L19", table(HEADER), "quarantined", "repeated header", 1, warning="concatenated"),
    Case("L19", table(HEADER, "z9,5,1"), "refused", "repeated-header", hint="row 9 repeats"),
    Case("L19", table(HEADER, HEADER), "refused", "repeated-header"),
    # A few lines of a second table are malformed rows of the first. max_quarantined limits their share.
    Case("L20", table("", "city,people", "Bonn,300000"), "quarantined", "too few fields", 2),
    Case("L20", table("", "city,people", *["Bonn,300000"] * 20), "refused", "second-table", hint="row 9"),
]

ENCODING = [
    Case("E01", b"\xef\xbb\xbf" + table(), "accepted"),
    Case("E02", UTF16, "refused", "encoding", hint="declare source.csv.encoding"),
    Case("E02", UTF16, "accepted", changes=csv(encoding="utf-16")),
    Case("E03", LATIN1, "refused", "encoding", hint="declare source.csv.encoding"),
    Case("E03", LATIN1, "accepted", ids=("zqJosé",), changes=csv(encoding="latin-1")),
    Case("E04", table("JosÃ©,5,1"), "accepted", ids=("JosÃ©",)),
    Case("E05", table().replace(b"1\n", b"1\r\n"), "accepted"),
    Case("E06", table().replace(b"\n", b"\r"), "accepted"),
    Case("E07", semicolons(table()), "refused", "missing-column", hint="declare source.csv.delimiter"),
    Case("E07", semicolons(table()), "accepted", changes=csv(delimiter=";")),
    Case(
        "E08",
        semicolons(only(*GOOD)).replace(b".", b","),
        "refused",
        "no-rows",
        hint="spend: unreadable",
        changes=csv(delimiter=";"),
    ),
    Case("E08", semicolons(table()).replace(b".", b","), "accepted", changes=csv(delimiter=";", decimal=",")),
    Case(
        "E09",
        table('z9,"1,234",1'),
        "quarantined",
        "spend: unreadable",
        1,
        warning="a comma between thousands",
    ),
    Case("E09", table('z9,5,"1,234"'), "quarantined", "orders: unreadable", 1, warning="csv.thousands"),
    Case(
        "E09",
        table('z9,"1,234",1', 'z10,"1,23",1'),
        "quarantined",
        "spend: unreadable",
        1,
        ids=("z9",),
        warning="a decimal comma",
        changes=csv(thousands=","),
    ),
    Case(
        "E10", table("z9,€5,1", "z10,5%,1"), "quarantined", "spend: unreadable", 2, warning="currency_marks"
    ),
    Case(
        "E10",
        table("z9,€5,1", "z10,5 EUR,1"),
        "accepted",
        ids=("z9", "z10"),
        changes=csv(currency_marks=["€", "EUR"]),
    ),
    Case("E11", table('"z9,5,1'), "quarantined", "stray quote", 1),
    Case("E11", table('"z9,5,1', '"z10,6,1'), "quarantined", "stray quote", 2),
    Case("E11", table('"z9', 'zq10",5,1'), "quarantined", "id: line break", 1),
    Case("E12", only(*(f"{row},9" for row in GOOD)), "refused", "no-rows", hint="too many fields"),
    Case("E12", table("z9,5,1,7"), "quarantined", "too many fields", 1),
    Case("E13", table("z9,5"), "quarantined", "too few fields", 1),
    Case("E14", table("", "z9,5,1", ""), "accepted", ids=("z9",)),
    Case("E15", table("Total,99999,99"), "quarantined", "id: totals row", 1),
    Case("E15", table(",99999,99"), "quarantined", "id: blank id", 1),
    Case("E16", table("z9,５,1", "z10,٣,1"), "quarantined", "spend: unreadable", 2),
    Case("E17", table("z\u200b9,5,1"), "accepted", ids=("z\u200b9",), warning="in 1 row, the id has invis"),
    Case("E17", table("\u202ez9,5,1"), "accepted", ids=("\u202ez9",), warning="in 1 row, the id has invis"),
    Case(
        "E18", table("zé,5,1", "ze\u0301,5,1"), "accepted", ids=("zé", "ze\u0301"), warning="the id is not in"
    ),
]

COLUMNS = [
    Case("C01", only("zq1", header="id"), "refused", "missing-column", hint="lacks spend, orders;"),
    Case("C02", table(header="id,spend_eur,orders"), "refused", "missing-column", hint="is it 'spend_eur'"),
    Case("C03", only(*(f"{i},{77310 + i}.5,zq{i}" for i in range(9)), header="orders,spend,id"), "accepted"),
    Case("C04", wide(2), "accepted", warning="2 columns not in the contract"),
    Case("C05", wide(1).replace(b"c0", b"spend"), "refused", "duplicate-column", hint="names spend"),
    Case("C06", table(header="id,Spend ,orders"), "refused", "missing-column", hint="is it 'Spend'"),
    Case(
        "C07",
        parquet(orders=["zq"] * 8),
        "refused",
        "no-rows",
        hint="orders: unreadable",
        name="customers.parquet",
    ),
    Case("C07", parquet(orders=[True] * 8), "refused", "wrong-type", name="customers.parquet"),
    Case("C08", only("zq1,,1", "zq2,,2"), "refused", "no-rows", hint="spend: missing"),
    Case("C09", only("zq1,77310,1", "zq2,77310,2"), "accepted", warning="feature spend is constant"),
    Case(
        "C10",
        only("zq1,1.000000000000001,1", "zq2,1,2", "zq3,1,3"),
        "accepted",
        warning="feature spend is constant",
    ),
    Case(
        "C11",
        only("zq1,1,1", "zq2,2,2", "zq3,5,5"),
        "accepted",
        warning="features spend and orders are equal",
    ),
    Case("C12", wide(1).replace(b"c0", b"<img src=x>"), "accepted", warning="1 column not in the contract"),
]
