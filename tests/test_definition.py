"""Definition files: strict YAML, and a definition that breaks each rule."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.columns import Column
from config.definitions import DefinitionError, explain, find_definition, read_definition
from config.parameters import BUILT_IN, Segmentation
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
    """What is wrong with the good definition after these changes."""
    with pytest.raises(ValidationError) as error:
        Segmentation.model_validate({**GOOD, **changes})
    return explain(error.value)


def rows(**changes: Any) -> dict[str, Any]:
    """The good definition's rows after these changes."""
    return {**GOOD["rows"], **changes}


def test_good_definition_has_its_defaults() -> None:
    """What a definition leaves out has the documented defaults."""
    found = Segmentation.model_validate(GOOD)
    assert (found.timezone, found.k.min, found.k.max, found.k.rule) == ("UTC", 1, 12, "auto")
    assert (found.rows.on_duplicate, found.source.csv.final_newline) == ("quarantine", True)
    assert found.scaling_of("a") == "auto"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Demo"}, "name: String should match"),
        ({"name": "x" * 41}, "name: String should match"),
        ({"nam": "x"}, "nam: unknown key"),
        ({"timezone": "Mars/Olympus"}, "timezone: not an IANA time zone"),
        ({"timezone": "../etc/passwd"}, "timezone: not an IANA time zone"),
        ({"source": {}}, "source: give exactly one of path, sample and sql"),
        ({"source": {"path": "a", "sample": "shop"}}, "source: give exactly one of path, sample and sql"),
        ({"source": {"path": "a", "customers": 5}}, "source: customers goes with sample: shop"),
        ({"source": {"sample": "orders"}}, "source.sample: orders goes with rows.grain: event"),
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
        ({"features": ["z"]}, "feature z is not among rows.columns"),
        ({"features": ["t"]}, "feature t has type text"),
        ({"features": ["n"]}, "feature n is nullable"),
        ({"rows": rows(id="a")}, "feature a is the customer id"),
        ({"scaling": {"columns": {"t": "none"}}}, "scaling or weights name t"),
        ({"scaling": {"default": "minmax"}}, "scaling.default"),
        ({"weights": {"z": 2}}, "scaling or weights name z"),
        ({"weights": {"a": 0}}, "weights.a: Input should be greater than 0"),
        ({"k": {"min": 5, "max": 4}}, "k: k.min 5 is above k.max 4"),
        ({"k": {"min": 0}}, "k.min: Input should be greater"),
        ({"k": {"rule": "fixed"}}, "k: k.fixed goes with rule: fixed"),
        ({"k": {"fixed": 3}}, "k: k.fixed goes with rule: fixed"),
        ({"k": {"rule": "fixed", "fixed": 13}}, "k: k.fixed 13 is not within 1..12"),
        ({"k": {"smallest_share": 1}}, "k.smallest_share: Input should be less"),
        ({"fit": {"starts": 0}}, "fit.starts"),
        ({"checks": {"max_quarantined": 1.5}}, "checks.max_quarantined"),
        ({"seed": -1}, "seed: Input should be greater"),
    ],
)
def test_each_rule_of_a_definition(changes: dict[str, Any], said: str) -> None:
    """A definition that breaks a rule is refused, and the message names the key and the rule."""
    assert said in faults(**changes)


def test_all_faults_are_told_together() -> None:
    """Two faults make one message that names both."""
    said = faults(name="X", seed=-1)
    assert "name: " in said
    assert "seed: " in said


def test_definitions_are_frozen() -> None:
    """A definition cannot be changed after it was read."""
    with pytest.raises(ValidationError, match="frozen"):
        Column(type="int").type = "float"  # type: ignore[misc]


def test_substance_leaves_out_where_the_source_lies() -> None:
    """Two definitions that differ in the source's place only have the same substance."""
    one = Segmentation.model_validate(GOOD)
    other = Segmentation.model_validate({**GOOD, "source": {"sample": "shop", "customers": 7}})
    assert one.substance() == other.substance()
    assert one.substance() != Segmentation.model_validate({**GOOD, "seed": 1}).substance()


def test_today_is_the_zones_day() -> None:
    """Late in the evening in UTC it is tomorrow in Auckland."""
    zone = Segmentation.model_validate({**GOOD, "timezone": "Pacific/Auckland"})
    assert zone.today(datetime(2026, 1, 31, 23, tzinfo=UTC)) == "2026-02-01"


@pytest.mark.parametrize("name", sorted(path.stem for path in BUILT_IN.glob("*.yaml")))
def test_built_in_definitions_are_good(name: str) -> None:
    """Every definition that comes with the project can be found and read, and is described."""
    assert read_definition(find_definition(name, BUILT_IN)).description


@pytest.mark.parametrize("name", ["", "../article", "Article", "article\n", "a/b", "x" * 41, "article.yaml"])
def test_names_that_are_none_are_refused(name: str) -> None:
    """A path, or anything else that no definition can be called, is refused before the disk is touched."""
    with pytest.raises(DefinitionError, match="is not a definition's name"):
        find_definition(name, BUILT_IN)


def test_unknown_names_get_a_hint() -> None:
    """A name near a known one is told so, and all known names are listed."""
    with pytest.raises(DefinitionError, match=r"did you mean article\? Known here: .*shop"):
        find_definition("articel", BUILT_IN)
    with pytest.raises(DefinitionError, match=r"named zzz\. Known here: "):
        find_definition("zzz", BUILT_IN)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes demo.yaml."""

    def write_text(text: str) -> Path:
        path = tmp_path / "demo.yaml"
        path.write_text(text)
        return path

    return write_text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: demo\nname: demo\n", "the key name stands twice"),
        ("rows: {id: a, columns: {x: {type: int, type: float}}}\n", "the key type stands twice"),
        ("name: [", "is not valid YAML at line"),
        ("name: !!python/object/apply:os.getcwd []\n", "is not valid YAML"),
        ("- name\n", "definition: Input should be"),
        ("", "definition: Input should be"),
        ("name: demo\n", "features: Field required"),
    ],
)
def test_files_that_are_no_definition(write: Callable[[str], Path], text: str, said: str) -> None:
    """Repeated keys, broken YAML, Python tags and other documents are refused with what is wrong."""
    with pytest.raises(DefinitionError) as error:
        read_definition(write(text))
    assert said in str(error.value)


def test_file_is_named_after_its_definition(tmp_path: Path) -> None:
    """A definition in a file of another name is refused; so is a file that is not there."""
    path = tmp_path / "other.yaml"
    path.write_text((BUILT_IN / "article.yaml").read_text())
    with pytest.raises(DefinitionError, match="holds name: article"):
        read_definition(path)
    with pytest.raises(DefinitionError, match="cannot be read: FileNotFoundError"):
        read_definition(tmp_path / "absent.yaml")


def test_csv_and_source_have_plain_defaults() -> None:
    """CSV is UTF-8 with commas and points unless the definition says otherwise."""
    csv = Source(path="a").csv
    assert csv == Csv(delimiter=",", encoding="utf-8", decimal=".", null_values=("",), final_newline=True)
