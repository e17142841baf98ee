"""The source of a Python schema: where it is found, when it runs, and that the edition keeps it."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.nights import run_night
from config.columns import Rows
from config.settings import read_settings
from schemas.night import Night
from segmentation.errors import Refused
from segmentation.schema_code import load_schema, read_schema_source, read_source_of
from segmentation.store.audit import audit_store
from tests.test_flow import TWO_GROUPS

NightMaker = Callable[..., Night]

CANARY = "canary-4711"
ROWS: dict[str, Any] = {
    "id": "id",
    "columns": {"spend": {"type": "float", "ge": 0}, "orders": {"type": "int", "ge": 0}},
    "schema": "rules:Rules",
}
SOURCE = """import pandera.pandas as pa

Rules = pa.DataFrameSchema({"spend": pa.Column(float, pa.Check.lt(1e6))})
"""


@pytest.fixture(autouse=True)
def definitions(own_settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of definitions, on a machine whose settings allow code."""
    folder = tmp_path / "definitions"
    folder.mkdir()
    monkeypatch.setenv("RESEGMENT_ALLOW_SCHEMAS", "1")
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(folder))
    read_settings.cache_clear()
    return folder


def test_code_runs_only_where_the_settings_allow_it(
    definitions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the setting the schema is neither read nor run, and the message names the setting."""
    (definitions / "rules.py").write_text(SOURCE)
    monkeypatch.delenv("RESEGMENT_ALLOW_SCHEMAS")
    read_settings.cache_clear()
    for attempt in (
        lambda: read_source_of(Rows.model_validate(ROWS)),
        lambda: load_schema("rules:Rules", SOURCE + "# not run before\n"),
    ):
        with pytest.raises(Refused, match="set RESEGMENT_ALLOW_SCHEMAS=1"):
            attempt()


def test_a_file_next_to_the_definitions_comes_before_an_installed_module(definitions: Path) -> None:
    """A module is looked for in the definitions' folder, dots as folders, then among installed ones."""
    (definitions / "shop").mkdir()
    (definitions / "shop" / "rules.py").write_text(SOURCE, newline="")
    assert read_schema_source("shop.rules:Rules", definitions) == SOURCE
    assert "QUARANTINE = " in read_schema_source("schemas.tables:QUARANTINE", definitions)
    (definitions / "schemas").mkdir()
    (definitions / "schemas" / "tables.py").write_text(SOURCE)
    assert read_schema_source("schemas.tables:QUARANTINE", definitions) == SOURCE


def test_an_installed_module_may_import_its_neighbours(definitions: Path) -> None:
    """A schema of an installed package runs with relative imports and is a pandera schema like any other."""
    source = read_schema_source("schemas.tables:QUARANTINE", definitions)
    assert "reason" in load_schema("schemas.tables:QUARANTINE", source).columns


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import pandera.pandas as pa\nRules = = 1\n", "line 2: invalid syntax"),
        ("import nowhere\n", "line 1: No module named 'nowhere'"),
        ("from .near import x\n", "line 1: attempted relative import with no known parent package"),
        (f"x = 1\nraise ValueError('{CANARY}')\n", "line 2: ValueError"),
        (f"import sys\nsys.exit('{CANARY}')\n", "line 2: SystemExit"),
        ("x = 1\n", "has no Rules; expected a DataFrameModel or DataFrameSchema of pandera.pandas"),
        ("Rules = 'text'\n", "Rules is a str; expected"),
        ("class Rules: pass\n", "Rules is a type; expected"),
        ("import pandera.pandas as pa\nRules = pa.SeriesSchema(int)\n", "Rules is a SeriesSchema; expected"),
        ("import pandera.pandas as pa\nclass Rules(pa.DataFrameModel):\n    x: 'nothing'\n", "rules:Rules: "),
    ],
)
def test_a_module_that_fails_gives_one_clear_line(source: str, message: str) -> None:
    """The message has the kind and the line of the failure, and no text of other people's exceptions."""
    with pytest.raises(Refused) as refusal:
        load_schema("rules:Rules", source)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert CANARY not in "".join(traceback.format_exception(refusal.value))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere:Rules", "no nowhere.py in"),
        ("nowhere.rules:Rules", "no nowhere/rules.py in"),
        ("math:Rules", "math is not a Python file"),
        ("latin:Rules", "latin.py cannot be read: UnicodeDecodeError"),
        ("large:Rules", "large.py is larger than 1 MiB"),
    ],
)
def test_a_module_that_cannot_be_read_is_refused(name: str, message: str, definitions: Path) -> None:
    """The message says where the module was looked for, and why it is not used."""
    (definitions / "latin.py").write_bytes(b"# \xe9\n")
    (definitions / "large.py").write_bytes(b"#" * (2 << 20))
    with pytest.raises(Refused, match=message):
        read_schema_source(name, definitions)


def test_the_edition_keeps_the_source_and_is_named_by_it(tmp_path: Path, make_night: NightMaker) -> None:
    """The source is a file of the edition and part of its name: another source makes another edition."""
    (tmp_path / "customers.csv").write_text("\n".join(["id,spend,orders", *TWO_GROUPS]) + "\n")
    night = make_night(tmp_path / "customers.csv", rows=ROWS)
    editions = []
    for source in (SOURCE, SOURCE, SOURCE + "# more\n"):
        editions.append(run_night(night.model_copy(update={"schema_source": source})))
    assert [edition.outcome for edition in editions] == ["published", "already-published", "published"]
    assert editions[0].edition != editions[2].edition
    folder = Path(editions[0].report_path).parent
    assert (folder / "schema.py").read_text() == SOURCE
    assert "schema.py" in (folder / "SHA256SUMS").read_text()
    assert not audit_store(night.home).damage
