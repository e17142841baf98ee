"""The source of a Python schema: where it is found, when it runs, and that the edition keeps it."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.nights import run_night
from config.columns import Rows
from config.definition import Definition
from config.settings import read_settings
from schemas.night import Night
from segmentation.errors import Refused
from segmentation.rebuilding import describe_schema_change, plan_rebuild, prepare_scratch
from segmentation.schema_code import load_schema, read_schema_source, read_source_of
from segmentation.scoring import score_table
from segmentation.store.catalogue.editions import resolve_edition
from segmentation.store.repair.audit import audit_store
from tests.conftest import DEFINITION
from tests.event_inputs import define, ingest_and_summarise, read_customers, with_rows, write_events
from tests.event_inputs import make_night as events_night
from tests.test_flow import TWO_GROUPS
from tests.test_scoring import MODEL

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


def test_a_rebuild_runs_the_source_that_the_edition_keeps(
    definitions: Path, tmp_path: Path, make_night: NightMaker
) -> None:
    """The scratch folder has the kept source, and a change or loss of the file is said in words."""
    (tmp_path / "customers.csv").write_text("\n".join(["id,spend,orders", *TWO_GROUPS]) + "\n")
    night = make_night(tmp_path / "customers.csv", rows=ROWS)
    published = run_night(night.model_copy(update={"schema_source": SOURCE}))
    (definitions / "demo.yaml").write_text(yaml.safe_dump({**DEFINITION, "rows": ROWS}))
    edition = resolve_edition(night.home, night.as_of, published.edition)
    plan = plan_rebuild(night.home, edition, str(tmp_path / "customers.csv"))
    notes = []
    for source in (SOURCE, f"{SOURCE}# changed\n", None):
        path = definitions / "rules.py"
        path.unlink(missing_ok=True) if source is None else path.write_text(source)
        notes.append(describe_schema_change(plan, definitions))
    assert notes[0] is None
    assert (
        notes[1]
        == "rows.schema rules:Rules has changed since; rebuilt with the source that the edition keeps"
    )
    assert notes[2] == "rows.schema rules:Rules is gone; rebuilt with the source that the edition keeps"
    _, scratch = prepare_scratch(night.home, edition, plan, tmp_path / "scratch")
    assert read_schema_source("rules:Rules", scratch) == SOURCE


def test_scores_are_judged_by_the_schema_too(definitions: Path, tmp_path: Path) -> None:
    """resegment score refuses the rows that the schema refuses, for the same reasons."""
    (definitions / "rules.py").write_text(SOURCE)
    (tmp_path / "in.csv").write_text("id,spend,orders\na,1,1\nb,2000000,2\n")
    definition = Definition.model_validate({**DEFINITION, "rows": ROWS})
    result = score_table(tmp_path / "in.csv", definition, MODEL, tmp_path / "out.parquet")
    assert (result.rows, dict(result.refused)) == (1, {"spend: less_than(1000000.0)": 1})


def test_events_are_judged_within_the_window(tmp_path: Path) -> None:
    """A schema sees the events of the window only, with the times of the definition."""
    source = """import pandera.pandas as pa

class Rules(pa.DataFrameModel):
    @pa.dataframe_check
    def plausible(cls, events):
        return (events["price"] < 100 * events["pieces"]) & (events["day"].dt.year == 2026)
"""
    rows = with_rows(schema="rules:Rules")
    lines = ["a,i1,2026-01-03,1,2.5", "a,i2,2026-01-04,1,350", "b,i3,2026-01-05,2,4", "b,i4,2020-01-05,1,900"]
    night = events_night(write_events(tmp_path / "events.csv", lines), define(rows=rows))
    _, customers = ingest_and_summarise(night.model_copy(update={"schema_source": source}))
    assert customers.balance.reasons == {"plausible": 1}
    assert customers.balance.outside == 1
    assert read_customers(customers)["revenue"].to_dict() == {"a": 2.5, "b": 8.0}
