"""Definition files: strict YAML, and one invalid definition per rule."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.columns import Column
from config.definition import BUILT_IN, Definition
from config.definition_files import DefinitionError, describe_faults, read_definition, resolve_definition
from config.sources import Csv, Source

GOOD: dict[str, Any] = {
    "name": "demo",
    "source": {"path": "a.csv"},
    "rows": {
        "id": "id",
        "columns": {
            "a": {"type": "int"},
            "b": {"type": "float"},
            "t": {"type": "text"},
            "n": {"type": "int", "nullable": True},
        },
    },
    "features": ["a", "b"],
}


def faults(**changes: Any) -> str:
    """The faults of the good definition with these changes."""
    with pytest.raises(ValidationError) as error:
        Definition.model_validate({**GOOD, **changes})
    return describe_faults(error.value)


def rows(**changes: Any) -> dict[str, Any]:
    """The good definition's rows with these changes."""
    return {**GOOD["rows"], **changes}


def test_good_definition_has_its_defaults() -> None:
    """Absent keys have the documented defaults."""
    definition = Definition.model_validate(GOOD)
    assert (definition.timezone, definition.k.min, definition.k.max, definition.k.rule) == (
        "UTC",
        1,
        12,
        "auto",
    )
    assert (definition.rows.on_duplicate, definition.source.csv.final_newline) == ("quarantine", True)
    assert definition.scaling_of("a") == "auto"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "Demo"}, "name: String should match"),
        ({"name": "x" * 41}, "name: String should match"),
        ({"nam": "x"}, "nam: unknown key"),
        ({"timezone": "Mars/Olympus"}, "timezone: not an IANA time zone"),
        ({"timezone": "../etc/passwd"}, "timezone: not an IANA time zone"),
        ({"source": {}}, "source: give exactly one of path, sample and sql"),
        ({"source": {"path": "a", "sample": "shop"}}, "source: give exactly one of path, sample and sql"),
        ({"source": {"path": "a", "customers": 5}}, "source: customers needs sample: shop"),
        ({"source": {"sample": "orders"}}, "source.sample: orders needs rows.grain: event"),
        ({"source": {"sample": "shop", "customers": 0}}, "source.customers: Input should be greater"),
        (
            {"source": {"path": "a", "csv": {"delimiter": ";;"}}},
            "source.csv.delimiter: String should have at most",
        ),
        ({"rows": rows(grain="week")}, "rows.grain"),
        ({"rows": {"columns": GOOD["rows"]["columns"]}}, "rows.id: Field required"),
        ({"rows": rows(columns={})}, "rows.columns: Dictionary should have at least 1"),
        ({"rows": rows(columns={"<b>": {"type": "int"}})}, "rows.columns: column names start"),
        ({"rows": rows(columns={"x" * 101: {"type": "int"}})}, "rows.columns: column names start"),
        ({"rows": rows(columns={"segment_id": {"type": "int"}})}, "segment_id is used by the outputs"),
        ({"rows": rows(columns={"a": {"type": "number"}})}, "rows.columns.a.type"),
        ({"rows": rows(columns={"a": {"type": "text", "ge": 0}})}, "need type int or float, not text"),
        (
            {"rows": rows(columns={"a": {"type": "float", "ge": float("nan")}})},
            "rows.columns.a.ge: Input should be a finite",
        ),
        ({"rows": rows(on_duplicate="drop")}, "rows.on_duplicate"),
        ({"features": []}, "features: Tuple should have at least 1"),
        ({"features": ["a", "a"]}, "features names a column twice"),
        ({"features": ["z"]}, "feature z is not in rows.columns"),
        ({"features": ["t"]}, "feature t has type text"),
        ({"features": ["n"]}, "feature n is nullable"),
        ({"rows": rows(id="a")}, "feature a is the customer id"),
        ({"scaling": {"columns": {"t": "none"}}}, "scaling or weights name t"),
        ({"scaling": {"default": "minmax"}}, "scaling.default"),
        ({"weights": {"z": 2}}, "scaling or weights name z"),
        ({"weights": {"a": 0}}, "weights.a: Input should be greater than 0"),
        ({"k": {"min": 5, "max": 4}}, "k: k.min 5 is above k.max 4"),
        ({"k": {"min": 0}}, "k.min: Input should be greater"),
        ({"k": {"rule": "fixed"}}, "k: k.fixed is needed with rule: fixed"),
        ({"k": {"fixed": 3}}, "k: k.fixed is needed with rule: fixed"),
        ({"k": {"rule": "fixed", "fixed": 13}}, "k: k.fixed 13 is not within 1..12"),
        ({"k": {"smallest_share": 1}}, "k.smallest_share: Input should be less"),
        ({"fit": {"starts": 0}}, "fit.starts"),
        ({"checks": {"max_quarantined": 1.5}}, "checks.max_quarantined"),
        ({"seed": -1}, "seed: Input should be greater"),
    ],
)
def test_each_rule_of_a_definition(changes: dict[str, Any], message: str) -> None:
    """A definition that breaks a rule is refused, and the message names the key and the rule."""
    assert message in faults(**changes)


def test_all_faults_are_reported_together() -> None:
    """One message names both of two faults."""
    message = faults(name="X", seed=-1)
    assert "name: " in message
    assert "seed: " in message


def test_definitions_are_frozen() -> None:
    """A definition is immutable."""
    with pytest.raises(ValidationError, match="frozen"):
        Column(type="int").type = "float"  # type: ignore[misc]


def test_decisive_content_excludes_the_sources_location() -> None:
    """Definitions that differ only in where their rows are have the same decisive content."""
    content = Definition.model_validate(GOOD).decisive_content()
    moved = Definition.model_validate({**GOOD, "source": {"sample": "shop", "customers": 7}})
    assert content == moved.decisive_content()
    assert content != Definition.model_validate({**GOOD, "seed": 1}).decisive_content()


def test_today_follows_the_time_zone() -> None:
    """Late in the evening in UTC it is already tomorrow in Auckland."""
    auckland = Definition.model_validate({**GOOD, "timezone": "Pacific/Auckland"})
    assert auckland.today(datetime(2026, 1, 31, 23, tzinfo=UTC)) == "2026-02-01"


@pytest.mark.parametrize("name", sorted(path.stem for path in BUILT_IN.glob("*.yaml")))
def test_built_in_definitions_are_good(name: str) -> None:
    """Every shipped definition can be read and has a description."""
    assert read_definition(resolve_definition(name, BUILT_IN)).description


@pytest.mark.parametrize("name", ["", "../article", "Article", "article\n", "a/b", "x" * 41, "article.yaml"])
def test_invalid_names_are_refused(name: str) -> None:
    """Paths and other invalid names are refused before the disk is touched."""
    with pytest.raises(DefinitionError, match="is not a definition's name"):
        resolve_definition(name, BUILT_IN)


def test_unknown_names_get_a_suggestion() -> None:
    """The message suggests a similar name and lists all available ones."""
    with pytest.raises(DefinitionError, match=r"did you mean article\? Available: .*shop"):
        resolve_definition("articel", BUILT_IN)
    with pytest.raises(DefinitionError, match=r"named zzz\. Available: "):
        resolve_definition("zzz", BUILT_IN)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write demo.yaml."""

    def write_text(text: str) -> Path:
        path = tmp_path / "demo.yaml"
        path.write_text(text)
        return path

    return write_text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: demo\nname: demo\n", "the key name appears twice"),
        ("rows: {id: a, columns: {x: {type: int, type: float}}}\n", "the key type appears twice"),
        ("name: [", "is not valid YAML at line"),
        ("name: !!python/object/apply:os.getcwd []\n", "is not valid YAML"),
        ("- name\n", "definition: Input should be"),
        ("", "definition: Input should be"),
        ("name: demo\n", "features: Field required"),
    ],
)
def test_files_without_a_definition_are_refused(
    write: Callable[[str], Path], text: str, message: str
) -> None:
    """Repeated keys, broken YAML, Python tags and other documents are refused with the reason."""
    with pytest.raises(DefinitionError) as error:
        read_definition(write(text))
    assert message in str(error.value)


def test_file_is_named_after_its_definition(tmp_path: Path) -> None:
    """A file named differently from its definition is refused, and so is a missing file."""
    path = tmp_path / "other.yaml"
    path.write_text((BUILT_IN / "article.yaml").read_text())
    with pytest.raises(DefinitionError, match="holds name: article"):
        read_definition(path)
    with pytest.raises(DefinitionError, match="cannot be read: FileNotFoundError"):
        read_definition(tmp_path / "absent.yaml")


def test_csv_and_source_have_plain_defaults() -> None:
    """By default, CSV files are UTF-8 with commas as delimiters and decimal points."""
    csv = Source(path="a").csv
    assert csv == Csv(delimiter=",", encoding="utf-8", decimal=".", null_values=("",), final_newline=True)
