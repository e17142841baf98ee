"""Rules across columns, patterns, ignored columns and row counts of a definition."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from config.columns import Rows
from config.definition_files import describe_faults
from schemas.contract import list_refusals, rows_schema
from segmentation.errors import Refused
from segmentation.rows.judging.row_rules import detect_broken_rules
from segmentation.rows.reading.headers import check_header
from tasks.ingest import ingest
from tests.test_python_schema import NightMaker

COLUMNS: dict[str, Any] = {
    "shipped": {"type": "timestamp", "nullable": True},
    "ordered": {"type": "timestamp"},
    "a": {"type": "int", "nullable": True},
    "b": {"type": "int"},
    "c": {"type": "float"},
    "Unit price": {"type": "float"},
    "s": {"type": "text"},
    "t": {"type": "category"},
    "f": {"type": "bool"},
    "g": {"type": "bool"},
}
TABLE = pa.table(
    {
        "id": ["p", "q", "r"],
        "shipped": pa.array([1, None, 5], pa.timestamp("us")),
        "ordered": pa.array([2, 2, 2], pa.timestamp("us")),
        "a": [2**62, None, 1],
        "b": [2**62 + 1, 2, 0],
        "c": [1.0, 2.0, 3.0],
        "Unit price": [1.0, 2.5, 3.0],
        "s": ["a", "b", "c"],
        "t": ["a", "c", "b"],
        "f": [True, False, True],
        "g": [True, True, False],
    }
)


def declare(*tests: str, **changes: Any) -> Rows:
    """Rows with these comparisons."""
    rules = [{"test": test, "reason": f"rule {number}"} for number, test in enumerate(tests)]
    return Rows.model_validate({"id": "id", "columns": COLUMNS, "where": rules, **changes})


@pytest.mark.parametrize(
    ("test", "broken"),
    [
        ("shipped >= ordered", [True, False, False]),
        ("shipped<ordered", [False, False, True]),
        ("a == b", [True, False, True]),
        ("a <= b", [False, False, True]),
        ("a != b", [False, False, False]),
        ("c * 2 > b", [True, False, False]),
        ("c / b > 1", [True, True, False]),
        ("`Unit price` == c", [False, True, False]),
        ("-c < 0", [False, False, False]),
        ("(a + 1) * c >= b - 2", [False, False, False]),
        ("b < 3", [True, False, False]),
        ("s == t", [False, True, True]),
        ("s <= t", [False, False, True]),
        ("f == g", [False, True, True]),
        ("id != s", [False, False, False]),
    ],
)
def test_comparisons_of_columns(test: str, broken: list[bool]) -> None:
    """Whole numbers are compared exactly; missing sides and divisions by zero pass."""
    (rule,) = detect_broken_rules(TABLE, declare(test))
    assert rule.mask.tolist() == broken


@pytest.mark.parametrize(
    ("test", "fault"),
    [
        ("a", "expected two expressions with one of >=, >, <=, <, == and != between them"),
        ("a = b", "expected two expressions"),
        ("a >= b >= c", "expected two expressions"),
        ("a >= ", "the expression ends too early"),
        ("1 < 2", "compares no column"),
        ("import('os') > a", "not understood at character"),
        ("s > a", "where compares columns of different types: s is text and a is int"),
        ("shipped > c", "shipped is timestamp and c is float"),
        ("nowhere > a", "where tests nowhere, which is not in rows.columns"),
        ("s + 1 > a", "where on s: expected a number, not text"),
        ("f > g", "where compares columns of type bool by >; expected == or !="),
    ],
)
def test_comparisons_that_mean_nothing_are_refused(test: str, fault: str) -> None:
    """The definition is refused with what is wrong."""
    with pytest.raises(ValidationError) as error:
        declare(test)
    assert fault in describe_faults(error.value)


def test_both_kinds_of_rules_stand_in_one_list() -> None:
    """A rule of one column and a comparison keep their order, and faults are named by the entry alone."""
    rules = [{"column": "b", "ge": 1, "reason": "low"}, {"test": "c < 3", "reason": "high"}]
    rows = declare(where=rules)
    assert [(rule.column, rule.reason) for rule in detect_broken_rules(TABLE, rows)] == [
        ("b", "low"),
        ("c", "high"),
    ]
    assert Rows.model_validate(rows.model_dump(mode="json")) == rows
    with pytest.raises(ValidationError) as error:
        declare(
            where=[{"test": "a > b"}, {"column": "b", "reason": "x"}, {"test": "a > b", "reason": "missing"}]
        )
    assert describe_faults(error.value) == (
        "where.0.reason: Field required; where.1: give exactly one test: isin, not_in, starts_with, "
        "not_starts_with, ge, gt, le, lt; where.2: reason 'missing' is reserved; choose another"
    )


@pytest.mark.parametrize(
    ("pattern", "texts", "failing"),
    [
        ("[^@]+@[^@]+", ["a@b", "a@b@c", "a", "a@b\n"], [1, 2]),
        ("a|bc", ["a", "bc", "abc", "ac"], [2, 3]),
        (r"\d{5}", ["01234", "123456", "１２３４５"], [1, 2]),
        ("(?i)x+", ["XX", "y"], [1]),
        (r"\p{L}+", ["Straße", "客户", "a1"], [2]),
        ("(a+)+$", ["a" * 50_000 + "b"], [0]),
    ],
)
def test_patterns_match_whole_texts(pattern: str, texts: list[str], failing: list[int]) -> None:
    """All of a text matches, and no pattern takes longer than its text is long."""
    rows = Rows.model_validate({"id": "id", "columns": {"x": {"type": "text", "pattern": pattern}}})
    table = pa.table({"id": [f"c{i}" for i in range(len(texts))], "x": texts})
    (refusal,) = list_refusals(table, rows_schema(rows), {})
    assert refusal.rows.tolist() == failing
    assert refusal.reason == "x: does not match the pattern"


@pytest.mark.parametrize(
    ("condition", "broken"),
    [
        ({"ge": 2.0**62}, [False, True, True]),
        ({"gt": 2.0**62}, [False, True, True]),
        ({"le": 2.5}, [True, False, False]),
        ({"lt": 0.5}, [True, True, False]),
        ({"ge": -0.5}, [False, False, False]),
        ({"gt": 1e300}, [True, True, True]),
        ({"lt": 1e300}, [False, False, False]),
    ],
)
def test_large_whole_numbers_are_compared_exactly(condition: dict[str, float], broken: list[bool]) -> None:
    """A limit in a rule compares with whole numbers of any size."""
    (rule,) = detect_broken_rules(TABLE, declare(where=[{"column": "b", "reason": "x", **condition}]))
    assert rule.mask.tolist() == broken


def test_an_id_has_a_pattern_too() -> None:
    """A pattern in rows.columns applies to the id as well."""
    rows = Rows.model_validate(
        {"id": "id", "columns": {"id": {"type": "text", "pattern": r"C\d+"}, "x": {"type": "int"}}}
    )
    table = pa.table({"id": ["C1", "D1"], "x": [1, 2]})
    (refusal,) = list_refusals(table, rows_schema(rows), {})
    assert (refusal.reason, refusal.rows.tolist()) == ("id: does not match the pattern", [1])


@pytest.mark.parametrize("pattern", ["(a", "(?<=x)y", "a{1000}{1000}", "a)|(b", r"\1"])
def test_patterns_that_are_not_regular_are_refused(pattern: str) -> None:
    """Look-behind, back-references and unbalanced patterns are refused with the definition."""
    with pytest.raises(ValidationError, match="pattern is not a regular expression of RE2"):
        Rows.model_validate({"id": "id", "columns": {"x": {"type": "text", "pattern": pattern}}})


def test_ignored_columns_give_no_warning() -> None:
    """Names and globs of rows.ignore are left out on purpose; a new column is named."""
    rows = declare(ignore=["note", "utm_*"])
    header = ["id", "b", "note", "utm_source", "utm_campaign"]
    assert check_header("a.csv", header, ["id", "b"], ",", rows.is_ignored) == []
    assert check_header("a.csv", [*header, "new"], ["id", "b"], ",", rows.is_ignored) == [
        "1 column not in the contract was ignored: new"
    ]
    with pytest.raises(ValidationError, match="ignore names b"):
        declare(ignore=["b"])


@pytest.mark.parametrize(
    ("names", "names_shown"),
    [
        (["x", "y"], ": x, y"),
        (list("defghij"), ": d, e, f, g, h and 2 more"),
        (["x", "4711"], ""),
        (["ann@example.org"], ""),
        (["<b>x</b>"], ""),
    ],
)
def test_extra_columns_are_named_unless_they_may_be_values(names: list[str], names_shown: str) -> None:
    """At most five are named, and none in a header that looks like a row."""
    (warning,) = check_header("a.csv", ["id", "b", *names], ["id", "b"], ",")
    assert warning.partition("ignored")[2] == names_shown


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ({"min_rows": 4}, "3 rows; checks.min_rows is 4"),
        ({"max_rows": 2}, "3 rows; checks.max_rows is 2"),
        ({"min_rows": 3, "max_rows": 3}, None),
    ],
)
def test_row_counts_are_limits(
    checks: dict[str, int], message: str | None, tmp_path: Path, make_night: NightMaker
) -> None:
    """A night with fewer or more rows is refused before anything is clustered."""
    path = tmp_path / "customers.csv"
    path.write_text("id,spend,orders\na,1,1\nb,2,x\nc,3,3\n")
    night = make_night(path, checks=checks)
    if message is None:
        assert ingest(night).balance.read == 3
        return
    with pytest.raises(Refused, match=message) as refusal:
        ingest(night)
    assert refusal.value.code == "row-count"
